package kit_test

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"io"
	"sync"
	"testing"
	"time"

	"myauth.internal/kit"
	"myauth.internal/kit/accesstoken"
	"myauth.internal/kit/kittest"
	"myauth.internal/kit/memstore"
)

// meddler lets somebody else write right behind the next update of a user, whose own
// answer is then lost.
type meddler struct {
	kit.UserStore
	meddle func()
}

func (m *meddler) Update(ctx context.Context, u kit.User) error {
	err := m.UserStore.Update(ctx, u)
	if meddle := m.meddle; meddle != nil && err == nil {
		m.meddle = nil
		meddle()
		return kit.ErrUnavailable
	}
	return err
}

// TestLostAnswerAndSomebodyElsesWrite: a write that happened is not taken for
// another's because the record has moved on since.
func TestLostAnswerAndSomebodyElsesWrite(t *testing.T) {
	plain := newHarness(t)
	m := &meddler{UserStore: plain.store.Users()}
	keys, err := accesstoken.HMAC([]byte("a secret for tests, 32 bytes or more"))
	if err != nil {
		t.Fatal(err)
	}
	h := newHarness(t)
	h.Service, err = kit.New(m, plain.store.Tokens(), keys, &kit.Options{
		BcryptCost: 4, InsecureFastHash: true, Mailer: h.mailer, PublicURL: "https://app.example.com", OnEvent: discardEvents,
	})
	if err != nil {
		t.Fatal(err)
	}
	u, _ := h.register(testEmail)
	rename := func() {
		stored, err := plain.store.Users().ByID(context.Background(), u.ID)
		if err != nil {
			t.Error(err)
		}
		stored.Username = "somebody else's"
		if err := plain.store.Users().Update(context.Background(), stored); err != nil {
			t.Error(err)
		}
	}
	token := h.resetToken(testEmail)
	m.meddle = rename
	if err := h.ResetPassword(t.Context(), token, otherPassword); err != nil {
		t.Error("reset:", err)
	}
	h.nextMail(kit.MailPasswordChanged)
	h.login(testEmail, otherPassword)
	m.meddle = rename
	if err := h.ChangePassword(t.Context(), u.ID, otherPassword, goodPassword); err != nil {
		t.Error("change of password:", err)
	}
	h.nextMail(kit.MailPasswordChanged)
	m.meddle = rename
	if _, err := h.ChangeEmail(t.Context(), u.ID, "new@example.com"); err != nil {
		t.Error("change of address:", err)
	}
	if _, notice := h.changedEmail(); notice.To != testEmail {
		t.Errorf("the notice went to %s", notice.To)
	}
}

// TestConflictAndThenAnOutage: the server goes down between a lost race and the look
// at who won it. That is an outage, and neither a conflict nor a bug.
func TestConflictAndThenAnOutage(t *testing.T) {
	h := newHarness(t)
	u, _ := h.register(testEmail)
	tokens := h.login(testEmail, goodPassword)
	for name, call := range map[string]func() error{
		"refresh": func() error { _, err := h.refresh(tokens.RefreshToken); return err },
		"logout":  func() error { return h.Logout(t.Context(), string(tokens.RefreshToken)) },
		"change":  func() error { _, err := h.SetUsername(t.Context(), u.ID, "x"); return err },
	} {
		h.faults.Inject("tokens.Update", kittest.Conflict, 1)
		h.faults.Inject("users.Update", kittest.Conflict, 1)
		h.faults.InjectAfter("tokens.ByID", kittest.Down, 1)
		h.faults.InjectAfter("users.ByID", kittest.Down, 1)
		h.wantErr(name, call(), kit.ErrUnavailable)
		h.faults.Clear()
	}
	h.mustRefresh(tokens.RefreshToken)
}

