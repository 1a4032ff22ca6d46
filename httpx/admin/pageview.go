package admin

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"myauth.internal/httpx"
	"myauth.internal/kit"
)

// view is what a template is executed with.
type view struct {
	Title   string
	Problem string           // what went wrong
	Errors  []kit.FieldError // and with which fields
	Form    url.Values       // what was typed
	Focus   string           // the field to begin with
	Data    any

	// The rest is render's.
	Notice        string // what has just been done
	Product, Base string
	Public        bool // nobody is signed in
	Invitations   bool
	Nonce         string
}

// field is one input of a form.
type field struct {
	Name, Label, Type, Autocomplete, Value, Hint string
	Errors                                       []string
	Focus                                        bool
}

// Field returns an input, with what is wrong with it. Of those that are wrong the first has the
// focus, and otherwise the one that Focus names.
func (v view) Field(name, label, kind, autocomplete, value string, hint ...string) field {
	f := field{Name: name, Label: label, Type: kind, Autocomplete: autocomplete, Value: value, Hint: strings.Join(hint, "")}
	for _, e := range v.Errors {
		if e.Field == name {
			f.Errors = append(f.Errors, e.Message)
		}
	}
	f.Focus = v.Focus == name
	if len(v.Errors) > 0 {
		f.Focus = v.Errors[0].Field == name
	}
	return f
}

// Chosen reports whether the i-th method of a second factor is the one that was chosen last, or the first.
func (v view) Chosen(i int, method string) bool {
	if chosen := v.Form.Get("method"); chosen != "" {
		return chosen == method
	}
	return i == 0
}

// refuse puts what err says into v, and what was typed.
func (v *view) refuse(w http.ResponseWriter, r *http.Request, err error) (status int) {
	v.Form = visitOf(r).typed
	if err == nil {
		return http.StatusOK
	}
	problem := httpx.ProblemOf(err)
	v.Form, v.Problem, v.Errors = r.PostForm, words(problem), problem.Errors
	if problem.RetryAfter > 0 {
		w.Header().Set("Retry-After", fmt.Sprint(seconds(problem.RetryAfter)))
	}
	return problem.Status
}

// fail shows why there is nothing else to show. Who is not signed in, or not recently, can
// do so and then goes on.
func (p *pages) fail(w http.ResponseWriter, r *http.Request, err error) {
	if httpx.ProblemOf(err).Status == http.StatusUnauthorized {
		next := r.URL.EscapedPath() // of a form, too, there is a page
		if len(r.PostForm) == 0 {
			next = wanted(r.URL.RequestURI())
		}
		p.askWho(w, r, err, next, r.PostForm.Encode())
		return
	}
	v := view{Title: "This didn’t work"}
	p.render(w, r, v.refuse(w, r, err), "error", v)
}

// render writes a page.
func (p *pages) render(w http.ResponseWriter, r *http.Request, status int, name string, v view) {
	switch {
	case v.Problem != "" || v.Notice != "":
	case visitOf(r).typed != nil:
		v.Notice = "Thank you. Nothing has been changed yet: look at what you typed, then press the button again."
	default:
		v.Notice = notices[r.URL.Query().Get("done")]
	}
	v.Product, v.Base, v.Invitations = p.options.ProductName, visitOf(r).base, p.invitations
	v.Nonce = rand.Text()
	var b bytes.Buffer
	if err := p.templates.ExecuteTemplate(&b, name, v); err != nil {
		p.auth.WriteError(w, r, fmt.Errorf("admin: page %s: %w", name, err))
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Language", "en")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'nonce-"+v.Nonce+"'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("Cache-Control", "no-store") // so that going back after signing out shows nothing
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	// Not no-referrer, with which forms come from the origin "null", and are refused as another's.
	h.Set("Referrer-Policy", "same-origin")
	w.WriteHeader(status)
	_, _ = b.WriteTo(w)
}
