package kit_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"myauth.internal/kit"
	"myauth.internal/kit/accesstoken"
	"myauth.internal/kit/kittest"
)

func TestChangeEmail(t *testing.T) {
	h := newHarness(t)
	u, _ := h.register(testEmail)
	h.register("bob@example.com")
	tokens, reset := h.login(testEmail, goodPassword), h.resetToken(testEmail)
	_, err := h.ChangeEmail(t.Context(), u.ID, "BOB@example.com")
	h.wantErr("an address of another account", err, kit.ErrUserExists)
	tokens = h.mustRefresh(tokens.RefreshToken)
	if _, err := h.ChangeEmail(t.Context(), u.ID, "new@example.com"); err != nil {
		t.Fatal(err)
	}
	_, err = h.refresh(tokens.RefreshToken)
	h.wantErr("a session from before", err, kit.ErrRevokedToken)
	_, _, err = h.Authenticate(t.Context(), string(tokens.AccessToken))
	h.wantErr("an access token from before", err, kit.ErrRevokedToken)
	h.wantErr("a reset token from before", h.ResetPassword(t.Context(), reset, otherPassword), kit.ErrRevokedToken)
	_, err = h.Login(t.Context(), testEmail, goodPassword)
	h.wantErr("the old address", err, kit.ErrInvalidCredentials)
	h.login("new@example.com", goodPassword)
	if _, err := h.Register(t.Context(), kit.Registration{Email: testEmail, Username: "Ann", Password: goodPassword}); err != nil {
		t.Errorf("registering the old address: %v", err)
	}
}

// mails takes the next n mails, which come in any order, by kind.
func (h *harness) mails(n int) map[kit.MailKind]kit.Mail {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.t.Context(), 20*time.Second)
	defer cancel()
	mails := map[kit.MailKind]kit.Mail{}
	for range n {
		m, err := h.mailer.Next(ctx)
		if err != nil {
			h.t.Fatal(err)
		}
		mails[m.Kind] = m
	}
	return mails
}

// changeToken requests a change of address, and takes its mails.
func (h *harness) changeToken(claims accesstoken.Claims, email string) string {
	h.t.Helper()
	h.clock.Advance(time.Millisecond) // by which tokens sort
	u, err := h.UserByID(h.t.Context(), claims.Subject)
	if err != nil {
		h.t.Fatal(err)
	}
	if err := h.RequestEmailChange(h.t.Context(), claims, email); err != nil {
		h.t.Fatal("request of a change of address:", err)
	}
	mails := h.mails(2)
	link, notice := mails[kit.MailEmailChange], mails[kit.MailEmailChangeRequested]
	if link.To != email || link.Token == "" || link.Link != "https://app.example.com/account/change-email?token="+link.Token || link.Username != "" && kit.EmailKey(email) != kit.EmailKey(u.Email) {
		h.t.Errorf("the mail to the new address is %+v", link)
	}
	if notice.To != u.Email || notice.Token != "" || notice.Link != "" || len(notice.Data) != 0 {
		h.t.Errorf("the notice to the old address is %+v", notice)
	}
	return string(link.Token)
}

