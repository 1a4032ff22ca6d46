package admin

import (
	"cmp"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"myauth.internal/httpx"
	"myauth.internal/httpx/cookie"
)

// PagesOptions are the settings of [Pages]. Nil means the defaults.
type PagesOptions struct {
	// ProductName stands above each page; default "Administration".
	ProductName string
	// SignIn is the path of the application's sign-in page, such as "/sign-in". It gets the
	// address to return to as the parameter next, which [cookie.Next] reads. Empty: the pages
	// have a sign-in by email address, password and the code of a second factor.
	SignIn string
	// Confirm is the path of the application's page that asks again who is there, when a login is
	// too old; it also gets next. Set it if people have other ways in than a password. Empty: the
	// pages have one, which they also show in place of a form that was refused, to keep what was
	// typed.
	Confirm string
}

// Pages returns the pages of administration, for a Handler in cookie mode whose Service has the
// feature that [New] returns. Mount them anywhere:
//
//	pages, err := admin.Pages(auth, nil)
//	mux.Handle("/admin/", http.StripPrefix("/admin", pages))
//
// They find accounts by the beginning of an email address, and show and change one: name, roles,
// confirmed or not, disabled or not, its sessions and second factors, its end. If the Service has
// the feature of package invitation, they list, make and revoke invitations. They are plain HTML in
// English, without a script, and work on a phone.
//
// All that they know and do goes through routes of the API, by [httpx.Handler.Call]. So a page
// shows and changes only what the API lets its reader, each act is one event, and forms of other
// origins are refused. When a login is too old for the API, the pages ask for the password, and
// then go on with what was asked; an account without a password signs out and in again.
//
// An error says what the Handler lacks.
func Pages(auth *httpx.Handler, opts *PagesOptions) (http.Handler, error) {
	if auth == nil {
		return nil, errors.New("admin: Pages needs a Handler: see httpx.New")
	}
	p := &pages{auth: auth, mux: http.NewServeMux()}
	if opts != nil {
		p.options = *opts
	}
	if p.options.ProductName == "" {
		p.options.ProductName = "Administration"
	}
	for name, at := range map[string]string{"SignIn": p.options.SignIn, "Confirm": p.options.Confirm} {
		if at != "" && (cookie.Next(at) != at || strings.ContainsAny(at, "?#")) {
			return nil, fmt.Errorf("admin: PagesOptions.%s is %q: it must be a path, such as /sign-in", name, at)
		}
	}
	switch {
	case p.probe("POST /login") != "cross_origin":
		return nil, errors.New("admin: Pages needs a Handler in cookie mode: set httpx.Options.Cookies")
	case p.probe("GET /admin/users") == "not_found":
		return nil, errors.New("admin: Pages needs the routes of administration: add admin.New to kit.Options.Features")
	}
	p.invitations = p.probe("GET /admin/invitations") != "not_found"
	var err error
	p.templates, err = template.New("").Funcs(template.FuncMap{
		"moment": func(t time.Time) string { return t.UTC().Format("2 January 2006, 15:04 MST") },
		"label":  func(field string) string { return cmp.Or(labels[field], field) },
		"page":   accountPage,
	}).Parse(strings.Replace(pageTemplates, "/* pages.css */", pageStyle, 1))
	if err != nil {
		return nil, err
	}
	p.routes()
	return auth.RequireSameOrigin(http.MaxBytesHandler(p, maxForm)), nil
}

// maxForm is the largest form that is read, in bytes.
const maxForm = 64 << 10

var (
	//go:embed pages.html
	pageTemplates string
	//go:embed pages.css
	pageStyle string
)

// pages are the pages of administration. A handler reads a form, calls a route, and redirects, or
// shows the form again.
type pages struct {
	auth        *httpx.Handler
	options     PagesOptions
	templates   *template.Template
	mux         *http.ServeMux
	invitations bool // there are routes for them
}

// noAnswer is where the answer of a probe goes.
type noAnswer struct{ header http.Header }

func (n noAnswer) Header() http.Header       { return n.header }
func (noAnswer) Write(b []byte) (int, error) { return len(b), nil }
func (noAnswer) WriteHeader(int)             {}

// probe returns the code by which the Handler refuses a page of another origin that has no
// session, which tells what routes there are. It asks no store.
func (p *pages) probe(route string) string {
	method, _, _ := strings.Cut(route, " ")
	r := &http.Request{Method: method, Host: "probe.invalid", URL: &url.URL{Path: "/"}, Header: http.Header{"Sec-Fetch-Site": {"cross-site"}}}
	_, err := p.auth.Call(noAnswer{http.Header{}}, r, route, nil)
	return httpx.ProblemOf(err).Code
}

