package provider

import (
	"crypto/sha256"
	"errors"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"myauth.internal/kit"
)

// TestLogin: a new account, then the same account, by GET and by form_post, in several tabs.
func TestLogin(t *testing.T) {
	a := newApp(t)
	b := a.browser()
	first := b.logIn("idp", lovelace)
	if first.User.Email != lovelace.Email || !first.User.Verified || first.RefreshToken == "" {
		t.Errorf("a new account: %+v", first.User)
	}
	if len(b.cookies) != 0 {
		t.Errorf("cookies are left: %d", len(b.cookies))
	}
	_, claims, err := a.Authenticate(t.Context(), string(first.AccessToken))
	if err != nil || !slices.Equal(claims.AMR, []string{"fed"}) || !claims.AuthTime.Equal(a.Clock.Now()) {
		t.Errorf("the access token: %v %v %v", claims.AMR, claims.AuthTime, err)
	}
	if again := a.browser().logIn("idp", lovelace); again.User.ID != first.User.ID {
		t.Errorf("another account: %s, want %s", again.User.ID, first.User.ID)
	}

	// Three flows at once, which end in another order than they began, to three targets.
	targets := []string{home, other, native}
	callbacks := make([]string, 3)
	for i, target := range targets {
		callbacks[i] = b.begin("idp", lovelace, "redirect_to="+url.QueryEscape(target))
	}
	for i, target := range slices.Backward(targets) {
		location := b.get(callbacks[i])
		if !strings.HasPrefix(location, target) {
			t.Errorf("went to %s, want %s", location, target)
		}
		answer, err := b.exchange(b.result(location, "code"))
		if err != nil || answer.Tokens.User.ID != first.User.ID {
			t.Errorf("%s: %v", target, err)
		}
	}
}

