package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"myauth.internal/httpx"
	"myauth.internal/httpx/admin"
	"myauth.internal/httpx/german"
	"myauth.internal/kit"
)

const (
	// stopWithin bounds the whole way from a signal to the end. The first part of it,
	// requestsWithin, is for running requests, and the last, closeWithin, for the
	// stores; mails get what is left.
	stopWithin     = 10 * time.Second
	requestsWithin = 6 * time.Second
	closeWithin    = time.Second

	purgeEvery = time.Hour
)

// newHandler joins the API, the pages for links in mails and for administration, and the two health
// checks. The pages are at the root, for a proxy that cuts the path of publicURL off, and below that
// path, for one that hands it on.
func newHandler(svc *kit.Service, opts httpx.Options, publicURL string) (http.Handler, error) {
	opts.Languages = []httpx.Language{httpx.English(), german.Pages()}
	api, err := httpx.New(svc, &opts)
	if err != nil {
		return nil, err
	}
	prefix := cmp.Or(opts.Prefix, "/auth")
	pages := map[string]http.Handler{} // and not "/", which would hide the 405 of other methods
	for _, path := range []string{"/verify-email", "/verify-email/deny", "/reset-password", "/change-email"} {
		pages[path] = api.Pages()
	}
	for _, page := range svc.Pages() {
		pages[page.Path] = api.Pages()
	}
	if opts.Cookies && slices.ContainsFunc(svc.Routes(), func(r kit.Route) bool { return r.Path == "/admin/users" }) {
		administration, err := admin.Pages(api, nil)
		if err != nil {
			return nil, err
		}
		pages["/admin/"] = http.StripPrefix("/admin", administration)
		pages["/admin"] = pages["/admin/"]
	}
	mux, belowMux := http.NewServeMux(), http.NewServeMux()
	for path, page := range pages {
		mux.Handle(path, page)
		belowMux.Handle(path, page)
	}
	var below string
	if u, err := url.Parse(publicURL); err == nil {
		below = strings.TrimSuffix(u.Path, "/")
	}
	pagesBelow := http.StripPrefix(below, belowMux)
	mux.HandleFunc("GET /healthz", healthy)
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		if err := svc.Ready(r.Context()); err != nil {
			answerHealth(w, http.StatusServiceUnavailable, `{"status":"unavailable"}`)
			return
		}
		answerHealth(w, http.StatusOK, `{"status":"ok"}`)
	})
	// The API is not behind the mux, which would redirect its prefix and paths such as
	// /auth//me; so they are answered as problems like every other path below it.
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == prefix || strings.HasPrefix(r.URL.Path, prefix+"/"):
			api.ServeHTTP(w, r)
		case below != "" && strings.HasPrefix(r.URL.Path, below+"/"):
			pagesBelow.ServeHTTP(w, r)
		default:
			mux.ServeHTTP(w, r)
		}
	}), nil
}

func healthy(w http.ResponseWriter, _ *http.Request) {
	answerHealth(w, http.StatusOK, `{"status":"ok"}`)
}

func answerHealth(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	io.WriteString(w, body+"\n")
}

// newServer sets the limits that no handler can set: how long a client may take,
// and how much it may send before a handler is asked.
func newServer(handler http.Handler, logger *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    32 << 10,
		ErrorLog:          slog.NewLogLogger(logger.Handler(), slog.LevelWarn),
	}
}

// serve answers on l by handler until ctx is done, and then stops in order: no new
// connections and no purge, the end of running requests, of queued mails. The
// store stays open. What is cut off, closeWithin before stopWithin, is logged.
func serve(ctx context.Context, l net.Listener, svc *kit.Service, handler http.Handler, logger *slog.Logger, announce io.Writer) error {
	server := newServer(handler, logger)
	purgeCtx, stopPurge := context.WithCancel(ctx)
	purged := make(chan struct{})
	go func() {
		defer close(purged)
		_ = svc.PurgeEvery(purgeCtx, purgeEvery) // it ends with purgeCtx, and logs the rest
	}()
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(l) }()
	fmt.Fprintf(announce, "listening on %s\n", baseURL(l.Addr()))

	var err error
	select {
	case <-ctx.Done():
		logger.Info("stopping")
	case err = <-failed:
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopWithin-closeWithin)
	defer cancel()
	stopPurge()
	stopRequests, cancelRequests := context.WithTimeout(stop, requestsWithin)
	defer cancelRequests()
	if e := server.Shutdown(stopRequests); e != nil {
		logger.Warn("requests were cut off", "err", errors.Join(e, server.Close()))
	}
	if e := svc.Close(stop); e != nil {
		logger.Error("mails were not sent", "err", e)
	}
	select {
	case <-purged:
	case <-stop.Done():
		logger.Warn("a purge of expired tokens was cut off")
	}
	return err
}

// baseURL is the URL of a listener's address.
func baseURL(a net.Addr) string {
	return (&url.URL{Scheme: "http", Host: a.String()}).String()
}

// linkURL is where links in mails lead when MYAUTH_PUBLIC_URL does not say. On
// loopback it is a name, since cookies and passkeys are bound to one; a listener on
// every interface has no address of its own, so it is this machine's too.
func linkURL(a net.Addr) string {
	if tcp, ok := a.(*net.TCPAddr); ok && (tcp.IP.IsUnspecified() || tcp.IP.IsLoopback()) {
		return fmt.Sprintf("http://localhost:%d", tcp.Port)
	}
	return baseURL(a)
}
