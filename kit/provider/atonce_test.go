package provider

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"myauth.internal/kit"
	"myauth.internal/kit/kittest"
)

const (
	racers = 16
	races  = 8
)

// atOnce runs a function in 16 goroutines at once, over two Services in turn.
func (w *world) atOnce(do func(i int, p *providers) error) []error {
	if len(w.feature.in) == 1 {
		w.Another()
	}
	errs := make([]error, racers)
	var ready, done sync.WaitGroup
	ready.Add(racers)
	for i := range racers {
		done.Go(func() {
			ready.Done()
			ready.Wait()
			errs[i] = do(i, w.feature.in[i%2])
		})
	}
	done.Wait()
	return errs
}

// TestFirstSignInsAtOnce: of one identity, at a free address or a squatted one. There is one account
// in the end, with one identity, each call has it, and each gets a session.
func TestFirstSignInsAtOnce(t *testing.T) {
	for name, prepare := range map[string]func(w *world) string{
		"free":      func(*world) string { return "" },
		"squatted":  func(w *world) string { return w.squat(ada).ID },
		"half-made": func(w *world) string { u, _ := w.p().core.Register(w.t.Context(), ada, "x"); return u.ID },
		"half-squatted": func(w *world) string {
			u, _ := w.Import(w.t.Context(), kit.User{Email: ada, Username: "x", Active: true, CredentialEpoch: 7})
			return u.ID
		},
	} {
		t.Run(name, func(t *testing.T) {
			for range races {
				w := newWorld(t)
				id := prepare(w)
				users := make([]kit.User, racers)
				errs := w.atOnce(func(i int, p *providers) (err error) {
					if users[i], err = p.signIn(t.Context(), w.acme, says("1", ada, true)); err == nil {
						_, err = p.core.Grant(t.Context(), kit.Login{User: users[i], AMR: []string{amr}})
					}
					return err
				})
				u := w.user(ada)
				for i, err := range errs {
					if err != nil || users[i].ID != u.ID || id != "" && u.ID != id {
						t.Fatalf("call %d: %v, %v, want %v", i, users[i].ID, err, u.ID)
					}
				}
				if got := w.identities(u); !u.Verified || !slices.Equal(got, []string{"1"}) || u.Username != "Ada Lovelace" {
					t.Fatalf("left %+v with the identities %q", u, got)
				}
			}
		})
	}
}

// TestSubjectsAtOnce: many subjects say at once that a free address is theirs. One gets it.
func TestSubjectsAtOnce(t *testing.T) {
	for range races {
		w := newWorld(t)
		errs := w.atOnce(func(i int, p *providers) error {
			_, err := p.signIn(t.Context(), w.acme, says(string(rune('a'+i)), ada, true))
			return err
		})
		var won []string
		for i, err := range errs {
			if err == nil {
				won = append(won, string(rune('a'+i)))
			} else if !errors.Is(err, errLinkRequired) {
				t.Errorf("call %d: %v", i, err)
			}
		}
		// More than one may have proved the address before the account was verified. Whoever
		// succeeded has it, until another one claims it from him, and nobody else.
		u := w.user(ada)
		got := w.identities(u)
		if !u.Verified || len(won) == 0 || len(got) == 0 {
			t.Fatalf("%q succeeded, the account has %q", won, got)
		}
		for _, subject := range got {
			if !slices.Contains(won, subject) {
				t.Errorf("the account has the identity %q, whose call did not succeed", subject)
			}
		}
		for _, subject := range won {
			if !slices.Contains(got, subject) {
				t.Errorf("%q succeeded, and the account has %q", subject, got)
			}
		}
	}
}

