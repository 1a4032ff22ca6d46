package httpx

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
)

func TestAuthorization(t *testing.T) {
	rg := newRig(t, Options{Realm: "The App"})
	token := rg.accessToken(t)
	const realm = `Bearer realm="The App"`
	const refused = realm + `, error="invalid_token", error_description="The token is not valid."`
	for _, tc := range []struct {
		name            string
		values          []string
		status          int
		code, challenge string
	}{
		{"right", []string{"Bearer " + token}, 200, "", ""},
		{"lower case", []string{"bearer " + token}, 200, "", ""},
		{"any case", []string{"bEARER " + token}, 200, "", ""},
		{"more space", []string{"Bearer   " + token}, 200, "", ""},
		{"none", nil, 401, "missing_token", realm},
		{"empty", []string{""}, 401, "missing_token", realm},
		{"another scheme", []string{"Basic YTpi"}, 401, "missing_token", realm},
		{"a longer scheme", []string{"BearerX " + token}, 401, "missing_token", realm},
		{"no scheme", []string{token}, 401, "missing_token", realm},
		{"no token", []string{"Bearer"}, 401, "invalid_token", refused},
		{"only space", []string{"Bearer  "}, 401, "invalid_token", refused},
		{"a tab", []string{"Bearer\t" + token}, 401, "missing_token", realm},
		{"space behind", []string{"Bearer " + token + " "}, 401, "invalid_token", refused},
		{"two tokens", []string{"Bearer " + token + " " + token}, 401, "invalid_token", refused},
		{"a list", []string{"Bearer " + token + ", Bearer " + token}, 401, "invalid_token", refused},
		{"quoted", []string{`Bearer "` + token + `"`}, 401, "invalid_token", refused},
		{"padded", []string{"Bearer " + token + "="}, 401, "invalid_token", refused},
		{"only padding", []string{"Bearer =="}, 401, "invalid_token", refused},
		{"not ASCII", []string{"Bearer tökén"}, 401, "invalid_token", refused},
		{"two headers", []string{"Bearer " + token, "Bearer " + token}, 400, "malformed_request", ""},
		{"another scheme first", []string{"Basic YTpi", "Bearer " + token}, 400, "malformed_request", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var header []string
			for _, v := range tc.values {
				header = append(header, "Authorization", v)
			}
			w := do(rg, http.MethodGet, "/auth/me", "", header...)
			if tc.status == 200 {
				if w.Code != 200 || w.Header()["Www-Authenticate"] != nil {
					t.Errorf("got %d %v %s", w.Code, w.Header(), w.Body)
				}
				return
			}
			wantProblem(t, w, tc.status, tc.code)
			if got := w.Header().Get("WWW-Authenticate"); got != tc.challenge {
				t.Errorf("got challenge %s, want %s", got, tc.challenge)
			}
		})
	}
	t.Run("nowhere else", func(t *testing.T) {
		for _, target := range []string{"/auth/me?access_token=" + token, "/auth/me?token=" + token} {
			w := do(rg, http.MethodGet, target, "access_token="+token, "Content-Type", mediaForm, "Cookie", "access_token="+token)
			wantProblem(t, w, http.StatusUnauthorized, "missing_token")
		}
	})
}

// A token in the body is not what the Authorization header is about, even if there
// is one.
func TestChallengeOfBodyTokens(t *testing.T) {
	rg := newRig(t, Options{})
	for _, body := range []string{"refresh", "verify-email", "password-reset"} {
		w := do(rg, http.MethodPost, "/auth/"+body, `{"refresh_token":"x","token":"x","new_password":"Engine#1843!"}`,
			"Content-Type", "application/json", "Authorization", "Bearer "+rg.accessToken(t))
		wantProblem(t, w, http.StatusUnauthorized, "invalid_token")
		if got := w.Header().Get("WWW-Authenticate"); got != `Bearer realm="MyAuth"` {
			t.Errorf("%s: got challenge %s", body, got)
		}
	}
}

func FuzzAuthorization(f *testing.F) {
	for _, seed := range []string{"", "Bearer", "Bearer ", "Bearer a.b.c", "bearer  a==", "Bearer a=b", "Basic x", "Bearer\ta", "ＢＥＡＲＥＲ a"} {
		f.Add(seed)
	}
	bearer := regexp.MustCompile(`(?s)^(?i:bearer)(?: +(.*))?$`)
	f.Fuzz(func(t *testing.T, value string) {
		token, err := bearerToken(http.Header{"Authorization": {value}})
		if m := bearer.FindStringSubmatch(value); m != nil {
			if token != m[1] || err != nil {
				t.Errorf("%q: got %q and %v, want %q", value, token, err, m[1])
			}
		} else if token != "" || ProblemOf(err).Code != "missing_token" {
			t.Errorf("%q: got %q and %v", value, token, err)
		}
	})
}

// TestManyAuthorizationHeaders: also where no token is looked for in them.
func TestManyAuthorizationHeaders(t *testing.T) {
	rg := newRig(t, Options{})
	for _, route := range []string{"POST /auth/login", "POST /auth/logout", "GET /auth/me"} {
		method, path, _ := strings.Cut(route, " ")
		r := httptest.NewRequest(method, path, strings.NewReader(`{"email":"ada@example.com","password":"x","refresh_token":"x"}`))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Add("Authorization", "Bearer a")
		r.Header.Add("Authorization", "Bearer b")
		w := httptest.NewRecorder()
		rg.ServeHTTP(w, r)
		if w.Code != 400 || !strings.Contains(w.Body.String(), "malformed_request") {
			t.Errorf("%s: %d %s", route, w.Code, w.Body)
		}
	}
}
