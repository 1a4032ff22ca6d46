package surface

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"

	"myauth.internal/kit"
)

func TestRegister(t *testing.T) {
	a := newApp(t)
	r := a.post("/register", "email", testEmail, "username", "  Ada ", "password", goodPassword).is(201)
	u := r.user()
	want := fmt.Sprintf(`{"id":%q,"email":"Ada@Example.com","username":"Ada","roles":[],"user_settings":{},`+
		`"is_verified":false,"is_active":true,"created_at":"2026-11-23T12:00:00.000000Z","updated_at":"2026-11-23T12:00:00.000000Z"}`, u.ID)
	if strings.TrimSpace(r.body) != want {
		t.Errorf("got\n%s\nwant\n%s", r.body, want)
	}
	m := a.mail(kit.MailVerification)
	if m.To != testEmail || m.Username != "" || string(m.Link) != "https://app.example.com/verify-email?token="+string(m.Token) {
		t.Errorf("the mail is to %s, for %s, with the link %s", m.To, m.Username, string(m.Link))
	}
}

// Links come from the configuration, whatever the request says of its host.
func TestLinksComeFromConfiguration(t *testing.T) {
	a := newApp(t)
	a.send("POST", "/register", object("email", testEmail, "username", "Ada", "password", goodPassword),
		"Content-Type: application/json", "X-Forwarded-Host: evil.example", "X-Forwarded-Proto: http", "Forwarded: host=evil.example").is(201)
	if link := string(a.mail(kit.MailVerification).Link); !strings.HasPrefix(link, "https://app.example.com/verify-email?token=") {
		t.Errorf("the link is %s", link)
	}
}

func TestRegisterIgnoresWhatIsNotTheUsers(t *testing.T) {
	a := newApp(t)
	u := a.post("/register", "email", testEmail, "username", "Ada", "password", goodPassword,
		"id", "1", "roles", []string{"admin"}, "is_active", false, "is_verified", true, "hashed_password", "x", "created_at", "2000-01-01T00:00:00Z").is(201).user()
	if u.ID == "1" || len(u.Roles) != 0 || !u.Active || u.Verified {
		t.Errorf("%+v", u)
	}
	a.login()
}

func TestRegisterTakenAddress(t *testing.T) {
	a := newApp(t)
	a.register()
	for _, email := range []string{testEmail, strings.ToUpper(testEmail), strings.ToLower(testEmail)} {
		a.post("/register", "email", email, "username", "Eve", "password", otherPassword).is(409, "user_already_exists")
	}
	a.login()
}

// No other folding than that of ASCII letters.
func TestRegisterLookAlikes(t *testing.T) {
	a := newApp(t)
	for _, email := range []string{"kim@example.com", "\u212Aim@example.com", "sam@example.com", "\u017Fam@example.com", "ian@example.com", "\u0131an@example.com", "\u0130an@example.com"} {
		if u := a.post("/register", "email", email, "username", "x", "password", goodPassword).is(201).user(); u.Email != email {
			t.Errorf("%q became %q", email, u.Email)
		}
	}
}

// Of any number of registrations of one address one wins.
func TestRegisterInParallel(t *testing.T) {
	a := newApp(t)
	const callers = 50
	statuses := make([]int, callers)
	barrier := make(chan struct{})
	var group sync.WaitGroup
	for i := range callers {
		group.Go(func() {
			<-barrier
			statuses[i] = a.post("/register", "email", testEmail, "username", "x", "password", goodPassword).status
		})
	}
	close(barrier)
	group.Wait()
	count := map[int]int{}
	for _, s := range statuses {
		count[s]++
	}
	// A full queue of hashes may turn some away, and never more than one is let in.
	if count[201] != 1 || count[201]+count[409]+count[503] != callers {
		t.Errorf("%v", count)
	}
}

func TestRegisterConcealed(t *testing.T) {
	a := newApp(t, func(c *setup) { c.ConcealAccounts, c.RequireVerifiedEmail = true, true })
	send := func(email string) answer {
		return a.post("/register", "email", email, "username", "Ada", "password", goodPassword)
	}
	first := send(testEmail).is(202)
	a.mail(kit.MailVerification)
	if first.body = strings.TrimSpace(first.body); first.body != `{"status":"accepted"}` {
		t.Errorf("got %s", first.body)
	}
	again := send(strings.ToUpper(testEmail)).is(202)
	again.body = strings.TrimSpace(again.body)
	first.same(again)
	// The owner is told, at the address as it is stored.
	if m := a.mail(kit.MailAccountExists); m.To != testEmail || m.Link != "" || m.Token != "" {
		t.Errorf("the mail is to %s, with %q", m.To, string(m.Link))
	}
	a.post("/register", "email", testEmail, "username", "Ada", "password", "short").is(422, "validation_failed")
}

