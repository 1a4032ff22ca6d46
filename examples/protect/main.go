// Command protect shows how an application protects routes of its own: by the
// user, by the token alone, by a verified address, by a role, and by what only the
// application knows.
package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"myauth.internal/httpx"
	"myauth.internal/kit"
	"myauth.internal/kit/accesstoken"
	"myauth.internal/kit/memstore"
)

// app is an application that keeps notes.
type app struct {
	auth  *httpx.Handler
	mu    sync.Mutex
	notes map[string]note // by number
}

type note struct {
	Owner string `json:"-"` // the user's ID
	Text  string `json:"text"`
}

// routes protects each route by as much as it needs, and by no more.
func (a *app) routes() http.Handler {
	var (
		user     = a.auth.RequireUser          // exists, is active, was not logged out everywhere: one look-up
		verified = a.auth.RequireVerified      // and has verified the address
		token    = a.auth.RequireToken         // no look-up: for hot paths, and for servers without the users
		admin    = a.auth.RequireRole("admin") // inside one of them
	)
	mux := http.NewServeMux()
	mux.Handle("/auth/", a.auth)
	mux.HandleFunc("GET /notes", a.howMany)
	mux.Handle("GET /notes/{number}", user(http.HandlerFunc(a.readNote)))
	mux.Handle("POST /notes/{number}", verified(http.HandlerFunc(a.writeNote)))
	mux.Handle("DELETE /notes", user(admin(http.HandlerFunc(a.removeAll))))
	mux.Handle("GET /whoami", token(http.HandlerFunc(a.whoAmI)))
	return mux
}

func (a *app) howMany(w http.ResponseWriter, _ *http.Request) {
	a.mu.Lock()
	n := len(a.notes)
	a.mu.Unlock()
	fmt.Fprintf(w, "%d notes\n", n)
}

// readNote answers the same for another user's note as for none, so that only its owner
// learns that it exists.
func (a *app) readNote(w http.ResponseWriter, r *http.Request) {
	user, _ := httpx.UserFrom(r.Context())
	a.mu.Lock()
	n, found := a.notes[r.PathValue("number")]
	a.mu.Unlock()
	if !found || n.Owner != user.ID {
		a.auth.WriteError(w, r, &httpx.Problem{Status: http.StatusNotFound, Code: "note_not_found", Title: "No such note"})
		return
	}
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(n); err != nil {
		log.Print(err)
	}
}

func (a *app) writeNote(w http.ResponseWriter, r *http.Request) {
	user, _ := httpx.UserFrom(r.Context())
	var n note
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 64<<10)).Decode(&n); err != nil {
		a.auth.WriteError(w, r, &httpx.Problem{Status: http.StatusBadRequest, Code: "malformed_request", Title: "A note is a JSON object with text"})
		return
	}
	n.Owner = user.ID
	a.mu.Lock()
	previous, taken := a.notes[r.PathValue("number")]
	if taken = taken && previous.Owner != user.ID; !taken {
		a.notes[r.PathValue("number")] = n
	}
	a.mu.Unlock()
	if taken {
		a.auth.WriteError(w, r, &httpx.Problem{Status: http.StatusConflict, Code: "note_taken", Title: "Choose another number"})
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (a *app) removeAll(w http.ResponseWriter, _ *http.Request) {
	a.mu.Lock()
	clear(a.notes)
	a.mu.Unlock()
	w.WriteHeader(http.StatusNoContent)
}

func (a *app) whoAmI(w http.ResponseWriter, r *http.Request) {
	claims, _ := httpx.ClaimsFrom(r.Context())
	fmt.Fprintln(w, claims.Subject, claims.Roles)
}

// newApp wires it up over stores in memory.
func newApp(opts *kit.Options) (http.Handler, *kit.Service, error) {
	secret := make([]byte, 32)
	rand.Read(secret) // never fails
	keys, err := accesstoken.HMAC(secret)
	if err != nil {
		return nil, nil, err
	}
	store := memstore.New()
	svc, err := kit.New(store.Users(), store.Tokens(), keys, opts)
	if err != nil {
		return nil, nil, err
	}
	auth, err := httpx.New(svc, nil)
	if err != nil {
		return nil, nil, err
	}
	a := &app{auth: auth, notes: make(map[string]note)}
	return a.routes(), svc, nil
}

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "listen address; port 0 picks a free one")
	flag.Parse()
	handler, svc, err := newApp(nil)
	if err != nil {
		log.Fatal(err)
	}
	err = serve(*addr, handler)
	if err := errors.Join(err, svc.Close(context.Background())); err != nil {
		log.Fatal(err)
	}
}

// serve answers on addr until SIGINT or SIGTERM, and then lets running requests end.
// The timeouts cut off clients that stall, which would keep their connections for ever.
func serve(addr string, handler http.Handler) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(l) }()
	log.Printf("listening on http://%s", l.Addr())
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	stop() // a second signal ends the process at once
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return server.Shutdown(ctx)
}
