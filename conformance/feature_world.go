package conformance

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"myauth.internal/kit"
	"myauth.internal/kit/accesstoken"
	"myauth.internal/kit/kittest"
)

// world is a data set with Services over it, each with a handle and a feature of its own.
type world struct {
	testing.TB
	feature  Feature
	openData Open
	stores   kit.Stores   // those of the first handle
	plain    *kit.Service // without the feature
	services []*kit.Service
	brings   kit.Extension // what the feature brings
	clock    *kittest.Clock
	mailer   *kittest.Mailer
	hash     kit.Secret // of every account's password
	accounts int

	mu       sync.Mutex
	calls    int                  // of stores
	rows     map[string]kit.Token // by the name of their store and their ID: what was created, or perhaps was
	loggedIn map[string]bool      // by SessionID
	secrets  []string
	journal  bytes.Buffer // events, logs and errors
}

// world opens a data set, and makes a Service for each feature.
func (f Feature) world(tb testing.TB, cfg Config, features ...kit.Feature) *world {
	w := &world{TB: tb, feature: f, openData: cfg.New(tb), clock: kittest.NewClock(epoch), mailer: &kittest.Mailer{}, rows: map[string]kit.Token{}, loggedIn: map[string]bool{}}
	tb.Cleanup(w.checkSecrets)
	for i, features := range append([][]kit.Feature{nil}, slices.Collect(slices.Chunk(features, 1))...) {
		svc, err := w.service(features...)
		switch {
		case err != nil:
			tb.Fatalf("kit.New with the feature: %v", err)
		case i == 0:
			w.plain = svc
		default:
			w.services = append(w.services, svc)
		}
	}
	return w
}

// service makes a Service with the features, over a handle of its own.
func (w *world) service(features ...kit.Feature) (*kit.Service, error) {
	opened := w.openData(w)
	if opened.Close != nil {
		w.Cleanup(func() { _ = opened.Close() }) // whether it succeeds is what Run tests
	}
	if w.stores.Users == nil {
		w.stores = opened.Stores
	}
	var faults kittest.Faults
	faults.Each(w.before)
	keys, err := accesstoken.HMAC([]byte("a secret for tests, 32 bytes or more"))
	if err != nil {
		w.Fatal(err)
	}
	var o kit.Options
	if w.feature.Options != nil {
		o = w.feature.Options()
	}
	for _, feature := range features {
		o.Features = append([]kit.Feature{spy{feature, w}}, o.Features...)
	}
	o.BcryptCost, o.InsecureFastHash = 4, true
	o.Mailer, o.PublicURL, o.InsecureUnlimited, o.MailDelay = w.mailer, "https://example.com", true, time.Millisecond
	o.OnEvent = func(_ context.Context, e kit.Event) {
		fmt.Fprintf(w, "%+v\n", e)
		if e.Kind == kit.EventLoggedIn {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.loggedIn[e.SessionID] = true
		}
	}
	o.Logger = slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelDebug}))
	o.Now, o.StoreTimeout = w.clock.Now, time.Minute
	svc, err := kit.New(faults.Stores(opened.Stores), keys, &o)
	if err == nil {
		w.Cleanup(func() { _ = svc.Close(context.Background()) })
	}
	return svc, err
}

// spy notes what a feature brings.
type spy struct {
	kit.Feature
	w *world
}

func (s spy) Attach(core *kit.Core) (kit.Extension, error) {
	e, err := s.Feature.Attach(core)
	s.w.brings = e
	return e, err
}

// Write adds to the journal.
func (w *world) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.journal.Write(p)
}

func (w *world) secret(values ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.secrets = append(w.secrets, values...)
}

// checkSecrets wants none in the journal.
func (w *world) checkSecrets() {
	journal := w.journal.String()
	for _, secret := range w.secrets {
		if _, behind, found := strings.Cut(journal, secret); found && secret != "" {
			w.Errorf("a secret is in an event, a log or an error, before %s", brief(behind[:min(len(behind), 100)]))
		}
	}
}

// trial is in the context of a call one of whose store calls goes wrong. Those of other
// callers, and of the mail queue, work.
type trial struct {
	trouble
	nth   int
	then  func(op string) // at the nth store call
	calls int             // of stores so far
}

