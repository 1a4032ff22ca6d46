package acceptance

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"myauth.internal/kit"
	"myauth.internal/kit/kittest"
	"myauth.internal/kit/passkey"
	"myauth.internal/kit/passkey/internal/authenticator"
)

// TestOverHTTP is the life of a passkey of each algorithm.
func TestOverHTTP(t *testing.T) {
	for name, alg := range map[string]int{"ES256": -7, "EdDSA": -8, "RS256": -257} {
		t.Run(name, func(t *testing.T) {
			a := newApp(t)
			u, tokens := a.LogIn(email)
			options := a.send("POST", "/passkeys/options", tokens.AccessToken, nil, 200)
			user := options["user"].(members)
			if user["name"] != email || user["displayName"] != u.Username || options["rp"].(members)["id"] != "example.com" || options["attestation"] != "none" {
				t.Errorf("options: %v", options)
			}
			p := authenticator.New(alg, origin)
			added := a.send("POST", "/passkeys", tokens.AccessToken, members{"state": options["state"], "credential": p.Create(raw(options)), "name": " Phone "}, 201)
			if added["name"] != "Phone" || added["last_used_at"] != nil || added["backed_up"] != true {
				t.Errorf("added: %v", added)
			}
			if mail := a.NextMail(passkey.MailAdded); mail.To != email || mail.Data["name"] != "Phone" {
				t.Errorf("mail: %v", mail.Data)
			}
			if !a.heard(passkey.EventAdded) {
				t.Error("no event of the passkey")
			}
			// The browser is told not to make a second one on the same device.
			again := a.send("POST", "/passkeys/options", tokens.AccessToken, nil, 200)
			if excluded := again["excludeCredentials"].([]any); len(excluded) != 1 || excluded[0].(members)["id"] != added["id"] {
				t.Errorf("excluded: %v", excluded)
			}

			login := a.send("POST", "/login/passkey", nil, a.signed(p), 200)
			if login["user"].(members)["id"] != u.ID || login["refresh_token"] == nil {
				t.Errorf("login: %v", login)
			}
			// The client brings its device token back, and so makes no new device.
			again = a.signed(p)
			again["device_token"] = login["device_token"]
			if known := a.send("POST", "/login/passkey", nil, again, 200); login["device_token"] == nil || known["device_token"] != nil {
				t.Errorf("device tokens: first %v, then %v", login["device_token"], known["device_token"])
			}
			access := login["access_token"].(string)
			_, claims, err := a.Authenticate(t.Context(), access)
			if want := []string{"swk", "user", kit.AMRMultiple}; err != nil || !slices.Equal(claims.AMR, want) {
				t.Errorf("amr: got %v, %v, want %v", claims.AMR, err, want)
			}
			list := a.send("GET", "/passkeys", access, nil, 200)["passkeys"].([]any)
			if len(list) != 1 || list[0].(members)["last_used_at"] == nil {
				t.Errorf("list: %v", list)
			}
			path := "/passkeys/" + added["id"].(string)
			if renamed := a.send("PATCH", path, access, members{"name": "Old phone"}, 200); renamed["name"] != "Old phone" {
				t.Errorf("renamed: %v", renamed)
			}
			a.send("PATCH", path, access, members{"name": " "}, 422)
			a.send("PATCH", path, access, members{"name": "a\u0007b"}, 422)
			a.send("DELETE", path, access, nil, 204)
			if mail := a.NextMail(passkey.MailRemoved); mail.Data["name"] != "Old phone" {
				t.Errorf("mail: %v", mail.Data)
			}
			a.send("DELETE", path, access, nil, 404)
			a.send("PATCH", path, access, members{"name": "x"}, 404)
			a.send("POST", "/login/passkey", nil, a.signed(p), 401)
			if rows, err := a.Store.Credentials().ByUser(t.Context(), u.ID, "", 100); err != nil || slices.ContainsFunc(rows, func(r kit.Token) bool { return r.Type == "passkey" }) {
				t.Errorf("rows are left: %v, %v", len(rows), err)
			}
		})
	}
}

