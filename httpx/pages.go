package httpx

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"
	"slices"

	"myauth.internal/kit"
)

// The values of PageData.Page.
const (
	pageVerifyEmail   = "verify-email"
	pageDenyEmail     = "deny-email"
	pageResetPassword = "reset-password"
	pageChangeEmail   = "change-email"
)

// PageData is what [Options].PageTemplate is called with.
type PageData struct {
	// Page is the page: "verify-email", "deny-email", "reset-password", "change-email", or the
	// path of a [kit.Page] of a feature without its first slash, such as "confirm-sign-in".
	Page string
	// ProductName is Options.ProductName.
	ProductName string
	// Token is for the field "token" of the form. It is empty when the page needs no
	// form, because the token is missing or was refused.
	Token string
	// Action is where the form posts to, and Deny, on verify-email, the page for
	// "this wasn't me", token included. Both are relative, and work behind any prefix.
	Action, Deny string
	// Links are what a page without a form offers, such as "sign-in".
	Links []kit.PageLink
	// NewAccount says that the form asks for a new account too, in the fields "username", "password"
	// and "repeat". Username is what was typed into it, for the form to show again, and Email the
	// address that the account will have: as a field that is read only, with autocomplete="username",
	// password managers keep it.
	NewAccount bool
	Username   string
	// Done says that what the page is for has been done.
	Done bool
	// NewMail says that the page has a form with the field "email" in place of that with the token.
	// It asks for a new mail: on verify-email and reset-password without a token that works. Email
	// is what was typed into it, for the form to show again. Sent says that it was asked for; that
	// is the same whether or not there is such an account.
	NewMail, Sent bool
	Email         string
	// Code says what went wrong, as in [kit.Problem] or [kit.PageView]; empty when nothing did.
	Code string
	// Errors are the rules that the new password breaks, with Code validation_failed. The field
	// is new_password, or repeat when the two are different; with NewAccount it is username,
	// password or repeat, and with NewMail it is email.
	Errors []kit.FieldError
	// RetryAfter is how many seconds to wait, with too_many_requests and
	// service_unavailable.
	RetryAfter int
	// Language is the tag of the one of Options.Languages that the reader wants; "en" without.
	Language string
	// Nonce is for the style element: <style nonce="…">. The Content-Security-Policy
	// allows that element, images of the same origin, and nothing else: no script, no
	// font, no style attribute, nothing from another host.
	Nonce string
}

// Format writes [redacted], whatever the verb: PageData holds a token.
func (PageData) Format(f fmt.State, _ rune) { io.WriteString(f, "[redacted]") }

// MarshalText returns [redacted].
func (PageData) MarshalText() ([]byte, error) { return []byte("[redacted]"), nil }

// page is one of the pages.
type page struct {
	name  string
	path  string // as in the links of mails
	words pageWords
	// do does what the button is for; open, of a page without one, returns what it shows.
	do   func(r *http.Request, form map[string]string) error
	open func(ctx context.Context, from kit.Source) (kit.PageView, error)
	mail func(ctx context.Context, email string) error // sends a new mail; nil: it cannot be asked for here
	// newAccount returns the address of the account that the form is for; nil: of none.
	newAccount func(ctx context.Context, token string) (string, error)
}

// pages are MyAuth's own, and those of features.
func (h *Handler) pages() []page {
	all := []page{
		{pageVerifyEmail, "/verify-email", verifyWords, h.verifyByPage, nil, h.svc.RequestEmailVerification, nil},
		{pageDenyEmail, "/verify-email/deny", denyWords, h.denyByPage, nil, nil, nil},
		{pageResetPassword, "/reset-password", resetWords, h.resetByPage, nil, h.svc.RequestPasswordReset, nil},
		{pageChangeEmail, "/change-email", changeWords, h.changeEmailByPage, nil, nil, nil},
	}
	for _, p := range h.svc.Pages() {
		var do func(r *http.Request, form map[string]string) error
		if p.Submit != nil {
			do = func(r *http.Request, form map[string]string) error { return submit(r, p, form) }
		}
		all = append(all, page{p.Path[1:], p.Path, featureWords(p), do, p.Open, nil, p.NewAccount})
	}
	return all
}

