package provider

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"myauth.internal/kit"
	"myauth.internal/kit/kittest"
)

const (
	baseURL = "https://app.example.com/auth"
	home    = "https://app.example.com/signed-in"
	other   = "https://app.example.com/settings?tab=logins"
	native  = "com.example.app:/signed-in"
)

// elsewhere is a provider that a test scripts. It does what a good one does, and counts.
type elsewhere struct {
	mu     sync.Mutex
	asked  int // requests of redeem and native
	codes  map[string]login
	last   int
	err    error // of the next requests
	before func()
	meet   func() // before a request of redeem is looked at
}

// login is a login at the provider that waits for its code to be redeemed.
type login struct {
	begin url.Values
	who   assertion
}

func (e *elsewhere) authURL(_ context.Context, b begin) (string, error) {
	if e.err != nil {
		return "", e.err
	}
	sum := sha256.Sum256([]byte(b.Verifier))
	return "https://idp.example/authorize?" + url.Values{"state": {b.State}, "nonce": {b.Nonce}, "code_challenge": {base64URL.EncodeToString(sum[:])}}.Encode(), nil
}

// signIn is what a user does at the provider: it returns what the browser brings back.
func (e *elsewhere) signIn(location string, who assertion) url.Values {
	e.mu.Lock()
	defer e.mu.Unlock()
	u, err := url.Parse(location)
	if err != nil {
		panic(err)
	}
	e.last++
	code := fmt.Sprintf("secretcode%d", e.last)
	e.codes[code] = login{u.Query(), who}
	return url.Values{"code": {code}, "state": {u.Query().Get("state")}}
}

func (e *elsewhere) redeem(_ context.Context, a answer) (assertion, error) {
	if e.meet != nil {
		e.meet()
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.asked++
	if e.before != nil {
		e.before()
	}
	if e.err != nil {
		return assertion{}, e.err
	}
	l, ok := e.codes[a.Code]
	delete(e.codes, a.Code)
	sum := sha256.Sum256([]byte(a.Verifier))
	switch {
	case !ok, l.begin.Get("code_challenge") != base64URL.EncodeToString(sum[:]):
		return assertion{}, errStale
	case l.begin.Get("nonce") != a.Nonce:
		return assertion{}, errRefused{"the nonce is another one"}
	case a.Issuer != "" && a.Issuer != l.who.Issuer:
		return assertion{}, errRefused{"the issuer is another one"}
	}
	return l.who, nil
}

func (*elsewhere) refresh(context.Context, *oauth2.Token) (*oauth2.Token, error) {
	return nil, errUnavailable
}

func (e *elsewhere) native(_ context.Context, idToken, nonce string) (assertion, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.asked++
	l, ok := e.codes[idToken]
	switch {
	case e.err != nil:
		return assertion{}, e.err
	case !ok || l.begin.Get("nonce") != nonce:
		return assertion{}, errRefused{"the ID token is wrong"}
	}
	return l.who, nil
}

func (e *elsewhere) requests() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.asked
}

// provider returns the Provider that a test gives to New.
func (e *elsewhere) provider(name string, change ...func(*Provider)) Provider {
	p := Provider{
		Config:  Config{Name: name, Label: "Elsewhere"},
		connect: func(Config, string, func() time.Time) (protocol, error) { return e, nil },
	}
	for _, c := range change {
		c(&p)
	}
	return p
}

// lovelace is a user of the provider, whose address it has proved.
var lovelace = assertion{Account: Account{Subject: "ada-1", Email: "ada@example.com", EmailVerified: true, Name: "Ada"}, Issuer: "https://idp.example", Proved: true}

// app is a Service with the providers idp, posts, which posts its answer, and apps, which has native
// apps.
type app struct {
	*kittest.Kit
	t    *testing.T
	idp  *elsewhere
	log  *bytes.Buffer
	mu   sync.Mutex
	told []kit.Event
}