// routes lists the pages. What changes something is a form, whose page is at the same path.
func (p *pages) routes() {
	p.mux.HandleFunc("GET /{$}", p.search)
	p.mux.HandleFunc("GET /users/{id}", func(w http.ResponseWriter, r *http.Request) { p.showAccount(w, r, nil) })
	p.mux.HandleFunc("POST /users/{id}", p.changeAccount)
	p.mux.HandleFunc("GET /users/{id}/{act}", func(w http.ResponseWriter, r *http.Request) { p.askFor(w, r, nil) })
	p.mux.HandleFunc("POST /users/{id}/{act}", p.do)
	if p.invitations {
		p.mux.HandleFunc("GET /invitations", func(w http.ResponseWriter, r *http.Request) { p.showInvitations(w, r, nil) })
		p.mux.HandleFunc("POST /invitations", p.changeInvitations)
	}
	if p.options.SignIn == "" {
		p.mux.HandleFunc("GET /sign-in", func(w http.ResponseWriter, r *http.Request) { p.ask(w, r, http.StatusOK, signingIn, view{}) })
		p.mux.HandleFunc("POST /sign-in", func(w http.ResponseWriter, r *http.Request) { p.prove(w, r, signingIn) })
	}
	p.mux.HandleFunc("GET /confirm", func(w http.ResponseWriter, r *http.Request) { p.ask(w, r, http.StatusOK, confirming, view{}) })
	p.mux.HandleFunc("POST /confirm", func(w http.ResponseWriter, r *http.Request) { p.prove(w, r, confirming) })
	p.mux.HandleFunc("POST /sign-out", p.signOut)
	p.mux.HandleFunc("/", p.noSuchPage)
}

// visit is what all handlers of a request know.
type visit struct {
	// base leads from the address in the browser to the first page. All addresses in pages are
	// relative, so that they hold below any prefix.
	base string
	// prefix is where the pages are, as the browser asks for them.
	prefix string
	// typed is what was typed into a form that is offered again.
	typed url.Values
}

type visitKey struct{}

func visitOf(r *http.Request) *visit {
	v, _ := r.Context().Value(visitKey{}).(*visit)
	return v
}

// accountPage is the path of an account, below the first page and below /admin of the API alike. Its
// ID may have any character, because an import keeps the IDs of other systems.
func accountPage(id string) string { return "users/" + url.PathEscape(id) }

// ServeHTTP finds the page.
func (p *pages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	at := r.URL.EscapedPath()
	asked, _, _ := strings.Cut(r.RequestURI, "?") // before a http.StripPrefix
	v := &visit{base: "./" + strings.Repeat("../", max(0, strings.Count(at, "/")-1)), prefix: strings.TrimSuffix(asked, at)}
	r = r.WithContext(context.WithValue(r.Context(), visitKey{}, v))
	switch {
	case at == "": // the prefix without its slash
		redirect(w, "./"+path.Base(asked)+"/")
	case at != path.Clean(at):
		p.noSuchPage(w, r)
	default:
		if err := r.ParseForm(); err != nil && r.Method == http.MethodPost {
			p.render(w, r, http.StatusBadRequest, "error", view{Title: "This didn’t work", Problem: "Your browser sent something that can’t be read. Perhaps it is too long. Please go back and try again."})
			return
		}
		p.mux.ServeHTTP(w, r)
	}
}

func (p *pages) noSuchPage(w http.ResponseWriter, r *http.Request) {
	p.render(w, r, http.StatusNotFound, "error", view{Title: "Not found", Problem: "There is no such page."})
}

// redirect goes to a relative address. After a form, going back or reloading then sends nothing twice.
func redirect(w http.ResponseWriter, to string) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Location", to)
	w.WriteHeader(http.StatusSeeOther)
}

// done goes to a page after a form, which says what has been done.
func done(w http.ResponseWriter, r *http.Request, page, notice string) {
	redirect(w, visitOf(r).base+page+"?done="+notice)
}

// load calls a route that only reads, into v.
func (p *pages) load(w http.ResponseWriter, r *http.Request, route string, v any) error {
	answer, err := p.auth.Call(w, r, route, nil)
	if err == nil {
		err = json.Unmarshal(answer.Body, v)
	}
	return err
}
