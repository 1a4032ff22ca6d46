package admin_test

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"myauth.internal/kit"
	"myauth.internal/kit/kittest"
	"myauth.internal/kit/totp"
)

// act is one use of a route.
type act struct {
	request, body string // {id} stands for the target
	// events are those of the first time, and again those of the second time.
	events, again []kit.EventKind
}

// acts have each route of the feature at least once, the deletion last.
var acts = []act{
	{request: "GET /admin/users"},
	{request: "GET /admin/users/{id}"},
	{request: "GET /admin/users/{id}/sessions"},
	{request: "PATCH /admin/users/{id}", body: `{}`},
	{request: "PATCH /admin/users/{id}", body: `{"username":"Countess"}`, events: []kit.EventKind{kit.EventRenamed}},
	{request: "PATCH /admin/users/{id}", body: `{"roles":["editor"]}`, events: []kit.EventKind{kit.EventRolesChanged}},
	{request: "PATCH /admin/users/{id}", body: `{"is_verified":false}`, events: []kit.EventKind{kit.EventEmailUnverified}},
	{request: "PATCH /admin/users/{id}", body: `{"is_verified":true}`, events: []kit.EventKind{kit.EventEmailVerified}},
	{
		request: "PATCH /admin/users/{id}", body: `{"username":"Ada","roles":["admin"],"is_verified":false,"is_active":false}`,
		events: []kit.EventKind{kit.EventRenamed, kit.EventRolesChanged, kit.EventEmailUnverified, kit.EventDeactivated},
	},
	{
		request: "PATCH /admin/users/{id}", body: `{"username":"Ada","roles":["admin"],"is_verified":true,"is_active":true}`,
		events: []kit.EventKind{kit.EventEmailVerified, kit.EventActivated},
	},
	{request: "DELETE /admin/users/{id}/sessions", events: []kit.EventKind{kit.EventSessionsEnded}, again: []kit.EventKind{kit.EventSessionsEnded}},
	{request: "POST /admin/users/{id}/reset-factors", events: []kit.EventKind{kit.EventFactorsReset}},
	{request: "POST /admin/users/{id}/password-reset", events: []kit.EventKind{kit.EventPasswordResetRequested}, again: []kit.EventKind{kit.EventPasswordResetRequested}},
	{request: "DELETE /admin/users/{id}", events: []kit.EventKind{kit.EventUserDeleted}},
}

func withTOTP(o *kit.Options) { o.Features = append(o.Features, totp.New(nil)) }

// enroll gives an account a second factor, and returns its secret and recovery codes.
func (o *office) enroll(tokens kit.TokenPair) (secrets []string) {
	o.t.Helper()
	var shown struct{ Secret, State string }
	w := o.as(string(tokens.AccessToken), "POST /mfa/totp", "")
	if err := json.Unmarshal(w.Body.Bytes(), &shown); err != nil {
		o.t.Fatal(w.Body)
	}
	code, err := totp.Code(shown.Secret, o.Clock.Now())
	if err != nil {
		o.t.Fatal(err)
	}
	w = o.as(string(tokens.AccessToken), "POST /mfa/totp/confirm", fmt.Sprintf(`{"state":%q,"code":%q}`, shown.State, code))
	done := decode[struct {
		Codes []string `json:"recovery_codes"`
	}](o.t, w)
	return append(done.Codes, shown.Secret)
}