func newApp(t *testing.T, change ...func(*kit.Options)) *app {
	t.Helper()
	a := &app{t: t, idp: &elsewhere{codes: map[string]login{}}, log: &bytes.Buffer{}}
	feature, err := New(baseURL, []string{home, other, native},
		a.idp.provider("idp"),
		a.idp.provider("posts", func(p *Provider) { p.formPost = true }),
		a.idp.provider("apps", func(p *Provider) { p.NativeClientIDs = []string{"app"} }),
	)
	if err != nil {
		t.Fatal(err)
	}
	a.Kit = kittest.New(t, append([]func(*kit.Options){func(o *kit.Options) {
		o.Features = []kit.Feature{feature}
		o.Logger = slog.New(slog.NewTextHandler(io.MultiWriter(a.log, t.Output()), &slog.HandlerOptions{Level: slog.LevelDebug}))
		o.OnEvent = func(_ context.Context, e kit.Event) {
			a.mu.Lock()
			defer a.mu.Unlock()
			a.told = append(a.told, e)
		}
	}}, change...)...)
	return a
}

// serviceWith returns another Service over the same stores and keys, with one feature.
func (a *app) serviceWith(f kit.Feature) *kit.Service {
	a.t.Helper()
	svc, err := kit.New(a.Store.Stores(), a.Keys, &kit.Options{Features: []kit.Feature{f}, BcryptCost: 4, InsecureFastHash: true, Now: a.Clock.Now, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		a.t.Fatal(err)
	}
	a.t.Cleanup(func() { _ = svc.Close(context.Background()) })
	return svc
}

// feature returns the Feature in a Service of its own.
func (a *app) feature() *providers {
	a.t.Helper()
	f, err := New(baseURL, []string{home}, a.idp.provider("idp"))
	if err != nil {
		a.t.Fatal(err)
	}
	in := &provided{Feature: f}
	a.serviceWith(in)
	return in.in[0]
}

// writes is how many writes of the stores were tried.
func (a *app) writes() (n int) {
	for _, op := range []string{"users.Create", "users.Update", "users.Delete", "tokens.Create", "tokens.Update", "tokens.Delete", "credentials.Create", "credentials.Update", "credentials.Delete"} {
		n += a.Faults.Calls(op)
	}
	return n
}

// browser keeps cookies as browsers do.
type browser struct {
	*app
	svc     *kit.Service
	cookies map[string]string
	header  http.Header
	access  kit.Secret // sent as Bearer
	client  kit.Client
}

func (a *app) browser() *browser {
	return &browser{app: a, svc: a.Service, cookies: map[string]string{}, header: http.Header{}}
}

// sent is a request of a browser.
type sent struct {
	path    map[string]string
	query   url.Values
	header  http.Header
	cookies map[string]string
}

func (s sent) PathValue(name string) string      { return s.path[name] }
func (s sent) QueryValue(name string) string     { return s.query.Get(name) }
func (s sent) HeaderValues(name string) []string { return s.header.Values(name) }
func (s sent) CookieValue(name string) string    { return s.cookies[name] }

// send calls a route as package httpx does. body is url.Values for a form.
func (b *browser) send(method, target string, body any) (kit.Answer, error) {
	ctx := kit.WithClient(context.Background(), b.client)
	u, err := url.Parse(target)
	if err != nil {
		return kit.Answer{}, err
	}
	s := sent{path: map[string]string{}, query: u.Query(), header: b.header.Clone(), cookies: maps.Clone(b.cookies)}
	for name, value := range b.cookies {
		s.header.Add("Cookie", name+"="+value)
	}
	route, ok := b.route(method, u.EscapedPath(), s.path)
	if !ok {
		return kit.Answer{}, fmt.Errorf("no route %s %s", method, u.Path)
	}
	r := kit.Request{Source: s}
	switch body := body.(type) {
	case nil:
		r.Body.JSON = []byte("{}")
	case url.Values:
		r.Body.Form = map[string]string{}
		for name := range body {
			r.Body.Form[name] = body.Get(name)
		}
	default:
		if r.Body.JSON, err = json.Marshal(body); err != nil {
			return kit.Answer{}, err
		}
		ctx = kit.WithDevice(ctx, "")
	}
	if route.Access != kit.Public {
		r.User, r.Claims, err = b.svc.AuthenticateLive(ctx, string(b.access))
		if err == nil && route.Access != kit.SignedIn {
			err = b.svc.CheckRecent(r.User, r.Claims)
		}
		switch {
		case err != nil && route.Access == kit.PublicOrRecent:
			r = kit.Request{Source: s, Body: r.Body, NotSignedIn: err}
		case err != nil:
			return kit.Answer{}, err
		}
	}
	answer, err := route.Serve(ctx, r)
	if err != nil {
		return answer, err
	}
	for _, c := range answer.Cookies {
		if len(c.Name)+len(c.Value) > 4096 {
			return answer, fmt.Errorf("the cookie %s has %d bytes", c.Name, len(c.Value))
		}
		if c.MaxAge < 0 {
			delete(b.cookies, c.Name)
		} else {
			b.cookies[c.Name] = c.Value
		}
	}
	return answer, nil
}

func (b *browser) route(method, path string, values map[string]string) (kit.Route, bool) {
	for _, exact := range []bool{true, false} {
		for _, route := range b.svc.Routes() {
			want, got := strings.Split(route.Path, "/"), strings.Split(path, "/")
			if route.Method != method || len(want) != len(got) {
				continue
			}
			clear(values)
			if slices.EqualFunc(want, got, func(w, g string) bool {
				if name, wild := strings.CutPrefix(w, "{"); wild && !exact {
					values[strings.TrimSuffix(name, "}")], _ = url.PathUnescape(g)
					return true
				}
				return w == g
			}) {
				return route, true
			}
		}
	}
	return kit.Route{}, false
}

// get is send for a redirect: it returns where the browser goes.
func (b *browser) get(target string) string {
	b.t.Helper()
	answer, err := b.send("GET", target, nil)
	if err != nil {
		b.t.Fatalf("GET %s: %v", target, err)
	}
	if answer.Status != 303 {
		b.t.Fatalf("GET %s: %d, want 303", target, answer.Status)
	}
	return answer.Location
}

// begin starts a flow, and signs in at the provider: it returns the callback that the browser then goes to.
func (b *browser) begin(name string, who assertion, query ...string) string {
	b.t.Helper()
	location := b.get("/providers/" + name + "/start?" + strings.Join(query, "&"))
	return "/providers/" + name + "/callback?" + b.idp.signIn(location, who).Encode()
}

// code goes through a flow until the page has its code.
func (b *browser) code(name string, who assertion, query ...string) string {
	b.t.Helper()
	return b.result(b.get(b.begin(name, who, query...)), "code")
}

// result returns a parameter of the URL of a page.
func (b *browser) result(location, name string) string {
	b.t.Helper()
	u, err := url.Parse(location)
	if err != nil || !u.Query().Has(name) {
		b.t.Fatalf("the browser went to %s, without %s", location, name)
	}
	return u.Query().Get(name)
}

// exchange is POST /providers/exchange.
func (b *browser) exchange(code string, more ...string) (kit.Answer, error) {
	body := map[string]string{"code": code}
	for i := 0; i < len(more); i += 2 {
		body[more[i]] = more[i+1]
	}
	return b.send("POST", "/providers/exchange", body)
}

// link is POST /providers/idp/link: it returns the URL below the base URL.
func (b *browser) link(query ...string) string {
	b.t.Helper()
	body := map[string]string{}
	for i := 0; i < len(query); i += 2 {
		body[query[i]] = query[i+1]
	}
	answer, err := b.send("POST", "/providers/idp/link", body)
	if err != nil {
		b.t.Fatal(err)
	}
	var shown struct{ URL string }
	if err := json.Unmarshal(answer.Body, &shown); err != nil || !strings.HasPrefix(shown.URL, baseURL+"/providers/idp/start?link=") {
		b.t.Fatalf("the link: %s", answer.Body)
	}
	return strings.TrimPrefix(shown.URL, baseURL)
}

// logIn is a whole login.
func (b *browser) logIn(name string, who assertion) kit.TokenPair {
	b.t.Helper()
	answer, err := b.exchange(b.code(name, who))
	if err != nil {
		b.t.Fatal(err)
	}
	return answer.Tokens
}

// clone is another tab, or somebody who has the browser's cookies.
func (b *browser) clone() *browser {
	c := *b
	c.cookies = maps.Clone(b.cookies)
	return &c
}

// atOnce calls do n times at once.
func atOnce[T any](n int, do func(i int) T) []T {
	results := make([]T, n)
	var ready, done sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		ready.Add(1)
		done.Go(func() {
			ready.Done()
			<-start
			results[i] = do(i)
		})
	}
	ready.Wait()
	close(start)
	done.Wait()
	return results
}

func ip(s string) netip.Addr { return netip.MustParseAddr(s) }

// fieldOf returns the field that a validation error is about.
func fieldOf(err error) string {
	var invalid *kit.ValidationError
	if !errors.As(err, &invalid) || len(invalid.Fields) != 1 {
		return ""
	}
	return invalid.Fields[0].Field
}
