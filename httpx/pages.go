package httpx

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"path"
	"time"

	"myauth.internal/kit"
)

// The pages of [Pages], as PageData.Page names them.
const (
	PageVerifyEmail   = "verify-email"
	PageDenyEmail     = "deny-email"
	PageResetPassword = "reset-password"
)

// PagesOptions are the settings of [Pages] that have a default. The zero value, and nil,
// mean the defaults.
type PagesOptions struct {
	// Prefix is the path under which the handler finds its pages, in the requests as
	// they reach it: mostly the path of [kit.Options].PublicURL. It is written as
	// [Options].Prefix is; default "/".
	Prefix string
	// ProductName is what the pages call the application; default: they do not name it.
	ProductName string
	// Text returns what the built-in pages say instead of an English text, which is one
	// of theirs or the message of a rule that the new password breaks. A %d stands for a
	// number. Default: the English text.
	Text func(english string) string
	// Lang is the language that Text speaks, a BCP 47 tag such as "pt-BR"; default "en".
	Lang string
	// Template replaces the built-in pages, all of them: it is executed with a
	// [PageData], and tried out by Pages in each state of each page. A template of
	// html/template is one.
	Template PageTemplate
	// TrustedProxies and Logger are as in [Options].
	TrustedProxies []netip.Prefix
	Logger         *slog.Logger
}

// PageTemplate writes a page. *[html/template.Template] is one.
type PageTemplate interface {
	Execute(w io.Writer, data any) error
}

// PageData is what a [PageTemplate] is executed with.
type PageData struct {
	// Page is PageVerifyEmail, PageDenyEmail or PageResetPassword.
	Page string
	// ProductName is PagesOptions.ProductName.
	ProductName string
	// Token is for the field "token" of the form; empty when the form would be of no
	// use, because the token is missing or was refused.
	Token string
	// Action is where the form posts to, and Deny, on PageVerifyEmail, the page for
	// "this wasn't me", token included. Both are relative, and work behind any prefix.
	Action, Deny string
	// Done says that what the page is for has been done.
	Done bool
	// Code says what went wrong, as in [Problem]; empty when nothing did.
	Code string
	// Errors are the rules that the new password breaks, with Code validation_failed.
	// The field is new_password, or repeat when the two are different.
	Errors []kit.FieldError
	// RetryAfter is how many seconds to wait, with too_many_requests and
	// service_unavailable.
	RetryAfter int
	// Nonce is for the style element: <style nonce="…">. The Content-Security-Policy
	// allows that element, images of the same origin, and nothing else: no script, no
	// font, no style attribute, nothing from another host.
	Nonce string
}

// Format writes [redacted], whatever the verb: PageData holds a token.
func (PageData) Format(f fmt.State, _ rune) { io.WriteString(f, "[redacted]") }

// page is one of the pages.
type page struct {
	name string
	path string // below the prefix, as in the links of mails
	do   func(p *pages, r *http.Request, form map[string]string) error
}

func allPages() []page {
	return []page{
		{PageVerifyEmail, "/verify-email", (*pages).verifyEmail},
		{PageDenyEmail, "/verify-email/deny", (*pages).denyEmail},
		{PageResetPassword, "/reset-password", (*pages).resetPassword},
	}
}

// pages is the handler of [Pages].
type pages struct {
	svc      *kit.Service
	product  string
	template PageTemplate
	clients  clientAddresses
	errors   errorWriter
}

