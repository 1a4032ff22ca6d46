package acceptance

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/go-jose/go-jose/v4"

	"myauth.internal/kit"
	"myauth.internal/kit/provider"
	"myauth.internal/kit/provider/acceptance/openid"
)

// Sites of the tests, for a browser that finds them on this machine.
const (
	appSite  = "https://app.example.com"
	acmeSite = "https://login.acme.example"
	evilSite = "https://evil.example.org"
)

// withPages serves the page that a login returns to beside the API, and notes each request.
func (a *app) withPages(auth http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/auth/", auth)
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprint(w, `<!doctype html><title>App</title><h1 id="app">App</h1><img src="`+evilSite+`/pixel"><script>
async function send(method, path, body, token) {
	const headers = {}
	if (body) headers["Content-Type"] = "application/json"
	if (token) headers["Authorization"] = "Bearer " + token
	const answer = await fetch("/auth" + path, { method, headers, body: body && JSON.stringify(body) })
	return { status: answer.status, body: answer.status == 204 ? {} : await answer.json() }
}
const exchange = token => send("POST", "/providers/exchange", { code: new URLSearchParams(location.search).get("code") }, token)
</script>`)
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.mu.Lock()
		a.seen = append(a.seen, r.Clone(context.Background()))
		a.mu.Unlock()
		mux.ServeHTTP(w, r)
	})
}

// chromium is a Chromium that finds the sites on this machine, by address.
type chromium struct {
	t   *testing.T
	ctx context.Context
}

// openChromium starts one. Without it the test skips, or fails where everything is required.
func openChromium(t *testing.T, sites map[string]*httptest.Server) *chromium {
	t.Helper()
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		const missing = "no chromium in PATH: apt-get install chromium"
		if os.Getenv("MYAUTH_TEST_REQUIRE") == "all" {
			t.Fatal(missing)
		}
		t.Skip(missing)
	}
	var rules []string
	for _, site := range slices.Sorted(maps.Keys(sites)) {
		rules = append(rules, "MAP "+strings.TrimPrefix(site, "https://")+":443 "+sites[site].Listener.Addr().String())
	}
	// Cookies of other sites in a page are allowed, as in most browsers. Debian's Chromium blocks them,
	// and would do our work.
	profile := t.TempDir()
	if err := errors.Join(os.Mkdir(profile+"/Default", 0o700), os.WriteFile(profile+"/Default/Preferences", []byte(`{"profile":{"cookie_controls_mode":0}}`), 0o600)); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute)
	t.Cleanup(cancel)
	// The sandbox is off because root, which tests in containers run as, has none; the pages are
	// our own, and so are the certificates, which are for other names.
	ctx, cancel = chromedp.NewExecAllocator(ctx, chromedp.UserDataDir(profile), chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun, chromedp.IgnoreCertErrors,
		chromedp.Flag("headless", "new"), chromedp.Flag("disable-background-networking", true), chromedp.Flag("host-resolver-rules", strings.Join(rules, ",")),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true))
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	return &chromium{t, ctx}
}

func (c *chromium) do(steps ...chromedp.Action[chromedp.Void]) {
	c.t.Helper()
	if err := chromedp.Do(c.ctx, steps...); err != nil {
		where, _ := chromedp.Run(c.ctx, chromedp.Location())
		c.t.Fatalf("at %s: %v", where, err)
	}
}

func (c *chromium) location() string {
	c.t.Helper()
	where, err := chromedp.Run(c.ctx, chromedp.Location())
	if err != nil {
		c.t.Fatal(err)
	}
	return where
}

// logIn opens a page that leads to the provider, where it clicks on somebody, and comes back to a
// page of the application.
func (c *chromium) logIn(url, person string) {
	c.t.Helper()
	c.do(chromedp.Navigate(url), chromedp.WaitVisible(chromedp.CSS("#"+person)), chromedp.Click(chromedp.CSS("#"+person)), chromedp.WaitVisible(chromedp.CSS("#app")))
}

// outcome is what a request of the page came to.
type outcome struct {
	Status int
	Body   members
}