func TestRegisterHookRefuses(t *testing.T) {
	a := newApp(t, func(c *setup) { c.Hooks.BeforeRegister = disposable })
	a.post("/register", "email", "a@disposable.example", "username", "x", "password", goodPassword).invalid("email disposable_domain")
	a.post("/register", "email", "a@example.com", "username", "x", "password", goodPassword).is(201)
}

func TestRegisterSettings(t *testing.T) {
	a := newApp(t)
	send := func(settings string) answer {
		body := fmt.Sprintf(`{"email":"u%d@example.com","username":"x","password":%q,"user_settings":%s}`, a.faults.Calls("users.Create"), goodPassword, settings)
		return a.send("POST", "/register", body, "Content-Type: application/json")
	}
	deep := func(n int) string { return strings.Repeat(`{"a":`, n-1) + "{}" + strings.Repeat("}", n-1) }
	sized := func(n int) string { return `{"a":"` + strings.Repeat("x", n-len(`{"a":""}`)) + `"}` }
	for _, settings := range []string{
		"{}", `{"theme":"dark","n":12345678901234567890,"f":1.10,"e":1E+30,"neg":-0,"null":null,"t":true,"l":[1,[2,{"z":1,"a":2}]]}`,
		`{"":"empty key","emoji":"😀","escaped":"\u00e9\n"}`, deep(16), sized(16 << 10),
	} {
		got := send(settings).is(201).user().Settings
		if !sameJSON(string(got), settings) {
			t.Errorf("%.80s came back as %.80s", settings, got)
		}
	}
	send(deep(17)).invalid("user_settings too_long")
	send(sized(16<<10 + 1)).invalid("user_settings too_long")
	for _, wrong := range []string{"[]", `"x"`, "1", "true"} {
		send(wrong).invalid("user_settings invalid_type")
	}
}

// sameJSON compares texts, so that numbers count digit by digit; escapes may differ.
func sameJSON(a, b string) bool {
	decode := func(s string) (v any) {
		d := json.NewDecoder(strings.NewReader(s))
		d.UseNumber()
		if d.Decode(&v) != nil {
			return s
		}
		return v
	}
	return fmt.Sprintf("%#v", decode(a)) == fmt.Sprintf("%#v", decode(b))
}

// disposable is a rule of an application.
func disposable(_ context.Context, r kit.Registration) error {
	if strings.HasSuffix(r.Email, "@disposable.example") {
		return kit.Invalid("email", "disposable_domain", "must not be a disposable address")
	}
	return nil
}

// TestRegistrationClosed: where not everybody may make an account, the refusal is the same whatever the
// body says, and nothing is looked up, hashed or mailed for it.
func TestRegistrationClosed(t *testing.T) {
	for _, mode := range []kit.RegistrationMode{kit.RegistrationInvited, kit.RegistrationClosed} {
		a := newApp(t, func(c *setup) { c.Registration = mode })
		if _, err := a.Import(context.Background(), kit.User{Email: "taken@example.com", Username: "Ada", Active: true, Verified: true}); err != nil {
			t.Fatal(err)
		}
		before := a.faults.Calls("users.ByEmail") + a.faults.Calls("users.Create")
		first := ""
		for _, body := range []string{
			object("email", testEmail, "username", "Ada", "password", goodPassword), object("email", "taken@example.com", "username", "Ada", "password", goodPassword),
			object("email", "taken@example.com", "username", "Ada", "password", "short"), "{}",
		} {
			r := a.route("POST /register", body).is(403, "registration_closed")
			if first == "" {
				first = r.body
			}
			if r.body != first {
				t.Errorf("%s: %s answers %s, and another %s", mode, body, r.body, first)
			}
		}
		if after := a.faults.Calls("users.ByEmail") + a.faults.Calls("users.Create"); after != before || len(a.mailer.All()) > 0 {
			t.Errorf("%s: %d calls of the store, %d mails", mode, after-before, len(a.mailer.All()))
		}
	}
}
