package kit_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"myauth.internal/kit"
	"myauth.internal/kit/accesstoken"
	"myauth.internal/kit/kittest"
	"myauth.internal/kit/memstore"
)

// spacedBubble is a bubble whose Service has the defaults of the mail queue.
func spacedBubble(t *testing.T, do func(t *testing.T, h *harness), change ...func(*kit.Options)) {
	synctest.Test(t, func(t *testing.T) {
		do(t, newHarness(t, append(change, func(o *kit.Options) {
			o.Now = time.Now
			o.InsecureUnlimited, o.MailDelay = false, 0
		})...))
	})
}

// TestMailsToOneMailboxAreSpaced asks every second for two hours, from as many clients.
func TestMailsToOneMailboxAreSpaced(t *testing.T) {
	spacedBubble(t, func(t *testing.T, h *harness) {
		h.register(testEmail)
		began := time.Now()
		for i := range 2 * 3600 {
			email := testEmail
			if i%2 == 0 {
				email = strings.ToUpper(email)
			}
			from := netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
			if err := h.RequestPasswordReset(kit.WithClient(t.Context(), kit.Client{IP: from}), email); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
		}
		var sent []string
		for _, m := range h.mailer.All() {
			if m.Kind == kit.MailPasswordReset {
				sent = append(sent, fmt.Sprint(m.Now.Sub(began).Truncate(time.Minute).Minutes()))
			}
		}
		if got, want := strings.Join(sent, " "), "0 1 2 3 4 14 24 34 44 54 64 74 84 94 104 114"; got != want {
			t.Errorf("mails in the minutes %s, want %s", got, want)
		}
		s := h.Stats()
		if s.MailsSpaced != uint64(2*3600-len(sent)) || s.MailsSent != uint64(len(sent)+1) {
			t.Errorf("counted as %+v", s)
		}
		if n := h.count(kit.EventMailSpaced); n < 60 || n > 130 {
			t.Errorf("%d events tell of the mails left out in two hours, want one a minute", n)
		}
		if n := h.count(kit.EventPasswordResetRequested); n != len(sent) {
			t.Errorf("%d events tell of %d resets", n, len(sent))
		}
		// An hour of quiet, and it is as at first.
		time.Sleep(time.Hour)
		before := h.Stats().MailsSent
		for range 3 {
			if err := h.RequestPasswordReset(t.Context(), testEmail); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute)
		}
		if n := h.Stats().MailsSent - before; n != 3 {
			t.Errorf("%d mails in three minutes after an hour of quiet, want 3", n)
		}
	})
}

// TestSpacingIsPerMailboxAndKind, and neither notices of security nor the mails of other
// people are left out.
func TestSpacingIsPerMailboxAndKind(t *testing.T) {
	spacedBubble(t, func(t *testing.T, h *harness) {
		_, mail := h.register(testEmail)
		h.register("b@example.com")
		if err := h.VerifyEmail(t.Context(), string(mail.Token)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		password := [2]string{goodPassword, otherPassword}
		for i := range 10 {
			for _, email := range []string{testEmail, "b@example.com"} {
				if err := h.RequestPasswordReset(t.Context(), email); err != nil {
					t.Fatal(err)
				}
				if err := h.RequestEmailVerification(t.Context(), email); err != nil {
					t.Fatal(err)
				}
			}
			if err := h.changePassword(password[i%2], password[1-i%2]); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Second)
		got := map[string]int{}
		for _, m := range h.mailer.All()[2:] {
			got[m.To+" "+string(m.Kind)]++
		}
		want := map[string]int{
			testEmail + " password_reset": 1, testEmail + " password_changed": 10,
			"b@example.com password_reset": 1, "b@example.com verification": 1,
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("got %v, want %v", got, want)
		}
	})
}

// TestNoNoticeFloodsAStranger (claim 44): who registers somebody else's address can cause few mails
// to it, and none that says what they please.
func TestNoNoticeFloodsAStranger(t *testing.T) {
	spacedBubble(t, func(t *testing.T, h *harness) {
		h.register(testEmail)
		password := [2]string{goodPassword, otherPassword}
		for i := range 20 {
			h.loginFrom(h.from(fmt.Sprintf("192.0.2.%d", i), "win.example.com/1", ""), testEmail, password[i%2])
			if err := h.changePassword(password[i%2], password[1-i%2]); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Second)
		got := map[kit.MailKind]int{}
		for _, m := range h.mailer.All()[1:] {
			got[m.Kind]++
		}
		if want := map[kit.MailKind]int{kit.MailPasswordChanged: 1}; fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("got %v, want %v", got, want)
		}
		if n := h.count(kit.EventNewDevice); n < 9 {
			t.Errorf("the audit stream has %d new devices", n)
		}
	})
}

