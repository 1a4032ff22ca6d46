package kit_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"myauth.internal/kit"
	"myauth.internal/kit/kittest"
)

// winners counts the calls that succeeded, and fails for an error that is not lost.
func winners(t *testing.T, what string, errs []error, lost error) int {
	t.Helper()
	n := 0
	for _, err := range errs {
		switch {
		case err == nil:
			n++
		case !errors.Is(err, lost):
			t.Errorf("%s: error %v, want %v", what, err, lost)
		}
	}
	return n
}

func TestRecordsAreUnique(t *testing.T) {
	h, cores := probes(t)
	ada, _ := h.register(testEmail)
	bob, _ := h.register("bob@example.com")
	users := [2]kit.User{ada, bob}
	for round := range 10 {
		key := fmt.Sprint(round)
		errs := race(16, func(i int) error {
			return cores[i%2].Create(t.Context(), cores[i%2].Credential(users[i/8], "key", key))
		})
		if n := winners(t, "create", errs, kit.ErrConflict); n != 1 {
			t.Errorf("%d of 16 calls created one key", n)
		}
		found, err := cores[0].Find(t.Context(), "key", key)
		if err != nil || found.UserID != ada.ID && found.UserID != bob.ID {
			t.Errorf("found %v, %v", found, err)
		}
		errs = race(16, func(i int) error {
			return cores[i%2].Once(t.Context(), ada.ID, "nonce", key, start.Add(time.Minute))
		})
		if n := winners(t, "once", errs, kit.ErrConflict); n != 1 {
			t.Errorf("%d of 16 calls used up one key", n)
		}
		// The user's own record is replaced by each, and another user's by none.
		owner := map[string]kit.User{ada.ID: ada, bob.ID: bob}[found.UserID]
		errs = race(16, func(i int) error {
			mine := cores[i%2].Credential(owner, "key", key)
			mine.Data = []byte{byte(i)}
			return cores[i%2].Put(t.Context(), mine)
		})
		if n := winners(t, "put", errs, nil); n != 16 {
			t.Errorf("%d of 16 calls put the user's own record", n)
		}
		for _, other := range users {
			if other.ID != owner.ID {
				h.wantErr("put in place of another user's", cores[0].Put(t.Context(), cores[0].Credential(other, "key", key)), kit.ErrConflict)
			}
		}
	}
	for _, u := range users {
		list, err := cores[1].List(t.Context(), u, "key")
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range list {
			if c.UserID != u.ID {
				t.Errorf("the list of %s has %v", u.ID, c)
			}
		}
	}
	h.wantErr("a kind apart", cores[0].Create(t.Context(), cores[0].Credential(ada, "other", "0")), nil)
	h.wantErr("once of a kind apart", cores[0].Once(t.Context(), "", "other", "0", start.Add(time.Minute)), nil)
}

