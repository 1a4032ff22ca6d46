package invitation_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"myauth.internal/kit"
	"myauth.internal/kit/invitation"
	"myauth.internal/kit/kittest"
	"myauth.internal/kit/memstore"
	"myauth.internal/kit/throttle"
)

// TestLife is that of one invitation: each act is one event, and the account is what the administrator
// wrote and the invited chose.
func TestLife(t *testing.T) {
	w := newWorld(t, func(o *kit.Options) { o.Locale = func(kit.User) string { return "de" } })
	v, err := w.tryInvite(w.ada, " "+graceMail+" ", "editor", "author", "editor")
	w.must("invite", err)
	if v.Email != graceMail || !slices.Equal(v.Roles, []string{"editor", "author"}) || v.InvitedBy != w.ada.ID ||
		v.CreatedAt != "2026-11-24T12:00:00.000000Z" || v.ExpiresAt != "2026-12-01T12:00:00.000000Z" {
		t.Errorf("made: %+v", v)
	}
	if made := w.heard(invitation.EventMade); len(made) != 1 || made[0].Actor != w.ada.ID || made[0].Target != v.ID || made[0].UserID != "" {
		t.Errorf("the event is %+v", made)
	}
	m := w.NextMail(invitation.MailInvitation)
	if m.To != graceMail || m.UserID != "" || m.Username != "" || m.Locale != "de" || len(m.Data) > 0 || string(m.Link) != "https://app.example.com/accept-invitation?token="+string(m.Token) ||
		!m.ValidUntil.Equal(w.Clock.Now().Add(7*24*time.Hour)) {
		t.Errorf("the mail is to %s, %q, in %s, valid until %v", m.To, m.Link, m.Locale, m.ValidUntil)
	}
	if list := w.list(w.root); len(list) != 1 || fmt.Sprint(list[0]) != fmt.Sprint(v) {
		t.Errorf("listed: %+v", list)
	}
	w.Clock.Advance(time.Hour)
	u, err := w.acceptBy(t.Context(), w.Service, string(m.Token), " Grace H. ", password)
	w.must("accept", err)
	if u["email"] != graceMail || u["username"] != "Grace H." || u["is_verified"] != true || fmt.Sprint(u["roles"]) != "[editor author]" {
		t.Errorf("the account is %v", u)
	}
	accepted := w.heard(invitation.EventAccepted)
	if len(accepted) != 1 || accepted[0].UserID != u["id"] || accepted[0].Target != v.ID || accepted[0].Actor != "" {
		t.Errorf("the event is %+v", accepted)
	}
	if _, err := w.Login(t.Context(), grace, password); err != nil {
		t.Error("the password:", err)
	}
	w.wants("again", w.accept(string(m.Token)), kit.ErrRevokedToken)
	if refused := w.heard(kit.EventTokenRefused); len(refused) != 1 || refused[0].Target != v.ID {
		t.Errorf("the event is %+v", refused)
	}
	if list := w.list(w.ada); len(list) != 0 {
		t.Errorf("listed still: %+v", list)
	}
	if err := w.revoke(w.Service, w.ada, v.ID); !hasCode(err, "not_found") {
		t.Error("revoked after it was accepted:", err)
	}
	if w.heard(invitation.EventRevoked) != nil {
		t.Error("an event of what was refused")
	}
}