// TestLoginOptionsAreTheSameForEverybody: the form tells nothing, and nothing is written.
func TestLoginOptionsAreTheSameForEverybody(t *testing.T) {
	a := newApp(t)
	_, tokens := a.LogIn(email)
	form := func() []byte {
		m := a.send("POST", "/login/passkey/options", nil, nil, 200)
		if len(m["challenge"].(string)) != 43 || len(m["allowCredentials"].([]any)) != 0 {
			t.Errorf("options: %v", m)
		}
		delete(m, "challenge")
		delete(m, "state")
		return raw(m)
	}
	before := form()
	a.add(tokens.AccessToken, -7)
	writes := a.Faults.Calls("tokens.Create") + a.Faults.Calls("credentials.Create")
	if after := form(); string(before) != string(after) {
		t.Errorf("got %s, then %s", before, after)
	}
	a.send("POST", "/passkeys/options", tokens.AccessToken, nil, 200)
	if a.Faults.Calls("tokens.Create")+a.Faults.Calls("credentials.Create") != writes {
		t.Error("what begins a ceremony writes")
	}
}

// TestRefusedLogins: whatever is wrong, the answer is the same (claims 57, 59 and 60).
func TestRefusedLogins(t *testing.T) {
	a := newApp(t)
	_, tokens := a.LogIn(email)
	_, other := a.LogIn("eve@example.com")
	eves := a.add(other.AccessToken, -7)
	stranger := authenticator.New(-7, origin)
	stranger.RPID = "example.com"
	var want string
	for name, c := range map[string]struct {
		change func(*authenticator.Passkey)
		after  func(members, *authenticator.Passkey)
	}{
		"unknown credential":    {change: func(p *authenticator.Passkey) { p.ID = stranger.ID }},
		"no user verification":  {change: func(p *authenticator.Passkey) { p.Flags &^= authenticator.UV }},
		"nobody present":        {change: func(p *authenticator.Passkey) { p.Flags &^= authenticator.UP }},
		"backed up, not able":   {change: func(p *authenticator.Passkey) { p.Flags &^= authenticator.BE }},
		"not able any more":     {change: func(p *authenticator.Passkey) { p.Flags &^= authenticator.BE | authenticator.BS }},
		"another RP":            {change: func(p *authenticator.Passkey) { p.RPID = "example.org" }},
		"another origin":        {change: func(p *authenticator.Passkey) { p.Origin = "https://example.com.evil.example" }},
		"an origin below":       {change: func(p *authenticator.Passkey) { p.Origin = "https://a.example.com" }},
		"a frame":               {change: func(p *authenticator.Passkey) { p.ClientData = members{"crossOrigin": true} }},
		"the other ceremony":    {change: func(p *authenticator.Passkey) { p.ClientData = members{"type": "webauthn.create"} }},
		"another challenge":     {change: func(p *authenticator.Passkey) { p.ClientData = members{"challenge": "AAAA"} }},
		"another's user handle": {change: func(p *authenticator.Passkey) { p.UserHandle = eves.UserHandle }},
		"no user handle":        {change: func(p *authenticator.Passkey) { p.UserHandle = nil }},
		"another's key":         {change: func(p *authenticator.Passkey) { id := p.ID; *p = *eves; p.ID = id }},
		"an empty credential":   {after: func(m members, _ *authenticator.Passkey) { m["credential"] = members{} }},
		"a registration": {after: func(m members, p *authenticator.Passkey) {
			m["credential"] = p.Create(raw(a.send("POST", "/passkeys/options", tokens.AccessToken, nil, 200)))
		}},
		"the state's challenge of another": {after: func(m members, _ *authenticator.Passkey) {
			m["state"] = a.send("POST", "/login/passkey/options", nil, nil, 200)["state"]
		}},
	} {
		p := a.add(tokens.AccessToken, -7)
		if c.change != nil {
			c.change(p)
		}
		body := a.signed(p)
		if c.after != nil {
			c.after(body, p)
		}
		a.heard("")
		res, text := a.request("POST", a.url+"/login/passkey", nil, body)
		res.Header.Del("Date")
		got := res.Status + string(raw(res.Header)) + string(text)
		if want == "" {
			want = got
		}
		if res.StatusCode != 401 || got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
		if !a.heard(kit.EventLoginFailed) {
			t.Errorf("%s: no event", name)
		}
		list := a.send("GET", "/passkeys", tokens.AccessToken, nil, 200)["passkeys"].([]any)
		if len(list) != 1 || list[0].(members)["last_used_at"] != nil {
			t.Errorf("%s: it counts as used", name)
		}
		a.send("DELETE", "/passkeys/"+list[0].(members)["id"].(string), tokens.AccessToken, nil, 204)
	}
}

