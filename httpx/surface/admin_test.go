package surface

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"myauth.internal/kit"
	"myauth.internal/kit/throttle"
)

// The tests of this file need the feature admin, and do nothing in a process without it. What its
// routes do is tested beside them; here each answer is one of the document, over every store.

// adminRoutes are the routes of the feature, each with a body that it can read.
var adminRoutes = map[string]string{
	"GET /admin/users": "", "GET /admin/users/x": "", "PATCH /admin/users/x": "{}", "DELETE /admin/users/x": "",
	"GET /admin/users/x/sessions": "", "DELETE /admin/users/x/sessions": "",
	"POST /admin/users/x/password-reset": "", "POST /admin/users/x/reset-factors": "",
}

// adminOf logs an administrator in, whom it makes first.
func (a *app) adminOf(email string) (id, access string) {
	a.t.Helper()
	access = a.tokenOf(email)
	id = a.me(access).is(200).user().ID
	if _, err := a.AddRole(context.Background(), id, kit.AdminRole); err != nil {
		a.t.Fatal(err)
	}
	return id, access
}

// adminBodies are the bodies of the feature's routes, and sets the access tokens that they need.
func (a *app) adminBodies() map[string][]any {
	a.t.Helper()
	id, access := a.adminOf("boss@example.com")
	a.bearers["/admin/users/"+id] = access
	return map[string][]any{"PATCH /admin/users/" + id: {"username", "Boss"}}
}

// The life of an account as an administrator leads it.
func TestAdmin(t *testing.T) {
	if !featured() {
		return
	}
	a := newApp(t)
	id, boss := a.adminOf("boss@example.com")
	grace := a.tokenOf("grace@example.com")
	u := a.me(grace).is(200).user()
	path := "/admin/users/" + u.ID
	do := func(route, body string) answer { return a.as(boss, route, body) }
	var page struct {
		Users []user
		Next  string
	}
	do("GET /admin/users?limit=1", "").is(200).decode(&page)
	do("GET /admin/users?after="+page.Next, "").is(200)
	page.Users, page.Next = nil, ""
	do("GET /admin/users?email_prefix=GRACE&limit=1", "").is(200).decode(&page)
	if len(page.Users) != 1 || page.Users[0].ID != u.ID || page.Next != "" {
		t.Errorf("got %+v", page)
	}
	for route := range adminRoutes {
		a.as(grace, strings.Replace(route, "/users/x", "/users/"+u.ID, 1), adminRoutes[route]).is(403, "insufficient_role")
		if strings.Contains(route, "/x") {
			do(route, adminRoutes[route]).is(404, "user_not_found")
		}
	}
	do("GET "+path+"/sessions", "").is(200)
	changed := do("PATCH "+path, `{"username":"G. H.","roles":["editor","admin"]}`).is(200).user()
	if changed.Username != "G. H." || !slices.Equal(changed.Roles, []string{"editor", "admin"}) || do("GET "+path, "").is(200).user().Username != "G. H." {
		t.Errorf("got %+v", changed)
	}
	a.as(grace, "GET /admin/users", "").is(200) // the role of now
	do("PATCH "+path, `{"roles":[]}`).is(200)
	a.as(grace, "GET /admin/users", "").is(403, "insufficient_role")
	do("POST "+path+"/password-reset", "").is(202)
	reset := string(a.mail(kit.MailPasswordReset).Token)
	do("DELETE "+path+"/sessions", "").is(204)
	a.reset(reset, otherPassword).is(401, "revoked_token")
	grace = a.post("/login", "email", "grace@example.com", "password", goodPassword).is(200).tokens().Access
	a.enroll(grace)
	do("POST "+path+"/reset-factors", "").is(204)
	a.mail(kit.MailFactorsReset)
	grace = a.post("/login", "email", "grace@example.com", "password", goodPassword).is(200).tokens().Access
	do("PATCH "+path, `{"is_active":false}`).is(200)
	a.me(grace).is(403, "account_disabled")
	a.post("/login", "email", "grace@example.com", "password", goodPassword).is(403, "account_disabled")
	do("DELETE "+path, "").is(204)
	do("GET "+path, "").is(404, "user_not_found")

	do("PATCH /admin/users/"+id, `{"roles":[]}`).is(409, "last_admin")
	do("DELETE /admin/users/"+id, "").is(409, "last_admin")
}

// What an administrator does to the own account ends the own session where it would end another's.
func TestAdminOfOneself(t *testing.T) {
	if !featured() {
		return
	}
	for _, route := range []string{"PATCH /admin/users/%s", "DELETE /admin/users/%s/sessions", "DELETE /admin/users/%s"} {
		a := newApp(t)
		a.adminOf("other@example.com")
		id, boss := a.adminOf("boss@example.com")
		body := ""
		if strings.HasPrefix(route, "PATCH") {
			a.as(boss, fmt.Sprintf(route, id), `{"username":"Boss"}`).is(200)
			a.me(boss).is(200)
			body = `{"is_active":false}`
		}
		if r := a.as(boss, fmt.Sprintf(route, id), body); r.status/100 != 2 {
			t.Errorf("%s: %d %s", route, r.status, r.body)
		}
		if r := a.me(boss); r.status/100 == 2 {
			t.Errorf("after %s the session lives", route)
		}
	}
}

// Each other way in which the routes of administrators refuse.
func TestAdminRefused(t *testing.T) {
	if !featured() {
		return
	}
	a := newApp(t, func(c *setup) {
		c.Hooks.MayGrant = func(_ context.Context, _ kit.User, role string) bool { return role != "owner" }
		c.Mailer = nil
		c.users = func(s kit.UserStore) kit.UserStore { return unlisted{s} }
	})
	u := a.register()
	boss := a.login().Access
	if _, err := a.AddRole(context.Background(), u.ID, kit.AdminRole); err != nil {
		t.Fatal(err)
	}
	path := "/admin/users/" + u.ID
	a.as(boss, "PATCH "+path, `{"roles":["admin","owner"]}`).is(403, "role_not_grantable")
	a.as(boss, "PATCH "+path, `{"roles":7,"username":7,"is_active":7,"is_verified":null}`).invalid(
		"username invalid_type", "roles invalid_type", "is_active invalid_type", "is_verified invalid_type")
	a.as(boss, "PATCH "+path, `{"roles":[""],"username":""}`).invalid("username too_short", "roles too_short")
	a.as(boss, "GET /admin/users?limit=0", "").invalid("limit out_of_range")
	a.as(boss, "GET /admin/users", "").is(501, "not_listable")
	a.as(boss, "POST "+path+"/password-reset", "").is(501, "email_not_configured")

	refuse := false
	a = newApp(t, func(c *setup) {
		c.Limiter = limiter(func(throttle.Attempt) error {
			if refuse {
				return &throttle.LimitError{RetryAfter: time.Second}
			}
			return nil
		})
	})
	id, boss := a.adminOf("boss@example.com")
	refuse = true
	a.as(boss, "POST /admin/users/"+id+"/password-reset", "").is(429, "too_many_requests")
}

// unlisted is a store that cannot list its users.
type unlisted struct{ kit.UserStore }