// TestEnds: whatever ends an invitation, its link makes no account, and what comes after is told so.
func TestEnds(t *testing.T) {
	may := true
	for name, c := range map[string]struct {
		end    func(w *world, v shown)
		want   error
		listed bool
	}{
		"nothing": {func(*world, shown) {}, nil, true},
		"revoked": {func(w *world, v shown) {
			w.must("revoke", w.revoke(w.Service, w.root, v.ID))
			if e := w.heard(invitation.EventRevoked); len(e) != 1 || e[0].Actor != w.root.ID || e[0].Target != v.ID {
				w.t.Errorf("the event is %+v", e)
			}
			if err := w.revoke(w.Service, w.root, v.ID); !hasCode(err, "not_found") {
				w.t.Error("revoked again:", err)
			}
		}, kit.ErrRevokedToken, false},
		"replaced": {func(w *world, v shown) {
			if next, _ := w.invite(w.ada); next.ID == v.ID {
				w.t.Error("two invitations have one ID")
			}
		}, kit.ErrInvalidToken, true},
		"replaced by another": {func(w *world, v shown) {
			next, _ := w.invite(w.root)
			if next.InvitedBy != w.root.ID {
				w.t.Errorf("%+v", next)
			}
			if err := w.revoke(w.Service, w.ada, v.ID); !hasCode(err, "not_found") {
				w.t.Error("the old one can be revoked:", err)
			}
		}, kit.ErrInvalidToken, true},
		"revoked, and made anew": {func(w *world, v shown) {
			w.must("revoke", w.revoke(w.Service, w.ada, v.ID))
			w.invite(w.root)
		}, kit.ErrInvalidToken, true},
		"almost too old": {func(w *world, _ shown) { w.Clock.Advance(7*24*time.Hour - time.Microsecond) }, nil, true},
		"too old":        {func(w *world, _ shown) { w.Clock.Advance(7 * 24 * time.Hour) }, kit.ErrExpiredToken, false},
		"purged": {func(w *world, _ shown) {
			w.Clock.Advance(8 * 24 * time.Hour)
			_, err := w.PurgeExpired(w.t.Context(), w.Clock.Now())
			w.must("purge", err)
		}, kit.ErrInvalidToken, false},
		"the inviter is no administrator": {func(w *world, _ shown) {
			_, err := w.SetRoles(w.t.Context(), w.ada.ID, "editor")
			w.must("roles", err)
		}, kit.ErrRevokedToken, false},
		"the inviter is disabled": {func(w *world, _ shown) {
			_, err := w.Deactivate(w.t.Context(), w.ada.ID)
			w.must("deactivate", err)
		}, kit.ErrRevokedToken, false},
		"the inviter was disabled for a while": {func(w *world, _ shown) {
			_, err := w.Deactivate(w.t.Context(), w.ada.ID)
			w.must("deactivate", err)
			_, err = w.Activate(w.t.Context(), w.ada.ID)
			w.must("activate", err)
		}, kit.ErrRevokedToken, false},
		"whoever was signed in as the inviter is thrown out": {func(w *world, _ shown) { w.must("end", w.EndAllSessions(w.t.Context(), w.ada.ID)) }, kit.ErrRevokedToken, false},
		"the inviter is gone":                                {func(w *world, _ shown) { w.must("delete", w.DeleteUser(w.t.Context(), w.ada.ID)) }, kit.ErrInvalidToken, false},
		"the inviter may not grant a role":                   {func(*world, shown) { may = false }, kit.ErrRevokedToken, true},
	} {
		t.Run(name, func(t *testing.T) {
			may = true
			w := newWorld(t, func(o *kit.Options) {
				o.Hooks.MayGrant = func(_ context.Context, _ kit.User, role string) bool { return may || role != "editor" }
			})
			v, token := w.invite(w.ada, "editor")
			w.heard("")
			c.end(w, v)
			if listed := len(w.list(w.root)) > 0; listed != c.listed {
				t.Errorf("listed: %v", listed)
			}
			err := w.accept(token)
			w.wants("accept", err, c.want)
			if _, made := w.account(); made != (c.want == nil) {
				t.Errorf("there is an account: %v", made)
			}
		})
	}
}

// TestRefusalsKeepTheInvitation: what the invited can do better leaves the link good.
func TestRefusalsKeepTheInvitation(t *testing.T) {
	hook := errors.New("not on a Tuesday")
	refuse := false
	w := newWorld(t, func(o *kit.Options) {
		o.Hooks.BeforeRegister = func(_ context.Context, r kit.Registration) error {
			if r.Email != graceMail || r.Password != "" {
				t.Errorf("the hook hears of %q", r.Email)
			}
			if refuse {
				return hook
			}
			return nil
		}
	})
	_, token := w.invite(w.ada)
	for name, c := range map[string]struct{ username, password, field string }{
		"a password like many":        {"Grace", "Password1!", "password"},
		"one of the address":          {"Grace", "Grace@Example.com1A", "password"},
		"none":                        {"Grace", "", "password"},
		"no name":                     {" ", password, "username"},
		"a name with control":         {"a\ab", password, "username"},
		"a name that nobody can read": {strings.Repeat("x", 65), password, "username"},
	} {
		_, err := w.acceptBy(t.Context(), w.Service, token, c.username, c.password)
		var invalid *kit.ValidationError
		if !errors.As(err, &invalid) || invalid.Fields[0].Field != c.field {
			t.Errorf("%s: %v", name, err)
		}
	}
	refuse = true
	w.wants("the hook", w.accept(token), hook)
	refuse = false
	for _, op := range []string{"users.ByID", "credentials.ByID", "users.Create", "credentials.Update"} {
		w.Faults.Inject(op, kittest.Down, 1)
		w.wants(op, w.accept(token), kit.ErrUnavailable)
		if u, made := w.account(); made {
			t.Fatalf("after a fault of %s there is the account %+v", op, u)
		}
	}
	w.must("at last", w.accept(token))
}

