package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"myauth.internal/drivers/redis"
	"myauth.internal/drivers/sqlite"
	"myauth.internal/httpx"
	"myauth.internal/kit"
	"myauth.internal/kit/kittest"
	"myauth.internal/kit/password"
	"myauth.internal/kit/password/breached"
	"myauth.internal/kit/throttle"
	"myauth.internal/kit/throttle/shared"
	"myauth.internal/kit/useragent"
)

// TestAccountFlows runs the Go of ACCOUNTS.md, in its order.
func TestAccountFlows(t *testing.T) {
	k := kittest.New(t, func(o *kit.Options) { o.InsecureUnlimited = false })
	ctx, svc := t.Context(), k.Service
	email, pw, newPassword, device := "ada@example.com", "Correct-Horse-7", "Better-Horse-8", ""
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}

	user, err := svc.Register(ctx, kit.Registration{Email: email, Username: "Ada", Password: kit.Secret(pw)})
	check(err)
	// The client keeps tokens.DeviceToken, if there is one, for its next login.
	tokens, err := svc.Login(kit.WithDevice(ctx, device), email, pw)
	check(err)

	check(svc.VerifyEmail(ctx, string(k.NextMail(kit.MailVerification).Token)))
	if tokens.DeviceToken == "" || user.ID != tokens.User.ID {
		t.Error("no device token, or another user")
	}
	_, err = svc.Login(kit.WithClient(ctx, kit.Client{UserAgent: "Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0"}), email, pw)
	check(err)
	k.NextMail(kit.MailNewDevice)

	// AuthenticateLive instead of Authenticate also refuses the token of a session that was ended.
	user, claims, err := svc.AuthenticateLive(ctx, string(tokens.AccessToken))
	check(err)
	sessions, err := svc.Sessions(ctx, user.ID)
	check(err)
	for _, s := range sessions {
		if s.ID != claims.SessionID {
			fmt.Println(useragent.Name(s.Client.UserAgent), "last used", s.LastUsedAt)
			check(svc.EndSession(ctx, user.ID, s.ID))
		}
	}
	kept, err := svc.EndOtherSessions(ctx, claims) // all at once, with their access tokens
	check(err)

	if left, err := svc.Sessions(ctx, user.ID); len(sessions) != 2 || len(left) != 1 || err != nil {
		t.Errorf("%d sessions were left of %d: %v", len(left), len(sessions), err)
	}
	authenticate := func() {
		t.Helper()
		user, claims, err = svc.Authenticate(ctx, string(kept.AccessToken))
		check(err)
	}
	authenticate()

	name := "Ada L."
	user, err = svc.ChangeOwnProfile(ctx, claims, kit.Profile{Username: &name, Settings: json.RawMessage(`{"theme":"dark"}`)})
	check(err)

	// kept.AccessToken is the session's new access token. Its refresh token stays.
	kept, err = svc.ChangePassword(ctx, claims, pw, newPassword)
	check(err)

	k.NextMail(kit.MailPasswordChanged)
	if user.Username != name || kept.RefreshToken != "" {
		t.Errorf("the user is %s, and there is another refresh token: %v", user.Username, kept.RefreshToken != "")
	}
	authenticate()
	k.Clock.Advance(11 * time.Minute)

	if err := svc.CheckRecent(user, claims); errors.Is(err, kit.ErrReauthenticationRequired) {
		kept, err = svc.Reauthenticate(ctx, claims, newPassword) // or ErrMFARequired, with a second factor
		check(err)
	}

	authenticate()
	check(svc.CheckRecent(user, claims))

	check(svc.RequestEmailChange(ctx, claims, "lovelace@example.com"))

	var token kit.Secret
	for range 2 {
		mail, err := k.Mailer.Next(ctx)
		check(err)
		token = token + mail.Token // the notice has none
	}

	check(svc.ConfirmEmailChange(ctx, string(token))) // the token of the mail

	user, err = svc.UserByID(ctx, user.ID)
	if check(err); user.Email != "lovelace@example.com" || !user.Verified {
		t.Errorf("the address is %s", user.Email)
	}
	email = user.Email
	tokens, err = svc.Login(kit.WithDevice(ctx, ""), email, newPassword)
	check(err)
	for n := range 6 {
		_, err = svc.Login(ctx, email, fmt.Sprint("wrong", n))
	}

	var limit *throttle.LimitError
	if errors.As(err, &limit) {
		fmt.Println("try again in", limit.RetryAfter)
	}

	if limit == nil {
		t.Fatalf("six guesses: %v", err)
	}
	_, err = svc.Login(ctx, email, newPassword)
	if !errors.Is(err, throttle.ErrTooManyRequests) {
		t.Errorf("a stranger with the right password: %v", err)
	}
	_, err = svc.Login(kit.WithDevice(ctx, string(tokens.DeviceToken)), email, newPassword)
	check(err)

	check(svc.DeleteUser(ctx, user.ID))

	if _, err := svc.UserByID(ctx, user.ID); !errors.Is(err, kit.ErrUserNotFound) {
		t.Errorf("the account is there: %v", err)
	}
}

