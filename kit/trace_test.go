package kit_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"myauth.internal/kit"
	"myauth.internal/kit/kittest"
)

// spans is a feature that keeps what it traced, in the order of the ends.
type spans struct {
	name string
	keep kit.Extension

	mu      sync.Mutex
	ended   []string // "outer > inner outcome"
	begun   int
	endings map[int]int // how often each was ended
}

type spanKey struct{ of string }

func (f *spans) Name() string { return f.name }

func (f *spans) Attach(*kit.Core) (kit.Extension, error) {
	e := f.keep
	if e.Trace == nil {
		e.Trace = f.trace
	}
	return e, nil
}

func (f *spans) trace(ctx context.Context, op kit.Operation) (context.Context, func(string)) {
	path := string(op.Kind) + ":" + op.Name
	if outer, ok := ctx.Value(spanKey{f.name}).(string); ok {
		path = outer + " > " + path
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	id := f.begun
	f.begun++
	return context.WithValue(ctx, spanKey{f.name}, path), func(outcome string) {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.ended = append(f.ended, path+" "+outcome)
		if f.endings == nil {
			f.endings = map[int]int{}
		}
		f.endings[id]++
	}
}

// take returns what has ended since the last call, once everything that began has ended once.
func (f *spans) take(t *testing.T) []string {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	for id := range f.begun {
		if f.endings[id] != 1 {
			t.Errorf("%s: of %d operations, number %d was ended %d times", f.name, f.begun, id, f.endings[id])
		}
	}
	taken := f.ended
	f.ended = nil
	return taken
}

func newTraced(t *testing.T, features ...kit.Feature) *harness {
	return newHarness(t, func(o *kit.Options) { o.Features, o.Mailer = features, nil })
}

// TestTrace: stores, hashes and their outcomes, within what the caller does.
func TestTrace(t *testing.T) {
	first, second := &spans{name: "first"}, &spans{name: "second"}
	h := newTraced(t, first, second)
	if _, err := h.Register(t.Context(), kit.Registration{Email: testEmail, Username: "Ada", Password: goodPassword}); err != nil {
		t.Fatal(err)
	}
	want := []string{"store:users.ByEmail not_found", "hash:hash ok", "store:users.Create ok"}
	if got := first.take(t); !slices.Equal(got, want) {
		t.Errorf("register: %q, want %q", got, want)
	}
	second.take(t)
	op := kit.Operation{Kind: kit.OperationRequest, Name: "GET /x"}
	for _, c := range []struct {
		name   string
		fault  kittest.Fault
		call   func(context.Context) error
		within string
	}{
		{"a wrong password", 0, func(ctx context.Context) error { _, err := h.Login(ctx, testEmail, otherPassword); return err }, "hash:compare ok"},
		{"nobody", 0, func(ctx context.Context) error { _, err := h.UserByEmail(ctx, "x@example.com"); return err }, "store:users.ByEmail not_found"},
		{"taken", 0, func(ctx context.Context) error {
			_, err := h.Import(ctx, kit.User{Email: testEmail, Username: "A"})
			return err
		}, "store:users.Create conflict"},
		{"an outage", kittest.Down, func(ctx context.Context) error { _, err := h.UserByEmail(ctx, testEmail); return err }, "store:users.ByEmail unavailable"},
		{"a client that has gone", 0, func(ctx context.Context) error {
			ctx, cancel := context.WithCancel(ctx)
			h.faults.OnCall("users.ByEmail", cancel)
			_, err := h.UserByEmail(ctx, testEmail)
			return err
		}, "store:users.ByEmail canceled"},
	} {
		if c.fault != 0 {
			h.faults.Inject("users.ByEmail", c.fault, 1)
		}
		if c.within == "store:users.ByEmail canceled" {
			h.faults.Inject("users.ByEmail", kittest.Hang, 1)
		}
		h.Trace(t.Context(), op, func(ctx context.Context) string {
			if err := c.call(ctx); err == nil {
				t.Errorf("%s: no error", c.name)
			}
			return "odd"
		})
		for _, f := range []*spans{first, second} {
			got := f.take(t)
			if !slices.Contains(got, "request:GET /x > "+c.within) || got[len(got)-1] != "request:GET /x odd" {
				t.Errorf("%s: %s heard %q", c.name, f.name, got)
			}
		}
	}
}

// TestTraceOfMails: an attempt is an operation of its own, and the calls of stores are within it.
func TestTraceOfMails(t *testing.T) {
	f := &spans{name: "f"}
	h := newHarness(t, func(o *kit.Options) { o.Features = []kit.Feature{f} })
	h.register(testEmail)
	h.resetToken(testEmail)
	if err := h.RequestPasswordReset(t.Context(), "nobody@example.com"); err != nil {
		t.Fatal(err)
	}
	h.mailer.Fail(fmt.Errorf("a relay that hangs: %w", context.DeadlineExceeded))
	if _, err := h.Register(t.Context(), kit.Registration{Email: "grace@example.com", Username: "Grace", Password: goodPassword}); err != nil {
		t.Fatal(err)
	}
	_ = h.Close(t.Context()) // it gives this mail up
	got := f.take(t)
	for _, want := range []string{
		"mail:verification ok", "mail:verification unavailable", "mail:password_reset ok", "mail:password_reset skipped",
		"mail:password_reset > store:users.ByEmail not_found", "mail:password_reset > store:tokens.Create ok",
	} {
		if !slices.Contains(got, want) {
			t.Errorf("no %q in %q", want, got)
		}
	}
}

// TestTracersFailNothing: a tracer that panics, or returns nothing, is none; the others nest.
func TestTracersFailNothing(t *testing.T) {
	panics := func(string) { panic("at the end") }
	for name, trace := range map[string]func(context.Context, kit.Operation) (context.Context, func(string)){
		"panics":            func(context.Context, kit.Operation) (context.Context, func(string)) { panic("at the beginning") },
		"panics at the end": func(ctx context.Context, _ kit.Operation) (context.Context, func(string)) { return ctx, panics },
		"nothing":           func(context.Context, kit.Operation) (context.Context, func(string)) { return nil, nil },
	} {
		t.Run(name, func(t *testing.T) {
			before, after := &spans{name: "before"}, &spans{name: "after"}
			h := newTraced(t, before, &spans{name: "bad", keep: kit.Extension{Trace: trace}}, after)
			if _, err := h.Register(t.Context(), kit.Registration{Email: testEmail, Username: "Ada", Password: goodPassword}); err != nil {
				t.Fatal(err)
			}
			h.login(testEmail, goodPassword)
			for _, f := range []*spans{before, after} {
				if got := f.take(t); !slices.Contains(got, "hash:compare ok") {
					t.Errorf("%s heard %q", f.name, got)
				}
			}
			if logged := len(h.lines("a tracer panicked")) > 0; logged != strings.HasPrefix(name, "panics") {
				t.Errorf("logged: %v", logged)
			}
		})
	}
}

// TestTraceEndsWithAPanic: of a store, and of the work of a request, which goes on its way.
func TestTraceEndsWithAPanic(t *testing.T) {
	f := &spans{name: "f"}
	h := newTraced(t, f)
	h.faults.OnCall("users.ByEmail", func() { panic("a store") })
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic was swallowed")
			}
		}()
		h.Trace(t.Context(), kit.Operation{Kind: kit.OperationRequest, Name: "GET /x"}, func(ctx context.Context) string {
			_, _ = h.UserByEmail(ctx, testEmail)
			return "ok"
		})
	}()
	if got, want := f.take(t), []string{"request:GET /x > store:users.ByEmail error", "request:GET /x error"}; !slices.Equal(got, want) {
		t.Errorf("heard %q, want %q", got, want)
	}
}

// TestOneTracerCostsNoAllocation of the kit's own, nor does none: what it allocates is its own.
func TestOneTracerCostsNoAllocation(t *testing.T) {
	none := newTraced(t)
	ended := func(string) {}
	one := newTraced(t, &spans{name: "f", keep: kit.Extension{Trace: func(ctx context.Context, _ kit.Operation) (context.Context, func(string)) { return ctx, ended }}})
	look := func(h *harness) float64 {
		return testing.AllocsPerRun(100, func() { _, _ = h.UserByEmail(t.Context(), testEmail) })
	}
	if with, without := look(one), look(none); with != without {
		t.Errorf("a call of a store: %v allocations with a tracer, %v without", with, without)
	}
}