// TestRotationOfUnknownOutcome: the write of a rotation happened, and neither it nor the
// look at it was answered. Nothing remembers that: the client has the grace to try again,
// and whoever presents the parent later, days later too, is a reuse.
func TestRotationOfUnknownOutcome(t *testing.T) {
	for _, tc := range []struct {
		grace, wait time.Duration
		want        error
	}{
		{0, 0, nil},
		{0, 10 * time.Second, nil},
		{0, 10*time.Second + time.Microsecond, kit.ErrRevokedToken},
		{0, 72 * time.Hour, kit.ErrRevokedToken},
		{-1, 0, kit.ErrRevokedToken},
	} {
		for _, retried := range []bool{false, true} { // at another instance, within the grace
			h := newHarness(t, func(o *kit.Options) { o.RefreshGrace = tc.grace })
			h.register(testEmail)
			tokens := h.login(testEmail, goodPassword)
			h.faults.Inject("tokens.Update", kittest.Lost, 1)
			h.faults.InjectAfter("tokens.ByID", kittest.Down, 1)
			_, err := h.refresh(tokens.RefreshToken)
			h.wantErr("during the outage", err, kit.ErrUnavailable)
			h.faults.Clear()
			if retried && tc.grace >= 0 {
				if _, err := h.another().Refresh(t.Context(), string(tokens.RefreshToken)); err != nil {
					t.Error("at another instance:", err)
				}
			}
			h.clock.Advance(tc.wait)
			next, err := h.refresh(tokens.RefreshToken)
			if !errors.Is(err, tc.want) {
				t.Errorf("grace %v, %v later: got error %v, want %v", tc.grace, tc.wait, err, tc.want)
			}
			if tc.want == nil {
				h.mustRefresh(next.RefreshToken)
			} else if n := h.count(kit.EventSessionReused); n != 1 {
				t.Errorf("grace %v, %v later: %d reuse events, want 1", tc.grace, tc.wait, n)
			}
		}
	}
}

func TestRefreshOnAnInstanceWhoseClockIsBehind(t *testing.T) {
	h := newHarness(t)
	h.register(testEmail)
	first := h.login(testEmail, goodPassword)
	second := h.mustRefresh(first.RefreshToken)
	h.clock.Advance(-30 * time.Second)
	if again := h.mustRefresh(first.RefreshToken); again.RefreshToken != second.RefreshToken {
		t.Error("another successor")
	}
	if _, _, err := h.Authenticate(t.Context(), string(second.AccessToken)); err != nil {
		t.Error("the other instance's access token:", err)
	}
}

func TestWritesOutliveTheClient(t *testing.T) {
	h := newHarness(t)
	h.register(testEmail)
	tokens := h.login(testEmail, goodPassword)
	token := h.resetToken(testEmail)
	ctx, cancel := context.WithCancel(t.Context())
	h.faults.OnCall("users.Update", cancel) // the client goes as its write begins
	if err := h.ResetPassword(ctx, token, otherPassword); err != nil {
		t.Error("reset:", err)
	}
	h.nextMail(kit.MailPasswordChanged)
	ctx, cancel = context.WithCancel(t.Context())
	h.faults.OnCall("tokens.Update", cancel)
	tokens = h.login(testEmail, otherPassword)
	if err := h.Logout(ctx, string(tokens.RefreshToken)); err != nil {
		t.Error("logout:", err)
	}
	_, err := h.refresh(tokens.RefreshToken)
	h.wantErr("after that logout", err, kit.ErrRevokedToken)
}

func TestAccessTokenEndsWithItsSession(t *testing.T) {
	h := newHarness(t, func(o *kit.Options) { o.SessionMaxAge = time.Hour; o.AccessTokenTTL = 24 * time.Hour })
	h.register(testEmail)
	tokens := h.login(testEmail, goodPassword)
	if tokens.ExpiresIn != time.Hour {
		t.Errorf("the access token of a session of one hour is valid for %v", tokens.ExpiresIn)
	}
	h.clock.Advance(time.Hour)
	_, _, err := h.Authenticate(t.Context(), string(tokens.AccessToken))
	h.wantErr("after the session's end", err, kit.ErrExpiredToken)
}

func TestAccessTokenNamesItsClient(t *testing.T) {
	for want, change := range map[string]func(*kit.Options){
		"myauth": func(*kit.Options) {},
		"api":    func(o *kit.Options) { o.JWTAudience = "api" },
		"web":    func(o *kit.Options) { o.JWTAudience, o.ClientID = "api", "web" },
	} {
		h := newHarness(t, change)
		h.register(testEmail)
		_, claims, err := h.Authenticate(t.Context(), string(h.login(testEmail, goodPassword).AccessToken))
		if err != nil || claims.ClientID != want {
			t.Errorf("client_id is %q, error %v, want %q", claims.ClientID, err, want)
		}
	}
}

