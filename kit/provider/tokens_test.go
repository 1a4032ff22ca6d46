package provider

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/oauth2"

	"myauth.internal/kit"
	"myauth.internal/kit/kittest"
)

func keeps(c *Config) { c.KeepTokens = true }

// tokens is what acme gives for an hour.
func (w *world) tokens(access, refresh string) *oauth2.Token {
	return &oauth2.Token{AccessToken: access, TokenType: "Bearer", RefreshToken: refresh, Expiry: w.Clock.Now().Add(time.Hour)}
}

// signInWith signs in with tokens.
func (w *world) signInWith(t *oauth2.Token) kit.User {
	w.t.Helper()
	a := says("1", ada, true)
	a.tokens = t
	return w.signIn(a)
}

func (w *world) wantToken(u kit.User, access, refresh string) {
	w.t.Helper()
	t, err := w.feature.Token(w.t.Context(), u.ID, "acme")
	if err != nil || t.AccessToken != access || t.RefreshToken != refresh {
		w.t.Errorf("got the token %v, %v, want %s and %s", t, err, access, refresh)
	}
}

// TestToken: what is kept is sealed, comes back, and is refreshed and stored when it has expired.
func TestToken(t *testing.T) {
	w := newWorld(t, keeps)
	u := w.signInWith(w.tokens("SECRET-access-1", "SECRET-refresh-1"))
	w.wantToken(u, "SECRET-access-1", "SECRET-refresh-1")
	rows, err := w.Store.Credentials().ByUser(t.Context(), u.ID, "", 1000)
	if err != nil || len(rows) != 1 || strings.Contains(string(rows[0].Data), "SECRET") {
		t.Errorf("the store has %d rows, %v, or the tokens as they are", len(rows), err)
	}
	// A login without tokens leaves them, one without a refresh token leaves that.
	w.signIn(says("1", ada, true))
	w.wantToken(u, "SECRET-access-1", "SECRET-refresh-1")
	w.signInWith(w.tokens("access-2", ""))
	w.wantToken(u, "access-2", "SECRET-refresh-1")
	// Shortly before its end it is refreshed, once, and stored.
	w.mute.answer = func(old *oauth2.Token) (*oauth2.Token, error) {
		if old.RefreshToken != "SECRET-refresh-1" {
			return nil, errStale
		}
		return w.tokens("access-3", "refresh-3"), nil
	}
	w.Clock.Advance(59*time.Minute - time.Second)
	w.wantToken(u, "access-2", "SECRET-refresh-1")
	w.Clock.Advance(time.Second)
	w.wantToken(u, "access-3", "refresh-3")
	w.wantToken(u, "access-3", "refresh-3")
	if w.mute.refreshed != 1 {
		t.Errorf("refreshed %d times", w.mute.refreshed)
	}
	// A refresh may leave the refresh token as it is.
	w.mute.answer = func(*oauth2.Token) (*oauth2.Token, error) { return w.tokens("access-4", ""), nil }
	w.Clock.Advance(time.Hour)
	w.wantToken(u, "access-4", "refresh-3")
	// An outage is one, and loses nothing.
	w.mute.answer = func(*oauth2.Token) (*oauth2.Token, error) { return nil, errUnavailable }
	w.Clock.Advance(time.Hour)
	if _, err := w.feature.Token(t.Context(), u.ID, "acme"); !errors.Is(err, kit.ErrUnavailable) {
		t.Errorf("during an outage: %v", err)
	}
	w.mute.answer = func(*oauth2.Token) (*oauth2.Token, error) { return nil, errStale }
	if _, err := w.feature.Token(t.Context(), u.ID, "acme"); !errors.Is(err, ErrNoToken) {
		t.Errorf("a refresh token that does not count any more: %v", err)
	}
	w.signInWith(&oauth2.Token{AccessToken: "for ever"})
	w.wantToken(u, "for ever", "refresh-3")
	// Unlinked, they are gone.
	list, err := w.p().list(t.Context(), u)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.setPassword(u); err != nil {
		t.Fatal(err)
	}
	if err := w.unlink(u, list[0].ID); err != nil {
		t.Fatal(err)
	}
	if _, err := w.feature.Token(t.Context(), u.ID, "acme"); !errors.Is(err, ErrNoToken) {
		t.Errorf("after the identity is unlinked: %v", err)
	}
}

// setPassword gives an account a password.
func (w *world) setPassword(u kit.User) error {
	if err := w.RequestPasswordReset(w.t.Context(), u.Email); err != nil {
		return err
	}
	return w.ResetPassword(w.t.Context(), string(w.mail(kit.MailPasswordReset).Token), another)
}