// Pages returns the handler of the pages that the links in mails lead to: /verify-email,
// /verify-email/deny, /reset-password and /change-email, and of those that features bring (see
// [kit.Page]). Mount it where [kit.Options].PublicURL points to:
//
//	mux.Handle("/", auth.Pages())
//	mux.Handle("/account/", http.StripPrefix("/account", auth.Pages())) // or below a path
//
// Opening a page shows a form and changes nothing, since mail scanners and previews open
// links. Pressing its button does the work, by the same methods of the Service as the
// routes of the Handler, with the same status codes. The pages are plain HTML: no script,
// no cookie, no request to another host. The token of the link travels on in the form's
// body, and is not in any address that the pages make, but for that of the deny page; they
// are not cached and send no Referer. The handler logs no query. A proxy in front of it
// writes addresses into its log unless told not to.
//
// Whoever has a link that is too old asks for a new mail on the same page. So /reset-password
// without a token is the page for "forgot your password?", to which a sign-in page may link.
//
// The forms have no token against cross-site request forgery: what they do is allowed by
// the mailed token alone, or to everybody. The browser adds no cookie or other authority that a
// foreign page could borrow, and no session begins.
//
// Tokens are read from the address with some tolerance for what mail programs and people
// do to a link: white space anywhere in it, and characters before and behind it that no
// token begins or ends with, are dropped. The routes of the Handler have no such tolerance.
func (h *Handler) Pages() http.Handler {
	mux := http.NewServeMux()
	for _, page := range h.pages() {
		serve := func(w http.ResponseWriter, r *http.Request) string { return h.servePage(w, r, page) }
		for _, method := range []string{"GET ", "POST "} {
			mux.HandleFunc(method+page.path, h.traced(method+page.path, serve))
		}
		mux.HandleFunc(page.path, h.traced(traceUnmatched, serve))
	}
	return mux
}

// checkTemplate renders each state of each page, so that a mistake in a template shows at
// the start and not when a user follows a link.
func (h *Handler) checkTemplate() error {
	if h.options.PageTemplate == nil {
		return nil
	}
	for _, page := range h.pages() {
		for _, d := range page.states() {
			html, err := h.render(page, d)
			if err != nil {
				return fmt.Errorf("httpx: Options.PageTemplate: %w", err)
			}
			if d.Token != "" && !bytes.Contains(html, []byte(d.Token)) {
				return fmt.Errorf("httpx: Options.PageTemplate: page %s has no form with the token", page.name)
			}
			if d.Username != "" && !bytes.Contains(html, []byte(d.Username)) {
				return fmt.Errorf("httpx: Options.PageTemplate: page %s has no form for a new account, with the name that was typed into it", page.name)
			}
			if d.NewMail && d.Email != "" && !bytes.Contains(html, []byte(d.Email)) {
				return fmt.Errorf("httpx: Options.PageTemplate: page %s has no form for a new mail, with what was typed into it", page.name)
			}
			if d.Username != "" && !bytes.Contains(html, []byte(d.Email)) {
				return fmt.Errorf("httpx: Options.PageTemplate: page %s does not show the Email of the new account", page.name)
			}
			for _, link := range d.Links {
				if !bytes.Contains(html, []byte(link.URL)) {
					return fmt.Errorf("httpx: Options.PageTemplate: page %s does not have the Links", page.name)
				}
			}
		}
	}
	return nil
}

// states are samples of what a page may show.
func (p page) states() []PageData {
	const token = "SampleToken"
	states := []PageData{
		{Token: token},
		{Token: token, Code: "validation_failed", Errors: []kit.FieldError{{Field: "new_password", Code: "too_short", Message: "use more"}}},
		{Token: token, Code: "service_unavailable", RetryAfter: 1},
		{Code: codeInvalidToken},
		{Done: true},
	}
	if p.mail != nil {
		states = append(states, PageData{NewMail: true, Email: "sample@example.com", Code: codeExpiredToken}, PageData{Sent: true})
	}
	if p.newAccount != nil {
		states[1].Errors[0].Field = "password"
		states[1].Username, states[1].Email = "SampleName", "sample@example.com"
	}
	if p.open != nil {
		links := []kit.PageLink{{Label: "Sample", URL: "https://example.com/SampleLink"}}
		states = []PageData{{Links: links}, {Code: "validation_failed"}, {Done: true}}
		for code := range p.words.problems {
			states = append(states, PageData{Links: links, Code: code})
		}
	}
	return states
}

func (h *Handler) render(page page, d PageData) ([]byte, error) {
	d.Page, d.ProductName, d.Action, d.NewAccount = page.name, h.options.ProductName, path.Base(page.path), page.newAccount != nil
	if d.Token != "" && page.name == pageVerifyEmail {
		d.Deny = "verify-email/deny?token=" + url.QueryEscape(d.Token)
	}
	if h.options.PageTemplate == nil {
		return builtinPage(page.words, d, h.language(d.Language)), nil
	}
	var b bytes.Buffer
	err := h.options.PageTemplate(&b, d)
	return b.Bytes(), err
}

func (h *Handler) languages() []Language {
	if len(h.options.Languages) > 0 {
		return h.options.Languages
	}
	return []Language{English()}
}

func (h *Handler) language(tag string) Language {
	for _, l := range h.languages() {
		if l.Tag == tag {
			return l
		}
	}
	return English()
}

