package kit_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"myauth.internal/kit"
	"myauth.internal/kit/accesstoken"
	"myauth.internal/kit/kittest"
	"myauth.internal/kit/memstore"
)

const (
	goodPassword  = "Str0ng!Passw0rd"
	goodHash      = "$2b$04$hSdymLBXzrBNSqxqJ.RHwuet7WTmm7Jvtfyp3wbVgLldiwKaI1N/S" // of goodPassword, at the lowest cost
	otherPassword = "An0ther!Secret9"
	testEmail     = "Ada@Example.com"
)

var start = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// harness is a Service over memory with everything that can be watched or broken.
type harness struct {
	*kit.Service
	t      *testing.T
	clock  *kittest.Clock
	mailer *kittest.Mailer
	faults *kittest.Faults
	store  *memstore.Store
	log    *syncBuffer
	keys   *accesstoken.Keyring
	opts   kit.Options

	gate    *gateFeature       // of newDoorHarness
	session accesstoken.Claims // of a test

	recovery []kit.Secret // codes of the last enrolment

	mu     sync.Mutex
	events []kit.Event
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func newHarness(t *testing.T, change ...func(*kit.Options)) *harness {
	t.Helper()
	h := &harness{
		t: t, clock: kittest.NewClock(start), mailer: &kittest.Mailer{},
		faults: &kittest.Faults{}, store: memstore.New(), log: &syncBuffer{},
	}
	keys, err := accesstoken.HMAC([]byte("a secret for tests, 32 bytes or more"))
	if err != nil {
		t.Fatal(err)
	}
	opts := &kit.Options{
		BcryptCost: 4, InsecureFastHash: true,
		// As many mails as a test asks for, and at once; tests of the spacing turn it on.
		InsecureUnlimited: true, MailDelay: time.Millisecond,
		Mailer: h.mailer, PublicURL: "https://app.example.com/account/",
		Logger: slog.New(slog.NewTextHandler(h.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Now:    h.clock.Now, StoreTimeout: time.Second,
		OnEvent: func(_ context.Context, e kit.Event) {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.events = append(h.events, e)
		},
	}
	for _, c := range change {
		c(opts)
	}
	h.keys, h.opts = keys, *opts
	h.Service = h.another()
	return h
}

// another is another instance: a Service of its own over the same stores and keys.
func (h *harness) another() *kit.Service { return h.over(h.faults.Stores(h.store.Stores())) }

// withTokens is the stores with tokens in place of their own.
func (h *harness) withTokens(tokens kit.TokenStore) kit.Stores {
	stores := h.faults.Stores(h.store.Stores())
	stores.Tokens = tokens
	return stores
}

// over is another instance over stores.
func (h *harness) over(stores kit.Stores, change ...func(*kit.Options)) *kit.Service {
	h.t.Helper()
	opts := h.opts
	for _, c := range change {
		c(&opts)
	}
	s, err := kit.New(stores, h.keys, &opts)
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { s.Close(context.Background()) })
	return s
}

// register makes an account and takes its verification mail.
func (h *harness) register(email string) (kit.User, kit.Mail) {
	h.t.Helper()
	u, err := h.Register(h.t.Context(), kit.Registration{Email: email, Username: "Ada", Password: goodPassword})
	if err != nil {
		h.t.Fatal("register:", err)
	}
	return u, h.nextMail(kit.MailVerification)
}

func (h *harness) login(email, password string) kit.TokenPair {
	h.t.Helper()
	tokens, err := h.Login(h.t.Context(), email, password)
	if err != nil {
		h.t.Fatal("login:", err)
	}
	return tokens
}

// changePassword changes the password of testEmail in a new session, which lives on.
func (h *harness) changePassword(current, next string) error {
	h.t.Helper()
	_, err := h.ChangePassword(h.t.Context(), h.claims(h.login(testEmail, current)), current, next)
	return err
}

// rename changes the display name.
func (h *harness) rename(id, name string) error {
	_, err := h.ChangeProfile(h.t.Context(), id, kit.Profile{Username: &name})
	return err
}

func (h *harness) refresh(token kit.Secret) (kit.TokenPair, error) {
	return h.Refresh(h.t.Context(), string(token))
}

func (h *harness) mustRefresh(token kit.Secret) kit.TokenPair {
	h.t.Helper()
	tokens, err := h.refresh(token)
	if err != nil {
		h.t.Fatal("refresh:", err)
	}
	return tokens
}

func (h *harness) nextMail(kind kit.MailKind) kit.Mail {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.t.Context(), 20*time.Second)
	defer cancel()
	mail, err := h.mailer.Next(ctx)
	if err != nil {
		h.t.Fatalf("no %s mail came: %v", kind, err)
	}
	if mail.Kind != kind {
		h.t.Fatalf("got a %s mail, want %s", mail.Kind, kind)
	}
	return mail
}

// changedEmail takes the two mails of a change of address by an administrator.
func (h *harness) changedEmail() (verification, notice kit.Mail) {
	h.t.Helper()
	mails := h.mails(2)
	verification, notice = mails[kit.MailVerification], mails[kit.MailEmailChanged]
	if verification.Kind == "" || notice.Kind == "" {
		h.t.Fatalf("the mails of a change of address are %v", mails)
	}
	return verification, notice
}

func (h *harness) resetToken(email string) string {
	h.t.Helper()
	if err := h.RequestPasswordReset(h.t.Context(), email); err != nil {
		h.t.Fatal("request reset:", err)
	}
	return string(h.nextMail(kit.MailPasswordReset).Token)
}

func (h *harness) count(kind kit.EventKind) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := 0
	for _, e := range h.events {
		if e.Kind == kind {
			n++
		}
	}
	return n
}

// last returns the newest event of that kind.
func (h *harness) last(kind kit.EventKind) kit.Event {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, e := range slices.Backward(h.events) {
		if e.Kind == kind {
			return e
		}
	}
	return kit.Event{}
}

func (h *harness) wantErr(what string, err, want error) {
	h.t.Helper()
	if !errors.Is(err, want) {
		h.t.Errorf("%s: got error %v, want %v", what, err, want)
	}
}

// race runs n calls at once, behind a barrier, and returns their errors.
func race(n int, call func(i int) error) []error {
	errs := make([]error, n)
	var ready, done sync.WaitGroup
	gate := make(chan struct{})
	ready.Add(n)
	done.Add(n)
	for i := range n {
		go func() {
			defer done.Done()
			ready.Done()
			<-gate
			errs[i] = call(i)
		}()
	}
	ready.Wait()
	close(gate)
	done.Wait()
	return errs
}

func discardEvents(context.Context, kit.Event) {}
