package kit_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"myauth.internal/kit"
	"myauth.internal/kit/kittest"
)

// bubble gives a harness whose clock is the bubble's, so that pauses and lifetimes
// agree.
func bubble(t *testing.T, do func(t *testing.T, h *harness)) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, func(o *kit.Options) { o.Now = time.Now })
		do(t, h)
	})
}

// runMails lets the mail queue do what was requested, within a bubble.
func runMails() {
	time.Sleep(10 * time.Millisecond)
	synctest.Wait()
}

func TestMailIsRetriedWithGrowingPauses(t *testing.T) {
	bubble(t, func(t *testing.T, h *harness) {
		h.mailer.Fail(errors.New("451 try again later"))
		if _, err := h.Register(t.Context(), kit.Registration{Email: testEmail, Username: "a", Password: goodPassword}); err != nil {
			t.Fatal("a relay that is down changed the answer:", err)
		}
		time.Sleep(10 * time.Minute)
		failed := h.count(kit.EventMailFailed)
		if failed < 8 || failed > 12 {
			t.Errorf("%d attempts in ten minutes, want pauses that grow from a second to five minutes", failed)
		}
		h.mailer.Fail(nil)
		time.Sleep(10 * time.Minute)
		h.nextMail(kit.MailVerification)
	})
}

func TestMailIsGivenUpWhenItsTokenExpires(t *testing.T) {
	bubble(t, func(t *testing.T, h *harness) {
		h.register(testEmail)
		h.mailer.Fail(errors.New("connection refused"))
		if err := h.RequestPasswordReset(t.Context(), testEmail); err != nil {
			t.Fatal(err)
		}
		time.Sleep(16 * time.Minute)
		if n := h.count(kit.EventMailDropped); n != 1 {
			t.Errorf("%d mails given up after the token's 15 minutes, want 1", n)
		}
	})
}

func TestMailRowIsStoredOnceForAllAttempts(t *testing.T) {
	bubble(t, func(t *testing.T, h *harness) {
		h.register(testEmail)
		h.faults.Inject("tokens.Create", kittest.Down, 2)
		if err := h.RequestPasswordReset(t.Context(), testEmail); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		h.mailer.Fail(errors.New("later"))
		time.Sleep(3 * time.Second)
		h.mailer.Fail(nil)
		time.Sleep(time.Minute)
		token := h.nextMail(kit.MailPasswordReset).Token
		if n := h.faults.Calls("tokens.Create"); n != 3 {
			t.Errorf("the row was written %d times, want two failures and one success", n)
		}
		if err := h.ResetPassword(t.Context(), string(token), otherPassword); err != nil {
			t.Error(err)
		}
	})
}

func TestPermanentMailErrorsAreNotRetried(t *testing.T) {
	bubble(t, func(t *testing.T, h *harness) {
		h.mailer.Fail(kit.Permanent(errors.New("550 no such mailbox")))
		if _, err := h.Register(t.Context(), kit.Registration{Email: testEmail, Username: "a", Password: goodPassword}); err != nil {
			t.Fatal(err)
		}
		runMails()
		if f, d := h.count(kit.EventMailFailed), h.count(kit.EventMailDropped); f != 0 || d != 1 {
			t.Errorf("%d retries and %d given up, want 0 and 1", f, d)
		}
	})
}

// stuck is a mailer whose relay accepts and hangs.
type stuck struct {
	kittest.Mailer
	entered chan struct{}
	panics  bool
}

func (m *stuck) Send(ctx context.Context, _ kit.Mail) error {
	if m.panics {
		panic("a bug in the mailer")
	}
	m.entered <- struct{}{}
	<-ctx.Done()
	return context.Cause(ctx)
}

func TestHangingRelayHoldsUpNoRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &stuck{entered: make(chan struct{}, 2000)}
		h := newHarness(t, func(o *kit.Options) { o.Now = time.Now; o.Mailer = m })
		emails := h.crowd(1200)
		began := time.Now()
		for _, email := range emails {
			if err := h.RequestEmailVerification(t.Context(), email); err != nil {
				t.Fatal(err)
			}
		}
		if waited := time.Since(began); waited != 0 {
			t.Errorf("requests waited %v for the relay", waited)
		}
		runMails()
		if n := len(m.entered); n != 4 {
			t.Errorf("%d mails are under way, want one for each of 4 workers", n)
		}
		if s := h.Stats(); s.MailsReady != 1024-4 || s.MailsDropped != 1200-1024 {
			t.Errorf("the queue is not bounded: %+v", s)
		}
		if n := h.count(kit.EventMailDropped); n != 1 {
			t.Errorf("%d events tell of a full queue, want 1", n)
		}
		time.Sleep(time.Minute) // the relay's time is up
		if s := h.Stats(); s.MailsReady != 1024-8 || s.MailsWaiting != 4 {
			t.Errorf("after a minute: %+v", s)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		began = time.Now()
		if err := h.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Error("closing with mails left:", err)
		}
		if waited := time.Since(began); waited != 10*time.Second {
			t.Errorf("closing took %v, want the 10 s it was given", waited)
		}
		// Every one is accounted for, and no goroutine is left, or the bubble fails.
		if s := h.Stats(); s.MailsDropped != 1200 || s.MailsReady+s.MailsWaiting != 0 {
			t.Errorf("of 1200 mails: %+v", s)
		}
	})
}