// TestChangeOfOneRecord: each of many changes at once is there, once.
func TestChangeOfOneRecord(t *testing.T) {
	h, cores := probes(t)
	u, _ := h.register(testEmail)
	c := cores[0].Credential(u, "key", "k")
	if err := cores[0].Create(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	errs := race(16, func(i int) error {
		_, err := cores[i%2].Change(t.Context(), c, func(t *kit.Token) error { t.Data = append(t.Data, byte(i)); return nil })
		return err
	})
	winners(t, "change", errs, nil)
	stored, err := cores[0].Find(t.Context(), "key", "k")
	seen := map[byte]bool{}
	for _, b := range stored.Data {
		seen[b] = true
	}
	if err != nil || len(stored.Data) != 16 || len(seen) != 16 {
		t.Errorf("16 changes left %v, %v", stored.Data, err)
	}
	// What must happen once refuses what it finds done.
	used := errors.New("used")
	errs = race(16, func(i int) error {
		_, err := cores[i%2].Change(t.Context(), stored, func(t *kit.Token) error {
			if t.Data == nil {
				return used
			}
			t.Data = nil
			return nil
		})
		return err
	})
	if n := winners(t, "use", errs, used); n != 1 {
		t.Errorf("%d of 16 calls used one record", n)
	}
}

// TestVoidRecordHoldsNoKey: of one that is expired, revoked, without its user, or of an
// earlier epoch.
func TestVoidRecordHoldsNoKey(t *testing.T) {
	for name, void := range map[string]func(*harness, *kit.Core, kit.User, kit.Token){
		"expired": func(h *harness, c *kit.Core, _ kit.User, r kit.Token) {
			if _, err := c.Change(t.Context(), r, func(t *kit.Token) error { t.ExpiresAt = c.Now(); return nil }); err != nil {
				t.Fatal(err)
			}
		},
		"revoked": func(h *harness, c *kit.Core, _ kit.User, r kit.Token) {
			if _, err := c.Change(t.Context(), r, func(t *kit.Token) error { t.RevokedAt = c.Now(); return nil }); err != nil {
				t.Fatal(err)
			}
		},
		"without its user": func(h *harness, _ *kit.Core, u kit.User, _ kit.Token) {
			if err := h.store.Users().Delete(t.Context(), u.ID); err != nil {
				t.Fatal(err)
			}
		},
		"of an earlier epoch": func(_ *harness, c *kit.Core, u kit.User, _ kit.Token) {
			if _, _, err := c.ChangeUser(t.Context(), u.ID, func(u *kit.User) error { u.CredentialEpoch++; return nil }); err != nil {
				t.Fatal(err)
			}
		},
	} {
		h, cores := probes(t)
		c := cores[0]
		u, _ := h.register(testEmail)
		bob, _ := h.register("bob@example.com")
		old := c.Credential(u, "key", "k")
		if err := c.Create(t.Context(), old); err != nil {
			t.Fatal(err)
		}
		void(h, c, u, old)
		_, err := c.Find(t.Context(), "key", "k")
		h.wantErr(name+": found", err, kit.ErrNotFound)
		now, err := c.User(t.Context(), u.ID)
		if err == nil {
			if list, err := c.List(t.Context(), now, "key"); len(list) != 0 || err != nil {
				t.Errorf("%s: listed %v, %v", name, list, err)
			}
		}
		errs := race(16, func(i int) error { return cores[i%2].Create(t.Context(), cores[i%2].Credential(bob, "key", "k")) })
		if n := winners(t, name, errs, kit.ErrConflict); n != 1 {
			t.Errorf("%s: %d of 16 calls took the key", name, n)
		}
		// Who saw the earlier record cannot remove the later one.
		if err := h.store.Credentials().Delete(t.Context(), old.ID, old.Version); !errors.Is(err, kit.ErrConflict) {
			t.Errorf("%s: a delete at the version of the earlier record: %v", name, err)
		}
		if err := c.Remove(t.Context(), old); err != nil {
			t.Errorf("%s: a late removal by the earlier owner: %v", name, err)
		}
		if found, err := c.Find(t.Context(), "key", "k"); err != nil || found.UserID != bob.ID {
			t.Errorf("%s: found %v, %v, want the later record", name, found, err)
		}
	}
}

// TestOwnCreateIsKnown: by its Salt alone, because ID and hash are equal for everybody.
func TestOwnCreateIsKnown(t *testing.T) {
	h, cores := probes(t)
	c := cores[0]
	u, _ := h.register(testEmail)
	h.faults.Inject("credentials.Create", kittest.Lost, 1)
	record := c.Credential(u, "key", "k")
	h.wantErr("a create whose answer is lost", c.Create(t.Context(), record), nil)
	h.wantErr("a replay", c.Create(t.Context(), c.Credential(u, "key", "k")), kit.ErrConflict)
	h.faults.Inject("credentials.Create", kittest.Lost, 1)
	h.wantErr("once, whose answer is lost", c.Once(t.Context(), "", "nonce", "n", start.Add(time.Minute)), nil)
	h.faults.Inject("credentials.Create", kittest.Down, 1)
	h.wantErr("a replay during an outage", c.Once(t.Context(), "", "nonce", "n", start.Add(time.Minute)), kit.ErrConflict)
	h.faults.Inject("credentials.Create", kittest.Down, 1)
	h.wantErr("a create that was never done", c.Create(t.Context(), c.Credential(u, "key", "k2")), kit.ErrUnavailable)

	// A change whose answer is lost is known, also under the change of another call.
	use := func(what string) error {
		_, err := c.Change(t.Context(), mustFind(t, c), func(r *kit.Token) error {
			if string(r.Data) == what {
				return kit.ErrInvalidCode // used
			}
			r.Data = []byte(what)
			return nil
		})
		return err
	}
	h.faults.Inject("credentials.Update", kittest.Lost, 1)
	h.wantErr("a change whose answer is lost", use("a"), nil)
	h.faults.Inject("credentials.Update", kittest.Lost, 1)
	h.faults.OnCall("credentials.ByID", func() { // mustFind's; the next is after the lost answer
		h.faults.OnCall("credentials.ByID", func() {
			stored, _ := h.store.Credentials().ByID(t.Context(), record.ID)
			if _, err := cores[1].Change(t.Context(), stored, func(r *kit.Token) error { r.SessionID = "later"; return nil }); err != nil {
				t.Error(err)
			}
		})
	})
	h.wantErr("one under the change of another call", use("b"), nil)
	if r := mustFind(t, c); string(r.Data) != "b" || r.SessionID != "later" {
		t.Errorf("stored %q and %q", r.Data, r.SessionID)
	}
}

func mustFind(t *testing.T, c *kit.Core) kit.Token {
	t.Helper()
	r, err := c.Find(t.Context(), "key", "k")
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestOnceOutlivesItsKey by the difference of two clocks, and no longer.
func TestOnceOutlivesItsKey(t *testing.T) {
	h, cores := probes(t)
	once := func() error { return cores[0].Once(t.Context(), "", "nonce", "n", h.clock.Now().Add(time.Minute)) }
	h.wantErr("once", once(), nil)
	h.clock.Advance(2*time.Minute - time.Microsecond)
	if n, err := h.PurgeExpired(t.Context(), h.clock.Now()); n != 0 || err != nil {
		t.Errorf("an instance whose clock is ahead purged %d, %v", n, err)
	}
	h.wantErr("again, by a clock that is ahead", once(), kit.ErrConflict)
	h.clock.Advance(time.Microsecond)
	h.wantErr("after both", once(), nil)
}

// TestRecordsDuringOutages: whatever call fails, however, the error is ErrUnavailable, and what
// a repetition finds is whole.
func TestRecordsDuringOutages(t *testing.T) {
	for _, fault := range []kittest.Fault{kittest.Down, kittest.Lost, kittest.Conflict} {
		for _, op := range []string{"credentials.Create", "credentials.ByID", "credentials.Update", "credentials.Delete", "users.ByID"} {
			h, cores := probes(t)
			c := cores[0]
			u, _ := h.register(testEmail)
			void := c.Credential(u, "key", "k")
			void.ExpiresAt = start
			for what, call := range map[string]func() error{
				"create": func() error {
					h.store.Credentials().Create(t.Context(), void) // in the way
					return c.Create(t.Context(), c.Credential(u, "key", "k"))
				},
				"put":  func() error { return c.Put(t.Context(), c.Credential(u, "key", "p")) },
				"once": func() error { return c.Once(t.Context(), u.ID, "nonce", "n", start.Add(time.Minute)) },
			} {
				h.faults.Inject(op, fault, 1)
				err := call()
				if err != nil && !errors.Is(err, kit.ErrUnavailable) && !(fault == kittest.Conflict && errors.Is(err, kit.ErrConflict)) {
					t.Errorf("%s, fault %v of %s: %v", what, fault, op, err)
				}
				h.faults.Clear()
				if err := call(); err != nil && !errors.Is(err, kit.ErrConflict) {
					t.Errorf("%s again after fault %v of %s: %v", what, fault, op, err)
				}
			}
			for _, key := range []string{"k", "p"} {
				if r, err := c.Find(t.Context(), "key", key); err != nil || r.UserID != u.ID {
					t.Errorf("after fault %v of %s: %v, %v", fault, op, r, err)
				}
			}
		}
	}
}

// TestDataIsBounded before any store is asked, because stores differ in what they can keep.
func TestDataIsBounded(t *testing.T) {
	h, cores := probes(t)
	u, _ := h.register(testEmail)
	r := cores[0].Credential(u, "key", "k")
	r.Data = make([]byte, kit.MaxTokenData)
	if err := cores[0].Create(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	long := func(r *kit.Token) error { r.Data = append(r.Data, 0); return nil }
	if _, err := cores[0].Change(t.Context(), r, long); err == nil || errors.Is(err, kit.ErrUnavailable) {
		t.Errorf("more than the bound: %v", err)
	}
	r = cores[0].Credential(u, "key", "other")
	r.Data = make([]byte, kit.MaxTokenData+1)
	if err := cores[0].Create(t.Context(), r); err == nil || h.faults.Calls("credentials.Create") != 1 {
		t.Errorf("more than the bound: %v", err)
	}
}

// TestTwoEnrolmentsAtOnce: of two sessions that enrol a factor, whose writes interleave
// anyhow, the one that is told of success has its record.
func TestTwoEnrolmentsAtOnce(t *testing.T) {
	for _, op := range []string{"credentials.Create", "credentials.Update", "users.Update", "between"} {
		h := newHarness(t, withFactor)
		u := h.verified(testEmail)
		confirm := func() func() error {
			claims := h.claims(h.login(testEmail, goodPassword))
			p, err := h.EnrollFactor(t.Context(), claims, "counter", kit.Body{})
			if err != nil {
				t.Fatal(err)
			}
			return func() error {
				_, err := h.ConfirmFactor(t.Context(), claims, "counter", p.Show["state"].(string), code("1"))
				return err
			}
		}
		first, second := confirm(), confirm()
		if op == "credentials.Update" { // then there is a record already
			h.faults.Inject("users.Update", kittest.Down, 1)
			h.wantErr("an outage", confirm()(), kit.ErrUnavailable)
		}
		row := func() kit.Token {
			rows, err := h.store.Credentials().ByUser(t.Context(), u.ID, "", 100)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range rows {
				if r.Type == "factor/counter" {
					return r
				}
			}
			return kit.Token{}
		}
		var won kit.Token
		var err error
		if op == "between" { // the first has read the record of the second, and writes when that is done
			reading, done, ended := make(chan struct{}), make(chan struct{}), make(chan error)
			h.faults.OnCall("users.Update", func() {
				h.clock.Advance(time.Second)
				h.faults.OnCall("credentials.Update", func() { close(reading); <-done })
				go func() { ended <- first() }()
				<-reading
			})
			h.wantErr(op+": the second enrolment", second(), nil)
			won = row()
			close(done)
			err = <-ended
		} else {
			h.faults.OnCall(op, func() {
				h.clock.Advance(time.Second)
				h.wantErr(op+": the second enrolment", second(), nil)
				won = row()
			})
			err = first()
		}
		if !errors.Is(err, kit.ErrRevokedToken) && !errors.Is(err, kit.ErrAlreadyEnrolled) {
			t.Errorf("%s: the first enrolment: %v", op, err)
		}
		if r := row(); r.Version != won.Version || !r.CreatedAt.Equal(won.CreatedAt) {
			t.Errorf("%s: the record is %v of %v, want %v of %v", op, r, r.CreatedAt, won, won.CreatedAt)
		}
	}
}

// TestAnotherUsersRecord: a change does not reach the record of another user that has taken the place of
// the one it is for.
func TestAnotherUsersRecord(t *testing.T) {
	h, cores := probes(t)
	ada, _ := h.register(testEmail)
	eve, _ := h.register("eve@example.com")
	hers := cores[0].Credential(ada, "key", "1")
	if err := cores[0].Create(t.Context(), hers); err != nil {
		t.Fatal(err)
	}
	if err := cores[0].Revoke(t.Context(), hers); err != nil {
		t.Fatal(err)
	}
	if err := cores[0].Create(t.Context(), cores[0].Credential(eve, "key", "1")); err != nil {
		t.Fatal(err)
	}
	_, err := cores[1].Change(t.Context(), hers, func(t *kit.Token) error { t.Data = []byte("ada's"); return nil })
	h.wantErr("Change", err, kit.ErrNotFound)
	h.wantErr("Revoke", cores[1].Revoke(t.Context(), hers), kit.ErrNotFound)
	if left, err := cores[0].Find(t.Context(), "key", "1"); err != nil || left.UserID != eve.ID || left.Data != nil {
		t.Errorf("left %+v, %v", left, err)
	}
}
