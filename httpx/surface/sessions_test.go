package surface

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"myauth.internal/kit"
)

const (
	firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0"
	iphone  = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1"
)

// loginFrom logs the account of most tests in with a User-Agent header.
func (a *app) loginFrom(agent string) tokens {
	a.t.Helper()
	return a.route("POST /login", object("email", testEmail, "password", goodPassword), "User-Agent: "+agent).is(200).tokens()
}

// sessionID returns the sid of an access token.
func (a *app) sessionID(access string) string {
	a.t.Helper()
	id, _ := decodePart(a.t, access, 1)["sid"].(string)
	return id
}

// The list has the account's own live sessions and no more of them than it says.
func TestSessions(t *testing.T) {
	a := newApp(t)
	u := a.register()
	oldest := a.loginFrom(iphone)
	a.clock.Advance(time.Minute)
	mine := a.loginFrom(firefox)
	a.clock.Advance(time.Minute)
	own, err := a.Grant(context.Background(), kit.Login{User: a.stored(u.ID), AMR: []string{"x", "mfa"}})
	if err != nil {
		t.Fatal(err)
	}
	ended := a.login()
	a.logout(ended.Refresh).is(204)
	a.tokenOf("grace@example.com")
	a.clock.Advance(time.Minute)
	a.refresh(oldest.Refresh).is(200)

	const day = "2026-11-23T12:0"
	item := func(access, created, used, expires, ip, agent, device, amr string, current bool) string {
		return fmt.Sprintf(`{"id":%q,"created_at":"%s","last_used_at":"%s","expires_at":"%s","ip":%s,"user_agent":%q,"device":%q,"amr":%s,"current":%t}`,
			a.sessionID(access), day+created, day+used, "2026-11-30T12:0"+expires, ip, agent, device, amr, current)
	}
	want := `{"sessions":[` + strings.Join([]string{
		item(mine.Access, "1:00.000000Z", "1:00.000000Z", "1:00.000000Z", `"127.0.0.1"`, firefox, "Firefox on Linux", `["pwd"]`, true),
		item(oldest.Access, "0:00.000000Z", "3:00.000000Z", "3:00.000000Z", `"127.0.0.1"`, iphone, "Safari on iPhone", `["pwd"]`, false),
		item(string(own.AccessToken), "2:00.000000Z", "2:00.000000Z", "2:00.000000Z", "null", "", "Unknown device", `["x","mfa"]`, false),
	}, ",") + "]}"
	if got := a.as(mine.Access, "GET /sessions", "").is(200).body; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func (a *app) stored(id string) kit.User {
	a.t.Helper()
	u, err := a.UserByID(context.Background(), id)
	if err != nil {
		a.t.Fatal(err)
	}
	return u
}

// sessions lists the sessions as the owner of an access token sees them.
func (a *app) sessions(access string) (list []struct {
	ID, Device string
	Agent      string `json:"user_agent"`
	Current    bool
}) {
	a.t.Helper()
	var body struct{ Sessions json.RawMessage }
	a.as(access, "GET /sessions", "").is(200).decode(&body)
	if err := json.Unmarshal(body.Sessions, &list); err != nil {
		a.t.Fatal(err)
	}
	return list
}

// A user agent is kept short and clean, and a list of none is a list.
func TestSessionsOfStrangeClients(t *testing.T) {
	a := newApp(t)
	a.register()
	tk := a.loginFrom("\xff\tcurl\x80/8 \"<script>" + strings.Repeat("ü", 32<<10))
	list := a.sessions(tk.Access)
	if len(list) != 1 || len(list[0].Agent) > 256 || !utf8.ValidString(list[0].Agent) || strings.Contains(list[0].Agent, "\t") || list[0].Device != "curl" || !list[0].Current {
		t.Errorf("got %+v", list)
	}
	a.logout(tk.Refresh).is(204)
	if got := a.as(tk.Access, "GET /sessions", "").is(200).body; got != `{"sessions":[]}` {
		t.Errorf("got %s", got)
	}
}

// One session ends, this one too, and only an own one.
func TestEndSession(t *testing.T) {
	a := newApp(t)
	a.register()
	mine, other, foreign := a.login(), a.login(), a.tokenOf("grace@example.com")
	end := func(id string) answer { return a.as(mine.Access, "DELETE /sessions/"+id, "") }

	unknown := end("x").is(404, "not_found")
	for _, id := range []string{a.sessionID(foreign), strings.Repeat("x", 8<<10), strings.ToLower(a.sessionID(other.Access)), "a%2fb", "%22"} {
		end(id).same(unknown)
	}
	a.me(foreign).is(200)
	if n := len(a.sessions(foreign)); n != 1 {
		t.Errorf("a stranger ended a session: %d are left", n)
	}
	end(a.sessionID(other.Access)).is(204)
	a.refresh(other.Refresh).is(401, "revoked_token")
	end(a.sessionID(other.Access)).same(unknown) // it is over
	a.refresh(mine.Refresh).is(200)

	end(a.sessionID(mine.Access)).is(204)
	a.refresh(mine.Refresh).is(401, "revoked_token")
	a.as(mine.Access, "POST /sessions/revoke-others", "").is(401, "revoked_token")
	end(a.sessionID(mine.Access)).same(unknown)
}

func TestRevokeOthers(t *testing.T) {
	a := newApp(t)
	a.register()
	a.mail(kit.MailVerification)
	mine, other := a.login(), a.login()
	reset := a.resetToken()
	a.ownSessionLives(a.as(mine.Access, "POST /sessions/revoke-others", ""), mine, other)
	a.reset(reset, otherPassword).is(401, "revoked_token")
	a.login()
}
