package main

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"myauth.internal/httpx"
	"myauth.internal/kit"
	"myauth.internal/kit/provider"
)

//go:embed templates static
var files embed.FS

// page is what a template is executed with.
type page struct {
	// Problem says what went wrong with the form, and Errors what is wrong with a field of it.
	Problem string
	Errors  map[string]string
	// Form is what was typed, for the form to show again; never a password.
	Form url.Values
	// On names the field that an error is about which names none, by code.
	On   map[string]string
	Data any

	// The rest is render's.
	Notice     string    // what has just been done
	User       *kit.User // nil on pages for everybody
	Path, Next string
	Passkeys   bool
	Closed     bool // for new accounts, but by invitation
	Mailbox    bool
	Providers  []provider.Provider
}

// formOf returns what was typed into a form, without passwords.
func formOf(r *http.Request) url.Values {
	_ = r.ParseForm() // what cannot be read is not there
	typed := url.Values{}
	for name, values := range r.PostForm {
		if !strings.Contains(name, "password") {
			typed[name] = values
		}
	}
	return typed
}

// refuse shows a form again, with what err says beside its fields or above them. Without an error
// it shows the form for the first time.
func (a *app) refuse(w http.ResponseWriter, r *http.Request, name string, pg page, err error) {
	if err == nil {
		a.render(w, r, http.StatusOK, name, pg)
		return
	}
	p := httpx.ProblemOf(err)
	if p.Code == "reauthentication_required" {
		http.Redirect(w, r, "/confirm-it-is-you?next="+url.QueryEscape(r.URL.Path), http.StatusSeeOther)
		return
	}
	pg.Form, pg.Problem, pg.Errors = formOf(r), words(p), map[string]string{}
	for _, e := range p.Errors {
		pg.Errors[e.Field] = strings.TrimSpace(pg.Errors[e.Field] + " " + fieldWords(e))
	}
	if field := pg.On[p.Code]; field != "" {
		pg.Errors[field] = pg.Problem
		pg.Problem = problems["validation_failed"]
	}
	retryAfter(w, p)
	a.render(w, r, p.Status, name, pg)
}

// fail shows a page that says no more than what went wrong.
func (a *app) fail(w http.ResponseWriter, r *http.Request, p kit.Problem) {
	retryAfter(w, p)
	a.render(w, r, p.Status, "error", page{Problem: words(p)})
}

func retryAfter(w http.ResponseWriter, p kit.Problem) {
	if p.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int((p.RetryAfter+time.Second-1)/time.Second)))
	}
}

// get calls a route that only reads, into v. If that fails it shows why, and returns false.
func (a *app) get(w http.ResponseWriter, r *http.Request, route string, v any) bool {
	answer, err := a.auth.Call(w, r, route, nil)
	if err == nil {
		err = json.Unmarshal(answer.Body, v)
	}
	if err != nil {
		a.fail(w, r, httpx.ProblemOf(err))
	}
	return err == nil
}

// done redirects after a form, so that going back or reloading sends nothing twice.
func done(w http.ResponseWriter, r *http.Request, path, notice string) {
	http.Redirect(w, r, path+"?done="+notice, http.StatusSeeOther)
}

// Everything on a page comes from the application itself, but for passkeys.js, which also asks it,
// and the QR code, whose image is in the page.
const securityPolicy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

// show is the handler of a page that needs no more than its template.
func (a *app) show(name string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { a.render(w, r, http.StatusOK, name, page{}) }
}

// render writes a page.
func (a *app) render(w http.ResponseWriter, r *http.Request, status int, name string, pg page) {
	if user, ok := httpx.UserFrom(r.Context()); ok {
		pg.User = &user
	}
	if pg.Problem == "" {
		pg.Notice = notices[r.URL.Query().Get("done")]
	}
	pg.Path, pg.Next = r.URL.Path, r.URL.Query().Get("next")
	pg.Passkeys, pg.Providers, pg.Mailbox = a.passkeys, a.providers, a.mailbox != nil
	pg.Closed = a.svc.Registration() != kit.RegistrationOpen
	var b bytes.Buffer
	if err := templates[name].ExecuteTemplate(&b, "layout.html", pg); err != nil {
		slog.ErrorContext(r.Context(), "a page was not written", "page", name, "err", err)
		http.Error(w, words(kit.Problem{}), http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", securityPolicy)
	h.Set("Cache-Control", "no-store") // so that going back after signing out shows nothing
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "strict-origin") // a link of a mail has a token in its address
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	w.WriteHeader(status)
	_, _ = b.WriteTo(w)
}

// field is one input of a form.
type field struct {
	Name, Label, Type, Autocomplete string
	Value, Error                    string
	Hint, Mode                      string
	Focus                           bool
}

// Field returns an input for the template "field", with what was typed and what is wrong with it.
// Options are name=value: hint, mode (inputmode), value, and focus.
func (p page) Field(name, label, kind, autocomplete string, options ...string) field {
	f := field{Name: name, Label: label, Type: kind, Autocomplete: autocomplete, Error: p.Errors[name]}
	for _, option := range options {
		key, value, _ := strings.Cut(option, "=")
		switch key {
		case "hint":
			f.Hint = value
		case "mode":
			f.Mode = value
		case "value":
			f.Value = value
		case "focus":
			f.Focus = len(p.Errors) == 0
		}
	}
	if p.Form.Has(name) {
		f.Value = p.Form.Get(name)
	}
	f.Focus = f.Focus || f.Error != ""
	return f
}

// templates are the pages by name, each with the layout and what fields look like.
var templates = func() map[string]*template.Template {
	shared := template.Must(template.New("").Funcs(template.FuncMap{
		"static": func(name string) string { return "/static/" + name + "?" + fileHash("static/"+name) },
		"day":    func(t time.Time) string { return t.UTC().Format("2 January 2006") },
		"moment": func(t time.Time) string { return t.UTC().Format("2 January 2006, 15:04 MST") },
	}).ParseFS(files, "templates/layout.html"))
	entries, err := files.ReadDir("templates")
	if err != nil {
		panic(err)
	}
	all := map[string]*template.Template{}
	for _, e := range entries {
		all[strings.TrimSuffix(e.Name(), ".html")] = template.Must(template.Must(shared.Clone()).ParseFS(files, "templates/"+e.Name()))
	}
	return all
}()

func fileHash(name string) string {
	data, err := files.ReadFile(name)
	if err != nil {
		panic(err)
	}
	return fmt.Sprintf("%x", sha256.Sum256(data))[:12]
}

// serveStatic serves the style sheet, the script and the icon. Their addresses have a hash of what
// is in them, so browsers may keep them.
func serveStatic(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	http.ServeFileFS(w, r, files, "static/"+r.PathValue("name"))
}