// TestRecentRoute: the middleware of ACCOUNTS.md.
func TestRecentRoute(t *testing.T) {
	k := kittest.New(t)
	auth, err := httpx.New(k.Service, nil)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	payOut := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})

	mux.Handle("POST /payout", auth.RequireRecent(payOut))

	_, tokens := k.LogIn("ada@example.com")
	ask := func(status int, challenge string) {
		t.Helper()
		r, w := httptest.NewRequest("POST", "/payout", nil), httptest.NewRecorder()
		r.Header.Set("Authorization", "Bearer "+string(tokens.AccessToken))
		mux.ServeHTTP(w, r)
		if got := w.Header().Get("WWW-Authenticate"); w.Code != status || !strings.Contains(got, challenge) {
			t.Errorf("status %d, %s", w.Code, got)
		}
	}
	ask(200, "")
	k.Clock.Advance(11 * time.Minute)
	ask(401, `max_age="600"`)
}

// officeHours lets strangers log in by day only, and leaves the rest to the throttle.
type officeHours struct{ *throttle.Throttle }

func (l officeHours) Begin(ctx context.Context, a throttle.Attempt) (throttle.Charge, error) {
	if hour := a.Time.Hour(); a.Action == throttle.ActionLogin && a.Device == "" && (hour < 6 || hour >= 22) {
		return nil, &throttle.LimitError{RetryAfter: time.Hour}
	}
	return l.Throttle.Begin(ctx, a)
}

func TestOwnLimiter(t *testing.T) {
	k := kittest.New(t, func(opts *kit.Options) {
		opts.Limiter = officeHours{throttle.New(nil)}
	})
	k.LogIn("ada@example.com") // at noon, and by no route
	if _, err := k.Login(t.Context(), "ada@example.com", kittest.Password); err != nil {
		t.Error(err)
	}
	k.Clock.Advance(11 * time.Hour)
	if _, err := k.Login(t.Context(), "ada@example.com", kittest.Password); !errors.Is(err, throttle.ErrTooManyRequests) {
		t.Errorf("at night: %v", err)
	}
}

// sharedInRedis and sharedInStore are compiled only; TestInstancesShareTheThrottle does the same.
func sharedInRedis(store *redis.Store) throttle.Limiter {
	limiter := throttle.New(&throttle.Options{Shared: store.Buckets()})
	return limiter
}

func sharedInStore(store *sqlite.Store) throttle.Limiter {
	limiter := throttle.New(&throttle.Options{Shared: shared.New(store.Tokens())})
	return limiter
}

func TestSharedLimitersAreMade(t *testing.T) {
	store, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "auth.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	if sharedInStore(store) == nil || sharedInRedis(new(redis.Store)) == nil {
		t.Error("no limiter")
	}
}

func TestBreachedPolicies(t *testing.T) {
	onError := func(ctx context.Context, err error) {
		slog.WarnContext(ctx, "a password was not looked up", "err", err)
	}
	policy, err := breached.Online(password.Strict, &breached.Options{OnError: onError})
	if policy == nil || err != nil {
		t.Error(err)
	}

	path := "../../kit/password/breached/testdata/pwned.list"
	list, err := breached.OpenList(path)
	if err != nil {
		t.Fatal(err)
	}
	defer list.Close()
	policy = list.Policy(password.Strict, onError)

	if broken, err := password.Check(t.Context(), policy, "Unlisted-Horse-12"); len(broken) > 0 || err != nil {
		t.Errorf("%v, %v", broken, err)
	}
}