// TestRefusedRegistrations: what no honest authenticator at this page makes.
func TestRefusedRegistrations(t *testing.T) {
	a := newApp(t)
	_, tokens := a.LogIn(email)
	for name, change := range map[string]func(*authenticator.Passkey){
		"nobody present":      func(p *authenticator.Passkey) { p.Flags &^= authenticator.UP },
		"backed up, not able": func(p *authenticator.Passkey) { p.Flags &^= authenticator.BE },
		"another origin":      func(p *authenticator.Passkey) { p.Origin = "https://evil.example" },
		"a frame":             func(p *authenticator.Passkey) { p.ClientData = members{"crossOrigin": true} },
		"the other ceremony":  func(p *authenticator.Passkey) { p.ClientData = members{"type": "webauthn.get"} },
		"another challenge":   func(p *authenticator.Passkey) { p.ClientData = members{"challenge": "AAAA"} },
	} {
		p := authenticator.New(-7, origin)
		change(p)
		options := a.send("POST", "/passkeys/options", tokens.AccessToken, nil, 200)
		if refused := a.send("POST", "/passkeys", tokens.AccessToken, members{"state": options["state"], "credential": p.Create(raw(options))}, 422); refused["code"] != "invalid_credential" {
			t.Errorf("%s: %v", name, refused)
		}
	}
	options := a.send("POST", "/passkeys/options", tokens.AccessToken, nil, 200)
	// Without user verification it is a second factor at least.
	p := authenticator.New(-7, origin)
	p.Flags &^= authenticator.UV
	body := members{"state": options["state"], "credential": p.Create(raw(options))}
	for _, name := range []string{string(make([]byte, 65)), "\u0000"} {
		a.send("POST", "/passkeys", tokens.AccessToken, members{"state": body["state"], "credential": body["credential"], "name": name}, 422)
	}
	a.send("POST", "/passkeys", tokens.AccessToken, body, 201)
	a.send("POST", "/login/passkey", nil, a.signed(p), 401)
}

// TestACredentialIDThatExists is claim 59: 409, whoever owns it.
func TestACredentialIDThatExists(t *testing.T) {
	a := newApp(t)
	_, ada := a.LogIn(email)
	_, eve := a.LogIn("eve@example.com")
	p := a.add(ada.AccessToken, -7)
	for _, access := range []kit.Secret{ada.AccessToken, eve.AccessToken} {
		q := authenticator.New(-7, origin)
		q.ID = p.ID
		options := a.send("POST", "/passkeys/options", access, nil, 200)
		if refused := a.send("POST", "/passkeys", access, members{"state": options["state"], "credential": q.Create(raw(options))}, 409); refused["code"] != "already_registered" {
			t.Errorf("got %v", refused)
		}
	}
	a.send("POST", "/login/passkey", nil, a.signed(p), 200)
	// A foreign passkey is the same as none.
	list := a.send("GET", "/passkeys", ada.AccessToken, nil, 200)["passkeys"].([]any)
	id := list[0].(members)["id"].(string)
	for _, method := range []string{"DELETE", "PATCH"} {
		_, foreign := a.request(method, a.url+"/passkeys/"+id, eve.AccessToken, members{"name": "x"})
		_, unknown := a.request(method, a.url+"/passkeys/AAAA", eve.AccessToken, members{"name": "x"})
		if string(foreign) != string(unknown) {
			t.Errorf("%s: a foreign id got %s, an unknown one %s", method, foreign, unknown)
		}
	}
	if len(a.send("GET", "/passkeys", eve.AccessToken, nil, 200)["passkeys"].([]any)) != 0 {
		t.Error("the list has another account's passkey")
	}
}