// call evaluates a call of a function of the page.
func (c *chromium) call(expression string) outcome {
	c.t.Helper()
	text, err := chromedp.Run(c.ctx, chromedp.Evaluate[string](expression+".then(JSON.stringify)", chromedp.EvalAwaitPromise))
	var o outcome
	if err == nil {
		err = json.Unmarshal([]byte(text), &o)
	}
	if err != nil {
		c.t.Fatalf("%s: %v", expression, err)
	}
	return o
}

// cookies are those that the browser would send to a URL.
func (c *chromium) cookies(url string) []*network.Cookie {
	c.t.Helper()
	return cdpCall(c, network.GetCookies, network.GetCookiesParams{URLs: []string{url}}).Cookies
}

func cdpCall[P, R any](c *chromium, command cdp.Command[P, R], params P) R {
	c.t.Helper()
	result, err := chromedp.Call(c.ctx, command, params)
	if err != nil {
		c.t.Fatal(err)
	}
	return result
}

// flowCookie wants the one cookie of a flow. By http on localhost it is not Secure, and so has not
// the prefix either.
func (c *chromium) flowCookie(a *app, sameSite network.CookieSameSite) {
	c.t.Helper()
	cookies := c.cookies(a.url)
	if len(cookies) != 1 {
		c.t.Errorf("the browser has %d cookies", len(cookies))
		return
	}
	k := cookies[0]
	left := time.Until(time.Unix(int64(k.Expires), 0))
	prefix := map[bool]string{true: "__Host-myauth_pv_", false: "myauth_pv_"}[k.Secure]
	if !strings.HasPrefix(k.Name, prefix) || k.Secure != strings.HasPrefix(a.url, "https:") || !k.HTTPOnly || k.Path != "/" || strings.HasPrefix(k.Domain, ".") || k.SameSite != sameSite || left < 0 || left > 11*time.Minute {
		c.t.Errorf("the cookie is %+v", k)
	}
}

// exchange ends the login of the page, and returns the tokens.
func (c *chromium) exchange() members {
	c.t.Helper()
	o := c.call("exchange()")
	if o.Status != 200 {
		c.t.Fatalf("the exchange: %+v", o)
	}
	return o.Body
}

// TestOnLocalhost is a login in Chromium where development takes place: by http on localhost.
func TestOnLocalhost(t *testing.T) {
	a := newApp(t, func(s *setup) {
		s.origin = func(address string) string { return "http://localhost" + address[strings.LastIndexByte(address, ':'):] }
	})
	a.acme.Know("ada", ada)
	c := openChromium(t, nil)
	c.do(chromedp.Navigate(a.url+"/providers/acme/start"), chromedp.WaitVisible(chromedp.CSS("#ada")))
	c.flowCookie(a, network.CookieSameSiteLax)
	c.do(chromedp.Click(chromedp.CSS("#ada")), chromedp.WaitVisible(chromedp.CSS("#app")))
	c.flowCookie(a, network.CookieSameSiteLax)
	tokens := c.exchange()
	if tokens["user"].(members)["email"] != email {
		t.Errorf("the account is %v", tokens["user"])
	}
	if left := c.cookies(a.url); len(left) != 0 {
		t.Errorf("cookies are left: %+v", left)
	}
	if o := c.call("exchange()"); o.Status != 401 {
		t.Errorf("the code again: %+v", o)
	}
}

// overTLS is an application, its provider and a site of somebody else, by https and by name.
type overTLS struct {
	*app
	evil *httptest.Server
	page string // of the site of somebody else
	c    *chromium
}

func newOverTLS(t *testing.T, issuer string, change ...setting) *overTLS {
	t.Helper()
	acme := openid.New(t, issuer)
	b := &overTLS{}
	b.evil = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b.app.mu.Lock()
		b.seen = append(b.seen, r.Clone(context.Background()))
		b.app.mu.Unlock()
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprint(w, b.page)
	}))
	t.Cleanup(b.evil.Close)
	b.app = newApp(t, append([]setting{func(s *setup) {
		s.acme, s.Transport = acme, acme.Transport()
		s.origin = func(string) string { return appSite }
	}}, change...)...)
	b.c = openChromium(t, map[string]*httptest.Server{appSite: b.server, issuer: acme.Server, evilSite: b.evil})
	return b
}