// TestOneMailbox: an invitation is for who has none of our accounts, whose address we know; one that a
// stranger has made there becomes the owner's, with nothing of the stranger's but the roles.
func TestOneMailbox(t *testing.T) {
	w := newWorld(t, func(o *kit.Options) { o.Registration = kit.RegistrationOpen })
	squat := func() kit.User {
		u, err := w.Register(t.Context(), kit.Registration{Email: grace, Username: "Stranger", Password: "Mallory#1984"})
		w.must("register", err)
		w.NextMail(kit.MailVerification)
		return u
	}
	u := squat()
	_, token := w.invite(w.ada, "editor")
	w.must("accept", w.accept(token))
	now, _ := w.account()
	if now.ID != u.ID || !now.Verified || now.Username != "Grace" || !now.HasRole("editor") {
		t.Errorf("the account is %+v", now)
	}
	if _, err := w.Login(t.Context(), grace, "Mallory#1984"); !errors.Is(err, kit.ErrInvalidCredentials) {
		t.Error("the stranger's password:", err)
	}
	_, err := w.tryInvite(w.ada, graceMail)
	w.wants("a verified address", err, kit.ErrUserExists)
	w.must("delete", w.DeleteUser(t.Context(), now.ID))
	w.wants("the link after the account is deleted", w.accept(token), kit.ErrRevokedToken)

	u = squat()
	_, token = w.invite(w.ada)
	_, err = w.Deactivate(t.Context(), u.ID)
	w.must("deactivate", err)
	w.wants("a disabled account", w.accept(token), kit.ErrUserExists)
	_, err = w.tryInvite(w.ada, graceMail)
	w.wants("a disabled account", err, kit.ErrUserExists)
	_, err = w.EditUser(t.Context(), u.ID, kit.Edit{Active: ptr(true), Verified: ptr(true)})
	w.must("edit", err)
	w.wants("an account that was verified meanwhile", w.accept(token), kit.ErrUserExists)
	if len(w.list(w.ada)) != 0 {
		t.Error("an invitation that leads nowhere is listed")
	}
}

func ptr[T any](v T) *T { return &v }

// TestWhoMayBeInvited: what an invitation must be, and that nobody hands out more than they may.
func TestWhoMayBeInvited(t *testing.T) {
	w := newWorld(t, func(o *kit.Options) {
		o.Hooks.MayGrant = func(_ context.Context, actor kit.User, role string) bool {
			return role != kit.AdminRole || actor.Email == "root@example.com"
		}
	})
	for body, want := range map[string]string{
		`{"email":"nobody"}`: "email invalid_email",
		`{"roles":[]}`:       "email required",
		`{"email":7}`:        "email invalid_type",
		`{"email":"a@example.com","roles":"admin"}`:                             "roles invalid_type",
		`{"email":"a@example.com","roles":null}`:                                "roles invalid_type",
		`{"email":"a@example.com","roles":["x",null]}`:                          "roles invalid_type",
		`{"email":"a@example.com","roles":["x",7]}`:                             "roles invalid_type",
		`{"email":"a@example.com","roles":[""]}`:                                "roles too_short",
		`{"email":"a@example.com","roles":["` + strings.Repeat("x", 65) + `"]}`: "roles too_long",
	} {
		_, err := w.send(t.Context(), w.Service, w.ada, "POST", "/admin/invitations", "", jsonText(body))
		var invalid *kit.ValidationError
		if !errors.As(err, &invalid) || invalid.Fields[0].Field+" "+invalid.Fields[0].Code != want {
			t.Errorf("%s: got %v, want %s", body, err, want)
		}
	}
	_, err := w.tryInvite(w.ada, graceMail, "editor", kit.AdminRole)
	w.wants("a role that she may not grant", err, kit.ErrRoleNotGrantable)
	if len(w.list(w.ada)) != 0 || len(w.heard(invitation.EventMade)) != 0 || len(w.Mailer.All()) != 0 {
		t.Error("what was refused has made something")
	}
	_, token := w.invite(w.root, kit.AdminRole)
	w.must("accept", w.accept(token))
	if u, _ := w.account(); !u.HasRole(kit.AdminRole) {
		t.Errorf("%+v", u)
	}
}