// TestConfirmAtOnce: one link, followed by many at once, begins one session.
func TestConfirmAtOnce(t *testing.T) {
	for _, squatted := range []bool{false, true} {
		for _, same := range []bool{false, true} {
			w := newWorld(t)
			if squatted {
				w.squat(ada)
			}
			token, from := w.unproved(says("1", ada, false))
			if !same {
				from = source{}
			}
			errs := w.atOnce(func(_ int, p *providers) error {
				_, err := p.serveConfirm(t.Context(), confirmRequest(token, from))
				return err
			})
			won := 0
			for i, err := range errs {
				if err == nil {
					won++
				} else if !errors.Is(err, kit.ErrRevokedToken) {
					t.Errorf("call %d: %v", i, err)
				}
			}
			u := w.user(ada)
			want := 1
			if squatted && !same {
				want = 0
			}
			if got := w.identities(u); won != 1 || !u.Verified || len(got) != want || u.PasswordHash != "" {
				t.Errorf("squatted %v, same browser %v: %d succeeded, left %+v with %q", squatted, same, won, u, got)
			}
		}
	}
}

// TestLinkAtOnce: of two users who link one identity at once one gets it, and the other a 409.
func TestLinkAtOnce(t *testing.T) {
	for range races {
		w := newWorld(t)
		var users [2]kit.User
		users[0], _ = w.LogIn(ada)
		users[1], _ = w.LogIn("eve@example.com")
		errs := w.atOnce(func(i int, p *providers) error {
			_, err := p.link(t.Context(), users[i/2%2], w.acme, says("1", "", false))
			return err
		})
		for i, err := range errs {
			if err != nil && !errors.Is(err, errAlreadyLinked) {
				t.Errorf("call %d: %v", i, err)
			}
			if (err == nil) != (errs[i%4/2*2] == nil) {
				t.Errorf("the calls of one user: %v and %v", err, errs[i%4/2*2])
			}
		}
		if has := []int{len(w.identities(users[0])), len(w.identities(users[1]))}; (errs[0] == nil) == (errs[2] == nil) || has[0]+has[1] != 1 || (has[0] == 1) != (errs[0] == nil) {
			t.Errorf("the users got %v and %v, and have %v identities", errs[0], errs[2], has)
		}
		if n := w.heard(EventLinked); n != 1 {
			t.Errorf("%d events", n)
		}
	}
}

// TestUnlinkAtOnce: of the last two ways in one remains, whoever removes them.
func TestUnlinkAtOnce(t *testing.T) {
	for range races {
		w := newWorld(t)
		u := w.signIn(says("1", ada, true))
		if _, err := w.p().link(t.Context(), u, w.other, says("2", ada, true)); err != nil {
			t.Fatal(err)
		}
		list, err := w.p().list(t.Context(), u)
		if err != nil {
			t.Fatal(err)
		}
		w.heard("")
		errs := w.atOnce(func(i int, p *providers) error {
			_, err := p.serveUnlink(t.Context(), kit.Request{User: u, Source: source{path: map[string]string{"id": list[i/2%2].ID}}})
			return err
		})
		won := 0
		for i, err := range errs {
			if err == nil {
				won++
			} else if !errors.Is(err, errNotFound) && !errors.Is(err, kit.ErrLastCredential) && !errors.Is(err, kit.ErrUnavailable) {
				t.Errorf("call %d: %v", i, err)
			}
		}
		if got := w.identities(u); won > 1 || len(got) != 2-won {
			t.Errorf("%d succeeded, the account has %q", won, got)
		}
		if n := w.heard(EventUnlinked); n != won {
			t.Errorf("%d events", n)
		}
	}
}

// TestSlowUnlinking: whichever write of a removal comes late, and whatever the clocks say by then, another
// removal in the meantime does not take the other one of the last two.
func TestSlowUnlinking(t *testing.T) {
	for nth := 1; ; nth++ {
		w := newWorld(t)
		w.Another()
		u := w.signIn(says("1", ada, true))
		if _, err := w.p().link(t.Context(), u, w.other, says("2", ada, true)); err != nil {
			t.Fatal(err)
		}
		list, err := w.p().list(t.Context(), u)
		if err != nil {
			t.Fatal(err)
		}
		unlink := func(i int) error {
			_, err := w.feature.in[i].serveUnlink(t.Context(), kit.Request{User: u, Source: source{path: map[string]string{"id": list[i].ID}}})
			return err
		}
		late, other := false, error(nil)
		w.meanwhile("credentials.Update", nth, func() {
			late = true
			w.Clock.Advance(2 * time.Minute)
			other = unlink(1)
		})
		err = unlink(0)
		if !late {
			return
		}
		if got := w.identities(u); len(got) != 1 || (err == nil) == (other == nil) {
			t.Errorf("write %d is late: the account has %q, the removals got %v and %v", nth, got, err, other)
		}
	}
}

