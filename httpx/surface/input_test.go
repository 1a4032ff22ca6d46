package surface

import (
	"context"
	"slices"
	"strings"
	"testing"

	"myauth.internal/kit/password"
)

func TestEmailRules(t *testing.T) {
	a := newApp(t)
	label := strings.Repeat("d", 63)
	for email, code := range map[string]string{
		"":                                       "invalid_email",
		"ada":                                    "invalid_email",
		"ada@":                                   "invalid_email",
		"@example.com":                           "invalid_email",
		"Ada <ada@example.com>":                  "invalid_email",
		"<ada@example.com>":                      "invalid_email",
		"ada@example.com (Ada)":                  "invalid_email",
		`"ada"@example.com`:                      "invalid_email",
		`"a@evil.com"@victim.com`:                "invalid_email",
		"a@evil.com@victim.com":                  "invalid_email",
		"ada@example.com,b@c.de":                 "invalid_email",
		"ada@example.com\nBcc: b@c.d":            "invalid_email",
		"ada\r@example.com":                      "invalid_email",
		"ada\x00@example.com":                    "invalid_email",
		"ada\u200b@example.com":                  "invalid_email",
		"ada@example\u3002com":                   "invalid_email",
		"ada @example.com":                       "invalid_email",
		"ada@example.com\ufeff":                  "invalid_email",
		strings.Repeat("l", 65) + "@example.com": "invalid_email",
		strings.Repeat("l", 64) + "@" + label + "." + label + "." + label[:58] + ".com": "too_long",
	} {
		for _, path := range []string{"/register", "/password-reset-request", "/verify-email-request"} {
			a.post(path, "email", email, "username", "x", "password", goodPassword).invalid("email " + code)
		}
	}
	spaced := "\u00a0 spaced@example.com\u3000\n"
	if u := a.post("/register", "email", spaced, "username", "x", "password", goodPassword).is(201).user(); u.Email != "spaced@example.com" {
		t.Errorf("%q became %q", spaced, u.Email)
	}
	a.post("/login", "email", spaced, "password", goodPassword).is(200)
	a.post("/password-reset-request", "email", spaced).is(202)
	a.post("/verify-email-request", "email", spaced).is(202)
	for _, email := range []string{
		"o'neil+tag!#$%&*/=?^_`{|}~-@sub.example.org", "jörg@müller.example",
		strings.Repeat("l", 64) + "@" + label + "." + label + "." + label[:57] + ".com",
	} {
		if u := a.post("/register", "email", email, "username", "x", "password", goodPassword).is(201).user(); u.Email != email {
			t.Errorf("%q became %q", email, u.Email)
		}
	}
}

func TestUsernameRules(t *testing.T) {
	a := newApp(t)
	for name, code := range map[string]string{
		"": "too_short", " \t": "too_short", strings.Repeat("ß", 65): "too_long", "a\nb": "invalid_characters", "a\x00b": "invalid_characters",
	} {
		a.post("/register", "email", "u@example.com", "username", name, "password", goodPassword).invalid("username " + code)
	}
	for name, want := range map[string]string{" Ada ": "Ada", "x": "x", strings.Repeat("ß", 64): strings.Repeat("ß", 64), "<b>😀": "<b>😀"} {
		if got := a.post("/register", "email", string(rune('a'+len(want)%26))+"@example.com", "username", name, "password", goodPassword).is(201).user().Username; got != want {
			t.Errorf("%q became %q", name, got)
		}
	}
}