// TestInABrowser is a login and a linking in Chromium over https.
func TestInABrowser(t *testing.T) {
	b := newOverTLS(t, acmeSite)
	b.acme.Know("ada", ada)
	b.acme.Know("countess", openid.Person{Subject: "9", Email: "countess@elsewhere.example"})
	c := b.c
	c.do(chromedp.Navigate(b.url+"/providers/acme/start"), chromedp.WaitVisible(chromedp.CSS("#ada")))
	c.flowCookie(b.app, network.CookieSameSiteLax)
	c.do(chromedp.Click(chromedp.CSS("#ada")), chromedp.WaitVisible(chromedp.CSS("#app")))
	tokens := c.exchange()
	access := tokens["access_token"].(string)

	// Another account elsewhere is linked, from the page.
	link := c.call(`send("POST", "/providers/acme/link", {}, ` + string(raw(access)) + `)`)
	if link.Status != 200 {
		t.Fatalf("link: %+v", link)
	}
	c.logIn(link.Body["url"].(string), "countess")
	if o := c.call("exchange()"); o.Status != 401 {
		t.Errorf("a linking flow without the user: %+v", o)
	}
	if o := c.call("exchange(" + string(raw(access)) + ")"); o.Status != 200 || o.Body["email"] != "countess@elsewhere.example" {
		t.Errorf("linked: %+v", o)
	}
	c.logIn(b.url+"/providers/acme/start", "countess")
	if again := c.exchange(); userID(again) != userID(tokens) {
		t.Errorf("a login by the linked account is of %v", again["user"])
	}

	// Who does not want to comes back as well.
	c.logIn(b.url+"/providers/acme/start", "nobody")
	if where := c.location(); where != b.target+"?error=provider_denied" {
		t.Errorf("denied: %s", where)
	}
	if left := c.cookies(b.url); len(left) != 0 {
		t.Errorf("cookies are left: %+v", left)
	}

	// No code, state or token has left the application but to the provider's endpoints (claim 65).
	b.app.mu.Lock()
	defer b.app.mu.Unlock()
	pixels := 0
	for _, r := range b.seen {
		referer := r.Header.Get("Referer")
		switch {
		case r.URL.Path == "/pixel":
			pixels++
			if strings.Contains(referer, "code") || strings.Contains(referer, "?") {
				t.Errorf("%s learns of %s", evilSite, referer)
			}
		case r.URL.Path == "/signed-in" && referer != "":
			t.Errorf("the page learns of %s", referer)
		}
	}
	if pixels < 3 {
		t.Errorf("%d images were loaded from elsewhere: the test sees nothing", pixels)
	}
}