// crowd imports n accounts and returns their addresses.
func (h *harness) crowd(n int) []string {
	h.t.Helper()
	emails := make([]string, n)
	for i := range emails {
		emails[i] = fmt.Sprintf("user%d@example.com", i)
		if _, err := h.Import(h.t.Context(), kit.User{Email: emails[i], Username: "a", Active: true}); err != nil {
			h.t.Fatal(err)
		}
	}
	return emails
}

// slow is a mailer whose relay takes a second for a mail, or puts some off.
type slow struct {
	kittest.Mailer
	putOff string // a prefix of addresses
}

func (m *slow) Send(ctx context.Context, mail kit.Mail) error {
	if m.putOff != "" && strings.HasPrefix(mail.To, m.putOff) {
		return errors.New("451 try again later")
	}
	time.Sleep(time.Second)
	return m.Mailer.Send(ctx, mail)
}

// TestOneClientCannotSilenceTheOthers: fifteen hundred requests of one client fill the
// queue, and the mails of the others are among the next.
func TestOneClientCannotSilenceTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &slow{}
		h := newHarness(t, func(o *kit.Options) { o.Now = time.Now; o.Mailer = m })
		emails := h.crowd(1500)
		owner, _ := h.Import(t.Context(), kit.User{Email: testEmail, Username: "a", Active: true})
		flood := kit.WithClient(t.Context(), kit.Client{IP: netip.MustParseAddr("2001:db8::1")})
		for i, email := range emails {
			if i%100 == 0 {
				runMails()
			}
			if err := h.RequestPasswordReset(flood, email); err != nil {
				t.Fatal(err)
			}
		}
		if err := h.RequestPasswordReset(kit.WithClient(t.Context(), kit.Client{IP: netip.MustParseAddr("192.0.2.1")}), testEmail); err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * time.Second)
		if !slices.ContainsFunc(m.All(), func(m kit.Mail) bool { return m.UserID == owner.ID }) {
			t.Error("the mail of another client did not come within three seconds")
		}
		if s := h.Stats(); s.MailsDropped < 400 {
			t.Errorf("the flood was not cut: %+v", s)
		}
		if n := h.count(kit.EventMailDropped); n < 1 || n > 2 {
			t.Errorf("%d events tell of the mails that were dropped, want one a minute", n)
		}
		if e := h.last(kit.EventMailDropped); e.Client.IP.String() != "2001:db8::1" || e.UserID != "" {
			t.Errorf("the event is %+v", e)
		}
	})
}

// TestMailsThatARelayPutsOffTakeNobodysRoom: one client has more mails put off than may
// wait, and another's that is put off is tried again all the same.
func TestMailsThatARelayPutsOffTakeNobodysRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &slow{putOff: "user"}
		h := newHarness(t, func(o *kit.Options) { o.Now = time.Now; o.Mailer = m })
		flood := kit.WithClient(t.Context(), kit.Client{IP: netip.MustParseAddr("203.0.113.1")})
		for i, email := range h.crowd(1500) {
			if i%500 == 0 {
				runMails()
			}
			if err := h.RequestEmailVerification(flood, email); err != nil {
				t.Fatal(err)
			}
		}
		runMails()
		before := h.Stats()
		if before.MailsWaiting != 1024 || before.MailsDropped != 1500-1024 {
			t.Errorf("the bound on waiting mails: %+v", before)
		}
		if err := h.RequestEmailVerification(kit.WithClient(t.Context(), kit.Client{IP: netip.MustParseAddr("192.0.2.1")}), "user7@example.com"); err != nil {
			t.Fatal(err)
		}
		runMails()
		if after := h.Stats(); after.MailsWaiting != 1024 || after.MailsDropped > before.MailsDropped+1 {
			t.Errorf("another client's mail that was put off: %+v", after)
		}
	})
}