// TestTokenRefuses: no token of a user, a provider or an account that has none.
func TestTokenRefuses(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.KeepTokens = c.Name == "acme" })
	u := w.signInWith(nil)
	token := func(userID, provider string) error {
		_, err := w.feature.Token(t.Context(), userID, provider)
		return err
	}
	for name, err := range map[string]error{"none kept": token(u.ID, "acme"), "it expired": func() error {
		w.signInWith(&oauth2.Token{AccessToken: "x", Expiry: w.Clock.Now()})
		return token(u.ID, "acme")
	}()} {
		if !errors.Is(err, ErrNoToken) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := token(u.ID, "other"); err == nil || errors.Is(err, ErrNoToken) {
		t.Errorf("a provider that keeps none: %v", err)
	}
	if err := token("nobody", "acme"); !errors.Is(err, kit.ErrUserNotFound) {
		t.Errorf("nobody's: %v", err)
	}
	w.signInWith(w.tokens("a", "r"))
	if _, err := w.Deactivate(t.Context(), u.ID); err != nil {
		t.Fatal(err)
	}
	if err := token(u.ID, "acme"); !errors.Is(err, kit.ErrAccountDisabled) {
		t.Errorf("an account that is off: %v", err)
	}
	f, err := New("https://app.example.com/auth", []string{"https://app.example.com/done"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Token(t.Context(), u.ID, "acme"); err == nil {
		t.Error("a Feature of no Service gave a token")
	}
}

// TestTokensThatAreTooLong: what the record cannot hold is left out, the access token first, and
// the login goes on.
func TestTokensThatAreTooLong(t *testing.T) {
	long := strings.Repeat("x", kit.MaxTokenData)
	w := newWorld(t, keeps)
	u := w.signInWith(w.tokens(long, "r"))
	w.mute.answer = func(old *oauth2.Token) (*oauth2.Token, error) { return w.tokens("new", old.RefreshToken), nil }
	w.wantToken(u, "new", "r")
	w.signInWith(w.tokens("a", long))
	if _, err := w.feature.Token(t.Context(), u.ID, "acme"); !errors.Is(err, ErrNoToken) {
		t.Errorf("a refresh token that is too long: %v", err)
	}
	if err := w.p().tokensWait(t.Context(), w.acme, "flow", w.tokens(long, "r")); err != nil {
		t.Errorf("waiting: %v", err)
	}
}

// TestTokensNotAskedFor: without KeepTokens none is stored, nor left from when there was.
func TestTokensNotAskedFor(t *testing.T) {
	w := newWorld(t)
	u := w.signInWith(w.tokens("SECRET", "SECRET"))
	kept := w.acme
	kept.KeepTokens = true
	a := says("1", ada, true)
	a.tokens = w.tokens("SECRET", "SECRET")
	has := func() bool {
		list, err := w.p().list(t.Context(), u)
		if err != nil {
			t.Fatal(err)
		}
		return len(list[0].Token) > 0
	}
	if has() {
		t.Error("tokens were kept")
	}
	if _, err := w.p().signIn(t.Context(), kept, a); err != nil || !has() {
		t.Fatalf("they are not kept where they should be: %v", err)
	}
	w.Clock.Advance(time.Second)
	w.signInWith(nil)
	if has() {
		t.Error("tokens remain that nobody asks for any more")
	}
}

// TestRefreshAtOnce: many calls for one expired token, of two instances, make one request each at
// most, and all get what is stored in the end.
func TestRefreshAtOnce(t *testing.T) { synctest.Test(t, refreshAtOnce) }

func refreshAtOnce(t *testing.T) {
	w := newWorld(t, keeps)
	u := w.signInWith(w.tokens("1", "r1"))
	var mu sync.Mutex
	valid := "r1"
	w.mute.answer = func(old *oauth2.Token) (*oauth2.Token, error) {
		synctest.Wait() // the others wait for this answer, or are here too
		mu.Lock()
		defer mu.Unlock()
		if old.RefreshToken != valid {
			return nil, errStale
		}
		valid = "r2"
		return w.tokens("2", "r2"), nil
	}
	w.Clock.Advance(time.Hour)
	errs := make([]error, racers)
	var all sync.WaitGroup
	for i := range racers {
		all.Go(func() {
			var got *oauth2.Token
			if got, errs[i] = w.feature.Token(context.Background(), u.ID, "acme"); errs[i] == nil && got.AccessToken != "2" {
				errs[i] = errors.New("an old token")
			}
		})
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Error(err)
	}
	if w.mute.refreshed != 1 {
		t.Errorf("%d requests", w.mute.refreshed)
	}
	// Another instance was first: what it has stored is the token.
	w.mute.answer = func(*oauth2.Token) (*oauth2.Token, error) {
		w.mute.answer = func(*oauth2.Token) (*oauth2.Token, error) { return nil, errUnavailable }
		a := says("1", ada, true)
		a.tokens = w.tokens("3", "r3")
		_, err := w.p().signIn(context.Background(), w.acme, a)
		return nil, errors.Join(err, errStale)
	}
	w.Clock.Advance(time.Hour)
	w.wantToken(u, "3", "r3")
	// A login during the refresh has the later tokens: they stay.
	w.mute.answer = func(*oauth2.Token) (*oauth2.Token, error) {
		a := says("1", ada, true)
		a.tokens = w.tokens("5", "r5")
		_, err := w.p().signIn(context.Background(), w.acme, a)
		return w.tokens("4", "r4"), err
	}
	w.Clock.Advance(time.Hour)
	w.wantToken(u, "4", "r4")
	w.wantToken(u, "5", "r5")
}

// TestWaitingTokens: between the callback and the exchange tokens wait sealed, a minute, in a record
// of nobody.
func TestWaitingTokens(t *testing.T) {
	w := newWorld(t, keeps)
	if err := w.p().tokensWait(t.Context(), w.acme, "flow", w.tokens("SECRET", "SECRET")); err != nil {
		t.Fatal(err)
	}
	rows, err := w.Store.Credentials().ByUser(t.Context(), "", "", 1000)
	if err != nil || len(rows) != 1 || strings.Contains(string(rows[0].Data), "SECRET") || rows[0].ExpiresAt.Sub(w.Clock.Now()) != time.Minute {
		t.Fatalf("the store has %v, %v", rows, err)
	}
	got, kept, err := w.p().waitingTokens(t.Context(), w.acme, "flow")
	if err != nil || got.AccessToken != "SECRET" {
		t.Fatalf("they come back as %v, %v", got, err)
	}
	if got, _, err := w.p().waitingTokens(t.Context(), w.acme, "another"); err != nil || got != nil {
		t.Errorf("another flow's: %v, %v", got, err)
	}
	kept()
	if got, _, err := w.p().waitingTokens(t.Context(), w.acme, "flow"); err != nil || got != nil {
		t.Errorf("after they were kept: %v, %v", got, err)
	}
	if err := w.p().tokensWait(t.Context(), w.acme, "flow2", w.tokens("a", "b")); err != nil {
		t.Fatal(err)
	}
	w.Clock.Advance(time.Minute)
	if got, _, err := w.p().waitingTokens(t.Context(), w.acme, "flow2"); err != nil || got != nil {
		t.Errorf("after a minute: %v, %v", got, err)
	}
	w.Faults.Inject("*", kittest.Down, 1)
	if _, _, err := w.p().waitingTokens(t.Context(), w.acme, "flow2"); !errors.Is(err, kit.ErrUnavailable) {
		t.Errorf("without the store: %v", err)
	}
}

// TestKeepingNeedsKeys: New fails without data keys, and for a second Service.
func TestKeepingNeedsKeys(t *testing.T) {
	w := newWorld(t, keeps)
	if _, err := kit.New(w.Store.Stores(), w.Keys, &kit.Options{Features: []kit.Feature{w.feature.Feature}, DataKeys: nil}); !errors.Is(err, kit.ErrNoDataKeys) {
		t.Errorf("without data keys: %v", err)
	}
	if _, err := w.feature.Feature.Attach(w.squatters.core); err == nil || !strings.Contains(err.Error(), "one Service") {
		t.Errorf("a second Service: %v", err)
	}
}

// TestTokensOfAFlow: tokens come from the callback to the account, and are in no URL, however long
// they are.
func TestTokensOfAFlow(t *testing.T) {
	idp := &elsewhere{codes: map[string]login{}}
	f, err := New(baseURL, []string{home}, idp.provider("idp", func(p *Provider) { p.KeepTokens = true }))
	if err != nil {
		t.Fatal(err)
	}
	a := newApp(t, func(o *kit.Options) { o.Features = []kit.Feature{f} })
	a.idp = idp
	b := a.browser()
	for _, size := range []int{10, 3 << 10} {
		who := lovelace
		who.tokens = &oauth2.Token{AccessToken: strings.Repeat("SECRET", size/6), RefreshToken: "SECRET-r", Expiry: a.Clock.Now().Add(time.Hour)}
		code := b.code("idp", who)
		if len(code) > 1<<10 {
			t.Errorf("the code has %d bytes", len(code))
		}
		answer, err := b.exchange(code)
		if err != nil {
			t.Fatal(err)
		}
		got, err := f.Token(t.Context(), answer.Tokens.User.ID, "idp")
		if err != nil || got.AccessToken != who.tokens.AccessToken || got.RefreshToken != "SECRET-r" {
			t.Errorf("of %d bytes: got %v", size, err)
		}
		rows, err := a.Store.Credentials().ByUser(t.Context(), "", "", 10)
		if err != nil || slices.ContainsFunc(rows, func(row kit.Token) bool { return row.Type == "provider/"+kindWaiting }) {
			t.Errorf("tokens still wait: %v, %v", rows, err)
		}
		a.Clock.Advance(time.Second)
	}
	if strings.Contains(a.log.String(), "SECRET") {
		t.Error("the log has tokens")
	}
}
