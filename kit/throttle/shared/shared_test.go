package shared_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"myauth.internal/kit"
	"myauth.internal/kit/accesstoken"
	"myauth.internal/kit/memstore"
	"myauth.internal/kit/throttle"
	"myauth.internal/kit/throttle/shared"
)

// lossy is a store that does what it is told, and says that it is away.
type lossy struct {
	kit.TokenStore
	lost func(stored bool) error // asked after each write that was right
	then func()                  // before the answer
}

func (l *lossy) after(err error) error {
	if l.then != nil {
		l.then()
	}
	if l.lost != nil {
		return l.lost(err == nil)
	}
	return err
}

func (l *lossy) Create(ctx context.Context, t kit.Token) error {
	return l.after(l.TokenStore.Create(ctx, t))
}

func (l *lossy) Update(ctx context.Context, t kit.Token) error {
	return l.after(l.TokenStore.Update(ctx, t))
}

func add(b byte) func([]byte) []byte {
	return func(old []byte) []byte { return append(slices.Clone(old), b) }
}

func read(t *testing.T, b throttle.Buckets, n int) (value string) {
	t.Helper()
	if err := b.Change(t.Context(), n, func(old []byte) []byte { value = string(old); return nil }); err != nil {
		t.Fatal(err)
	}
	return value
}

// A write whose answer is lost is looked up: it is not made twice, and no error if it
// happened, also under the write of another.
func TestLostAnswers(t *testing.T) {
	tokens := memstore.New().Tokens()
	other := shared.New(tokens)
	store := &lossy{TokenStore: tokens, lost: func(bool) error { return kit.ErrUnavailable }}
	b := shared.New(store)
	for range 2 { // the first creates
		if err := b.Change(t.Context(), 1, add('a')); err != nil {
			t.Fatal(err)
		}
	}
	store.then = func() {
		if err := other.Change(t.Context(), 1, add('b')); err != nil {
			t.Error(err)
		}
	}
	if err := b.Change(t.Context(), 1, add('a')); err != nil {
		t.Fatal(err)
	}
	if got := read(t, other, 1); got != "aaab" {
		t.Errorf("the bucket has %q, want aaab", got)
	}
}

// An outage is an error, and so is a store in which each change is lost to another.
func TestErrors(t *testing.T) {
	tokens := memstore.New().Tokens()
	broken := errors.New("broken")
	for name, c := range map[string]struct {
		lost func(bool) error
		want error
	}{
		"an outage":  {func(bool) error { return kit.ErrUnavailable }, kit.ErrUnavailable},
		"another":    {func(bool) error { return broken }, broken},
		"contention": {func(bool) error { return kit.ErrConflict }, kit.ErrUnavailable},
	} {
		store := &lossy{TokenStore: refusing{tokens}, lost: c.lost}
		if err := shared.New(store).Change(t.Context(), 2, add('a')); !errors.Is(err, c.want) {
			t.Errorf("%s: Change returned %v", name, err)
		}
	}
	if got := read(t, shared.New(tokens), 2); got != "" {
		t.Errorf("the bucket has %q", got)
	}
}

// refusing stores nothing.
type refusing struct{ kit.TokenStore }

func (refusing) Create(context.Context, kit.Token) error { return nil }

// Strangers make no more records than there are buckets, and no purge, list or deletion of an
// account meets them.
func TestRecords(t *testing.T) {
	store := memstore.New()
	limiter := throttle.New(&throttle.Options{Shared: shared.New(store.Tokens())})
	keys, err := accesstoken.HMAC([]byte("a secret for tests, 32 bytes or more"))
	if err != nil {
		t.Fatal(err)
	}
	svc, err := kit.New(store.Stores(), keys, &kit.Options{Limiter: limiter, BcryptCost: 4, InsecureFastHash: true})
	if err != nil {
		t.Fatal(err)
	}
	defer svc.Close(context.Background())
	u, err := svc.Register(t.Context(), kit.Registration{Email: "ada@example.com", Username: "Ada", Password: "Str0ng!Passw0rd"})
	if err != nil {
		t.Fatal(err)
	}
	login := throttle.Attempt{Action: throttle.ActionLogin, EmailKey: "ada@example.com", Time: time.Now(), Recoverable: true}
	var charges int
	for i := range 6_000 {
		a := login
		a.Guess, a.EmailKey = uint64(i+1), string(rune('a'+i%26))+time.Duration(i).String()+"@example.com"
		if i < 5 {
			a.EmailKey = login.EmailKey
		}
		if _, err := limiter.Begin(t.Context(), a); err == nil {
			charges++
		}
	}
	if charges != 6_000 {
		t.Errorf("%d attempts were let through", charges)
	}
	if n, err := store.Tokens().DeleteExpired(t.Context(), time.Now().AddDate(1000, 0, 0), 1000); n > 0 || err != nil {
		t.Errorf("a purge after a thousand years removes %d records, error %v", n, err)
	}
	if err := svc.DeleteUser(t.Context(), u.ID); err != nil {
		t.Fatal(err)
	}
	if err := svc.DeleteUser(t.Context(), ""); !errors.Is(err, kit.ErrUserNotFound) {
		t.Errorf("DeleteUser of nobody returned %v", err)
	}
	if tokens, err := store.Tokens().ByUser(t.Context(), u.ID, "", 1000); err != nil || len(tokens) > 0 {
		t.Errorf("the user has %v, %v", tokens, err)
	}
	records := 0
	for after := ""; ; {
		list, err := store.Tokens().ByUser(t.Context(), "", after, 1000)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range list {
			after = r.ID
			if r.Type != "throttle" || len(r.Data) > 1024 {
				t.Fatalf("a record is %v with %d bytes", r, len(r.Data))
			}
		}
		if records += len(list); len(list) == 0 {
			break
		}
	}
	if records == 0 || records > throttle.NumBuckets {
		t.Errorf("there are %d records, want at most %d", records, throttle.NumBuckets)
	}
	login.Guess = 99
	if _, err := limiter.Begin(t.Context(), login); !errors.Is(err, throttle.ErrTooManyRequests) {
		t.Errorf("after all that the account's row is over: %v", err)
	}
}
