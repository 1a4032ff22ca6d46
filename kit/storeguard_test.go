package kit_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"myauth.internal/kit"
	"myauth.internal/kit/kittest"
)

// lines returns the log's lines that have all of parts in them.
func (h *harness) lines(parts ...string) []string {
	var found []string
next:
	for _, line := range strings.Split(h.log.String(), "\n") {
		for _, part := range parts {
			if !strings.Contains(line, part) {
				continue next
			}
		}
		found = append(found, line)
	}
	return found
}

const (
	outageBegins = `level=ERROR msg="myauth: a store is unavailable"`
	outageEnds   = `level=INFO msg="myauth: a store is available again"`
)

func TestOutagesAreLoggedOnce(t *testing.T) {
	for _, c := range []struct {
		store string
		op    string
		call  func(h *harness, token kit.Secret) error
	}{
		{"users", "users.ByEmail", func(h *harness, _ kit.Secret) error {
			_, err := h.UserByEmail(t.Context(), testEmail)
			return err
		}},
		{"users", "users.Ping", func(h *harness, _ kit.Secret) error { return h.Ready(t.Context()) }},
		{"tokens", "tokens.ByID", func(h *harness, token kit.Secret) error {
			_, err := h.refresh(token)
			return err
		}},
	} {
		t.Run(c.op, func(t *testing.T) {
			h := newHarness(t)
			h.register(testEmail)
			token := h.login(testEmail, goodPassword).RefreshToken
			h.faults.Inject(c.op, kittest.Down, 50)
			for range 50 {
				h.wantErr("during the outage", c.call(h, token), kit.ErrUnavailable)
				h.clock.Advance(time.Second)
			}
			if all, with := h.lines(outageBegins), h.lines(outageBegins, "store="+c.store, "err=", "kittest"); len(all) != 1 || len(with) != 1 {
				t.Errorf("an outage of 50 calls is in the log as %q", all)
			}
			h.clock.Advance(40 * time.Second)
			if err := c.call(h, token); err != nil {
				t.Fatal(err)
			}
			if err := c.call(h, token); err != nil {
				t.Fatal(err)
			}
			if all, with := h.lines(outageEnds), h.lines(outageEnds, "store="+c.store, "after=1m30s", "failed_calls=50"); len(all) != 1 || len(with) != 1 {
				t.Errorf("its end is in the log as %q", all)
			}
			want := kit.Stats{}
			if c.store == "users" {
				want.UsersUnavailable = 50
			} else {
				want.TokensUnavailable = 50
			}
			if got := h.Stats(); got.UsersUnavailable != want.UsersUnavailable || got.TokensUnavailable != want.TokensUnavailable {
				t.Errorf("counted as %+v", got)
			}
		})
	}
}

// TestAnAnswerFromBeforeAnOutageDoesNotEndIt: another call fails while this one is under way.
func TestAnAnswerFromBeforeAnOutageDoesNotEndIt(t *testing.T) {
	h := newHarness(t)
	u, _ := h.register(testEmail)
	h.faults.Inject("users.ByID", kittest.Down, 1)
	h.faults.OnCall("users.ByEmail", func() { h.UserByID(t.Context(), u.ID) })
	if _, err := h.UserByEmail(t.Context(), testEmail); err != nil {
		t.Fatal(err)
	}
	if begins, ends := h.lines(outageBegins), h.lines(outageEnds); len(begins) != 1 || len(ends) != 0 {
		t.Errorf("in the log: %q %q", begins, ends)
	}
}

// TestNoAnswerIsNoOutage: neither a caller that goes nor a bug of the store is one, and a
// store that cannot be asked whether it answers does not answer.
func TestNoAnswerIsNoOutage(t *testing.T) {
	bubble(t, func(t *testing.T, h *harness) {
		h.register(testEmail)
		h.faults.Inject("users.ByEmail", kittest.Broken, 1)
		h.UserByEmail(t.Context(), testEmail)
		h.faults.Inject("users.ByEmail", kittest.Hang, 1)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		h.UserByEmail(ctx, testEmail)
		if begins := h.lines(outageBegins); len(begins) > 0 {
			t.Errorf("in the log: %q", begins)
		}
		h.faults.Inject("users.ByEmail", kittest.Hang, 1)
		_, err := h.UserByEmail(t.Context(), testEmail)
		h.wantErr("a store that hangs", err, kit.ErrUnavailable)
		if begins := h.lines(outageBegins, "no answer in time"); len(begins) != 1 {
			t.Errorf("in the log: %q", begins)
		}
	})
}
