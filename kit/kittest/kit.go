package kittest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"slices"
	"strings"
	"time"

	"myauth.internal/kit"
	"myauth.internal/kit/accesstoken"
	"myauth.internal/kit/memstore"
	"myauth.internal/kit/seal"
)

// TB is what [New] needs of a test. *testing.T, *testing.B and *testing.F are ones.
type TB interface {
	Helper()
	Context() context.Context
	Cleanup(func())
	Fatalf(format string, args ...any)
	Output() io.Writer
}

// Password is the password of the accounts that [Kit.LogIn] makes.
const Password = "Str0ng!Passw0rd"

// passwordHash is Password under bcrypt at its lowest cost.
const passwordHash = "$2b$04$hSdymLBXzrBNSqxqJ.RHwuet7WTmm7Jvtfyp3wbVgLldiwKaI1N/S"

// Kit is a Service for a test, with all that a test may want to move, read or break. Its
// methods end the test when something goes wrong, so call them from the test's goroutine.
type Kit struct {
	*kit.Service
	// Clock is the Service's; it stands at 2026-11-24 12:00 UTC.
	Clock *Clock
	// Mailer has the mails.
	Mailer *Mailer
	// Faults are in front of the stores; there are none yet.
	Faults *Faults
	// Store is what is stored, without the faults.
	Store *memstore.Store
	// Keys sign the access tokens, for a verifier or a second Service.
	Keys *accesstoken.Keyring

	t    TB
	opts kit.Options
}

// New returns a Service in memory, which is closed when the test ends. Hashes cost little,
// mails come at once and as many as are asked for, links lead to https://app.example.com,
// there are data keys, the log goes to the test's output, and events go nowhere. Each change
// may set other options.
func New(t TB, change ...func(*kit.Options)) *Kit {
	t.Helper()
	k := &Kit{
		Clock: NewClock(time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)), Mailer: &Mailer{}, Faults: &Faults{}, Store: memstore.New(), t: t,
	}
	keys, err1 := accesstoken.HMAC([]byte("a secret for tests, 32 bytes or more"))
	dataKeys, err2 := seal.NewKeyring(bytes.Repeat([]byte("test key"), seal.KeySize/8))
	if err := errors.Join(err1, err2); err != nil {
		t.Fatalf("kittest: %v", err)
	}
	k.Keys = keys
	k.opts = kit.Options{
		BcryptCost: 4, InsecureFastHash: true,
		Mailer: k.Mailer, MailDelay: time.Millisecond, InsecureUnlimited: true, PublicURL: "https://app.example.com",
		DataKeys: dataKeys, Now: k.Clock.Now, OnEvent: func(context.Context, kit.Event) {},
		Logger: slog.New(slog.NewTextHandler(t.Output(), nil)),
	}
	for _, c := range change {
		c(&k.opts)
	}
	k.Service = k.Another()
	return k
}

// Another returns another instance: a Service of its own over the same stores, with the same
// keys and options. It is closed when the test ends.
func (k *Kit) Another() *kit.Service {
	k.t.Helper()
	opts := k.opts
	svc, err := kit.New(k.Faults.Stores(k.Store.Stores()), k.Keys, &opts)
	if err != nil {
		k.t.Fatalf("kittest: %v", err)
	}
	k.t.Cleanup(func() { _ = svc.Close(context.Background()) })
	return svc
}

// LogIn starts a session of the account with that address, as after the right password. If
// there is none, it makes one: active and verified, with [Password], named after what stands
// before the @. No mail is sent. Roles, if any are given, are the account's from then on.
func (k *Kit) LogIn(email string, roles ...string) (kit.User, kit.TokenPair) {
	k.t.Helper()
	ctx := k.t.Context()
	u, err := k.UserByEmail(ctx, email)
	switch {
	case errors.Is(err, kit.ErrUserNotFound):
		name, _, _ := strings.Cut(email, "@")
		u, err = k.Import(ctx, kit.User{Email: email, Username: name, PasswordHash: passwordHash, Roles: roles, Active: true, Verified: true})
	case err == nil && len(roles) > 0 && !slices.Equal(u.Roles, roles):
		u, err = k.SetRoles(ctx, u.ID, roles...)
	}
	if err != nil {
		k.t.Fatalf("kittest: the account %s: %v", email, err)
	}
	tokens, err := k.Grant(ctx, kit.Login{User: u, AMR: []string{"pwd"}})
	if err != nil {
		k.t.Fatalf("kittest: logging in %s: %v", email, err)
	}
	return tokens.User, tokens
}

// NextMail returns the next mail that was not returned yet, which must be of that kind. It waits
// for it, 20 seconds at most.
func (k *Kit) NextMail(kind kit.MailKind) kit.Mail {
	k.t.Helper()
	ctx, cancel := context.WithTimeout(k.t.Context(), 20*time.Second)
	defer cancel()
	m, err := k.Mailer.Next(ctx)
	if err != nil {
		k.t.Fatalf("kittest: no %s mail came: %v", kind, err)
	}
	if m.Kind != kind {
		k.t.Fatalf("kittest: got a %s mail, want %s", m.Kind, kind)
	}
	return m
}