// servePage answers one request for a page. The outcome is for tracers.
func (h *Handler) servePage(w http.ResponseWriter, r *http.Request, page page) (outcome string) {
	outcome = traceOK
	d := PageData{Language: choose(h.languages(), r.Header["Accept-Language"]).Tag}
	var err error
	reads := r.Method == http.MethodGet || r.Method == http.MethodHead
	switch {
	case reads && page.open != nil:
		err = catchPanic(func() error {
			view, err := page.open(h.clientContext(r), (*source)(r))
			d.Links, d.Code, d.Done = view.Links, view.Code, view.Done
			return err
		})
	case reads:
		d.Token = tokenInQuery(r.URL.RawQuery)
		if d.NewMail = d.Token == "" && page.mail != nil; d.Token == "" && (!d.NewMail || r.URL.RawQuery != "") {
			err = malformed("The address has no token.")
		} else if page.newAccount != nil {
			err = h.showAddress(r, page, &d)
		}
	case r.Method == http.MethodPost && page.do != nil:
		err = catchPanic(func() error {
			form, err := readForm(r)
			if err != nil {
				return err
			}
			r := r.WithContext(h.clientContext(r))
			token, ok := form["token"]
			if !ok && page.mail != nil {
				d.NewMail, d.Email = true, form["email"]
				return page.mail(r.Context(), d.Email)
			}
			d.Token = cleanToken(token)
			form["token"], d.Username = d.Token, form["username"]
			return page.do(r, form)
		})
		d.Sent = err == nil && d.NewMail
		d.Done = err == nil && !d.NewMail
	default:
		allow := "GET, HEAD"
		if page.do != nil {
			allow += ", POST"
		}
		w.Header().Set("Allow", allow)
		err = errMethodNotAllowed
	}
	status, header := http.StatusOK, w.Header()
	if err != nil {
		p := h.problemOf(r, err)
		status, d.Code, d.Errors, d.RetryAfter = p.Status, p.Code, p.Errors, seconds(p.RetryAfter)
		outcome = p.Code
		if status == http.StatusUnauthorized || status == http.StatusNotFound || status == http.StatusConflict {
			d.Token, d.Username, d.Email = "", "", "" // no other try can succeed
			d.NewMail = status == http.StatusUnauthorized && page.mail != nil
		} else if !reads && page.newAccount != nil && d.Token != "" {
			_ = h.showAddress(r, page, &d) // again, if it can
		}
		h.setErrorHeaders(w, r, err, p, false)
	}
	d.Nonce = rand.Text()
	html, err := h.render(page, d)
	if err != nil {
		h.log(r, err)
		outcome = codeInternal
		status, html = http.StatusInternalServerError, []byte("<!DOCTYPE html><title>Error</title><p>Something went wrong on our side. Please try again later.")
	}
	header.Set("Content-Security-Policy", "default-src 'none'; style-src 'nonce-"+d.Nonce+"'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("X-Frame-Options", "DENY")
	header.Set("Content-Language", d.Language)
	send(w, r, "text/html; charset=utf-8", &kit.Answer{Status: status, Body: html})
	return outcome
}

// showAddress lets the form for a new account show whose it will be.
func (h *Handler) showAddress(r *http.Request, page page, d *PageData) error {
	return catchPanic(func() (err error) {
		d.Email, err = page.newAccount(h.clientContext(r), d.Token)
		return err
	})
}

func (h *Handler) verifyByPage(r *http.Request, form map[string]string) error {
	return h.svc.VerifyEmail(r.Context(), form["token"])
}

// denyByPage also succeeds when the account is gone already.
func (h *Handler) denyByPage(r *http.Request, form map[string]string) error {
	if err := h.svc.DenyEmail(r.Context(), form["token"]); !errors.Is(err, kit.ErrUserNotFound) {
		return err
	}
	return nil
}

func (h *Handler) changeEmailByPage(r *http.Request, form map[string]string) error {
	return h.svc.ConfirmEmailChange(r.Context(), form["token"])
}

func (h *Handler) resetByPage(r *http.Request, form map[string]string) error {
	if form["new_password"] != form["repeat"] {
		return errMismatch
	}
	return h.svc.ResetPassword(r.Context(), form["token"], form["new_password"])
}

// submit gives a feature what was sent to its page.
func submit(r *http.Request, p kit.Page, form map[string]string) error {
	s := kit.Submission{Source: (*source)(r), Token: form["token"]}
	if p.NewAccount == nil {
		return p.Submit(r.Context(), s)
	}
	if form["password"] != form["repeat"] {
		return errMismatch
	}
	s.Username, s.Password = form["username"], kit.Secret(form["password"])
	err := p.Submit(r.Context(), s)
	if invalid := new(kit.ValidationError); errors.As(err, &invalid) {
		return &kit.ValidationError{Fields: wordsOfName(invalid.Fields)}
	}
	return err
}

// wordsOfName says what a display name must be, as the rules of passwords are said.
func wordsOfName(fields []kit.FieldError) []kit.FieldError {
	fields = slices.Clone(fields)
	for i, f := range fields {
		if text := nameProblems[f.Code]; f.Field == "username" && text != "" {
			fields[i].Message = text
		}
	}
	return fields
}

// errMismatch: without a script a password cannot be shown while it is typed, so the pages want it
// twice.
var errMismatch = kit.Invalid("repeat", "mismatch", "type the same password twice")

// readForm reads the body of a form.
func readForm(r *http.Request) (map[string]string, error) {
	b, err := readBody(r, kit.JSONOrForm)
	if err != nil {
		return nil, err
	}
	if b.Form == nil {
		return nil, unsupported("Send application/x-www-form-urlencoded, in UTF-8.")
	}
	return b.Form, b.FormErr
}
