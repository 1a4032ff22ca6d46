package surface

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"myauth.internal/kit"
	"myauth.internal/kit/invitation"
	"myauth.internal/kit/throttle"
)

// The tests of this file need the feature invitation, and do nothing in a process without it. What its
// routes do is tested beside them; here each answer is one of the document, over every store.

// invitationRoutes are the routes of the feature for administrators, each with a body that it can read.
var invitationRoutes = map[string]string{
	"POST /admin/invitations": "{}", "GET /admin/invitations": "", "DELETE /admin/invitations/x": "",
}

// invitationBodies are the bodies of the feature's routes, and sets the access token that they need.
func (a *app) invitationBodies() map[string][]any {
	a.t.Helper()
	_, access := a.adminOf("inviter@example.com")
	a.bearers["/admin/invitations"] = access
	_, token := a.invite(access, "guest@example.com")
	return map[string][]any{
		"/admin/invitations":  {"email", "other.guest@example.com"},
		"/invitations/accept": {"token", token, "username", "Grace", "password", goodPassword},
	}
}

// invited is an invitation.
type invited struct {
	ID        string   `json:"id"`
	Email     string   `json:"email"`
	Roles     []string `json:"roles"`
	InvitedBy string   `json:"invited_by"`
}

// invite invites an address as an editor, and returns the token of the mail.
func (a *app) invite(access, email string) (v invited, token string) {
	a.t.Helper()
	a.as(access, "POST /admin/invitations", object("email", email, "roles", []string{"editor"})).is(201).decode(&v)
	m := a.mail(invitation.MailInvitation)
	if m.To != email || v.Email != email || string(m.Link) != "https://app.example.com/accept-invitation?token="+string(m.Token) {
		a.t.Errorf("the mail of %+v is to %s", v, m.To)
	}
	return v, string(m.Token)
}

func (a *app) accept(token string) answer {
	a.t.Helper()
	return a.post("/invitations/accept", "token", token, "username", "Grace", "password", goodPassword)
}

// The life of an invitation.
func TestInvitation(t *testing.T) {
	if !featured() {
		return
	}
	a := newApp(t, func(c *setup) { c.Registration = kit.RegistrationInvited })
	if _, err := a.CreateUser(context.Background(), kit.Registration{Email: "boss@example.com", Username: "Boss", Password: goodPassword}, kit.AdminRole); err != nil {
		t.Fatal(err)
	}
	tk := a.post("/login", "email", "boss@example.com", "password", goodPassword).is(200).tokens()
	boss := tk.Access
	v, token := a.invite(boss, "grace@example.com")
	if v.InvitedBy != a.me(boss).user().ID || !slices.Equal(v.Roles, []string{"editor"}) {
		t.Errorf("got %+v", v)
	}
	var list struct{ Invitations []invited }
	if r := a.as(boss, "GET /admin/invitations", "").is(200); !strings.Contains(r.body, v.ID) || strings.Contains(r.body, token) {
		t.Errorf("listed: %s", r.body)
	}
	a.post("/invitations/accept", "token", token, "username", "", "password", "short").invalid("username too_short",
		"password too_short", "password missing_uppercase", "password missing_digit", "password missing_special")
	u := a.accept(token).is(201).user()
	if u.Email != "grace@example.com" || !u.Verified || !slices.Equal(u.Roles, []string{"editor"}) {
		t.Errorf("got %+v", u)
	}
	a.accept(token).is(401, "revoked_token")
	grace := a.post("/login", "email", "grace@example.com", "password", goodPassword).is(200).tokens().Access
	for route, body := range invitationRoutes {
		a.as(grace, route, body).is(403, "insufficient_role")
	}
	a.as(boss, "GET /admin/invitations", "").is(200).decode(&list)
	if len(list.Invitations) != 0 {
		t.Errorf("listed still: %+v", list)
	}
	v, token = a.invite(boss, "ruth@example.com")
	a.as(boss, "DELETE /admin/invitations/"+v.ID, "").is(204)
	a.as(boss, "DELETE /admin/invitations/"+v.ID, "").is(404, "not_found")
	a.accept(token).is(401, "revoked_token")
}

// Each other way in which the routes of invitations refuse.
func TestInvitationRefused(t *testing.T) {
	if !featured() {
		return
	}
	refuse := false
	a := newApp(t, func(c *setup) {
		c.Hooks.MayGrant = func(_ context.Context, _ kit.User, role string) bool { return role != "owner" }
		c.Limiter = mailLimiter(func() error {
			if refuse {
				return &throttle.LimitError{RetryAfter: time.Minute}
			}
			return nil
		})
	})
	_, boss := a.adminOf("boss@example.com")
	invite := func(body string) answer { return a.as(boss, "POST /admin/invitations", body) }
	invite(`{"email":"x","roles":[""]}`).invalid("email invalid_email", "roles too_short")
	invite(`{"email":7,"roles":7}`).invalid("email invalid_type")
	invite(`{"email":"grace@example.com","roles":["owner"]}`).is(403, "role_not_grantable")
	invite(`{"email":"boss@example.com"}`).is(409, "user_already_exists")
	_, token := a.invite(boss, "taken@example.com")
	if _, err := a.CreateUser(context.Background(), kit.Registration{Email: "taken@example.com", Username: "Taken"}); err != nil {
		t.Fatal(err)
	}
	a.accept(token).is(409, "user_already_exists")
	refuse = true
	r := invite(`{"email":"grace@example.com"}`).is(429, "too_many_requests")
	if got := r.header.Get("Retry-After"); got != "60" {
		t.Errorf("Retry-After is %s", got)
	}
	refuse = false
	_, token = a.invite(boss, "grace@example.com")
	a.clock.Advance(7 * 24 * time.Hour)
	a.accept(token).is(401, "expired_token")
	boss = a.post("/login", "email", "boss@example.com", "password", goodPassword).is(200).tokens().Access
	a.accept("x").is(401, "invalid_token")

	closed := newApp(t, func(c *setup) { c.of, c.Registration = a, kit.RegistrationClosed })
	closed.clock.Advance(7 * 24 * time.Hour)
	_, token = a.invite(boss, "grace@example.com")
	closed.accept(token).is(403, "registration_closed")
	closed.as(boss, "POST /admin/invitations", `{"email":"ruth@example.com"}`).is(403, "registration_closed")

	silent := newApp(t, func(c *setup) { c.Mailer = nil })
	u := silent.register()
	if _, err := silent.AddRole(context.Background(), u.ID, kit.AdminRole); err != nil {
		t.Fatal(err)
	}
	silent.as(silent.login().Access, "POST /admin/invitations", `{"email":"grace@example.com"}`).is(501, "email_not_configured")
}

// mailLimiter decides on mails only.
type mailLimiter func() error

func (l mailLimiter) Begin(_ context.Context, a throttle.Attempt) (throttle.Charge, error) {
	if a.MailKind != string(invitation.MailInvitation) {
		return nil, nil
	}
	return nil, l()
}