// interruption is something that is interrupted at each of its store calls.
type interruption struct {
	// prepare makes it ready, and returns what is done.
	prepare func(w *world) (do func(ctx context.Context, p *providers) error)
	// done are the errors of a repeated call that say that it was done.
	done []error
	// whole returns an error unless the state is that before, after, or one that the next call ends.
	whole func(w *world) error
	// end wants the state after it.
	end func(w *world) error
}

// signsIn is a sign-in whose account is whole: what a squatter had works, or nothing of it does.
func signsIn(prepare func(w *world), a assertion, c func(w *world) client) interruption {
	return interruption{
		prepare: func(w *world) func(context.Context, *providers) error {
			prepare(w)
			return func(ctx context.Context, p *providers) error {
				u, err := p.signIn(ctx, c(w), a)
				if err == nil {
					_, err = p.core.Grant(ctx, kit.Login{User: u, AMR: []string{amr}})
				}
				return err
			}
		},
		whole: func(w *world) error { return w.wholeAccount(true) },
		end:   func(w *world) error { return w.endsLinked() },
	}
}

// wholeAccount returns what is wrong with ada's account, if there is one.
func (w *world) wholeAccount(linked bool) error {
	ctx := context.Background()
	u, err := w.UserByEmail(ctx, ada)
	if errors.Is(err, kit.ErrUserNotFound) {
		return nil
	} else if err != nil {
		return err
	}
	list, err := w.p().list(ctx, u)
	switch {
	case err != nil:
		return err
	case u.PasswordHash != "" && !u.Verified && (len(list) > 0 || u.Username != "Mallory"):
		return errors.New("the account is a squatter's and the owner's")
	case u.PasswordHash == "" && (len(w.live(w.Store.Tokens(), u.ID, u.SessionEpoch)) > 0 && !u.Verified || u.Username == "Mallory"):
		return errors.New("the squatter's password is gone, and his session is there")
	case linked && u.PasswordHash == "" && u.Verified && len(list) != 1:
		return errors.New("the account is verified and has no way in")
	}
	return nil
}

func (w *world) endsLinked() error {
	u, err := w.UserByEmail(context.Background(), ada)
	if err != nil {
		return err
	}
	if got := w.identities(u); !u.Verified || !slices.Equal(got, []string{"1"}) {
		return errors.New("the account is not verified, or has not the identity")
	}
	return nil
}

func acmeOf(w *world) client { return w.acme }

func trusting(w *world) client {
	c := w.acme
	c.LinkDomains = []string{"example.com"}
	return c
}

// confirms is a link in a mail that is followed.
func confirms(prepare func(w *world), same, linked bool) interruption {
	return interruption{
		prepare: func(w *world) func(context.Context, *providers) error {
			prepare(w)
			token, from := w.unproved(says("1", ada, false))
			if !same {
				from = source{}
			}
			return func(ctx context.Context, p *providers) error {
				_, err := p.serveConfirm(ctx, confirmRequest(token, from))
				return err
			}
		},
		done:  []error{kit.ErrRevokedToken},
		whole: func(w *world) error { return w.wholeAccount(linked) },
		end: func(w *world) error {
			if linked {
				return w.endsLinked()
			}
			u, err := w.UserByEmail(context.Background(), ada)
			if err == nil && (!u.Verified || u.PasswordHash != "" || len(w.identities(u)) > 0) {
				err = errors.New("the account is not the owner's alone")
			}
			return err
		},
	}
}