// TestOneMailOfAKindWaits: while the relay is down, the newest of a kind to a mailbox waits,
// and every notice of security.
func TestOneMailOfAKindWaits(t *testing.T) {
	bubble(t, func(t *testing.T, h *harness) {
		h.verified(testEmail)
		h.register("b@example.com")
		h.mailer.Fail(errors.New("451 try again later"))
		for _, request := range []func() error{
			func() error { return h.changePassword(goodPassword, otherPassword) },
			func() error { return h.changePassword(otherPassword, goodPassword) },
			func() error { return h.RequestPasswordReset(t.Context(), testEmail) },
			func() error { return h.RequestPasswordReset(t.Context(), strings.ToUpper(testEmail)) },
			func() error { return h.RequestPasswordReset(t.Context(), testEmail) },
			func() error { return h.RequestPasswordReset(t.Context(), "b@example.com") },
			func() error { return h.RequestEmailVerification(t.Context(), "b@example.com") },
		} {
			if err := request(); err != nil {
				t.Fatal(err)
			}
			runMails()
		}
		if s := h.Stats(); s.MailsWaiting != 5 || s.MailsSpaced != 2 {
			t.Errorf("want 5 mails that wait and 2 that were left out: %+v", s)
		}
		h.mailer.Fail(nil)
		time.Sleep(10 * time.Minute)
		sent := map[string]int{}
		for _, m := range h.mailer.All()[1:] {
			sent[m.To+" "+string(m.Kind)]++
			if m.Kind == kit.MailPasswordReset && m.To == testEmail {
				if err := h.ResetPassword(t.Context(), string(m.Token), otherPassword); err != nil {
					t.Error("the link that was sent:", err)
				}
			}
		}
		want := map[string]int{
			testEmail + " password_changed": 2, testEmail + " password_reset": 1, "b@example.com verification": 1, "b@example.com password_reset": 1,
		}
		if fmt.Sprint(sent) != fmt.Sprint(want) {
			t.Errorf("sent %v, want %v", sent, want)
		}
	})
}

func TestMailAfterCloseIsReported(t *testing.T) {
	bubble(t, func(t *testing.T, h *harness) {
		h.faults.OnCall("users.Create", func() { h.Close(context.Background()) })
		if _, err := h.Register(t.Context(), kit.Registration{Email: testEmail, Username: "a", Password: goodPassword}); err != nil {
			t.Fatal(err)
		}
		if n := h.count(kit.EventMailDropped); n != 1 {
			t.Errorf("%d mails were reported as given up, want 1", n)
		}
	})
}

func TestEventSinkThatPanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, func(o *kit.Options) {
			o.Now = time.Now
			o.OnEvent = func(context.Context, kit.Event) { panic("a bug in the sink") }
		})
		h.mailer.Fail(kit.Permanent(errors.New("550 no")))
		if _, err := h.Register(t.Context(), kit.Registration{Email: testEmail, Username: "a", Password: goodPassword}); err != nil {
			t.Error("the account is there, and the registration failed:", err)
		}
		runMails() // the worker's event panics too
		if !strings.Contains(h.log.String(), "an observer of events panicked") {
			t.Error("the panic was not logged")
		}
	})
}

func TestMailerThatPanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, func(o *kit.Options) { o.Now = time.Now; o.Mailer = &stuck{panics: true} })
		if _, err := h.Register(t.Context(), kit.Registration{Email: testEmail, Username: "a", Password: goodPassword}); err != nil {
			t.Fatal(err)
		}
		runMails()
		if n := h.count(kit.EventMailDropped); n != 1 {
			t.Errorf("%d given up, want 1", n)
		}
	})
}

func TestCloseDrainsTheQueue(t *testing.T) {
	bubble(t, func(t *testing.T, h *harness) {
		h.mailer.Fail(errors.New("later"))
		if _, err := h.Register(t.Context(), kit.Registration{Email: testEmail, Username: "a", Password: goodPassword}); err != nil {
			t.Fatal(err)
		}
		runMails()
		h.mailer.Fail(nil)
		// What has just been asked for is sent, and what waited for its next attempt.
		if err := h.RequestPasswordReset(t.Context(), testEmail); err != nil {
			t.Fatal(err)
		}
		if err := h.Close(t.Context()); err != nil {
			t.Error(err)
		}
		sent := map[kit.MailKind]int{} // in any order: several workers send
		for _, m := range h.mailer.All() {
			sent[m.Kind]++
		}
		if len(sent) != 2 || sent[kit.MailPasswordReset] != 1 || sent[kit.MailVerification] != 1 {
			t.Errorf("sent are %v, want one of each of the two", sent)
		}
		_, err := h.Login(t.Context(), testEmail, goodPassword)
		h.wantErr("after Close", err, kit.ErrClosed)
		h.wantErr("after Close", h.Ready(t.Context()), kit.ErrUnavailable)
	})
}

// TestFloodHidesNoNotice: a thief of a password floods the queue and changes it, all
// from one address. The owner hears of the change.
func TestFloodHidesNoNotice(t *testing.T) {
	spacedBubble(t, func(t *testing.T, h *harness) {
		h.verified(testEmail)
		claims := h.claims(h.login(testEmail, goodPassword))
		thief := kit.WithClient(t.Context(), kit.Client{IP: netip.MustParseAddr("192.0.2.1")})
		flood := func() {
			t.Helper()
			for range 1100 {
				if err := h.RequestPasswordReset(thief, "nobody@example.com"); err != nil {
					t.Fatal(err)
				}
			}
		}
		flood()
		if _, err := h.ChangePassword(thief, claims, goodPassword, otherPassword); err != nil {
			t.Fatal(err)
		}
		flood()
		time.Sleep(time.Second)
		h.nextMail(kit.MailPasswordChanged)
	})
}