// TestMailsOfRegistrationsAreSpaced: with concealment a stranger can cause a mail to an
// owner by registering the address again.
func TestMailsOfRegistrationsAreSpaced(t *testing.T) {
	spacedBubble(t, func(t *testing.T, h *harness) {
		for range 10 {
			_, err := h.Register(t.Context(), kit.Registration{Email: testEmail, Username: "a", Password: goodPassword})
			if err != nil {
				h.wantErr("a taken address", err, kit.ErrUserExists)
			}
		}
		time.Sleep(time.Second)
		if n := len(h.mailer.All()); n != 2 {
			t.Errorf("%d mails, want one of the verification and one of the other registrations", n)
		}
	}, func(o *kit.Options) { o.ConcealAccounts, o.RequireVerifiedEmail = true, true })
}

// TestMailRequestsDoTheSameWork: whatever becomes of it, a request makes the same calls
// of the stores, the same one look-up among them, and nothing else happens until a tick
// later.
func TestMailRequestsDoTheSameWork(t *testing.T) {
	spacedBubble(t, func(t *testing.T, h *harness) {
		h.register(testEmail)
		gone, _ := h.register("off@example.com")
		if _, err := h.Deactivate(t.Context(), gone.ID); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		for _, request := range []func(context.Context, string) error{h.RequestPasswordReset, h.RequestEmailVerification} {
			for _, email := range []string{testEmail, "off@example.com", "nobody@example.com"} {
				before := h.storeCalls()
				if err := request(t.Context(), email); err != nil {
					t.Fatal(err)
				}
				synctest.Wait() // for whatever was started
				if after := h.storeCalls(); after != before+1 {
					t.Errorf("%s: %d calls of the stores, want 1", email, after-before)
				}
				time.Sleep(49 * time.Millisecond)
				if after := h.storeCalls(); after != before+1 || h.Stats().MailsReady != 1 {
					t.Errorf("%s: the work began within 50 ms of the request", email)
				}
				time.Sleep(52 * time.Millisecond)
				if n := h.Stats().MailsReady; n != 0 {
					t.Errorf("%s: the work has not begun after 100 ms", email)
				}
			}
		}
		if n := len(h.mailer.All()); n != 4 {
			t.Errorf("%d mails, want two registrations and two requests", n)
		}
	})
}

// lookedUp is a store that remembers which addresses it was asked for.
type lookedUp struct {
	kit.UserStore
	mu     sync.Mutex
	emails []string
}

func (s *lookedUp) ByEmail(ctx context.Context, email string) (kit.User, error) {
	s.mu.Lock()
	s.emails = append(s.emails, email)
	s.mu.Unlock()
	return s.UserStore.ByEmail(ctx, email)
}

// TestMailRequestsLookUpOneAddress: a store may answer sooner for an address without an
// account, so a request asks for the same address every time.
func TestMailRequestsLookUpOneAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		keys, err := accesstoken.HMAC([]byte("0123456789abcdefghijklmnopqrstuv"))
		if err != nil {
			t.Fatal(err)
		}
		stores := memstore.New().Stores()
		users := &lookedUp{UserStore: stores.Users}
		stores.Users = users
		svc, err := kit.New(stores, keys, &kit.Options{Mailer: &kittest.Mailer{}, PublicURL: "https://example.com", OnEvent: discardEvents})
		if err != nil {
			t.Fatal(err)
		}
		defer svc.Close(t.Context())
		if _, err := svc.Import(t.Context(), kit.User{Email: testEmail, Username: "Ada", Active: true}); err != nil {
			t.Fatal(err)
		}
		users.emails = nil
		for _, email := range []string{testEmail, "nobody@example.com"} {
			if err := svc.RequestPasswordReset(t.Context(), email); err != nil {
				t.Fatal(err)
			}
			if err := svc.RequestEmailVerification(t.Context(), email); err != nil {
				t.Fatal(err)
			}
		}
		emails := users.emails // no worker has begun
		if seen := slices.Compact(slices.Clone(emails)); len(emails) != 4 || len(seen) != 1 {
			t.Errorf("the requests asked the store for %q, want one address each time", emails)
		}
	})
}

// storeCalls counts the calls of all stores.
func (h *harness) storeCalls() int {
	n := 0
	for _, op := range []string{"users.Create", "users.ByID", "users.ByEmail", "users.Update", "tokens.Create", "tokens.ByID", "tokens.Update", "tokens.Delete", "credentials.Create", "credentials.ByID", "credentials.Update"} {
		n += h.faults.Calls(op)
	}
	return n
}

