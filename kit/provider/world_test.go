package provider

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"myauth.internal/kit"
	"myauth.internal/kit/kittest"
	"myauth.internal/kit/totp"
)

const (
	ada     = "ada@example.com"
	strong  = "Str0ng!Passw0rd"
	another = "An0ther!Passw0rd"
)

// mute is a provider that is never asked: the tests say what it says. It refreshes tokens.
type mute struct {
	mu        sync.Mutex
	refreshed int
	answer    func(*oauth2.Token) (*oauth2.Token, error)
}

func (*mute) authURL(context.Context, begin) (string, error) { return "", errUnavailable }

func (*mute) redeem(context.Context, answer) (assertion, error) { return assertion{}, errUnavailable }

func (*mute) native(context.Context, string, string) (assertion, error) {
	return assertion{}, errUnavailable
}

func (m *mute) refresh(_ context.Context, t *oauth2.Token) (*oauth2.Token, error) {
	m.mu.Lock()
	m.refreshed++
	m.mu.Unlock()
	return m.answer(t)
}

// provided is a Feature whose Services a test looks into.
type provided struct {
	*Feature
	in []*providers
}

func (f *provided) Attach(core *kit.Core) (kit.Extension, error) {
	extension, err := f.Feature.Attach(core)
	if err != nil {
		return extension, err
	}
	p := f.keeper.Load()
	if p == nil {
		clients, err := f.connect(core.Now)
		if err != nil {
			return extension, err
		}
		p = &providers{core: core, Feature: f.Feature, clients: clients}
	}
	f.in = append(f.in, p)
	return extension, nil
}

// squatters is a feature with what a squatter may have made: it lends its Core.
type squatters struct{ core *kit.Core }

func (*squatters) Name() string { return "squatters" }

func (s *squatters) Attach(core *kit.Core) (kit.Extension, error) {
	s.core = core
	return kit.Extension{}, nil
}

// world is a Service with two providers, acme and other, and what has happened in it.
type world struct {
	*kittest.Kit
	t         *testing.T
	acme      client
	other     client
	mute      *mute
	feature   *provided
	squatters *squatters
	mu        sync.Mutex
	events    []kit.Event
}

func newWorld(t *testing.T, change ...func(*Config)) *world {
	w := &world{t: t, mute: &mute{}, squatters: &squatters{}}
	named := func(name, label string) Provider {
		c := Config{Name: name, Label: label}
		for _, change := range change {
			change(&c)
		}
		return Provider{Config: c, connect: func(Config, string, func() time.Time) (protocol, error) { return w.mute, nil }}
	}
	f, err := New("https://app.example.com/auth", []string{"https://app.example.com/done"}, named("acme", "Acme"), named("other", "Other"))
	if err != nil {
		t.Fatal(err)
	}
	w.feature = &provided{Feature: f}
	w.Kit = kittest.New(t, func(o *kit.Options) {
		o.Features = []kit.Feature{w.feature, w.squatters, totp.New(nil)}
		o.OnEvent = func(_ context.Context, e kit.Event) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.events = append(w.events, e)
		}
	})
	w.acme, w.other = w.p().clients[0], w.p().clients[1]
	return w
}

// p is the feature in the first Service.
func (w *world) p() *providers { return w.feature.in[0] }

// heard returns how many events of a kind there were, and forgets all.
func (w *world) heard(kind kit.EventKind) (n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, e := range w.events {
		if e.Kind == kind {
			n++
		}
	}
	w.events = nil
	return n
}

// says is what acme says of one of its users.
func says(subject, email string, proved bool) assertion {
	return assertion{Account: Account{Subject: subject, Email: email, EmailVerified: proved, Name: "Ada Lovelace"}, Issuer: "https://acme.example", Proved: proved}
}