type jsonText string

func (j jsonText) MarshalJSON() ([]byte, error) { return []byte(j), nil }

// TestTheTokenIsInTheMailOnly is security claim 71 for invitations: no answer, event, log, error or
// stored record has it, and nothing that is stored can be presented in its place. Events and logs have
// no address.
func TestTheTokenIsInTheMailOnly(t *testing.T) {
	var log bytes.Buffer
	w := newWorld(t, func(o *kit.Options) {
		o.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	answer, err := w.send(t.Context(), w.Service, w.ada, "POST", "/admin/invitations", "", map[string]string{"email": grace})
	w.must("invite", err)
	m := w.NextMail(invitation.MailInvitation)
	token := string(m.Token)
	list, err := w.send(t.Context(), w.Service, w.ada, "GET", "/admin/invitations", "", nil)
	w.must("list", err)
	rows, err := w.Store.Credentials().ByUser(t.Context(), w.ada.ID, "", 10)
	w.must("rows", err)
	stored := w.dump(w.ada)
	raw, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(token, "myauth_in_"))
	if err != nil || len(raw) != 51 || len(rows) != 1 {
		t.Fatalf("%d bytes, %d rows, %v", len(raw), len(rows), err)
	}
	secret := raw[16:48]
	w.must("accept", w.accept(token))
	stored += w.dump(w.ada)
	told := fmt.Sprintf("%s %s %+v %s %v %+v", answer.Body, list.Body, w.events, log.String(), w.Mailer, m)
	for _, form := range []string{token, string(raw), string(secret), hex.EncodeToString(secret), base64.StdEncoding.EncodeToString(secret), base64.RawURLEncoding.EncodeToString(secret)} {
		if strings.Contains(told, form) || strings.Contains(stored, form) {
			t.Errorf("%q is told or stored", form)
		}
	}
	for _, e := range w.events {
		if text := fmt.Sprintf("%+v", e); strings.Contains(strings.ToLower(text), grace) || strings.Contains(text, rows[0].ID) {
			t.Errorf("the event %s names the mailbox", text)
		}
	}
	if strings.Contains(strings.ToLower(log.String()), grace) {
		t.Errorf("the log names the mailbox: %s", &log)
	}
}

// TestGuessedTokens: of a token each byte counts, and none of another use does.
func TestGuessedTokens(t *testing.T) {
	w := newWorld(t)
	_, token := w.invite(w.ada)
	raw, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(token, "myauth_in_"))
	w.must("decode", err)
	for i := range raw {
		wrong := slices.Clone(raw)
		wrong[i] ^= 1
		w.wants(fmt.Sprint("byte ", i), w.accept("myauth_in_"+base64.RawURLEncoding.EncodeToString(wrong)), kit.ErrInvalidToken)
	}
	w.must("a reset", w.RequestPasswordReset(t.Context(), w.ada.Email))
	for _, other := range []string{"x", token[1:], strings.Replace(token, "myauth_in_", "myauth_pr_", 1), string(w.NextMail(kit.MailPasswordReset).Token), token + "A"} {
		w.wants(other, w.accept(other), kit.ErrInvalidToken)
	}
	w.must("the right one", w.accept(token))
}