// Pages returns the handler of the pages that the links in mails lead to: /verify-email,
// /verify-email/deny and /reset-password, under the prefix. Mount it where
// [kit.Options].PublicURL points to:
//
//	pages, err := httpx.Pages(svc, nil)
//	mux.Handle("/", pages)
//
// Opening a page shows a form and changes nothing, since mail scanners and previews open
// links. Pressing its button does the work, by the same methods of the Service as the
// routes of [New], with the same status codes. The pages are plain HTML: no script, no
// cookie, no request to another host. The token of the link travels on in the form's body,
// and is not in any address that the pages make, but for that of the deny page; they are
// not cached and send no Referer. The handler logs no query. A proxy in front of it writes
// addresses into its log unless told not to.
//
// The forms have no token against cross-site request forgery: what they do is allowed by
// the mailed token alone. The browser adds no cookie or other authority that a foreign
// page could borrow, and no session begins.
//
// Tokens are read from the address with some tolerance for what mail programs and people
// do to a link: white space anywhere in it, and characters before and behind it that no
// token begins or ends with, are dropped. The routes of [New] have no such tolerance.
//
// Errors name the option that is out of bounds, or say why the template fails.
func Pages(svc *kit.Service, opts *PagesOptions) (http.Handler, error) {
	if svc == nil {
		return nil, errors.New("httpx: Pages needs a kit.Service")
	}
	var o PagesOptions
	if opts != nil {
		o = *opts
	}
	if o.Prefix == "" {
		o.Prefix = "/"
	}
	prefix, err := cleanPrefix("PagesOptions.Prefix", o.Prefix)
	if err != nil {
		return nil, err
	}
	if err := checkProxies("PagesOptions.TrustedProxies", o.TrustedProxies); err != nil {
		return nil, err
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	p := &pages{svc, o.ProductName, o.Template, clientAddresses{o.TrustedProxies}, errorWriter{defaultRealm, o.Logger}}
	if p.template == nil {
		if o.Text == nil {
			o.Text = func(english string) string { return english }
		}
		if o.Lang == "" {
			o.Lang = "en"
		}
		p.template = builtinPage{o.Text, o.Lang}
	}
	mux := http.NewServeMux()
	for _, page := range allPages() {
		if err := p.tryOut(page); err != nil {
			return nil, err
		}
		mux.HandleFunc(prefix+page.path, func(w http.ResponseWriter, r *http.Request) { p.serve(w, r, page) })
	}
	return mux, nil
}

// tryOut renders each state of a page, so that a mistake shows at the start and not when
// somebody follows a link.
func (p *pages) tryOut(page page) error {
	const token = "SampleToken"
	for _, d := range []PageData{
		{Token: token},
		{Token: token, Code: "validation_failed", Errors: []kit.FieldError{{Field: "new_password", Code: "too_short", Message: "use more"}}},
		{Token: token, Code: "service_unavailable", RetryAfter: 1},
		{Code: codeInvalidToken},
		{Done: true},
	} {
		html, err := p.render(page, d)
		if err != nil {
			return fmt.Errorf("httpx: PagesOptions.Template: %w", err)
		}
		if d.Token != "" && !bytes.Contains(html, []byte(token)) {
			return fmt.Errorf("httpx: PagesOptions.Template: page %s has no form with the token", page.name)
		}
	}
	return nil
}

func (p *pages) render(page page, d PageData) ([]byte, error) {
	d.Page, d.ProductName, d.Action = page.name, p.product, path.Base(page.path)
	if d.Token != "" && page.name == PageVerifyEmail {
		d.Deny = "verify-email/deny?token=" + url.QueryEscape(d.Token)
	}
	var b bytes.Buffer
	err := p.template.Execute(&b, d)
	return b.Bytes(), err
}

// serve answers one request for a page.
func (p *pages) serve(w http.ResponseWriter, r *http.Request, page page) {
	var d PageData
	var err error
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		if d.Token = tokenInQuery(r.URL.RawQuery); d.Token == "" {
			err = malformed("The address has no token.")
		}
	case http.MethodPost:
		err = guard(func() error {
			form, err := readForm(r)
			if err != nil {
				return err
			}
			d.Token = cleanToken(form["token"])
			form["token"] = d.Token
			if addr := p.clients.of(r); addr.IsValid() {
				r = r.WithContext(kit.WithClientIP(r.Context(), addr))
			}
			return page.do(p, r, form)
		})
		d.Done = err == nil
	default:
		w.Header().Set("Allow", "GET, HEAD, POST")
		err = errMethodNotAllowed
	}
	p.answer(w, r, page, d, err)
}

func (p *pages) answer(w http.ResponseWriter, r *http.Request, page page, d PageData, err error) {
	status, header := http.StatusOK, w.Header()
	if err != nil {
		problem := p.errors.problemOf(r, err)
		status, d.Code, d.Errors = problem.Status, problem.Code, problem.Errors
		d.RetryAfter = int((problem.RetryAfter + time.Second - 1) / time.Second)
		if status == http.StatusUnauthorized || status == http.StatusNotFound {
			d.Token = "" // no other try can succeed
		}
		if c := p.errors.challenge(problem, false); c != "" {
			header.Set("WWW-Authenticate", c)
		}
		if d.RetryAfter > 0 {
			header.Set("Retry-After", fmt.Sprint(d.RetryAfter))
		}
		if r.ProtoMajor == 1 && unread(err) {
			header.Set("Connection", "close")
		}
	}
	d.Nonce = rand.Text()
	html, err := p.render(page, d)
	if err != nil {
		p.errors.log(r, err)
		status, html = http.StatusInternalServerError, []byte("<!DOCTYPE html><title>Error</title><p>Something went wrong on our side.")
	}
	header.Set("Content-Security-Policy", "default-src 'none'; style-src 'nonce-"+d.Nonce+"'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("X-Frame-Options", "DENY")
	send(w, r, reply{status: status, mediaType: "text/html; charset=utf-8", body: html})
}

func (p *pages) verifyEmail(r *http.Request, form map[string]string) error {
	return p.svc.VerifyEmail(r.Context(), form["token"])
}

// denyEmail also succeeds when the account is gone already.
func (p *pages) denyEmail(r *http.Request, form map[string]string) error {
	if err := p.svc.DenyEmail(r.Context(), form["token"]); !errors.Is(err, kit.ErrUserNotFound) {
		return err
	}
	return nil
}

// resetPassword wants the password twice: without a script nobody sees what they type.
func (p *pages) resetPassword(r *http.Request, form map[string]string) error {
	if form["new_password"] != form["repeat"] {
		return kit.Invalid("repeat", "mismatch", "type the same password twice")
	}
	return p.svc.ResetPassword(r.Context(), form["token"], form["new_password"])
}

// readForm reads the body of a form.
func readForm(r *http.Request) (map[string]string, error) {
	c, err := readContent(r, true)
	if err != nil {
		return nil, err
	}
	if !c.form {
		return nil, unsupported("Send application/x-www-form-urlencoded, in UTF-8.")
	}
	form := map[string]string{}
	return form, parseForm(c.data, func(name, value string) { form[name] = value })
}
