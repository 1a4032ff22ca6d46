package kit_test

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"myauth.internal/kit"
	"myauth.internal/kit/accesstoken"
	"myauth.internal/kit/kittest"
	"myauth.internal/kit/memstore"
)

func TestLoginRefusesAllTheSame(t *testing.T) {
	h := newHarness(t, func(o *kit.Options) { o.RequireVerifiedEmail = true })
	h.register(testEmail)
	disabled, _ := h.register("off@example.com")
	if _, err := h.Deactivate(t.Context(), disabled.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Import(t.Context(), kit.User{Email: "corrupt@example.com", Username: "c", PasswordHash: "$2b$04$broken", Active: true, Verified: true}); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Import(t.Context(), kit.User{Email: "none@example.com", Username: "n", Active: true, Verified: true}); err != nil {
		t.Fatal(err)
	}
	for _, c := range [][2]string{
		{"nobody@example.com", goodPassword}, {"no address", goodPassword}, {testEmail, "wrong"}, {testEmail, ""},
		{testEmail, strings.ToLower(goodPassword)}, {testEmail, " " + goodPassword}, {testEmail, goodPassword + "\x00"},
		{testEmail, strings.Repeat("x", 5000)}, {"off@example.com", "wrong"},
		{"corrupt@example.com", goodPassword}, {"none@example.com", ""},
		{"Ada@Example.com", goodPassword + " "},
	} {
		_, err := h.Login(t.Context(), c[0], c[1])
		if err != kit.ErrInvalidCredentials { // the very same value: nothing to tell apart
			t.Errorf("%q: got %v", c[0], err)
		}
	}
	_, err := h.Login(t.Context(), testEmail, goodPassword)
	h.wantErr("the right password of an unverified account", err, kit.ErrEmailNotVerified)
	_, err = h.Login(t.Context(), "off@example.com", goodPassword)
	h.wantErr("the right password of a disabled account", err, kit.ErrAccountDisabled)
}

func TestLoginUpgradesAnotherCost(t *testing.T) {
	h := newHarness(t, func(o *kit.Options) { o.BcryptCost = 5 })
	// The hash of "password" by passlib's documentation is at cost 12.
	u, err := h.Import(t.Context(), kit.User{
		Email: "py@example.com", Username: "py", Active: true, Verified: true,
		PasswordHash: "$bcrypt-sha256$v=2,t=2b,r=12$n79VH.0Q2TMWmt3Oqt9uku$Kq4Noyk3094Y2QlB8NdRT8SvGiI4ft2",
	})
	if err != nil {
		t.Fatal(err)
	}
	h.login("py@example.com", "password")
	after, err := h.UserByID(t.Context(), u.ID)
	if err != nil || !strings.HasPrefix(string(after.PasswordHash), "$2") || !strings.Contains(string(after.PasswordHash), "$05$") {
		t.Errorf("the hash is %.12s…, want bcrypt at cost 5", string(after.PasswordHash))
	}
	if after.SessionEpoch != u.SessionEpoch || !after.UpdatedAt.Equal(u.UpdatedAt) {
		t.Error("the upgrade changed more than the hash")
	}
	h.login("py@example.com", "password")
}

func TestLoginUpgradeNeverOverwritesANewPassword(t *testing.T) {
	h := newHarness(t, func(o *kit.Options) { o.BcryptCost = 5 })
	low := newHarness(t) // makes a hash at cost 4
	u, _ := low.register(testEmail)
	u, _ = low.UserByID(t.Context(), u.ID)
	u.ID = ""
	imported, err := h.Import(t.Context(), u)
	if err != nil {
		t.Fatal(err)
	}
	token := h.resetToken(testEmail)
	errs := race(8, func(i int) error {
		if i == 0 {
			return h.ResetPassword(t.Context(), token, otherPassword)
		}
		_, err := h.Login(t.Context(), testEmail, goodPassword)
		return err
	})
	if errs[0] != nil {
		t.Fatal(errs[0])
	}
	h.login(testEmail, otherPassword)
	_, err = h.Login(t.Context(), imported.Email, goodPassword)
	h.wantErr("the old password", err, kit.ErrInvalidCredentials)
}

func TestLoginStorageFaults(t *testing.T) {
	for _, op := range []kittest.Op{"users.ByEmail", "tokens.Create"} {
		for _, fault := range []kittest.Fault{kittest.Down, kittest.Hang, kittest.Lost} {
			bubble(t, func(t *testing.T, h *harness) {
				h.register(testEmail)
				h.faults.Inject(op, fault, 1)
				tokens, err := h.Login(t.Context(), testEmail, goodPassword)
				if op == "tokens.Create" && fault == kittest.Lost {
					if err != nil {
						t.Error("a session whose answer was lost:", err)
					}
					h.mustRefresh(tokens.RefreshToken)
				} else {
					h.wantErr("login", err, kit.ErrUnavailable)
				}
				_, unknown := h.Login(t.Context(), "nobody@example.com", goodPassword)
				h.wantErr("after recovery", unknown, kit.ErrInvalidCredentials)
			})
		}
	}
	h := newHarness(t)
	h.faults.Inject("users.ByEmail", kittest.Broken, 1)
	if _, err := h.Login(t.Context(), testEmail, goodPassword); err == nil || errors.Is(err, kit.ErrUnavailable) || errors.Is(err, kit.ErrInvalidCredentials) {
		t.Error("a store's bug became", err)
	}
}

type limiter struct{ seen []kit.Attempt }

func (l *limiter) Allow(_ context.Context, a kit.Attempt) error {
	l.seen = append(l.seen, a)
	return &kit.LimitError{RetryAfter: time.Minute}
}

func TestLimiterIsAskedWithTheCanonicalEmailAndAddress(t *testing.T) {
	l := &limiter{}
	h := newHarness(t, func(o *kit.Options) { o.Limiter = l })
	ctx := kit.WithClientIP(t.Context(), netip.MustParseAddr("192.0.2.7"))
	_, err := h.Login(ctx, testEmail, goodPassword)
	h.wantErr("login", err, kit.ErrTooManyRequests)
	_, err = h.Register(ctx, kit.Registration{Email: testEmail, Username: "a", Password: goodPassword})
	h.wantErr("register", err, kit.ErrTooManyRequests)
	h.wantErr("reset request", h.RequestPasswordReset(ctx, testEmail), kit.ErrTooManyRequests)
	h.wantErr("verification request", h.RequestEmailVerification(ctx, testEmail), kit.ErrTooManyRequests)
	if len(l.seen) != 4 {
		t.Fatalf("asked %d times, want 4", len(l.seen))
	}
	for _, a := range l.seen {
		if a.EmailKey != "ada@example.com" || a.ClientIP.String() != "192.0.2.7" {
			t.Errorf("asked with %+v", a)
		}
	}
}

func TestEpochAndDeactivation(t *testing.T) {
	h := newHarness(t)
	u, _ := h.register(testEmail)
	tokens := h.login(testEmail, goodPassword)
	access := string(tokens.AccessToken)
	if _, claims, err := h.Authenticate(t.Context(), access); err != nil || claims.Subject != u.ID {
		t.Fatal(claims, err)
	}
	for range 2 {
		if _, err := h.Deactivate(t.Context(), u.ID); err != nil {
			t.Fatal(err)
		}
	}
	_, _, err := h.Authenticate(t.Context(), access)
	h.wantErr("an access token of a disabled account", err, kit.ErrAccountDisabled)
	_, err = h.refresh(tokens.RefreshToken)
	h.wantErr("a session of a disabled account", err, kit.ErrAccountDisabled)
	_, err = h.refresh(tokens.RefreshToken)
	h.wantErr("that session again", err, kit.ErrRevokedToken)
	if _, err := h.Activate(t.Context(), u.ID); err != nil {
		t.Fatal(err)
	}
	_, _, err = h.Authenticate(t.Context(), access)
	h.wantErr("the old access token after reactivation", err, kit.ErrRevokedToken)
	_, err = h.refresh(tokens.RefreshToken)
	h.wantErr("the old session after reactivation", err, kit.ErrRevokedToken)
	tokens = h.login(testEmail, goodPassword)
	if err := h.EndAllSessions(t.Context(), u.ID); err != nil {
		t.Fatal(err)
	}
	_, err = h.refresh(tokens.RefreshToken)
	h.wantErr("a session after the end of all", err, kit.ErrRevokedToken)
	tokens = h.login(testEmail, goodPassword)
	h.clock.Advance(30 * time.Minute)
	_, _, err = h.Authenticate(t.Context(), string(tokens.AccessToken))
	h.wantErr("an access token at its end", err, kit.ErrExpiredToken)
	_, _, err = h.Authenticate(t.Context(), string(tokens.RefreshToken))
	h.wantErr("a refresh token as access token", err, kit.ErrInvalidToken)
}

// With concealment the right password of an account that is not verified, which whoever
// registered it knows, is answered as a wrong one, whatever else is true of the account.
func TestConcealedLogin(t *testing.T) {
	h := newHarness(t, func(o *kit.Options) { o.ConcealAccounts, o.RequireVerifiedEmail = true, true })
	u, _ := h.register(testEmail)
	login := func() error { _, err := h.Login(t.Context(), testEmail, goodPassword); return err }
	if err := login(); err != kit.ErrInvalidCredentials { //nolint:errorlint // the very one, with no word more
		t.Errorf("got %v", err)
	}
	mail := h.nextMail(kit.MailVerification)
	if _, err := h.Deactivate(t.Context(), u.ID); err != nil {
		t.Fatal(err)
	}
	h.wantErr("of a disabled one", login(), kit.ErrInvalidCredentials)
	if _, err := h.Activate(t.Context(), u.ID); err != nil {
		t.Fatal(err)
	}
	if err := h.VerifyEmail(t.Context(), string(mail.Token)); err != nil {
		t.Fatal(err)
	}
	h.login(testEmail, goodPassword)
	if n := len(h.mailer.All()); n != 2 {
		t.Errorf("%d mails, want 2: a disabled account gets none", n)
	}
	for _, e := range h.events {
		if e.Kind == kit.EventLoginFailed && !errors.Is(e.Err, kit.ErrEmailNotVerified) {
			t.Errorf("the audit stream says %v", e.Err)
		}
	}
}

func TestConcealmentNeedsVerification(t *testing.T) {
	keys, err := accesstoken.HMAC([]byte("a secret for tests, 32 bytes or more"))
	if err != nil {
		t.Fatal(err)
	}
	store := memstore.New()
	_, err = kit.New(store.Users(), store.Tokens(), keys, &kit.Options{ConcealAccounts: true})
	if err == nil || !strings.Contains(err.Error(), "ConcealAccounts") || !strings.Contains(err.Error(), "RequireVerifiedEmail") {
		t.Errorf("got %v, want an error that names both options", err)
	}
}