// TestNeeds: a recent login, a live session and a verified address.
func TestNeeds(t *testing.T) {
	a := newApp(t)
	_, tokens := a.LogIn(email)
	p := a.add(tokens.AccessToken, -7)
	a.Clock.Advance(11 * time.Minute)
	for _, route := range [][2]string{{"POST", "/passkeys/options"}, {"POST", "/passkeys"}, {"PATCH", "/passkeys/AAAA"}, {"DELETE", "/passkeys/AAAA"}} {
		if refused := a.send(route[0], route[1], tokens.AccessToken, members{}, 401); refused["code"] != "reauthentication_required" {
			t.Errorf("%s %s: %v", route[0], route[1], refused)
		}
	}
	a.send("GET", "/passkeys", tokens.AccessToken, nil, 200)
	// A login by the passkey is recent.
	login := a.send("POST", "/login/passkey", nil, a.signed(p), 200)
	a.send("POST", "/passkeys/options", login["access_token"], nil, 200)
	// After its logout the access token adds nothing.
	a.send("POST", "/logout", nil, members{"refresh_token": login["refresh_token"]}, 204)
	a.send("POST", "/passkeys/options", login["access_token"], nil, 401)

	u, err := a.Import(t.Context(), kit.User{Email: "new@example.com", Username: "New", Active: true})
	if err != nil {
		t.Fatal(err)
	}
	unverified, err := a.Grant(t.Context(), kit.Login{User: u, AMR: []string{"pwd"}})
	if err != nil {
		t.Fatal(err)
	}
	if refused := a.send("POST", "/passkeys/options", unverified.AccessToken, nil, 403); refused["code"] != "email_not_verified" {
		t.Errorf("unverified: %v", refused)
	}
}

// TestLastCredential: an account without a password keeps a passkey.
func TestLastCredential(t *testing.T) {
	a := newApp(t)
	u, err := a.Import(t.Context(), kit.User{Email: email, Username: "Ada", Active: true, Verified: true})
	if err != nil {
		t.Fatal(err)
	}
	tokens, err := a.Grant(t.Context(), kit.Login{User: u, AMR: []string{"fed"}})
	if err != nil {
		t.Fatal(err)
	}
	a.add(tokens.AccessToken, -7)
	a.Clock.Advance(time.Second)
	p := a.add(tokens.AccessToken, -8)
	ids := func() (ids []string) {
		for _, k := range a.send("GET", "/passkeys", tokens.AccessToken, nil, 200)["passkeys"].([]any) {
			ids = append(ids, k.(members)["id"].(string))
		}
		return ids
	}
	a.send("DELETE", "/passkeys/"+ids()[0], tokens.AccessToken, nil, 204)
	if len(ids()) != 1 {
		t.Fatalf("left: %v", ids())
	}
	for range 2 {
		if refused := a.send("DELETE", "/passkeys/"+ids()[0], tokens.AccessToken, nil, 409); refused["code"] != "last_credential" {
			t.Errorf("got %v", refused)
		}
	}
	a.send("POST", "/login/passkey", nil, a.signed(p), 200)
	// Both of the last two at once, by many: one remains.
	a.add(tokens.AccessToken, -7)
	for round := range 20 {
		two := ids()
		status := atOnce(16, func(i int) int {
			res, _ := a.request("DELETE", a.url+"/passkeys/"+two[i%2], tokens.AccessToken, nil)
			return res.StatusCode
		})
		if len(ids()) == 0 {
			t.Fatalf("round %d: none remains: %v", round, status)
		}
		for len(ids()) < 2 {
			a.add(tokens.AccessToken, -8)
		}
	}
}

// TestAKeyWithoutAPIN: who finds a key that has never verified its user can set its PIN, and then
// it does. It stays a second factor until it has done so after the password, and is no last way in.
func TestAKeyWithoutAPIN(t *testing.T) {
	a := newApp(t)
	u, tokens := a.LogIn(email)
	access := a.enroll(tokens.AccessToken)
	p := authenticator.New(-7, origin)
	p.Flags &^= authenticator.UV
	options := a.send("POST", "/passkeys/options", access, nil, 200)
	id := a.send("POST", "/passkeys", access, members{"state": options["state"], "credential": p.Create(raw(options))}, 201)["id"].(string)
	second := func() members {
		half := a.send("POST", "/login", nil, members{"email": email, "password": kittest.Password}, 403)
		step := members{"mfa_token": half["mfa_token"], "method": "passkey"}
		step["credential"] = step2(a, p, step)
		return a.send("POST", "/login/mfa", nil, step, 200)
	}
	second()
	p.Flags |= authenticator.UV // the thief has set a PIN
	if refused := a.send("POST", "/login/passkey", nil, a.signed(p), 401); refused["code"] != "invalid_credentials" {
		t.Errorf("with a PIN of a thief: %v", refused)
	}
	owner := second()["access_token"]
	a.send("POST", "/login/passkey", nil, a.signed(p), 200)

	// Without a password: one that cannot log in leaves nobody a way in, and may go.
	q := authenticator.New(-8, origin)
	q.Flags &^= authenticator.UV
	options = a.send("POST", "/passkeys/options", owner, nil, 200)
	other := a.send("POST", "/passkeys", owner, members{"state": options["state"], "credential": q.Create(raw(options))}, 201)["id"].(string)
	u, err := a.Store.Users().ByID(t.Context(), u.ID)
	if err != nil {
		t.Fatal(err)
	}
	u.PasswordHash = ""
	if err := a.Store.Users().Update(t.Context(), u); err != nil {
		t.Fatal(err)
	}
	if refused := a.send("DELETE", "/passkeys/"+id, owner, nil, 409); refused["code"] != "last_credential" {
		t.Errorf("the last passkey that logs in: %v", refused)
	}
	a.send("DELETE", "/passkeys/"+other, owner, nil, 204)
	a.send("POST", "/login/passkey", nil, a.signed(p), 200)
}