// before sees every store call, and says what becomes of it.
func (w *world) before(ctx context.Context, op string, record any) kittest.Fault {
	w.note(op, record)
	if request, ok := ctx.Value(readingKey{}).(string); ok && !slices.Contains(reads, op[strings.Index(op, ".")+1:]) {
		w.Errorf("%s: it wrote, by %s", request, op)
	}
	t, ok := ctx.Value(trialKey{}).(*trial)
	if !ok {
		return 0
	}
	w.mu.Lock()
	t.calls++
	calls := t.calls
	w.mu.Unlock()
	switch {
	case calls == t.nth:
		t.then(op)
		return t.fault
	case calls > t.nth && t.forGood:
		return t.fault
	}
	return 0
}

type trialKey struct{}

// readingKey is in the context of a request that must write nothing.
type readingKey struct{}

// reads are the methods of stores that write nothing.
var reads = []string{"ByID", "ByEmail", "ByUser", "List", "ListByEmail", "Ping"}

// note counts a store call, and keeps the record that it writes.
func (w *world) note(op string, record any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls++
	if t, ok := record.(kit.Token); ok {
		store, _, _ := strings.Cut(op, ".")
		w.written(store, t)
	}
}

// called returns how many calls of stores there were.
func (w *world) called() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.calls
}

// expires reports whether a record does within the longest life of a session.
func (w *world) expires(t kit.Token) bool {
	return t.ExpiresAt.Before(w.clock.Now().AddDate(10, 0, 0))
}

// written notes a record, and what is wrong with it.
func (w *world) written(store string, t kit.Token) {
	w.rows[store+"."+t.ID] = t
	wrong := ""
	switch {
	case len(t.Data) > kit.MaxTokenData:
		wrong = "has more Data than kit.MaxTokenData"
	case t.ExpiresAt.IsZero():
		wrong = "has no ExpiresAt, so the next purge removes it"
	case !w.expires(t) && (store == "tokens" || t.UserID == "" && t.Type != "admins"): // kit's list of administrators
		wrong = "does not expire within ten years"
	}
	if wrong != "" {
		w.Errorf("a record of the type %s among the %s %s", t.Type, store, wrong)
	}
	if store == "tokens" {
		w.secrets = append(w.secrets, t.ID) // whoever knows it can end that session
	}
}

// checkRows wants each record that is there to belong to an account. Where the account was
// deleted in the middle of a call, it is enough that the record expires.
func (w *world) checkRows(when string, deleted bool) {
	w.mu.Lock()
	rows := w.rows
	w.rows = map[string]kit.Token{}
	w.mu.Unlock()
	for key := range rows {
		store, id, _ := strings.Cut(key, ".")
		t, err := map[string]kit.TokenStore{"tokens": w.stores.Tokens, "credentials": w.stores.Credentials}[store].ByID(context.Background(), id)
		if err == nil && t.UserID != "" {
			if !deleted {
				w.mu.Lock()
				w.rows[key] = t
				w.mu.Unlock()
			}
			_, err = w.stores.Users.ByID(context.Background(), t.UserID)
			if errors.Is(err, kit.ErrNotFound) && !(deleted && w.expires(t)) {
				w.Errorf("%s: a record of the type %s among the %s belongs to no account", when, t.Type, store)
			}
		}
		if err != nil && !errors.Is(err, kit.ErrNotFound) {
			w.Errorf("%s: looking for a record and its user: %v", when, err)
		}
	}
}

// checkSessions wants each session that is there to have come by Grant, where nothing failed.
func (w *world) checkSessions() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, t := range w.rows {
		if t.Type == kit.RefreshToken && !w.loggedIn[t.SessionID] {
			w.Errorf("a session was started, and there was no event %q: only Grant starts one", kit.EventLoggedIn)
		}
	}
}

// scene makes an account for one try.
func (w *world) scene() *Scene {
	if w.hash == "" {
		u, err := w.plain.Register(context.Background(), kit.Registration{Email: "first@example.com", Username: "First", Password: password})
		if err != nil {
			w.Fatalf("Register: %v", err)
		}
		w.hash = u.PasswordHash
		w.secret(password, string(w.hash))
	}
	w.accounts++
	u, err := w.plain.Import(context.Background(), kit.User{Email: fmt.Sprintf("user.%d@example.com", w.accounts), Username: "Ann", PasswordHash: w.hash, Verified: true, Active: true})
	if err != nil {
		w.Fatalf("Import: %v", err)
	}
	return &Scene{TB: w, User: u, Password: password, Service: w.services[len(w.services)-1], Clock: w.clock, Mailer: w.mailer, world: w}
}
