package httpx

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"myauth.internal/kit"
)

func TestForm(t *testing.T) {
	rg := newRig(t, Options{})
	login := func(body string) (int, kit.Problem) {
		w := do(rg, http.MethodPost, "/auth/login", body, "Content-Type", "application/x-www-form-urlencoded")
		if w.Code == http.StatusOK {
			return w.Code, kit.Problem{}
		}
		p := wantProblem(t, w, w.Code, map[int]string{400: "malformed_request", 401: "invalid_credentials", 422: "validation_failed"}[w.Code])
		return w.Code, p
	}
	const good = "username=ada%40example.com&password=Engine%231843%21"
	for _, tc := range []struct {
		body   string
		status int
		want   string // in the detail, or the field errors
	}{
		{good, 200, ""},
		{"grant_type=password&scope=&client_id=x&client_secret=y&" + good, 200, ""},
		{"&&" + good + "&", 200, ""},
		{good + "+", 401, ""},
		{"", 422, "username:required password:required"},
		{"username=&password", 422, "username:required password:required"},
		{"email=ada%40example.com&password=x", 422, "username:required"},
		{"Username=ada%40example.com&password=x", 422, "username:required"},
		{good + "&password=x", 400, "same name"},
		{good + "&p%61ssword=x", 400, "same name"},
		{good + "&scope=a&scope=b", 400, "same name"},
		{"username=a%4&password=x", 400, "percent-encoding"},
		{"username=%zz&password=x", 400, "percent-encoding"},
		{"user%name=a&password=x", 400, "percent-encoding"},
		{"username=ada&password=%ff", 400, "UTF-8"},
		{"username=ada&password=\xff", 400, "UTF-8"},
		{"username=ada&password=x&%ff=1", 400, "UTF-8"},
		{"username=ada;x&password=a;b", 401, ""},
	} {
		status, p := login(tc.body)
		if status != tc.status || !strings.Contains(p.Detail+codes(p), tc.want) {
			t.Errorf("%q: got %d %q %q, want %d with %q", tc.body, status, p.Detail, codes(p), tc.status, tc.want)
		}
	}
}

// FuzzForm compares with net/url, which reads the same grammar less strictly.
func FuzzForm(f *testing.F) {
	for _, seed := range []string{"username=a%40b&password=x+y", "a=1&a=2", "a=%", "%61=1&a=2", "=&&==", "a;b=1", "\xff=1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		form, err := parseForm([]byte(body))
		if err != nil {
			return
		}
		got := url.Values{}
		for name, value := range form {
			if !utf8.ValidString(name) || !utf8.ValidString(value) {
				t.Errorf("not UTF-8: %q=%q", name, value)
			}
			got.Set(name, value)
		}
		want, refErr := url.ParseQuery(strings.ReplaceAll(body, ";", "%3B"))
		if refErr != nil || want.Encode() != got.Encode() {
			t.Errorf("got %q, want %q (%v)", got, want, refErr)
		}
	})
}

// The password grant has no place for a second factor: its clients hear that it is due, as
// RFC 6749 has it. A form without a grant hears what JSON does.
func TestFormOfAnAccountWithASecondFactor(t *testing.T) {
	rg := newRig(t, Options{}, func(o *kit.Options) {
		o.Hooks.BeforeLogin = func(context.Context, kit.User) error {
			return &kit.MFARequired{Token: "myauth_mf_x", Methods: []string{"totp"}}
		}
	})
	form := "username=ada%40example.com&password=Engine%231843%21"
	w := do(rg, http.MethodPost, "/auth/login", form, "Content-Type", mediaForm)
	wantProblem(t, w, http.StatusForbidden, "mfa_required")
	w = do(rg, http.MethodPost, "/auth/login", form+"&grant_type=password", "Content-Type", mediaForm)
	var answer struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || w.Code != http.StatusBadRequest || answer.Error != "invalid_grant" || !strings.Contains(answer.Description, "second factor") {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
	if strings.Contains(w.Body.String(), "myauth_mf_") || w.Header().Get("Pragma") != "no-cache" {
		t.Errorf("got %v %s", w.Header(), w.Body)
	}
}