// TestConcealedRegistrationsDoTheSameWork: one look-up and one write that is done, for a
// free address and for a taken one, whose account stays as it is.
func TestConcealedRegistrationsDoTheSameWork(t *testing.T) {
	spacedBubble(t, func(t *testing.T, h *harness) {
		var calls []string
		for range 2 {
			count := func() string {
				return fmt.Sprint(h.faults.Calls("users.ByEmail"), h.faults.Calls("users.Create")+h.faults.Calls("users.Update"), h.storeCalls())
			}
			before := count()
			owner, _ := h.store.Users().ByEmail(t.Context(), testEmail)
			h.Register(t.Context(), kit.Registration{Email: testEmail, Username: "a", Password: goodPassword})
			synctest.Wait()
			calls = append(calls, before+" "+count())
			if owner.ID != "" {
				after, err := h.UserByEmail(t.Context(), testEmail)
				if owner.Version++; err != nil || fmt.Sprintf("%#v", after) != fmt.Sprintf("%#v", owner) {
					t.Errorf("the owner's account was changed: %v, %v", after, err)
				}
			}
			time.Sleep(time.Second) // the mail's look-up
		}
		if calls[0] != "0 0 0 1 1 2" || calls[1] != "1 1 2 2 3 5" {
			t.Errorf("look-ups, writes and calls, before and after: %q", calls)
		}
	}, func(o *kit.Options) { o.ConcealAccounts, o.RequireVerifiedEmail = true, true })
}

func TestMailLookUpsOutliveAnOutage(t *testing.T) {
	spacedBubble(t, func(t *testing.T, h *harness) {
		h.register(testEmail)
		if err := h.RequestPasswordReset(t.Context(), testEmail); err != nil {
			t.Fatal(err)
		}
		h.faults.Inject("users.ByEmail", kittest.Down, -1)
		time.Sleep(time.Minute)
		h.faults.Clear()
		time.Sleep(2 * time.Minute)
		h.nextMail(kit.MailPasswordReset)
	})
}

// TestMailWhoseLookUpFailsReplacesNone: it may turn out to be too soon after the one that
// waits for the relay.
func TestMailWhoseLookUpFailsReplacesNone(t *testing.T) {
	spacedBubble(t, func(t *testing.T, h *harness) {
		h.register(testEmail)
		h.mailer.Fail(errors.New("451 try again later"))
		for _, failures := range []int{0, 1} {
			if err := h.RequestPasswordReset(t.Context(), testEmail); err != nil {
				t.Fatal(err)
			}
			h.faults.Inject("users.ByEmail", kittest.Down, failures) // the queue's look-up
			time.Sleep(200 * time.Millisecond)
		}
		h.mailer.Fail(nil)
		time.Sleep(time.Minute)
		h.nextMail(kit.MailPasswordReset)
	})
}

// TestMailsToStrangersAreSpaced: a feature mails an address that need not have an account, for the
// zero User. Such mails are counted by mailbox and kind, the same whether it has one or not, and
// nothing is looked up.
func TestMailsToStrangersAreSpaced(t *testing.T) {
	feature := &probe{name: "probe", Extension: kit.Extension{Mails: []kit.MailRule{{Kind: "prove"}, {Kind: "invite"}, {Kind: "notice", Notice: true}}}}
	spacedBubble(t, func(t *testing.T, h *harness) {
		_, m := h.register(testEmail)
		if err := h.VerifyEmail(t.Context(), string(m.Token)); err != nil {
			t.Fatal(err)
		}
		mail := func(kind kit.MailKind, to string) {
			feature.core.Mail(t.Context(), kind, kit.User{}, kit.MailContent{To: to, Page: "/prove", Token: "a token", Data: map[string]string{"to": "you"}})
		}
		before, calls := len(h.mailer.All()), h.faults.Calls("users.ByEmail")
		for range 120 {
			for _, to := range []string{testEmail, strings.ToUpper(testEmail), "stranger@example.com", "Stranger@Example.com"} {
				mail("prove", to)
				mail("invite", to)
				mail("notice", to)
			}
			time.Sleep(time.Second)
		}
		sent := map[string]int{}
		for _, m := range h.mailer.All()[before:] {
			if m.UserID != "" || m.Username != "" || m.Link != "https://app.example.com/account/prove?token=a token" || m.Data["to"] != "you" {
				t.Fatalf("sent %+v", m)
			}
			sent[string(m.Kind)+" "+kit.EmailKey(m.To)]++
		}
		for _, kind := range []string{"prove", "invite", "notice"} {
			for _, to := range []string{testEmail, "stranger@example.com"} {
				if n := sent[kind+" "+kit.EmailKey(to)]; n != 2 {
					t.Errorf("%d mails %s to %s in two minutes, want one a minute", n, kind, to)
				}
			}
		}
		if n := h.faults.Calls("users.ByEmail") - calls; n != 0 {
			t.Errorf("%d look-ups", n)
		}
		mail("prove", "no address")
		synctest.Wait()
		if n := len(h.mailer.All()) - before; n != 12 {
			t.Errorf("%d mails", n)
		}
	}, func(o *kit.Options) { o.Features = []kit.Feature{feature} })
}