// newWithApple is an application whose provider is Apple, which posts its answer, from another site: so
// the cookie is SameSite=None. The client signs in by a token that it has signed.
func newWithApple(t *testing.T) *overTLS {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	file := kit.Secret(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	b := newOverTLS(t, "https://appleid.apple.com", func(s *setup) {
		s.ClientSecret = ""
		s.preset = func(c provider.Config) provider.Provider {
			return provider.Apple(provider.AppleKey{TeamID: "TEAM567890", KeyID: "KEY4567890", PrivateKey: file}, c)
		}
		s.checkSecret = func(secret string) error { return checkAppleSecret(secret, key.Public()) }
	})
	b.acme.Know("ada", openid.Person{Subject: "001234.a.0001", Email: "ada@icloud.com", Verified: true})
	return b
}

// TestFormPost is a login with Apple in Chromium.
func TestFormPost(t *testing.T) {
	b := newWithApple(t)
	b.c.do(chromedp.Navigate(b.url+"/providers/acme/start"), chromedp.WaitVisible(chromedp.CSS("#ada")))
	b.c.flowCookie(b.app, network.CookieSameSiteNone)
	b.c.do(chromedp.Click(chromedp.CSS("#ada")), chromedp.WaitVisible(chromedp.CSS("#app")))
	b.c.flowCookie(b.app, network.CookieSameSiteLax) // no other site sends anything any more
	if tokens := b.c.exchange(); tokens["user"].(members)["email"] != "ada@icloud.com" || tokens["user"].(members)["is_verified"] != true {
		t.Errorf("the account is %v", tokens["user"])
	}
	posted := false
	b.app.mu.Lock()
	defer b.app.mu.Unlock()
	for _, r := range b.seen {
		if r.URL.Path == "/auth/providers/acme/callback" {
			posted = r.Method == http.MethodPost && r.URL.RawQuery == "" && r.Header.Get("Sec-Fetch-Site") == "cross-site"
		}
	}
	if !posted {
		t.Error("the answer was not posted from another site: the test sees nothing")
	}
}

// checkAppleSecret is what Apple checks of a client secret.
func checkAppleSecret(secret string, key crypto.PublicKey) error {
	token, err := jose.ParseSignedCompact(secret, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		return err
	}
	payload, err := token.Verify(key)
	if err != nil {
		return err
	}
	var claims struct {
		Iss, Sub, Aud string
		Exp           int64
	}
	if err := json.Unmarshal(payload, &claims); err != nil {
		return err
	}
	if left := time.Until(time.Unix(claims.Exp, 0)); claims.Iss != "TEAM567890" || claims.Sub != "app" || claims.Aud != "https://appleid.apple.com" || left < 0 || left > 180*24*time.Hour || token.Signatures[0].Header.KeyID != "KEY4567890" {
		return fmt.Errorf("the client secret has %+v", claims)
	}
	return nil
}

// TestForeignPages: a page of somebody else that loads the start of a login as an image, a frame or
// by a script gives the browser no cookies; a link on it works. (Those of other providers than Apple,
// which are SameSite=Lax, Chromium would not take from there.)
func TestForeignPages(t *testing.T) {
	b := newWithApple(t)
	start := b.url + "/providers/acme/start"
	b.page = fmt.Sprintf(`<!doctype html><title>Evil</title><img src="%[1]s?1"><iframe src="%[1]s?2"></iframe><object data="%[1]s?3"></object>
<link rel="stylesheet" href="%[1]s?4"><script src="%[1]s?5"></script><script>
const done = Promise.allSettled([
	fetch("%[1]s?6", { mode: "no-cors", credentials: "include" }),
	new Promise(resolve => addEventListener("load", resolve)),
]).then(() => ({ Status: 1 }))</script><a id="link" href="%[1]s">Log in</a>`, start)
	b.c.do(chromedp.Navigate(evilSite))
	b.c.call("done")
	b.app.mu.Lock()
	starts := 0
	for _, r := range b.seen {
		if r.URL.Path == "/auth/providers/acme/start" {
			starts++
		}
	}
	b.app.mu.Unlock()
	if starts < 6 {
		t.Errorf("%d starts were tried: the test sees nothing", starts)
	}
	if cookies := b.c.cookies(b.url); len(cookies) != 0 {
		t.Errorf("a foreign page gave the browser %d cookies", len(cookies))
	}
	b.c.do(chromedp.Click(chromedp.CSS("#link")), chromedp.WaitVisible(chromedp.CSS("#ada")), chromedp.Click(chromedp.CSS("#ada")), chromedp.WaitVisible(chromedp.CSS("#app")))
	b.c.exchange()
}

// TestManyFlows: flows of several tabs do not disturb each other, and a browser keeps few of them.
func TestManyFlows(t *testing.T) {
	b := newOverTLS(t, acmeSite)
	b.acme.Know("ada", ada)
	for range 8 {
		b.c.do(chromedp.Navigate(b.url+"/providers/acme/start"), chromedp.WaitVisible(chromedp.CSS("#ada")))
		b.Clock.Advance(time.Second)
	}
	if cookies := b.c.cookies(b.url); len(cookies) != 5 {
		t.Errorf("the browser has %d cookies", len(cookies))
	}
	b.c.do(chromedp.Click(chromedp.CSS("#ada")), chromedp.WaitVisible(chromedp.CSS("#app")))
	b.c.exchange()
}
