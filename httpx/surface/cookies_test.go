package surface

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"myauth.internal/httpx/cookie"
)

// cookiesVariable tells a process of TestCookieMode that its apps are in cookie mode. Its tests are
// the others of this package: a browser stands between them and the server.
const cookiesVariable = "MYAUTH_TEST_SURFACE_COOKIES"

// inCookieMode reports whether the apps of this process are in cookie mode.
func inCookieMode() bool { return os.Getenv(cookiesVariable) != "" }

// TestCookieMode runs all of this package's tests again in cookie mode, with features and over
// memory. Their answers are checked against the document of cookie mode.
func TestCookieMode(t *testing.T) {
	if !featured() && !inCookieMode() {
		t.Parallel()
		again(t, featuresVariable+"=1", cookiesVariable+"=1")
	}
}

// withBodies skips a test of what cookie mode does not have: forms, and tokens in bodies.
func withBodies(t *testing.T) {
	t.Helper()
	if inCookieMode() {
		t.Skip("cookie mode has none of this")
	}
}

// browser keeps the tokens of tests, which are in headers and bodies, in cookies: of what a test
// sends it makes cookies, and of the cookies of an answer the body that a test expects.
type browser struct{ base http.RoundTripper }

func (b browser) RoundTrip(request *http.Request) (*http.Response, error) {
	r := request.Clone(request.Context())
	if bearer := r.Header["Authorization"]; len(bearer) == 1 && strings.HasPrefix(bearer[0], "Bearer ") && cookieValue(bearer[0][7:]) {
		r.Header.Del("Authorization")
		r.AddCookie(&http.Cookie{Name: cookie.Access, Value: bearer[0][7:]})
	}
	if r.Header.Get("Content-Type") == "application/json" && r.ContentLength > 0 {
		text, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		r.Body = io.NopCloser(bytes.NewReader(text))
		var sent struct {
			Refresh string `json:"refresh_token"`
			Device  string `json:"device_token"`
		}
		_ = json.Unmarshal(text, &sent)
		if sent.Device != "" {
			r.AddCookie(&http.Cookie{Name: cookie.Device, Value: sent.Device})
		}
		if path := r.URL.Path; strings.HasSuffix(path, "/refresh") || strings.HasSuffix(path, "/logout") {
			r.AddCookie(&http.Cookie{Name: cookie.Refresh, Value: sent.Refresh})
			r.Body, r.ContentLength = nil, 0
			r.Header.Del("Content-Type")
		}
	}
	response, err := b.base.RoundTrip(r)
	if err != nil || response.StatusCode != http.StatusOK || len(response.Cookies()) == 0 {
		return response, err
	}
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	for _, c := range slices.Backward(response.Cookies()) { // the access token is the first
		member := map[string]string{cookie.Access: `"access_token"`, cookie.Refresh: `"refresh_token"`, cookie.Device: `"device_token"`}[c.Name]
		kind := ""
		if c.Name == cookie.Access {
			kind = `,"token_type":"bearer"`
		}
		if rest, ok := bytes.CutPrefix(text, []byte("{")); ok && c.MaxAge > 0 {
			text = append([]byte("{"+member+":"+strconv.Quote(c.Value)+kind+","), rest...)
		}
	}
	response.Header.Del("Set-Cookie")
	response.Body, response.ContentLength = io.NopCloser(bytes.NewReader(text)), int64(len(text))
	return response, nil
}

// cookieValue reports whether a cookie can hold text.
func cookieValue(text string) bool {
	return text != "" && !strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`",;\`, r) })
}

// Every route that changes something refuses a page of another origin.
func TestCrossOrigin(t *testing.T) {
	if !inCookieMode() {
		return
	}
	a := newApp(t)
	for _, o := range recorder.doc.Outcomes() {
		if o.Code == "cross_origin" {
			path := strings.NewReplacer("{id}", "x", "{name}", "pin").Replace(strings.TrimPrefix(o.Path, "/auth"))
			a.send(o.Method, path, "", "Sec-Fetch-Site: same-site").is(403, "cross_origin")
		}
	}
}

// A token in the header and another in a cookie are refused; logout and refresh need no body.
func TestCookies(t *testing.T) {
	if !inCookieMode() {
		return
	}
	a := newApp(t)
	a.register()
	tk := a.login()
	both := []string{"Cookie: " + cookie.Refresh + "=" + tk.Refresh, "Authorization: Bearer " + tk.Access}
	a.client.Transport = a.client.Transport.(browser).base // which would make cookies of both
	for _, route := range []string{"GET /me", "POST /login", "POST /refresh", "POST /logout", "GET /openapi.json"} {
		a.route(route, "", both...).is(400, "malformed_request")
	}
	a.send("GET", "/me", "", both[0]).is(200) // which renews the session
	a.send("POST", "/refresh", "").is(401, "missing_token")
	a.send("POST", "/logout", "").is(204)
	a.send("POST", "/logout", "", both[0]).is(204)
	a.send("GET", "/me", "", both[0]).is(401, "revoked_token")
}