// TestGuessesAreCharged: whoever tries tokens waits, as a source that tries passwords does.
func TestGuessesAreCharged(t *testing.T) {
	w := newWorld(t, func(o *kit.Options) { o.InsecureUnlimited = false })
	_, token := w.invite(w.ada)
	from := func(ip string) context.Context {
		return kit.WithClient(t.Context(), kit.Client{IP: netip.MustParseAddr(ip)})
	}
	other := newWorld(t)
	var err error
	for range 60 {
		other.Clock.Advance(time.Minute)
		_, guess := other.invite(other.ada) // of the same mailbox, and so of the same row
		if _, err = w.acceptBy(from("192.0.2.1"), w.Service, guess, "Grace", password); !errors.Is(err, kit.ErrInvalidToken) {
			break
		}
	}
	w.wants("sixty guesses", err, throttle.ErrTooManyRequests)
	_, err = w.acceptBy(from("192.0.2.1"), w.Service, token, "Grace", password)
	w.wants("the right one then", err, throttle.ErrTooManyRequests)
	_, err = w.acceptBy(from("192.0.2.2"), w.Service, token, "Grace", password)
	w.must("from elsewhere", err)
}

// TestMailsAreSpaced: an administrator who presses the button again and again is told so, and the link
// of the mail that went out stays good.
func TestMailsAreSpaced(t *testing.T) {
	w := newWorld(t, func(o *kit.Options) { o.InsecureUnlimited = false })
	_, token := w.invite(w.ada)
	for _, as := range []kit.User{w.ada, w.root} {
		_, err := w.tryInvite(as, graceMail)
		var limit *throttle.LimitError
		if !errors.As(err, &limit) || limit.RetryAfter != time.Minute {
			t.Errorf("at once: %v", err)
		}
	}
	sent := 1
	for range 20 {
		w.Clock.Advance(time.Minute)
		_, err := w.tryInvite(w.ada, graceMail)
		switch {
		case err == nil:
			token = string(w.NextMail(invitation.MailInvitation).Token) // none was left out
			sent++
		case !errors.Is(err, throttle.ErrTooManyRequests):
			t.Fatal(err)
		}
	}
	if sent < 5 || sent > 8 {
		t.Errorf("%d mails in 20 minutes", sent)
	}
	w.must("the last link", w.accept(token))
}

// TestNoWay: without a mail there is no invitation, and none is worth anything where nobody may come.
func TestNoWay(t *testing.T) {
	w := newWorld(t, func(o *kit.Options) { o.Mailer = nil })
	_, err := w.tryInvite(w.ada, graceMail)
	w.wants("without a mailer", err, kit.ErrEmailNotConfigured)
	w = newWorld(t, func(o *kit.Options) { o.Registration = kit.RegistrationClosed })
	_, err = w.tryInvite(w.ada, graceMail)
	w.wants("closed", err, kit.ErrRegistrationClosed)
}

// TestTTL: the bounds of an invitation's lifetime.
func TestTTL(t *testing.T) {
	for ttl, want := range map[time.Duration]bool{0: true, time.Hour: true, time.Hour - 1: false, 720 * time.Hour: true, 720*time.Hour + 1: false, -1: false} {
		k := kittest.New(t)
		_, err := kit.New(memstore.New().Stores(), k.Keys, &kit.Options{Features: []kit.Feature{invitation.New(&invitation.Options{TTL: ttl})}})
		if (err == nil) != want || err != nil && !strings.Contains(err.Error(), "Options.TTL") {
			t.Errorf("%v: %v", ttl, err)
		}
	}
}

// TestPage: its form does what the route does.
func TestPage(t *testing.T) {
	w := newWorld(t)
	_, token := w.invite(w.ada)
	page := w.Pages()[0]
	if page.Path != "/accept-invitation" || page.NewAccount == nil {
		t.Fatalf("%+v", page)
	}
	_, err := page.NewAccount(t.Context(), "x")
	w.wants("a wrong token is opened", err, kit.ErrInvalidToken)
	if email, err := page.NewAccount(t.Context(), token); err != nil || email != graceMail {
		t.Errorf("the account will have the address %q, %v", email, err)
	}
	w.wants("a wrong token", page.Submit(t.Context(), kit.Submission{Token: "x"}), kit.ErrInvalidToken)
	w.must("the form", page.Submit(t.Context(), kit.Submission{Token: token, Username: "Grace", Password: password}))
	if u, _ := w.account(); !u.Verified || u.Username != "Grace" {
		t.Errorf("%+v", u)
	}
	_, err = page.NewAccount(t.Context(), token)
	w.wants("the link is opened again", err, kit.ErrRevokedToken)
}