func TestEmailChange(t *testing.T) {
	h := newHarness(t)
	u := h.verified(testEmail)
	tokens, other := h.login(testEmail, goodPassword), h.login(testEmail, goodPassword)
	claims := h.claims(tokens)
	reset := h.resetToken(testEmail)
	token := h.changeToken(claims, "new@example.com")
	if e := h.last(kit.EventEmailChangeRequested); e.UserID != u.ID || e.SessionID != claims.SessionID {
		t.Errorf("the event of the request is %+v", e)
	}
	if got, err := h.UserByID(t.Context(), u.ID); err != nil || got.Version != u.Version {
		t.Errorf("the request changed the account to %+v, %v", got, err)
	}
	h.wantErr("a forged token", h.ConfirmEmailChange(t.Context(), forged(t, token, make([]byte, 32))), kit.ErrInvalidToken)
	h.wantErr("a reset token", h.ConfirmEmailChange(t.Context(), reset), kit.ErrInvalidToken)
	h.wantErr("as a reset token", h.ResetPassword(t.Context(), token, otherPassword), kit.ErrInvalidToken)
	if err := h.ConfirmEmailChange(t.Context(), token); err != nil {
		t.Fatal(err)
	}
	if mail := h.nextMail(kit.MailEmailChanged); mail.To != testEmail || mail.Token != "" {
		t.Errorf("the notice of the switch is %+v", mail)
	}
	if e := h.last(kit.EventEmailChanged); e.UserID != u.ID {
		t.Errorf("the event of the switch is %+v", e)
	}
	if got, err := h.UserByID(t.Context(), u.ID); err != nil || got.Email != "new@example.com" || !got.Verified || got.PasswordHash != u.PasswordHash {
		t.Errorf("the account is %+v, %v", got, err)
	}
	if h.alive(tokens) || h.alive(other) {
		t.Error("a session lives")
	}
	h.wantErr("the reset token", h.ResetPassword(t.Context(), reset, otherPassword), kit.ErrRevokedToken)
	h.wantErr("again", h.ConfirmEmailChange(t.Context(), token), kit.ErrRevokedToken)
	_, err := h.Login(t.Context(), testEmail, goodPassword)
	h.wantErr("the old address", err, kit.ErrInvalidCredentials)
	claims = h.claims(h.login("new@example.com", goodPassword))
	h.register(testEmail) // it is free

	if err := h.ConfirmEmailChange(t.Context(), h.changeToken(claims, "NEW@Example.com")); err != nil {
		t.Error("another spelling of one's own address:", err)
	}
	if got, _ := h.UserByID(t.Context(), u.ID); got.Email != "NEW@Example.com" {
		t.Errorf("the account has %s", got.Email)
	}
}