// TestAtMostTwenty bounds what an account keeps.
func TestAtMostTwenty(t *testing.T) {
	a := newApp(t)
	_, tokens := a.LogIn(email)
	late := a.send("POST", "/passkeys/options", tokens.AccessToken, nil, 200)
	for range 20 {
		a.add(tokens.AccessToken, -8)
	}
	p := authenticator.New(-8, origin)
	a.send("POST", "/passkeys", tokens.AccessToken, members{"state": late["state"], "credential": p.Create(raw(late))}, 409)
	if refused := a.send("POST", "/passkeys/options", tokens.AccessToken, nil, 409); refused["code"] != "too_many_passkeys" {
		t.Errorf("got %v", refused)
	}
}

// TestSignCount is claim 60: a count that goes back is an event, and refused unless the key is
// backed up. BE may come, and not go.
func TestSignCount(t *testing.T) {
	a := newApp(t)
	_, tokens := a.LogIn(email)
	add := func(flags byte, count uint32) *authenticator.Passkey {
		p := authenticator.New(-7, origin)
		p.Flags, p.SignCount = flags, count
		options := a.send("POST", "/passkeys/options", tokens.AccessToken, nil, 200)
		a.send("POST", "/passkeys", tokens.AccessToken, members{"state": options["state"], "credential": p.Create(raw(options))}, 201)
		return p
	}
	try := func(p *authenticator.Passkey, count uint32, status int, event bool) {
		t.Helper()
		p.SignCount = count
		a.heard("")
		a.send("POST", "/login/passkey", nil, a.signed(p), status)
		if a.heard(passkey.EventSignCount) != event {
			t.Errorf("count %d: an event: %v", count, !event)
		}
	}
	bound := add(authenticator.UP|authenticator.UV, 5)
	try(bound, 5, 401, true)
	try(bound, 4, 401, true)
	try(bound, 0, 401, true)
	try(bound, 6, 200, false)
	try(bound, 6, 401, true)
	bound.Flags |= authenticator.BE | authenticator.BS // what a clone says of itself does not count
	try(bound, 3, 401, true)

	synced := add(authenticator.UP|authenticator.UV|authenticator.BE|authenticator.BS, 5)
	try(synced, 4, 200, true)
	try(synced, 6, 200, false)

	still := add(authenticator.UP|authenticator.UV, 0)
	try(still, 0, 200, false)
	try(still, 0, 200, false)
	still.Flags |= authenticator.BE | authenticator.BS
	a.heard("")
	a.send("POST", "/login/passkey", nil, a.signed(still), 200)
	if !a.heard(passkey.EventBackupEligible) {
		t.Error("BE from 0 to 1 is no event")
	}
	a.send("POST", "/login/passkey", nil, a.signed(still), 200)
	if a.heard(passkey.EventBackupEligible) {
		t.Error("BE that stays is an event")
	}
	still.Flags &^= authenticator.BE | authenticator.BS
	a.send("POST", "/login/passkey", nil, a.signed(still), 401)
}

