package httpx

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"myauth.internal/kit"
)

func TestMalformedJSON(t *testing.T) {
	rg := newRig(t, Options{})
	nested := func(n int) string {
		return `{"email":"ada@example.com","password":"wrong","x":` + strings.Repeat("[", n) + strings.Repeat("]", n) + `}`
	}
	for _, tc := range []struct{ body, detail string }{
		{"", "empty"},
		{" ", "one JSON object"},
		{"null", "one JSON object"},
		{"[]", "one JSON object"},
		{`"email"`, "one JSON object"},
		{"{", "one JSON object"},
		{`{"email":"ada@example.com","password":"wrong"} x`, "nothing after"},
		{`{"email":"ada@example.com","password":"wrong"}{}`, "nothing after"},
		{"\ufeff\ufeff" + `{"email":"ada@example.com","password":"wrong"}`, "one JSON object"},
		{"\ufeff", "empty"},
		{"\xff\xfe{\x00\"\x00", "UTF-16"},
		{"\xfe\xff\x00{\x00\"", "UTF-16"},
		{`{'email':'ada@example.com'}`, "one JSON object"},
		{`{"email":"ada@example.com","email":"ada@example.com","password":"wrong"}`, "same name"},
		{`{"email":"ada@example.com","\u0065mail":"eve@example.com","password":"wrong"}`, "same name"},
		{`{"email":"ada@example.com","password":"wrong","x":{"a":1,"a":2}}`, "same name"},
		{`{"email":"ada@example.com","password":"wr` + "\xff" + `ong"}`, "UTF-8"},
		{`{"email":"ada@example.com","password":"\ud800"}`, "UTF-8"},
		{nested(64), "too deep"},
	} {
		p := wantProblem(t, post(rg, "/auth/login", tc.body), http.StatusBadRequest, "malformed_request")
		if !strings.Contains(p.Detail, tc.detail) || strings.Contains(p.Detail, "wrong") {
			t.Errorf("%.60s: got detail %q, want %q in it", tc.body, p.Detail, tc.detail)
		}
	}
	wantProblem(t, post(rg, "/auth/login", nested(63)), http.StatusUnauthorized, "invalid_credentials")
}

func TestFieldErrors(t *testing.T) {
	rg := newRig(t, Options{})
	for _, tc := range []struct{ route, body, want string }{
		{"register", `{}`, "email:required username:required password:required"},
		{"register", `{"Email":"x","EMAIL":"y"}`, "email:required username:required password:required"},
		{"register", `{"email":null,"username":1,"password":[]}`, "email:invalid_type username:invalid_type password:invalid_type"},
		{"register", `{"email":{},"username":true,"password":"x","user_settings":[]}`,
			"email:invalid_type username:invalid_type password:too_short password:missing_uppercase password:missing_digit password:missing_special user_settings:invalid_type"},
		{"register", `{"user_settings":null}`, "email:required username:required password:required user_settings:invalid_type"},
		{"register", `{"email":"","username":"","password":"Engine#1843!","user_settings":"{}"}`, "email:invalid_email username:too_short user_settings:invalid_type"},
		{"register", `{"email":"no","username":" ","password":"Engine#1843!"}`, "email:invalid_email username:too_short"},
		{"register", `{"password":"Engine#1843!","user_settings":` + strings.Repeat(`{"a":`, 17) + "1" + strings.Repeat("}", 17) + `}`, "email:required username:required user_settings:too_long"},
		{"login", `{}`, "email:required password:required"},
		{"login", `{"email":"","password":""}`, "email:required password:required"},
		{"login", `{"email":["a"],"password":null}`, "email:invalid_type password:invalid_type"},
		{"refresh", `{}`, "refresh_token:required"},
		{"refresh", `{"refresh_token":""}`, "refresh_token:required"},
		{"refresh", `{"refresh_token":7}`, "refresh_token:invalid_type"},
		{"logout", `{"token":"x"}`, "refresh_token:required"},
		{"password-reset", `{}`, "token:required new_password:required"},
		{"password-reset", `{"new_password":"short"}`, "token:required new_password:too_short new_password:missing_uppercase new_password:missing_digit new_password:missing_special"},
		{"password-reset", `{"token":"","new_password":null}`, "token:required new_password:invalid_type"},
		{"password-reset-request", `{}`, "email:required"},
		{"verify-email-request", `{"email":null}`, "email:invalid_type"},
		{"verify-email", `{"token":""}`, "token:required"},
		{"verify-email/deny", `{"token":1}`, "token:invalid_type"},
	} {
		p := wantProblem(t, post(rg, "/auth/"+tc.route, tc.body), http.StatusUnprocessableEntity, "validation_failed")
		if got := codes(p); got != tc.want {
			t.Errorf("%s %s:\n got %s\nwant %s", tc.route, tc.body, got, tc.want)
		}
		for _, f := range p.Errors {
			if f.Message == "" {
				t.Errorf("%s %s: no message for %s", tc.route, tc.body, f.Field)
			}
		}
	}
}

// The rules that an application adds go by the same way, in their own words.
func TestHookErrors(t *testing.T) {
	rg := newRig(t, Options{}, func(o *kit.Options) {
		o.Hooks.BeforeRegister = func(_ context.Context, r kit.Registration) error {
			switch r.Username {
			case "field":
				return kit.Invalid("invite", "unknown_invite", "must be <ours> & valid")
			case "problem":
				return &kit.Problem{Type: "https://app.example.com/closed", Title: "Closed", Status: 403, Detail: "Come back later.", Code: "closed"}
			}
			return nil
		}
	})
	w := post(rg, "/auth/register", `{"email":"eve@example.com","username":"field","password":"Engine#1843!"}`)
	p := wantProblem(t, w, http.StatusUnprocessableEntity, "validation_failed")
	if codes(p) != "invite:unknown_invite" || !strings.Contains(w.Body.String(), "<ours> & valid") {
		t.Errorf("got %s", w.Body)
	}
	w = post(rg, "/auth/register", `{"email":"eve@example.com","username":"problem","password":"Engine#1843!"}`)
	if want := `{"type":"https://app.example.com/closed","title":"Closed","status":403,"detail":"Come back later.","code":"closed"}`; w.Code != 403 || w.Body.String() != want {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
}
