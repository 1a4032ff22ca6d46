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
	Mailbox    bool
	Providers  []provider.Provider
}

// notices are what a redirect lets the next page say, by the query parameter "done". The text is
// not in the address, so no link can put words into the application's mouth.
var notices = map[string]string{
	"verified":         "Your e-mail address is confirmed. You can sign in now.",
	"denied":           "The account is deleted. Thank you for telling us.",
	"password-reset":   "Your password is changed, and all devices were signed out. Sign in with the new one.",
	"email-changed":    "Your e-mail address is changed, and all devices were signed out. Sign in with the new address.",
	"signed-out":       "You are signed out.",
	"deleted":          "Your account and everything in it is deleted.",
	"start-again":      "That took too long, or was tried too often. Please sign in again.",
	"mail-sent":        "We have sent it again, unless we did so less than a minute ago.",
	"saved":            "Saved.",
	"password-changed": "Your password is changed. All other devices were signed out.",
	"email-asked":      "We have sent a link to the new address. Your address changes when you open it.",
	"devices":          "All other devices are signed out.",
	"device":           "The device is signed out.",
	"passkey-added":    "The passkey is added. You can sign in with it from now on.",
	"passkey-removed":  "The passkey is removed. Your device may still offer it: remove it there too.",
	"factor-removed":   "Two-step verification is off.",
	"linked":           "The account is linked. You can sign in with it from now on.",
	"unlinked":         "The account is not linked any more.",
}

// problems say in plain words what an error means, by its code.
var problems = map[string]string{
	"invalid_credentials": "This is not right. Please try again.",
	"invalid_code":        "This code is wrong, or was used before.",
	"account_disabled":    "This account is disabled.",
	"user_already_exists": "There is already an account with this e-mail address. Sign in, or ask for a new password.",
	"user_not_found":      "This account no longer exists.",
	"invalid_token":       "This link does not work. Perhaps a part of it is missing: copy the whole link from the mail.",
	"expired_token":       "That took too long. Please start again.",
	"revoked_token":       "This was used before, or your account has changed since. Please start again.",
	"validation_failed":   "Please look at the marked fields.",
	"already_registered":  "This belongs to an account already.",
	"already_enrolled":    "This is set up already.",
	"last_credential":     "Without this nothing could sign you in. Set a password or add another passkey first.",
	"too_many_passkeys":   "You have 20 passkeys. Remove one first.",
	"invalid_credential":  "The passkey was not accepted. Please try again.",
	"provider_denied":     "You were not signed in, because you cancelled, or the provider refused. Try again, or choose another way.",
	"invalid_state":       "That took too long, or was begun in another browser. Please try again.",
	"email_unverified":    "You are almost there: we have sent you a mail. Follow its link within an hour to finish.",
	"link_required":       "There is already an account with your e-mail address. Sign in as you did before; then you can link your provider in your account.",
	"not_found":           "There is no such page.",
	"service_unavailable": "We cannot do this right now. Nothing is lost: wait a moment, then try again.",
}

// words returns the text for a problem.
func words(p kit.Problem) string {
	if p.Code == "too_many_requests" {
		wait := "a moment"
		if p.RetryAfter > 2*time.Minute {
			wait = strconv.Itoa(int((p.RetryAfter+time.Minute-1)/time.Minute)) + " minutes"
		} else if p.RetryAfter > 2*time.Second {
			wait = strconv.Itoa(int((p.RetryAfter+time.Second-1)/time.Second)) + " seconds"
		}
		return "Too many attempts. Wait " + wait + ", then try again."
	}
	if text := problems[p.Code]; text != "" {
		return text
	}
	return "Something went wrong on our side. Please try again later."
}

// fieldWords returns the text for a field's error.
func fieldWords(e kit.FieldError) string {
	switch e.Code {
	case kit.CodeRequired:
		return "Please fill this in."
	case kit.CodeInvalidEmail:
		return "This is not an e-mail address, such as ada@example.com."
	}
	return strings.ToUpper(e.Message[:1]) + e.Message[1:] + "."
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

// refuse shows a form again, with what err says beside its fields or above them.
func (a *app) refuse(w http.ResponseWriter, r *http.Request, name string, pg page, err error) {
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
		"day":    func(t time.Time) string { return t.Format("2 January 2006") },
		"moment": func(t time.Time) string { return t.Format("2 January 2006, 15:04 MST") },
		"join":   func(parts ...string) string { return strings.Join(parts, "") },
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