// TestSecondFactor: a passkey answers a second factor that is due, with or without user
// verification, and makes none due.
func TestSecondFactor(t *testing.T) {
	a := newApp(t)
	_, tokens := a.LogIn(email)
	password := members{"email": email, "password": kittest.Password}
	p := a.add(tokens.AccessToken, -7)
	if u, err := a.UserByEmail(t.Context(), email); err != nil || len(u.Factors) != 0 {
		t.Errorf("factors: %v, %v", u.Factors, err)
	}
	a.send("POST", "/login", nil, password, 200)
	access := a.enroll(tokens.AccessToken)
	p.Flags &^= authenticator.UV
	a.send("POST", "/login/passkey", nil, a.signed(p), 401)

	half := func() members {
		m := a.send("POST", "/login", nil, password, 403)
		if m["code"] != "mfa_required" || !slices.Contains(m["methods"].([]any), "passkey") {
			t.Fatalf("a login: %v", m)
		}
		return m
	}
	step := func(p *authenticator.Passkey) members {
		body := members{"mfa_token": half()["mfa_token"], "method": "passkey"}
		options := a.send("POST", "/login/mfa/begin", nil, body, 200)
		if allowed := options["allowCredentials"].([]any); len(allowed) == 0 || options["rpId"] != "example.com" {
			t.Errorf("options: %v", options)
		}
		body["state"], body["credential"] = options["state"], p.Get(raw(options))
		return body
	}
	body := step(p)
	login := a.send("POST", "/login/mfa", nil, body, 200)
	_, claims, err := a.Authenticate(t.Context(), login["access_token"].(string))
	if want := []string{"pwd", "swk", kit.AMRMultiple}; err != nil || !slices.Equal(claims.AMR, want) {
		t.Errorf("amr: got %v, %v, want %v", claims.AMR, err, want)
	}
	a.send("POST", "/login/mfa", nil, body, 401)
	// Some passkeys send no user handle where the credential is named.
	p.UserHandle = nil
	a.send("POST", "/login/mfa", nil, step(p), 200)

	_, other := a.LogIn("eve@example.com")
	eves := a.add(other.AccessToken, -7)
	for name, wrong := range map[string]func(members){
		"another account's": func(m members) { m["credential"] = step2(a, eves, m) },
		"without state":     func(m members) { delete(m, "state") },
		"of a login":        func(m members) { s := a.signed(p); m["state"], m["credential"] = s["state"], s["credential"] },
		"no credential":     func(m members) { m["credential"] = members{} },
	} {
		m := step(p)
		wrong(m)
		if refused := a.send("POST", "/login/mfa", nil, m, 401); name != "of a login" && refused["code"] != "invalid_code" {
			t.Errorf("%s: %v", name, refused)
		}
	}
	m := step(p)
	m["credential"] = step2(a, eves, m)
	a.mu.Lock()
	a.events = nil
	a.mu.Unlock()
	a.send("POST", "/login/mfa", nil, m, 401)
	a.mu.Lock()
	if len(a.events) != 1 || a.events[0].Kind != kit.EventFactorFailed || !strings.Contains(a.events[0].Err.Error(), "another account's") {
		t.Errorf("the events of a wrong answer: %v", a.events)
	}
	a.mu.Unlock()
	a.send("POST", "/login/mfa", nil, members{"mfa_token": half()["mfa_token"], "method": "passkey"}, 422)
	late := step(p)
	a.Clock.Advance(6 * time.Minute)
	if refused := a.send("POST", "/login/mfa", nil, late, 401); refused["code"] != "expired_token" {
		t.Errorf("after six minutes: %v", refused)
	}
	// A re-authentication takes it too.
	again := a.send("POST", "/reauthenticate", access, members{"password": kittest.Password}, 403)
	begin := members{"mfa_token": again["mfa_token"], "method": "passkey"}
	options := a.send("POST", "/reauthenticate/begin", access, begin, 200)
	begin["state"], begin["credential"] = options["state"], p.Get(raw(options))
	a.send("POST", "/reauthenticate", access, begin, 200)

	list := a.send("GET", "/passkeys", access, nil, 200)["passkeys"].([]any)
	fresh := a.send("POST", "/login/mfa", nil, step(p), 200)["access_token"]
	a.send("DELETE", "/passkeys/"+list[0].(members)["id"].(string), fresh, nil, 204)
	if methods := a.send("POST", "/login", nil, password, 403)["methods"].([]any); slices.Contains(methods, "passkey") {
		t.Errorf("methods without passkeys: %v", methods)
	}
}

// step2 signs the challenge of a step by another passkey.
func step2(a *app, p *authenticator.Passkey, step members) json.RawMessage {
	options := a.send("POST", "/login/mfa/begin", nil, members{"mfa_token": step["mfa_token"], "method": "passkey"}, 200)
	step["state"] = options["state"]
	return p.Get(raw(options))
}
