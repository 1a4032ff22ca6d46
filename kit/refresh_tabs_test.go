package kit_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"time"

	"myauth.internal/kit"
	"myauth.internal/kit/kittest"
)

// modelSession is the rule of rotation as the documentation of Refresh has it.
type modelSession struct {
	current, parent kit.Secret
	rotatedAt       time.Time
	ended           bool
}

// present returns the successor that the token must be answered with ("" is a new one), or
// false for a refusal.
func (m *modelSession) present(token kit.Secret, now time.Time, grace time.Duration) (kit.Secret, bool) {
	inGrace := m.parent != "" && now.Sub(m.rotatedAt) <= grace
	switch {
	case m.ended:
		return "", false
	case token == m.current && !inGrace:
		return "", true
	case inGrace && (token == m.current || token == m.parent):
		return m.current, true
	}
	m.ended = true
	return "", false
}

// TestRefreshKeepsToTheModel drives sessions by random steps over two instances: any token
// of the session, at any age, answered as the model has it. So a token that was replaced
// less than a grace ago never ends the session, and any older one always does.
func TestRefreshKeepsToTheModel(t *testing.T) {
	for _, grace := range []time.Duration{10 * time.Second, -1} {
		h := newHarness(t, func(o *kit.Options) { o.RefreshGrace = grace })
		u, _ := h.register(testEmail)
		instances := []*kit.Service{h.Service, h.another()}
		for seed := range uint64(300) {
			random := rand.New(rand.NewPCG(seed, 0))
			login, err := h.Grant(t.Context(), kit.Login{User: u}) // no hash: most of the time would go there
			if err != nil {
				t.Fatal(err)
			}
			first := login.RefreshToken
			tokens, model := []kit.Secret{first}, modelSession{current: first}
			trail := ""
			for range 30 {
				h.clock.Advance([]time.Duration{0, time.Microsecond, 3 * time.Second, 10 * time.Second, 11 * time.Second}[random.IntN(5)])
				n := len(tokens) - 1 - min(random.IntN(8)/3, len(tokens)-1) // mostly the last or the one before it
				now := h.clock.Now()
				want, ok := model.present(tokens[n], now, grace)
				trail += fmt.Sprintf(" %v:%d/%d", now.Sub(model.rotatedAt), n, len(tokens)-1)
				got, err := instances[random.IntN(2)].Refresh(t.Context(), string(tokens[n]))
				if ok != (err == nil) || err != nil && !errors.Is(err, kit.ErrRevokedToken) || want != "" && got.RefreshToken != want {
					t.Fatalf("seed %d: token%s: got error %v, want an answer: %t, the current token: %t", seed, trail, err, ok, want != "")
				}
				if ok && want == "" {
					for _, old := range tokens {
						if got.RefreshToken == old {
							t.Fatalf("seed %d: token%s: a rotation gave an old token", seed, trail)
						}
					}
					model.current, model.parent, model.rotatedAt = got.RefreshToken, tokens[n], now
					tokens = append(tokens, got.RefreshToken)
				}
			}
		}
	}
}

// TestTabsOverOneStorage: tabs that share a storage and refresh when they load, at
// the same time, over two instances and a store that fails now and then. Whatever they
// have read within a grace, none is logged out, and all end up with one token.
func TestTabsOverOneStorage(t *testing.T) {
	const tabs, loads = 16, 4
	h := newHarness(t)
	h.register(testEmail)
	instances := []*kit.Service{h.Service, h.another()}
	var mu sync.Mutex
	storage := h.login(testEmail, goodPassword).RefreshToken
	read := func() kit.Secret {
		mu.Lock()
		defer mu.Unlock()
		return storage
	}
	for burst := range 20 {
		seen := make([][]kit.Secret, tabs)
		for _, err := range race(tabs, func(i int) error {
			random := rand.New(rand.NewPCG(uint64(burst), uint64(i)))
			for range loads {
				token := read()
				seen[i] = append(seen[i], token)
				for range random.IntN(4) {
					runtime.Gosched()
				}
				h.clock.Advance(time.Duration(random.IntN(100)) * time.Millisecond) // 6.4 s in all at most
				if random.IntN(4) == 0 {
					h.faults.Inject("tokens.Update", []kittest.Fault{kittest.Lost, kittest.Down, kittest.Conflict}[random.IntN(3)], 1)
				}
				next, err := instances[random.IntN(2)].Refresh(t.Context(), string(token))
				if errors.Is(err, kit.ErrUnavailable) {
					continue // the next load tries again
				} else if err != nil {
					return err
				}
				mu.Lock()
				storage = next.RefreshToken
				mu.Unlock()
			}
			return nil
		}) {
			if err != nil {
				t.Fatalf("burst %d: a tab was logged out: %v", burst, err)
			}
		}
		h.faults.Clear()
		// Whatever a tab still holds leads to the same token.
		latest := h.mustRefresh(read()).RefreshToken
		for _, tokens := range seen {
			for _, token := range tokens {
				if got := h.mustRefresh(token).RefreshToken; got != latest {
					t.Fatalf("burst %d: two tabs hold two tokens", burst)
				}
			}
		}
		storage = latest
		h.clock.Advance(20 * time.Minute)
	}
	if n := h.count(kit.EventSessionReused); n != 0 {
		t.Errorf("%d reuses were reported", n)
	}
}