func TestImportTwice(t *testing.T) {
	h := newHarness(t)
	u := kit.User{ID: "legacy-1", Email: testEmail, Username: "a", Active: true, CreatedAt: start, UpdatedAt: start}
	for range 2 {
		if _, err := h.Import(t.Context(), u); err != nil {
			t.Error("the very same record:", err)
		}
	}
	u.Email = "other@example.com"
	_, err := h.Import(t.Context(), u)
	h.wantErr("another record with the same ID", err, kit.ErrUserExists)
}

// sealed is a signing key whose private part stays in a module of hardware.
type sealed struct{ key ed25519.PrivateKey }

func (s sealed) Public() crypto.PublicKey { return s.key.Public() }
func (s sealed) Sign(r io.Reader, digest []byte, o crypto.SignerOpts) ([]byte, error) {
	return s.key.Sign(r, digest, o)
}

func TestNewRefusesWhatCannotWork(t *testing.T) {
	store := memstore.New()
	hmac, err := accesstoken.HMAC([]byte("a secret for tests, 32 bytes or more"))
	if err != nil {
		t.Fatal(err)
	}
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key, err := accesstoken.NewKey("EdDSA", "", sealed{private})
	if err != nil {
		t.Fatal(err)
	}
	hardware, err := accesstoken.NewKeyring(key)
	if err != nil {
		t.Fatal(err)
	}
	mailer := &kittest.Mailer{}
	for name, c := range map[string]struct {
		users  kit.UserStore
		tokens kit.TokenStore
		keys   *accesstoken.Keyring
		opts   *kit.Options
	}{
		"no users":      {nil, store.Tokens(), hmac, nil},
		"no tokens":     {store.Users(), nil, hmac, nil},
		"no keys":       {store.Users(), store.Tokens(), nil, nil},
		"an empty ring": {store.Users(), store.Tokens(), &accesstoken.Keyring{}, nil},
		"hardware key":  {store.Users(), store.Tokens(), hardware, &kit.Options{Mailer: mailer, PublicURL: "https://x.example"}},
		"no URL":        {store.Users(), store.Tokens(), hmac, &kit.Options{Mailer: mailer}},
		"bad URL":       {store.Users(), store.Tokens(), hmac, &kit.Options{PublicURL: "ftp://x.example"}},
		"URL in words":  {store.Users(), store.Tokens(), hmac, &kit.Options{PublicURL: "https://x.example/my account"}},
		"umlaut in URL": {store.Users(), store.Tokens(), hmac, &kit.Options{PublicURL: "https://b\u00fccher.example"}},
		"URL and query": {store.Users(), store.Tokens(), hmac, &kit.Options{PublicURL: "https://x.example/?a=b"}},
		"low cost":      {store.Users(), store.Tokens(), hmac, &kit.Options{BcryptCost: 9}},
		"high cost":     {store.Users(), store.Tokens(), hmac, &kit.Options{BcryptCost: 17}},
		"bad client":    {store.Users(), store.Tokens(), hmac, &kit.Options{ClientID: "\xff"}},
		"short TTL":     {store.Users(), store.Tokens(), hmac, &kit.Options{AccessTokenTTL: time.Millisecond}},
		"negative TTL":  {store.Users(), store.Tokens(), hmac, &kit.Options{RefreshTokenTTL: -time.Hour}},
		"long grace":    {store.Users(), store.Tokens(), hmac, &kit.Options{RefreshGrace: time.Hour}},
	} {
		if _, err := kit.New(c.users, c.tokens, c.keys, c.opts); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
	if _, err := kit.New(store.Users(), store.Tokens(), hardware, nil); err != nil {
		t.Error("a hardware key without a mailer:", err)
	}
}

// lateStore answers an update as timed out, and lets it land when it is told to.
type lateStore struct {
	kit.TokenStore
	land func()
}

func (s *lateStore) Update(ctx context.Context, t kit.Token) error {
	if s.land == nil {
		s.land = func() { _ = s.TokenStore.Update(context.Background(), t) }
		return kit.ErrUnavailable
	}
	return s.TokenStore.Update(ctx, t)
}

// TestRotationThatLandsLate: the look at the outcome finds nothing yet, and the write
// lands before the client tries again, or right between the read and the write of that.
func TestRotationThatLandsLate(t *testing.T) {
	for _, wait := range []time.Duration{0, time.Minute} {
		h := newHarness(t)
		h.register(testEmail)
		token := string(h.login(testEmail, goodPassword).RefreshToken)
		late := &lateStore{TokenStore: h.store.Tokens()}
		s := h.over(late)
		_, err := s.Refresh(t.Context(), token)
		h.wantErr("the store did not answer in time", err, kit.ErrUnavailable)
		if wait == 0 {
			late.land()
		} else {
			h.clock.Advance(wait) // the token is still the current one when the retry reads it
			h.faults.OnCall("users.ByID", late.land)
		}
		next, err := s.Refresh(t.Context(), token)
		if err != nil {
			t.Fatalf("%v later: %v", wait, err)
		}
		if _, err := s.Refresh(t.Context(), string(next.RefreshToken)); err != nil {
			t.Errorf("the successor, %v later: %v", wait, err)
		}
	}
}

// slowStore does what is asked and then answers later than any deadline. While meet is
// set, each rotation waits for the others, so that all of them have read before one writes.
type slowStore struct {
	kit.TokenStore
	meet *sync.WaitGroup
}

func (s *slowStore) Update(ctx context.Context, t kit.Token) error {
	if s.meet != nil && t.RevokedAt.IsZero() {
		s.meet.Done()
		s.meet.Wait()
	}
	if err := s.TokenStore.Update(ctx, t); err != nil && !errors.Is(err, kit.ErrConflict) {
		return err
	}
	<-ctx.Done()
	return ctx.Err()
}

// TestRefreshOverASlowStoreHasOneWinner: no write is answered in time, so that every
// caller has to look who won.
func TestRefreshOverASlowStoreHasOneWinner(t *testing.T) {
	for _, grace := range []time.Duration{-1, time.Second, 10 * time.Second} {
		bubble(t, func(t *testing.T, h *harness) {
			h.register(testEmail)
			change := func(o *kit.Options) { o.RefreshGrace = grace; o.StoreTimeout = 2 * time.Second; o.Now = time.Now }
			store := &slowStore{TokenStore: h.store.Tokens()}
			instances := []*kit.Service{h.over(store, change), h.over(store, change)}
			for round := range 4 {
				login, err := instances[0].Login(t.Context(), testEmail, goodPassword)
				if err != nil {
					t.Fatal(err)
				}
				if store.meet = nil; round%2 == 0 {
					store.meet = &sync.WaitGroup{}
					store.meet.Add(50)
				}
				successors := make([]kit.Secret, 50)
				won := 0
				for i, err := range race(50, func(i int) error {
					tokens, err := instances[i%2].Refresh(t.Context(), string(login.RefreshToken))
					successors[i] = tokens.RefreshToken
					return err
				}) {
					switch {
					case err == nil:
						won++
					case grace >= 0 || !errors.Is(err, kit.ErrRevokedToken):
						t.Errorf("round %d, grace %v: caller %d got %v", round, grace, i, err)
					}
					if grace >= 0 && successors[i] != successors[0] {
						t.Errorf("round %d, grace %v: caller %d got another successor", round, grace, i)
					}
				}
				if grace < 0 && won != 1 {
					t.Errorf("round %d: %d of 50 won, want 1", round, won)
				}
			}
		})
	}
}

// TestRefreshWhoseSuccessorIsReplacedMeanwhile: by the time that a call learns of its own
// write, another caller has got the successor and used it up. The call comes late, but its
// token was the current one, and its client keeps the session.
func TestRefreshWhoseSuccessorIsReplacedMeanwhile(t *testing.T) {
	h := newHarness(t)
	h.register(testEmail)
	first := h.login(testEmail, goodPassword).RefreshToken
	other := h.another()
	var third kit.TokenPair
	s := h.over(&interruptedStore{TokenStore: h.store.Tokens(), then: func() {
		second, err := other.Refresh(t.Context(), string(first))
		if err != nil {
			t.Fatal(err)
		}
		h.clock.Advance(11 * time.Second)
		if third, err = other.Refresh(t.Context(), string(second.RefreshToken)); err != nil {
			t.Fatal(err)
		}
		h.clock.Advance(11 * time.Second)
	}})
	got, err := s.Refresh(t.Context(), string(first))
	if err != nil || got.RefreshToken != third.RefreshToken {
		t.Errorf("got error %v, want the current token", err)
	}
}

// interruptedStore does one update, has something else happen, and loses the answer.
type interruptedStore struct {
	kit.TokenStore
	then func()
}

func (s *interruptedStore) Update(ctx context.Context, t kit.Token) error {
	err := s.TokenStore.Update(ctx, t)
	if then := s.then; then != nil {
		s.then = nil
		then()
		return kit.ErrUnavailable
	}
	return err
}