// signIn wants a sign-in with acme to succeed, and its session to begin.
func (w *world) signIn(a assertion) kit.User {
	w.t.Helper()
	u, err := w.p().signIn(w.t.Context(), w.acme, a)
	if err != nil {
		w.t.Fatalf("signing in %s: %v", a.Subject, err)
	}
	return w.grant(u)
}

func (w *world) grant(u kit.User) kit.User {
	w.t.Helper()
	tokens, err := w.Grant(w.t.Context(), kit.Login{User: u, AMR: []string{amr}})
	if err != nil {
		w.t.Fatalf("the session of %s: %v", u.ID, err)
	}
	return tokens.User
}

// refused wants a sign-in with acme to end with an error, foreseen too, and nothing to be written.
func (w *world) refused(a assertion, want error) {
	w.t.Helper()
	writes := w.writes()
	if u, err := w.p().foresee(w.t.Context(), w.acme, a); !errors.Is(err, want) || u.ID != "" {
		w.t.Errorf("foreseen of %s: %v, %v, want %v", a.Subject, u.ID, err, want)
	}
	if u, err := w.p().signIn(w.t.Context(), w.acme, a); !errors.Is(err, want) || u.ID != "" {
		w.t.Errorf("signing in %s: %v, %v, want %v", a.Subject, u.ID, err, want)
	}
	if n := w.writes() - writes; n != 0 {
		w.t.Errorf("%d writes for a sign-in that is refused", n)
	}
}

func (w *world) writes() (n int) {
	for _, op := range []string{"users.Create", "users.Update", "users.Delete", "tokens.Create", "tokens.Update", "tokens.Delete", "credentials.Create", "credentials.Update", "credentials.Delete"} {
		n += w.Faults.Calls(op)
	}
	return n
}

// user returns the account with an address as it is stored.
func (w *world) user(email string) kit.User {
	w.t.Helper()
	u, err := w.UserByEmail(w.t.Context(), email)
	if err != nil {
		w.t.Fatalf("%s: %v", email, err)
	}
	return u
}

// identities returns the subjects of an account's identities.
func (w *world) identities(u kit.User) []string {
	w.t.Helper()
	list, err := w.p().list(w.t.Context(), u)
	if err != nil {
		w.t.Fatal(err)
	}
	var subjects []string
	for _, k := range list {
		subjects = append(subjects, k.Subject)
	}
	slices.Sort(subjects)
	return subjects
}

// squat registers an address by a password, as anybody can.
func (w *world) squat(email string) kit.User {
	w.t.Helper()
	u, err := w.Register(w.t.Context(), kit.Registration{Email: email, Username: "Mallory", Password: strong, Settings: []byte(`{"forward":"mallory@example.net"}`)})
	if err != nil {
		w.t.Fatal(err)
	}
	return u
}

// source is a request with cookies and path values only.
type source struct {
	kit.Source
	cookies, path map[string]string
}

func (s source) CookieValue(name string) string { return s.cookies[name] }

func (s source) PathValue(name string) string { return s.path[name] }

func (source) HeaderValues(string) []string { return nil }

// serve calls a route of the Service.
func (w *world) serve(method, path string, r kit.Request) (kit.Answer, error) {
	w.t.Helper()
	for _, route := range w.Routes() {
		if route.Method == method && route.Path == path {
			return route.Serve(w.t.Context(), r)
		}
	}
	w.t.Fatalf("there is no route %s %s", method, path)
	return kit.Answer{}, nil
}

// mailed closes the Service, which sends what is queued, and returns the mails of a kind.
func (w *world) mailed(kind kit.MailKind) (list []kit.Mail) {
	w.t.Helper()
	if err := w.Close(context.Background()); err != nil {
		w.t.Fatal(err)
	}
	for _, m := range w.Mailer.All() {
		if m.Kind == kind {
			list = append(list, m)
		}
	}
	return list
}

// trace hears each call of the stores.
func (w *world) trace(hear func(op string)) {
	w.Faults.Each(func(_ context.Context, op string, _ any) kittest.Fault { hear(op); return 0 })
}