// TestFormPost: the cookie of a provider that posts may come from its site until the callback, and
// from no other site after it.
func TestFormPost(t *testing.T) {
	a := newApp(t)
	for name, posts := range map[string]bool{"idp": false, "posts": true} {
		b := a.browser()
		answer, err := b.send("GET", "/providers/"+name+"/start", nil)
		if err != nil || len(answer.Cookies) != 1 || answer.Cookies[0].CrossSite != posts || answer.Cookies[0].MaxAge != 10*time.Minute {
			t.Fatalf("%s: start: %+v %v", name, answer.Cookies, err)
		}
		form := a.idp.signIn(answer.Location, lovelace)
		if answer, err = b.send("POST", "/providers/"+name+"/callback", form); err != nil || answer.Status != 303 || len(answer.Cookies) != 1 || answer.Cookies[0].CrossSite || answer.Cookies[0].MaxAge != time.Minute {
			t.Fatalf("%s: callback: %+v %v", name, answer.Cookies, err)
		}
		if _, err := b.exchange(b.result(answer.Location, "code")); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestOtherSitesPostOneRoute: the callback alone, which the state protects, is called by pages of other
// origins.
func TestOtherSitesPostOneRoute(t *testing.T) {
	for _, route := range newApp(t).Routes() {
		if want := route.Method == "POST" && route.Path == "/providers/{name}/callback"; route.CrossSite != want {
			t.Errorf("%s %s: CrossSite is %v", route.Method, route.Path, route.CrossSite)
		}
	}
}

// TestTargets is claim 65: the list is exact.
func TestTargets(t *testing.T) {
	a := newApp(t)
	b := a.browser()
	_, tokens := a.LogIn("ada@example.com")
	b.access = tokens.AccessToken
	for _, target := range []string{
		home + "/", home + "?", home + "?a=b", home + "#", home + "#a", "HTTPS://app.example.com/signed-in", "https://APP.example.com/signed-in", "https://app.example.com/Signed-in",
		"https://app.example.com:443/signed-in", "https://app.example.com./signed-in", "https://ada@app.example.com/signed-in", "https://app.example.com@evil.example/signed-in",
		"https://app.example.com.evil.example/signed-in", "https://evil.example/signed-in", "//app.example.com/signed-in", "/signed-in", "signed-in", "https:app.example.com/signed-in",
		"https://app.example.com/x/../signed-in", "https://app.example.com//signed-in", "https://app.example.com/%73igned-in", `https://app.example.com\signed-in`, "http://app.example.com/signed-in",
		" " + home, home + " ", home + "\n", home + "\x00", home + "," + other, "javascript:alert(1)//" + home, "data:text/html,x", "https://app.example.com/settings", other + "&a=b", other + "s",
		"com.example.app:/", "com.example.app://signed-in", "COM.example.app:/signed-in", "https://app.example.com/", "*", home + "%00", home + ";a",
	} {
		cookies := len(b.cookies)
		for route, send := range map[string]func() error{
			"start": func() error {
				_, err := b.send("GET", "/providers/idp/start?"+url.Values{"redirect_to": {target}}.Encode(), nil)
				return err
			},
			"link": func() error {
				_, err := b.send("POST", "/providers/idp/link", map[string]string{"redirect_to": target})
				return err
			},
		} {
			if err := send(); fieldOf(err) != "redirect_to" {
				t.Errorf("%s to %q: %v", route, target, err)
			}
		}
		if len(b.cookies) != cookies {
			t.Errorf("a cookie for %q", target)
		}
	}
	if location := b.get(b.begin("idp", lovelace)); !strings.HasPrefix(location, home+"?code=") && !strings.HasPrefix(location, home+"?error=") {
		t.Errorf("without a target: %s", location)
	}
	if location := b.get(b.begin("idp", lovelace, "redirect_to="+url.QueryEscape(other))); !strings.HasPrefix(location, other+"&") {
		t.Errorf("a target with a query: %s", location)
	}
}

// TestChallenges: S256 only, in its one form.
func TestChallenges(t *testing.T) {
	b := newApp(t).browser()
	sum := sha256.Sum256([]byte("x"))
	good := base64URL.EncodeToString(sum[:])
	if _, err := b.send("GET", "/providers/idp/start?code_challenge="+good, nil); err != nil {
		t.Errorf("a challenge: %v", err)
	}
	for _, bad := range []string{good + "=", good[1:], good + "A", good[:42] + "B", strings.Repeat("!", 43), strings.Repeat("é", 43), " " + good, good[:42] + "+", "A\n" + good[1:], strings.Repeat("A", 20) + "\n" + strings.Repeat("A", 22)} {
		if _, err := b.send("GET", "/providers/idp/start?"+url.Values{"code_challenge": {bad}}.Encode(), nil); fieldOf(err) != "code_challenge" {
			t.Errorf("the challenge %q: %v", bad, err)
		}
	}
}

// TestOnlyNavigationsStart: a page that loads a start as a part of itself gets no cookie.
func TestOnlyNavigationsStart(t *testing.T) {
	b := newApp(t).browser()
	for dest, want := range map[string]bool{"document": true, "": false, "image": false, "iframe": false, "empty": false, "script": false, "Document": false} {
		b.header.Set("Sec-Fetch-Dest", dest)
		answer, err := b.send("GET", "/providers/idp/start", nil)
		if (err == nil) != want || !want && (!errors.Is(err, error(errForeignStart)) || len(answer.Cookies) > 0) {
			t.Errorf("Sec-Fetch-Dest: %s: %v", dest, err)
		}
	}
}

// TestFewFlows: of more than five flows in one browser the oldest end.
func TestFewFlows(t *testing.T) {
	a := newApp(t)
	b := a.browser()
	b.cookies["session"] = "the application's"
	b.header.Add("Cookie", `not a cookie; "=; __Host-myauth_pv_; __Host-myauth_pv_a b=c; __Host-myauth_pv_a,b=c`)
	var callbacks []string
	for i := range 8 {
		if i == 6 { // as on http://localhost
			c := b.clone()
			for name, value := range b.cookies {
				delete(c.cookies, name)
				c.cookies[strings.TrimPrefix(name, "__Host-")] = value
			}
			answer, err := c.send("GET", "/providers/idp/start", nil)
			if err != nil || len(answer.Cookies) != 2 {
				t.Errorf("without the prefix: %d cookies, %v", len(answer.Cookies), err)
			}
		}
		callbacks = append(callbacks, b.begin("idp", lovelace))
		a.Clock.Advance(time.Second)
	}
	if len(b.cookies) != 6 {
		t.Errorf("%d cookies, want 5 and the application's", len(b.cookies))
	}
	for i, callback := range callbacks {
		location := b.get(callback)
		if alive := strings.Contains(location, "?code="); alive != (i >= 3) {
			t.Errorf("flow %d: %s", i, location)
		}
	}
}

// TestCookieSize: with the longest of everything a cookie is one that browsers keep.
func TestCookieSize(t *testing.T) {
	longest := "https://app.example.com/?" + strings.Repeat("&", maxRedirect-25)
	feature, err := New(baseURL, []string{longest}, (&elsewhere{}).provider(strings.Repeat("a", 20)))
	if err != nil {
		t.Fatal(err)
	}
	a := newApp(t, func(o *kit.Options) { o.Features = []kit.Feature{feature} })
	b := a.browser()
	u, err := a.Import(t.Context(), kit.User{ID: strings.Repeat("u", 64), Email: "ada@example.com", Username: "ada", Active: true, Verified: true})
	if err != nil {
		t.Fatal(err)
	}
	tokens, err := a.Grant(t.Context(), kit.Login{User: u})
	if err != nil {
		t.Fatal(err)
	}
	b.access = tokens.AccessToken
	sum := sha256.Sum256([]byte("x"))
	answer, err := b.send("POST", "/providers/aaaaaaaaaaaaaaaaaaaa/link", map[string]string{"code_challenge": base64URL.EncodeToString(sum[:])})
	if err != nil {
		t.Fatal(err)
	}
	link := string(answer.Body)
	link = link[strings.Index(link, "?link=")+6 : len(link)-2]
	if answer, err = b.send("GET", "/providers/aaaaaaaaaaaaaaaaaaaa/start?link="+link, nil); err != nil {
		t.Fatal(err)
	}
	c := answer.Cookies[0]
	t.Logf("the longest cookie has %d bytes", len(c.Name)+len(c.Value))
	if len(c.Name)+len(c.Value) > 4096 {
		t.Errorf("the cookie has %d bytes", len(c.Name)+len(c.Value))
	}
}