// Every act is exactly one event with the administrator and the account, one for each thing that
// has changed; what is refused, or changes nothing, makes none.
func TestOneEventPerAct(t *testing.T) {
	o := newOffice(t, withTOTP)
	ada, tokens := o.LogIn("ada@example.com")
	o.enroll(tokens)
	o.NextMail(kit.MailFactorEnrolled)
	plain := o.another("plain@example.com") // whose token does not do

	covered := map[string]bool{}
	check := func(what string, want []kit.EventKind) {
		t.Helper()
		var got []kit.EventKind
		for _, e := range o.heard() {
			got = append(got, e.Kind)
			if e.Actor != o.admin.ID || e.UserID != ada.ID || e.Time.IsZero() || !e.Client.IP.IsValid() {
				t.Errorf("%s: the event is %+v", what, e)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: got the events %q, want %q", what, got, want)
		}
	}
	send := func(act act, access string) *httptest.ResponseRecorder {
		return o.as(access, strings.ReplaceAll(act.request, "{id}", ada.ID), act.body)
	}
	for _, act := range acts {
		covered[act.request] = true
		_, weak := o.LogIn(plain.Email)
		o.heard()
		for access, status := range map[string]int{string(weak.AccessToken): 403, "x": 401} {
			if w := send(act, access); w.Code != status {
				t.Errorf("%s: got %d, want %d", act.request, w.Code, status)
			}
		}
		check(act.request+", refused", nil)
		for i, events := range [][]kit.EventKind{act.events, act.again} {
			what := fmt.Sprintf("%s %s, time %d", act.request, act.body, i+1)
			if w := send(act, o.access); w.Code >= 300 && w.Code != 404 {
				t.Errorf("%s: got %d %s", what, w.Code, w.Body)
			}
			if strings.HasSuffix(act.request, "/password-reset") {
				o.NextMail(kit.MailPasswordReset)
			}
			check(what, events)
		}
		if strings.HasSuffix(act.request, "/reset-factors") {
			o.NextMail(kit.MailFactorsReset)
		}
	}
	for _, route := range o.Routes() {
		if strings.HasPrefix(route.Path, "/admin/") && !covered[route.Method+" "+route.Path] {
			t.Errorf("this test lacks %s %s", route.Method, route.Path)
		}
	}
}

// What a rule refuses makes no event, and changes nothing of what stands beside it.
func TestRefusedActsChangeNothing(t *testing.T) {
	o := newOffice(t, func(opts *kit.Options) {
		opts.Hooks.MayGrant = func(_ context.Context, actor kit.User, role string) bool { return role != "owner" }
	})
	ada := o.another("ada@example.com", "owner")
	before := stored(o.t, o.Kit, ada.ID)
	o.heard()
	for body, code := range map[string]string{
		`{"username":"x","is_active":false,"roles":["owner","owner2","owner3",""]}`: "validation_failed",
		`{"username":"x","is_active":false,"roles":[]}`:                             "role_not_grantable",
		`{"username":"","roles":["owner"]}`:                                         "validation_failed",
	} {
		w := o.do("PATCH /admin/users/"+ada.ID, body)
		if !strings.Contains(w.Body.String(), code) {
			t.Errorf("%s: got %d %s, want %s", body, w.Code, w.Body, code)
		}
	}
	want(t, o.do("PATCH /admin/users/"+o.admin.ID, `{"username":"x","is_active":false}`), 409, "last_admin")
	for _, route := range []string{"PATCH ", "DELETE ", "GET "} {
		body := ""
		if route == "PATCH " {
			body = `{"is_active":false}`
		}
		want(t, o.do(route+"/admin/users/nobody", body), 404, "user_not_found")
	}
	for _, route := range []string{"DELETE /admin/users/nobody/sessions", "POST /admin/users/nobody/password-reset", "POST /admin/users/nobody/reset-factors"} {
		want(t, o.do(route, ""), 404, "user_not_found")
	}
	if events := o.heard(); len(events) > 0 {
		t.Errorf("there are the events %+v", events)
	}
	if after := stored(o.t, o.Kit, ada.ID); after.Version != before.Version {
		t.Errorf("the account was %+v and is %+v", before, after)
	}
}

// A role that was taken away counts at the next request, whatever the access token says; so does the
// end of an administrator's sessions or account.
func TestRoleOfNow(t *testing.T) {
	o := newOffice(t)
	ctx := t.Context()
	for what, take := range map[string]func(id string) error{
		"the role":     func(id string) error { _, err := o.RemoveRole(ctx, id, kit.AdminRole); return err },
		"the account":  func(id string) error { _, err := o.Deactivate(ctx, id); return err },
		"the sessions": func(id string) error { return o.EndAllSessions(ctx, id) },
	} {
		t.Run(what, func(t *testing.T) {
			second, tokens := o.LogIn(strings.ReplaceAll(what, " ", "-")+"@example.com", kit.AdminRole)
			target := o.another("target@example.com")
			each := func(status ...int) {
				t.Helper()
				for _, act := range acts[:len(acts)-1] { // but the deletion
					w := o.as(string(tokens.AccessToken), strings.ReplaceAll(act.request, "{id}", target.ID), act.body)
					if !slices.Contains(status, w.Code) {
						t.Errorf("%s: got %d %s, want one of %d", act.request, w.Code, w.Body, status)
					}
				}
			}
			each(200, 202, 204)
			if err := take(second.ID); err != nil {
				t.Fatal(err)
			}
			each(401, 403)
		})
	}
	// A role that was given counts at once, too: an old token says nothing of it.
	third, tokens := o.LogIn("third@example.com")
	want(t, o.as(string(tokens.AccessToken), "GET /admin/users", ""), 403, "insufficient_role")
	decode[user](t, o.do("PATCH /admin/users/"+third.ID, `{"roles":["admin"]}`))
	want(t, o.as(string(tokens.AccessToken), "GET /admin/users", ""), 200, "")
	o.Clock.Advance(10*time.Minute + time.Second)
	want(t, o.as(string(tokens.AccessToken), "GET /admin/users", ""), 401, "reauthentication_required")
}

// Nobody gives or takes a role that MayGrant forbids, the own one neither; what stays as it is needs
// no permission.
func TestGrantableRoles(t *testing.T) {
	asked := map[string]string{} // the actor, by role
	o := newOffice(t, func(opts *kit.Options) {
		opts.Hooks.MayGrant = func(_ context.Context, actor kit.User, role string) bool {
			asked[role] = actor.ID
			return role == "editor" || role == "support"
		}
	})
	ada := o.another("ada@example.com", "owner", "editor")
	for _, tc := range []struct {
		id, roles string
		granted   bool
	}{
		{ada.ID, `["editor","owner"]`, true},
		{ada.ID, `["owner","support"]`, true},
		{ada.ID, `["owner"]`, true},
		{ada.ID, `["owner","admin"]`, false},
		{ada.ID, `["editor"]`, false},
		{ada.ID, `[]`, false},
		{ada.ID, `["owner","Editor"]`, false},
		{ada.ID, `["owner","editor "]`, false},
		{o.admin.ID, `["admin","owner"]`, false},
		{o.admin.ID, `["admin","editor"]`, true},
	} {
		before := stored(o.t, o.Kit, tc.id)
		w := o.do("PATCH /admin/users/"+tc.id, `{"roles":`+tc.roles+`}`)
		if tc.granted {
			want(t, w, 200, "")
			continue
		}
		want(t, w, 403, "role_not_grantable")
		if after := stored(o.t, o.Kit, tc.id); !slices.Equal(after.Roles, before.Roles) {
			t.Errorf("%s: the roles were %q and are %q", tc.roles, before.Roles, after.Roles)
		}
	}
	for role, actor := range asked {
		if actor != o.admin.ID {
			t.Errorf("who may grant %q was asked of %q", role, actor)
		}
	}
}

// The last administrator stays one, whatever two of them do to each other at once.
func TestLastAdministratorByTheRoutes(t *testing.T) {
	o := newOffice(t)
	want(t, o.do("PATCH /admin/users/"+o.admin.ID, `{"roles":[]}`), 409, "last_admin")
	want(t, o.do("PATCH /admin/users/"+o.admin.ID, `{"is_active":false}`), 409, "last_admin")
	want(t, o.do("DELETE /admin/users/"+o.admin.ID, ""), 409, "last_admin")
	other := handlerOf(t, o.Another())
	for _, act := range []act{{request: "PATCH ", body: `{"roles":[]}`}, {request: "PATCH ", body: `{"is_active":false}`}, {request: "DELETE "}} {
		admins, err := o.Administrators(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		one, oneTokens := o.LogIn(admins[0].Email)
		two, twoTokens := o.LogIn("two-"+strings.TrimSpace(act.request)+act.body[min(2, len(act.body)):min(6, len(act.body))]+"@example.com", kit.AdminRole)
		begin := make(chan struct{})
		var group sync.WaitGroup
		for i := range 16 {
			group.Go(func() {
				<-begin
				switch i % 4 {
				case 0:
					send(o.handler, string(oneTokens.AccessToken), act.request+"/admin/users/"+two.ID, act.body)
				case 1:
					send(other, string(twoTokens.AccessToken), act.request+"/admin/users/"+one.ID, act.body)
				case 2:
					send(other, string(oneTokens.AccessToken), act.request+"/admin/users/"+one.ID, act.body)
				default:
					send(o.handler, string(twoTokens.AccessToken), act.request+"/admin/users/"+two.ID, act.body)
				}
			})
		}
		close(begin)
		group.Wait()
		if admins, err := o.Administrators(t.Context()); err != nil || len(admins) != 1 {
			t.Errorf("%s %s: %d administrators are left, error %v, want one", act.request, act.body, len(admins), err)
		}
	}
}

// No answer has a hash, a token or what else is the owner's or the application's alone.
func TestAnswersHaveNoSecret(t *testing.T) {
	o := newOffice(t, withTOTP)
	ada, tokens := o.LogIn("ada@example.com")
	secrets := append(o.enroll(tokens), string(tokens.AccessToken), string(tokens.RefreshToken), "marker of the application", "$2b$", kittest.Password)
	o.NextMail(kit.MailFactorEnrolled)
	if _, err := o.SetPrivate(t.Context(), ada.ID, json.RawMessage(`{"note":"marker of the application"}`)); err != nil {
		t.Fatal(err)
	}
	if err := o.RequestPasswordReset(t.Context(), ada.Email); err != nil {
		t.Fatal(err)
	}
	reset := o.NextMail(kit.MailPasswordReset)
	secrets = append(secrets, string(reset.Token), string(stored(o.t, o.Kit, ada.ID).PasswordHash), string(stored(o.t, o.Kit, o.admin.ID).PasswordHash))
	rows := 0
	for _, store := range []kit.TokenStore{o.Store.Tokens(), o.Store.Credentials()} {
		list, err := store.ByUser(t.Context(), ada.ID, "", 100)
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range list {
			rows++
			secrets = append(secrets, row.ID)
			for _, b := range [][]byte{row.SecretHash, row.Salt, row.Data} {
				if len(b) > 8 {
					secrets = append(secrets, string(b), hex.EncodeToString(b), base64.StdEncoding.EncodeToString(b), base64.RawURLEncoding.EncodeToString(b))
				}
			}
		}
	}
	if rows < 3 || slices.Contains(secrets, "") {
		t.Fatalf("there are %d rows and the secrets %q", rows, secrets)
	}
	for _, act := range append([]act{
		{request: "GET /admin/users?email_prefix=ada"}, {request: "GET /admin/users?limit=x&after=y"}, {request: "GET /admin/users/nobody"},
		{request: "PATCH /admin/users/{id}", body: `{"username":7}`}, {request: "PATCH /admin/users/" + o.admin.ID, body: `{"roles":[]}`},
	}, acts...) {
		w := o.do(strings.ReplaceAll(act.request, "{id}", ada.ID), act.body)
		all := fmt.Sprint(w.Header()) + w.Body.String()
		for _, secret := range secrets {
			if strings.Contains(all, secret) {
				t.Errorf("%s: the secret %q is in the answer\n%s", act.request, secret, all)
			}
		}
	}
}

// A write whose answer is lost, and that another one follows at once, is an event of its own change,
// and not of the other's.
func TestEventsOfALostWrite(t *testing.T) {
	o := newOffice(t)
	ada := o.another("ada@example.com")
	o.heard()
	o.Faults.Inject("users.Update", kittest.Lost, 1)
	o.Faults.OnCall("users.Update", func() {
		o.Faults.OnCall("users.ByID", func() { // the look at what has become of the write
			u, err := o.Store.Users().ByID(t.Context(), ada.ID)
			if err == nil {
				u.Username = "Countess"
				err = o.Store.Users().Update(t.Context(), u)
			}
			if err != nil {
				t.Error(err)
			}
		})
	})
	want(t, o.do("PATCH /admin/users/"+ada.ID, `{"roles":["editor"]}`), 200, "")
	var got []kit.EventKind
	for _, e := range o.heard() {
		got = append(got, e.Kind)
	}
	if u := stored(o.t, o.Kit, ada.ID); u.Username != "Countess" || !u.HasRole("editor") || !slices.Equal(got, []kit.EventKind{kit.EventRolesChanged}) {
		t.Errorf("%q with %q, and the events %q", u.Username, u.Roles, got)
	}
}