func TestPasswordRules(t *testing.T) {
	for name, c := range map[string]struct {
		policy   password.Policy
		password string
		codes    []string
	}{
		"7 characters":                 {password.Strict, "Aa1!xyz", []string{"too_short"}},
		"8 characters":                 {password.Strict, "Aa1!xyzq", nil},
		"8 characters of 4 bytes each": {password.LengthOnly, "😀😁😂😃😄😅😆😇", nil},
		"7 characters of 4 bytes each": {password.LengthOnly, "😀😁😂😃😄😅😆", []string{"too_short"}},
		"no upper case":                {password.Strict, "aa1!xyzq", []string{"missing_uppercase"}},
		"no lower case":                {password.Strict, "AA1!XYZQ", []string{"missing_lowercase"}},
		"no digit":                     {password.Strict, "Aab!xyzq", []string{"missing_digit"}},
		"no special character":         {password.Strict, "Aa1bxyzq", []string{"missing_special"}},
		"every rule at once":           {password.Strict, "", []string{"too_short", "missing_uppercase", "missing_lowercase", "missing_digit", "missing_special"}},
		"length alone":                 {password.LengthOnly, "correct horse battery", nil},
		"128 characters":               {password.Strict, "Aa1!" + strings.Repeat("x", 124), nil},
		"129 characters":               {password.Strict, "Aa1!" + strings.Repeat("x", 125), []string{"too_long"}},
		"64 ASCII characters":          {password.Strict, "Aa1!" + strings.Repeat("x", 60), nil},
		"NUL":                          {password.Strict, "Aa1!x\x00yzq", []string{"invalid_characters"}},
		"control character":            {password.LengthOnly, "correct\nhorse", []string{"invalid_characters"}},
		"common":                       {password.Strict, "P@ssw0rd", []string{"common_password"}},
		"common, by length alone":      {password.LengthOnly, "password", []string{"common_password"}},
		"the domain of the address":    {password.Strict, "Example.com-26", []string{"common_password"}},
		"the service, by length alone": {password.LengthOnly, "myauth2026", []string{"common_password"}},
	} {
		t.Run(name, func(t *testing.T) {
			a := newApp(t, func(cf *setup) { cf.PasswordPolicy = c.policy })
			a.register()
			a.mail("verification")
			token := a.resetToken()
			register := a.post("/register", "email", "new@example.com", "username", "x", "password", c.password)
			reset := a.reset(token, c.password)
			if c.codes == nil {
				register.is(201)
				reset.is(204)
				a.tryLogin(c.password).is(200)
				if strings.HasPrefix(c.password, "Aa1!xxx") {
					a.tryLogin(c.password[:len(c.password)-1]+"y").is(401, "invalid_credentials")
				}
				return
			}
			var at, atReset []string
			for _, code := range c.codes {
				at, atReset = append(at, "password "+code), append(atReset, "new_password "+code)
			}
			register.invalid(at...)
			reset.invalid(atReset...)
			a.reset(token, otherPassword).is(204) // a refused password does not use up the token
		})
	}
}

// A form that is refused for another field makes the policy ask no other server, since no
// limiter has been asked yet.
func TestPasswordDrafts(t *testing.T) {
	var drafts []bool
	a := newApp(t, func(cf *setup) {
		cf.PasswordPolicy = password.PolicyFunc(func(ctx context.Context, _ string, _ ...string) ([]password.Violation, error) {
			drafts = append(drafts, password.IsDraft(ctx))
			return []password.Violation{{Code: "common_password", Message: "choose another password"}}, nil
		})
	})
	a.post("/register", "email", testEmail, "password", "correct horse").invalid("username required", "password common_password")
	a.post("/register", "email", testEmail, "username", "x", "password", "correct horse", "user_settings", 7).invalid("password common_password", "user_settings invalid_type")
	a.post("/password-reset", "new_password", "correct horse").invalid("token required", "new_password common_password")
	a.post("/register", "email", testEmail, "username", "x", "password", "correct horse").invalid("password common_password")
	if want := []bool{true, true, true, false}; !slices.Equal(drafts, want) {
		t.Errorf("the policy saw the drafts %v, want %v", drafts, want)
	}
}

// What is accepted is never cut off, and every byte counts.
func TestPasswordBytes(t *testing.T) {
	a := newApp(t)
	base := "Aa1!" + strings.Repeat("x", 68) // the 72 bytes that bcrypt sees
	a.post("/register", "email", testEmail, "username", "x", "password", base).is(201)
	a.tryLogin(base).is(200)
	for name, wrong := range map[string]string{
		"a byte more": base + "y", "a byte less": base[:71], "NUL and more": base + "\x00y", "another case": strings.ToUpper(base),
		"a space before": " " + base, "a space behind": base + " ",
	} {
		if r := a.tryLogin(wrong); r.status != 401 {
			t.Errorf("%s: %d", name, r.status)
		}
	}
}
