package mailqueue

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// relay is a Send that can be told to fail, and keeps what was sent and reported.
type relay struct {
	mu     sync.Mutex
	err    error
	sent   []string
	spaced []string // as reported
}

func (r *relay) send(_ context.Context, mail string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err == nil {
		r.sent = append(r.sent, mail)
	}
	return r.err
}

func (r *relay) fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.err = err
}

func (r *relay) report(_ context.Context, outcome Outcome, mail string, n int, _ error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if outcome == Spaced && n == 1 { // no two within the Delay of these tests
		r.spaced = append(r.spaced, mail)
	}
}

func (r *relay) want(t *testing.T, sent, spaced string) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if slices.Sort(r.sent); strings.Join(r.sent, " ") != sent || strings.Join(r.spaced, " ") != spaced {
		t.Errorf("sent %q and left out %q, want %s and %s", r.sent, r.spaced, sent, spaced)
	}
}

// keyOf is the letter before the digits of a mail: mails without digits have none.
func keyOf(mail string) string {
	if key := strings.TrimRight(mail, "0123456789"); key != mail {
		return key
	}
	return ""
}

func run(t *testing.T, test func(t *testing.T, r *relay, q *Queue[string], add func(mails ...string))) {
	synctest.Test(t, func(t *testing.T) {
		r := &relay{}
		q := New(Options[string]{Delay: time.Millisecond, Now: time.Now, Send: r.send, Key: keyOf, Report: r.report})
		test(t, r, q, func(mails ...string) {
			for _, mail := range mails {
				q.Add(Job[string]{Value: mail, ValidUntil: time.Now().Add(time.Hour)})
				time.Sleep(10 * time.Millisecond)
			}
		})
	})
}

// TestOneOfAKeyWaits: of the mails that a mailbox needs one of, the last is sent when the
// relay is back, and the others are counted and reported.
func TestOneOfAKeyWaits(t *testing.T) {
	run(t, func(t *testing.T, r *relay, q *Queue[string], add func(...string)) {
		r.fail(errors.New("451 try again later"))
		add("a1", "a2", "a3")
		add("b1")
		add("x", "y")
		if got := q.Stats(); got != (Stats{Waiting: 4, Spaced: 2}) {
			t.Errorf("during the outage: %+v", got)
		}
		r.fail(nil)
		time.Sleep(time.Minute)
		r.want(t, "a3 b1 x y", "a1 a2")
		// What was left out and reported comes back no more, and its key is free.
		r.fail(errors.New("451 try again later"))
		add("a4")
		r.fail(nil)
		time.Sleep(time.Minute)
		if got := q.Stats(); got != (Stats{Sent: 5, Spaced: 2}) {
			t.Errorf("afterwards: %+v", got)
		}
		if err := q.Close(t.Context()); err != nil {
			t.Error(err)
		}
		r.want(t, "a3 a4 b1 x y", "a1 a2")
	})
}

// TestTheNewestOfAKeyWaits: an older mail whose attempt ends after that of a newer one does
// not take its place. The account of the older may be gone, or its link be dead sooner.
func TestTheNewestOfAKeyWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &relay{}
		r.fail(errors.New("451 try again later"))
		send := func(ctx context.Context, mail string) error {
			err := r.send(ctx, mail)
			if mail == "a1" && err != nil {
				time.Sleep(100 * time.Millisecond)
			}
			return err
		}
		q := New(Options[string]{Delay: time.Millisecond, Now: time.Now, Send: send, Key: keyOf, Report: r.report})
		for _, mail := range []string{"a1", "a2"} {
			q.Add(Job[string]{Value: mail, ValidUntil: time.Now().Add(time.Hour)})
			time.Sleep(10 * time.Millisecond)
		}
		time.Sleep(200 * time.Millisecond)
		if got := q.Stats(); got != (Stats{Waiting: 1, Spaced: 1}) {
			t.Errorf("during the outage: %+v", got)
		}
		r.fail(nil)
		time.Sleep(time.Minute)
		r.want(t, "a2", "a1")
	})
}

// TestAFailureIsReportedBeforeTheNextAttempt: Report reads a value that Send changes. With
// -race the second attempt of Close is one that must not overtake the report.
func TestAFailureIsReportedBeforeTheNextAttempt(t *testing.T) {
	for _, closed := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			attempts := 0
			q := New(Options[*int]{Delay: time.Millisecond, Now: time.Now,
				Send: func(_ context.Context, n *int) error {
					if *n++; *n < 2 {
						return errors.New("451 try again later")
					}
					attempts = *n
					return nil
				},
				Key: func(*int) string { return "" },
				Report: func(_ context.Context, _ Outcome, n *int, _ int, _ error) {
					before := *n
					time.Sleep(10 * time.Second) // longer than the first pause
					if *n != before {
						t.Error("the next attempt began during the report of the first")
					}
				},
			})
			q.Add(Job[*int]{Value: new(int), ValidUntil: time.Now().Add(time.Hour)})
			time.Sleep(time.Second / 2)
			if !closed {
				time.Sleep(time.Minute)
			}
			if err := q.Close(t.Context()); err != nil {
				t.Error(err)
			}
			if attempts != 2 {
				t.Errorf("%d attempts, want 2", attempts)
			}
		})
	}
}

// TestSendsNothing: what Send did not send is told from what it did.
func TestSendsNothing(t *testing.T) {
	run(t, func(t *testing.T, r *relay, q *Queue[string], add func(...string)) {
		r.fail(ErrSkip)
		add("a1")
		r.fail(ErrSpaced)
		add("a2", "a3")
		if got := q.Stats(); got != (Stats{Spaced: 2}) {
			t.Errorf("got %+v", got)
		}
		if err := q.Close(t.Context()); err != nil {
			t.Error(err)
		}
		r.want(t, "", "a2 a3")
	})
}

// TestBurst: a flood is a report soon after its first event, and then one a minute.
func TestBurst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var (
			mu  sync.Mutex
			got []string
		)
		began := time.Now()
		b := burst[string]{delay: 50 * time.Millisecond, report: func(n int, first string) {
			mu.Lock()
			defer mu.Unlock()
			got = append(got, fmt.Sprint(time.Since(began), " ", n, " ", first))
		}}
		for i := range 1000 {
			b.add(fmt.Sprint(i))
			time.Sleep(100 * time.Millisecond)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		b.add("again")
		b.flush(false)
		if want := "50ms 1 0, 1m0.05s 600 1, 2m0.05s 399 601, 1h1m40s 1 again"; strings.Join(got, ", ") != want {
			t.Errorf("got %q, want %q", strings.Join(got, ", "), want)
		}
	})
}