// TestEmailChangeProvesTheNewAddress: that the old one was not verified does not matter.
func TestEmailChangeProvesTheNewAddress(t *testing.T) {
	h := newHarness(t)
	u, _ := h.register(testEmail)
	if err := h.ConfirmEmailChange(t.Context(), h.changeToken(h.claims(h.login(testEmail, goodPassword)), "new@example.com")); err != nil {
		t.Fatal(err)
	}
	if got, err := h.UserByID(t.Context(), u.ID); err != nil || !got.Verified {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestEmailChangeIsRefused(t *testing.T) {
	h := newHarness(t)
	h.verified(testEmail)
	tokens := h.login(testEmail, goodPassword)
	claims := h.claims(tokens)
	var invalid *kit.ValidationError
	if err := h.RequestEmailChange(t.Context(), claims, "no address"); !errors.As(err, &invalid) || invalid.Fields[0].Field != "new_email" {
		t.Errorf("no address: %v", err)
	}
	none := h.over(h.store.Stores(), func(o *kit.Options) { o.Mailer = nil })
	h.wantErr("without a mailer", none.RequestEmailChange(t.Context(), claims, "new@example.com"), kit.ErrEmailNotConfigured)
	over(h, tokens)
	h.wantErr("in a session that is over", h.RequestEmailChange(t.Context(), claims, "new@example.com"), kit.ErrRevokedToken)
	h.wantErr("no token", h.ConfirmEmailChange(t.Context(), "myauth_ec_"), kit.ErrInvalidToken)
}

// TestEmailChangeIsVoided (claim 47).
func TestEmailChangeIsVoided(t *testing.T) {
	for name, c := range map[string]struct {
		void func(*harness, kit.User, accesstoken.Claims)
		want error
	}{
		"by a reset": {func(h *harness, _ kit.User, _ accesstoken.Claims) {
			if err := h.ResetPassword(t.Context(), h.resetToken(testEmail), otherPassword); err != nil {
				t.Fatal(err)
			}
		}, kit.ErrRevokedToken},
		"by a reset meanwhile": {func(h *harness, _ kit.User, _ accesstoken.Claims) {
			reset := h.resetToken(testEmail)
			h.faults.OnCall("tokens.ByUser", func() { // after the look at the account
				if err := h.ResetPassword(t.Context(), reset, otherPassword); err != nil {
					t.Error(err)
				}
			})
		}, kit.ErrRevokedToken},
		"by a change of password": {func(h *harness, _ kit.User, claims accesstoken.Claims) {
			if _, err := h.ChangePassword(t.Context(), claims, goodPassword, otherPassword); err != nil {
				t.Fatal(err)
			}
		}, kit.ErrRevokedToken},
		"by a deactivation": {func(h *harness, u kit.User, _ accesstoken.Claims) {
			if _, err := h.Deactivate(t.Context(), u.ID); err != nil {
				t.Fatal(err)
			}
		}, kit.ErrRevokedToken},
		"by a deletion": {func(h *harness, u kit.User, _ accesstoken.Claims) {
			if err := h.DeleteUser(t.Context(), u.ID); err != nil {
				t.Fatal(err)
			}
		}, kit.ErrInvalidToken},
		"by a newer request": {func(h *harness, _ kit.User, claims accesstoken.Claims) {
			h.changeToken(claims, "newer@example.com")
		}, kit.ErrRevokedToken},
		"by a newer request for the same address": {func(h *harness, _ kit.User, claims accesstoken.Claims) {
			h.changeToken(claims, "new@example.com")
		}, kit.ErrRevokedToken},
		"by a newer request whose mail is never sent": {func(h *harness, _ kit.User, claims accesstoken.Claims) {
			h.faults.Inject("tokens.Create", kittest.Down, -1)
			if err := h.RequestEmailChange(t.Context(), claims, "newer@example.com"); err != nil {
				t.Fatal(err)
			}
		}, kit.ErrRevokedToken},
		"by its age": {func(h *harness, _ kit.User, _ accesstoken.Claims) { h.clock.Advance(24 * time.Hour) }, kit.ErrExpiredToken},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t)
			u := h.verified(testEmail)
			claims := h.claims(h.login(testEmail, goodPassword))
			token := h.changeToken(claims, "new@example.com")
			c.void(h, u, claims)
			h.wantErr("the change", h.ConfirmEmailChange(t.Context(), token), c.want)
			if _, err := h.UserByEmail(t.Context(), "new@example.com"); !errors.Is(err, kit.ErrUserNotFound) {
				t.Errorf("somebody has the new address: %v", err)
			}
		})
	}
	h := newHarness(t)
	h.verified(testEmail)
	claims := h.claims(h.login(testEmail, goodPassword))
	first := h.changeToken(claims, "new@example.com")
	second := h.changeToken(claims, "newer@example.com")
	third := h.changeToken(claims, "new@example.com")
	for what, token := range map[string]string{"the first": first, "the second": second} {
		h.wantErr(what, h.ConfirmEmailChange(t.Context(), token), kit.ErrRevokedToken)
	}
	h.wantErr("the third", h.ConfirmEmailChange(t.Context(), third), nil)
}

// TestEmailChangesAtOnce (claim 47): two users race to one address, over two instances, with their
// tokens used many times. One switch, one event, and one account with the address.
func TestEmailChangesAtOnce(t *testing.T) {
	for range 5 {
		h := newHarness(t)
		instances := []*kit.Service{h.Service, h.another()}
		emails := []string{testEmail, "bob@example.com"}
		var tokens []string
		for _, email := range emails {
			h.verified(email)
			tokens = append(tokens, h.changeToken(h.claims(h.login(email, goodPassword)), "new@example.com"))
		}
		errs := race(16, func(i int) error { return instances[i%2].ConfirmEmailChange(t.Context(), tokens[i/2%2]) })
		winner := -1
		for i, err := range errs {
			if err == nil && winner >= 0 {
				t.Error("two calls switched")
			}
			if err == nil {
				winner = i
			}
		}
		if winner < 0 {
			t.Fatalf("no call switched: %v", errs)
		}
		for i, err := range errs {
			switch same := i/2%2 == winner/2%2; {
			case i == winner:
			case same && !errors.Is(err, kit.ErrRevokedToken):
				t.Errorf("a second use of the token: %v", err)
			case !same && !errors.Is(err, kit.ErrUserExists):
				t.Errorf("the other user: %v", err)
			}
		}
		if n := h.count(kit.EventEmailChanged); n != 1 {
			t.Errorf("%d events", n)
		}
		loser := emails[1-winner/2%2]
		if u, err := h.UserByEmail(t.Context(), loser); err != nil || u.SessionEpoch != 0 {
			t.Errorf("the loser has %+v, %v", u, err)
		}
		if _, err := h.UserByEmail(t.Context(), "new@example.com"); err != nil {
			t.Error(err)
		}
	}
}