var interruptions = map[string]interruption{
	"a first sign-in": signsIn(func(*world) {}, says("1", ada, true), acmeOf),
	"a claim": signsIn(func(w *world) {
		w.squat(ada)
		if _, err := w.Login(w.t.Context(), ada, strong); err != nil {
			w.t.Fatal(err)
		}
	}, says("1", ada, true), acmeOf),
	"a known identity":                  signsIn(func(w *world) { w.signIn(says("1", ada, true)) }, says("1", "new@example.com", false), acmeOf),
	"an identity that opens an account": signsIn(func(w *world) { w.LogIn(ada) }, says("1", ada, true), trusting),
	"a link of a free address":          confirms(func(*world) {}, false, true),
	"a link in the same browser":        confirms(func(w *world) { w.squat(ada) }, true, true),
	"a link in another browser":         confirms(func(w *world) { w.squat(ada) }, false, false),
	"linking": {
		prepare: func(w *world) func(context.Context, *providers) error {
			u, _ := w.LogIn(ada)
			return func(ctx context.Context, p *providers) error {
				_, err := p.link(ctx, u, w.acme, says("1", "", false))
				return err
			}
		},
		whole: func(w *world) error { return nil },
		end:   func(w *world) error { return w.endsLinked() },
	},
	"unlinking": {
		prepare: func(w *world) func(context.Context, *providers) error {
			u := w.signIn(says("1", ada, true))
			k, err := w.p().link(w.t.Context(), u, w.other, says("2", ada, true))
			if err != nil {
				w.t.Fatal(err)
			}
			return func(ctx context.Context, p *providers) error {
				_, err := p.serveUnlink(ctx, kit.Request{User: u, Source: source{path: map[string]string{"id": k.ID}}})
				return err
			}
		},
		done:  []error{errNotFound},
		whole: func(w *world) error { return nil },
		end:   func(w *world) error { return w.endsLinked() },
	},
}

// TestInterrupted is claim 70: whichever store call is cut, hangs or loses its answer, or is the last
// of its process, the state is whole, and the next try ends right.
func TestInterrupted(t *testing.T) {
	for name, of := range interruptions {
		t.Run(name, func(t *testing.T) {
			for _, fault := range []kittest.Fault{kittest.Down, kittest.Late, kittest.Lost} {
				for _, forGood := range []bool{false, true} {
					for nth := 1; of.interrupt(t, fault, forGood, nth); nth++ {
						if nth > 100 {
							t.Fatal("it makes more than 100 store calls")
						}
					}
				}
			}
		})
	}
}

// interrupt lets the nth store call go wrong, and those after it if it is for good. It reports whether
// there was one.
func (of interruption) interrupt(t *testing.T, fault kittest.Fault, forGood bool, nth int) bool {
	t.Helper()
	w := newWorld(t)
	w.Another()
	do := of.prepare(w)
	calls, what := 0, ""
	var mu sync.Mutex
	w.Faults.Each(func(_ context.Context, op string, _ any) kittest.Fault {
		mu.Lock()
		defer mu.Unlock()
		calls++
		switch {
		case calls == nth:
			what = op
			return fault
		case calls > nth && forGood:
			return kittest.Down
		}
		return 0
	})
	err := do(t.Context(), w.feature.in[0])
	w.Faults.Clear()
	if what == "" {
		if err != nil {
			t.Errorf("with stores that work: %v", err)
		}
		return false
	}
	if err != nil && !errors.Is(err, kit.ErrUnavailable) {
		t.Errorf("fault %d of call %d, %s, for good %v: %v", fault, nth, what, forGood, err)
	}
	if err := of.whole(w); err != nil {
		t.Errorf("after fault %d of call %d, %s, for good %v: %v", fault, nth, what, forGood, err)
	}
	again := do(t.Context(), w.feature.in[1])
	if again != nil && !slices.ContainsFunc(of.done, func(done error) bool { return errors.Is(again, done) }) {
		t.Errorf("after fault %d of call %d, %s, for good %v, once more: %v", fault, nth, what, forGood, again)
	}
	if err := errors.Join(of.whole(w), of.end(w)); err != nil {
		t.Errorf("after fault %d of call %d, %s, for good %v, and once more: %v", fault, nth, what, forGood, err)
	}
	return true
}