// TestEmailChangeUsedMeanwhile: a token that is used after another use has looked at the account is
// used once.
func TestEmailChangeUsedMeanwhile(t *testing.T) {
	h := newHarness(t)
	h.verified(testEmail)
	token := h.changeToken(h.claims(h.login(testEmail, goodPassword)), "new@example.com")
	h.faults.OnCall("tokens.ByUser", func() { h.wantErr("the use meanwhile", h.ConfirmEmailChange(t.Context(), token), nil) })
	h.wantErr("the other use", h.ConfirmEmailChange(t.Context(), token), kit.ErrRevokedToken)
	if n := h.count(kit.EventEmailChanged); n != 1 {
		t.Errorf("%d events", n)
	}
}

// TestEmailChangeTellsNothing (claim 47): the request makes the same calls of the stores for a free
// address and a taken one, in the same order, and the same mails follow.
func TestEmailChangeTellsNothing(t *testing.T) {
	var calls, mails [2][]string
	for i, email := range []string{"free@example.com", "bob@example.com"} {
		h := newHarness(t)
		h.verified(testEmail)
		h.verified("bob@example.com")
		claims := h.claims(h.login(testEmail, goodPassword))
		h.changeToken(claims, "earlier@example.com")
		h.faults.Each(func(_ context.Context, op string, _ any) kittest.Fault { calls[i] = append(calls[i], op); return 0 })
		if err := h.RequestEmailChange(t.Context(), claims, email); err != nil {
			t.Fatal(err)
		}
		for kind := range h.mails(2) {
			mails[i] = append(mails[i], string(kind))
		}
		h.faults.Clear()
		slices.Sort(mails[i])
	}
	if fmt.Sprint(calls[0], mails[0]) != fmt.Sprint(calls[1], mails[1]) || len(calls[0]) < 4 {
		t.Errorf("free: %v %v, taken: %v %v", calls[0], mails[0], calls[1], mails[1])
	}
}

// TestEmailChangeIsAlwaysTold: of requests whose links are left out after the first, each has its
// notice; and the owner hears of a switch whose answer was lost.
func TestEmailChangeIsAlwaysTold(t *testing.T) {
	spacedBubble(t, func(t *testing.T, h *harness) {
		h.verified(testEmail)
		claims := h.claims(h.login(testEmail, goodPassword))
		for range 5 {
			if err := h.RequestEmailChange(t.Context(), claims, "new@example.com"); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Second)
		sent := map[kit.MailKind]int{}
		token := ""
		for _, m := range h.mailer.All() {
			if sent[m.Kind]++; m.Token != "" {
				token = string(m.Token)
			}
		}
		if sent[kit.MailEmailChange] != 1 || sent[kit.MailEmailChangeRequested] != 5 {
			t.Errorf("sent %v", sent)
		}
		h.faults.Inject("users.Update", kittest.Lost, 1)
		if err := h.ConfirmEmailChange(t.Context(), token); err != nil {
			t.Error("the link that was sent:", err)
		}
		time.Sleep(time.Second)
		if all := h.mailer.All(); all[len(all)-1].Kind != kit.MailEmailChanged {
			t.Errorf("the last mail is %+v", all[len(all)-1])
		}
	})
}
