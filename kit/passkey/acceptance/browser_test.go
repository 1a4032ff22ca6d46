package acceptance

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"

	"myauth.internal/httpx"
	"myauth.internal/kit/kittest"
	"myauth.internal/kit/passkey"
)

// chromium returns the path of a Chromium. Without one the test skips, or fails where
// everything is required.
func chromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	const missing = "no chromium in PATH: apt-get install chromium"
	if os.Getenv("MYAUTH_TEST_REQUIRE") == "all" {
		t.Fatal(missing)
	}
	t.Skip(missing)
	return ""
}

// script is the JavaScript of the README.
func script(t *testing.T) string {
	text, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	block := regexp.MustCompile("(?s)```js\n(.*?)```").FindSubmatch(text)
	if block == nil {
		t.Fatal("the README has no JavaScript")
	}
	return string(block[1])
}

// tab is a page of the application in a browser.
type tab struct {
	*app
	t   *testing.T
	ctx context.Context
}

// openTab opens the page. The RP ID is localhost, which browsers take for secure.
func openTab(t *testing.T) *tab {
	t.Helper()
	path := chromium(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	origin := "http://localhost:" + port
	feature, err := passkey.New("localhost", &passkey.Options{Origins: []string{origin}})
	if err != nil {
		t.Fatal(err)
	}
	b := &tab{app: newAppWith(t, feature), t: t}
	auth, err := httpx.New(b.Service, nil)
	if err != nil {
		t.Fatal(err)
	}
	page := `<!doctype html><title>Passkeys</title><input autocomplete="username webauthn"><script>` + script(t) + `</script>`
	mux := http.NewServeMux()
	mux.Handle("/auth/", auth)
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write([]byte(page))
	})
	server := httptest.NewUnstartedServer(mux)
	server.Listener.Close()
	server.Listener = listener
	server.Start()
	t.Cleanup(server.Close)

	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 2*time.Minute)
	t.Cleanup(cancel)
	// The sandbox is off because root, which tests in containers run as, has none; the page is
	// our own.
	ctx, cancel = chromedp.NewExecAllocator(ctx, chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun,
		chromedp.Flag("headless", "new"), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true))
	t.Cleanup(cancel)
	b.ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	if err := chromedp.Do(b.ctx, chromedp.Navigate(origin)); err != nil {
		t.Fatal(err)
	}
	cdpCall(b, webauthn.Enable, webauthn.EnableParams{})
	return b
}

func cdpCall[P, R any](b *tab, command cdp.Command[P, R], params P) R {
	b.t.Helper()
	result, err := chromedp.Call(b.ctx, command, params)
	if err != nil {
		b.t.Fatal(err)
	}
	return result
}

// device adds an authenticator that is part of the computer.
func (b *tab) device(synced bool) webauthn.AuthenticatorID {
	b.t.Helper()
	return cdpCall(b, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{Options: &webauthn.VirtualAuthenticatorOptions{
		Protocol: webauthn.AuthenticatorProtocolCtap2, Ctap2version: webauthn.Ctap2versionCtap21, Transport: webauthn.AuthenticatorTransportInternal,
		HasResidentKey: true, HasUserVerification: true, IsUserVerified: true, AutomaticPresenceSimulation: true,
		DefaultBackupEligibility: synced, DefaultBackupState: synced,
	}}).AuthenticatorID
}

// outcome is what a function of the page came to.
type outcome struct {
	Result members
	Error  string // the code of the problem, or the name of the browser's error
}

// call calls a function of the page.
func (b *tab) call(function string, args ...any) outcome {
	b.t.Helper()
	list := make([]string, len(args))
	for i, arg := range args {
		list[i] = string(raw(arg))
	}
	text, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](
		function+"("+strings.Join(list, ",")+").then(Result => ({Result}), e => ({Error: e.code?.length ? e.code : e.name + ': ' + e.message})).then(JSON.stringify)",
		chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatal(err)
	}
	var o outcome
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		b.t.Fatal(err)
	}
	return o
}

// must calls a function of the page that must succeed.
func (b *tab) must(function string, args ...any) members {
	b.t.Helper()
	o := b.call(function, args...)
	if o.Error != "" {
		b.t.Fatalf("%s: %s", function, o.Error)
	}
	return o.Result
}

func (b *tab) override(id webauthn.AuthenticatorID, signature, uv, up bool) {
	b.t.Helper()
	cdpCall(b, webauthn.SetResponseOverrideBits, webauthn.SetResponseOverrideBitsParams{AuthenticatorID: id, IsBogusSignature: &signature, IsBadUV: &uv, IsBadUP: &up})
}

// TestInABrowser is claim 61: Chromium and its virtual authenticators.
func TestInABrowser(t *testing.T) {
	b := openTab(t)
	u, tokens := b.LogIn(email)
	device := b.device(true)
	added := b.must("addPasskey", string(tokens.AccessToken), "Laptop")
	if added["name"] != "Laptop" || added["backed_up"] != true {
		t.Errorf("added: %v", added)
	}
	if again := b.call("addPasskey", string(tokens.AccessToken), "Laptop"); !strings.HasPrefix(again.Error, "InvalidStateError") {
		t.Errorf("a second passkey on one device: %+v", again)
	}
	if login := b.must("logInWithPasskey"); login["user"].(members)["id"] != u.ID {
		t.Errorf("login: %v", login)
	}
	if login := b.must("logInWithPasskey", "conditional"); login["user"].(members)["id"] != u.ID {
		t.Errorf("autofill: %v", login)
	}

	for name, bits := range map[string][3]bool{"signature": {true, false, false}, "user verification": {false, true, false}, "user presence": {false, false, true}} {
		b.override(device, bits[0], bits[1], bits[2])
		if o := b.call("logInWithPasskey"); o.Error != "invalid_credentials" {
			t.Errorf("a false %s: %+v", name, o)
		}
	}
	b.override(device, false, false, false)
	b.must("logInWithPasskey")

	access := b.enroll(tokens.AccessToken)
	half := func() any {
		return b.send("POST", "/login", nil, members{"email": email, "password": kittest.Password}, 403)["mfa_token"]
	}
	b.must("answerWithPasskey", half())
	b.override(device, false, true, false) // a second factor does without
	b.must("answerWithPasskey", half())
	b.override(device, true, false, false)
	if o := b.call("answerWithPasskey", half()); o.Error != "invalid_code" {
		t.Errorf("a false signature as the second factor: %+v", o)
	}
	b.override(device, false, false, false)

	// Another device with a passkey of its own; then the first one is removed.
	cdpCall(b, webauthn.RemoveVirtualAuthenticator, webauthn.RemoveVirtualAuthenticatorParams{AuthenticatorID: device})
	key := b.device(false)
	other := b.must("addPasskey", string(access), "Key")
	if other["backed_up"] != false || other["id"] == added["id"] {
		t.Errorf("the other one: %v", other)
	}
	b.must("logInWithPasskey")
	b.must("logInWithPasskey") // with a sign count that goes up
	b.send("DELETE", "/passkeys/"+other["id"].(string), access, nil, 204)
	if o := b.call("logInWithPasskey"); o.Error != "invalid_credentials" {
		t.Errorf("a passkey that was removed: %+v", o)
	}
	cdpCall(b, webauthn.RemoveVirtualAuthenticator, webauthn.RemoveVirtualAuthenticatorParams{AuthenticatorID: key})
	if list := b.send("GET", "/passkeys", access, nil, 200)["passkeys"].([]any); len(list) != 1 || list[0].(members)["name"] != "Laptop" {
		t.Errorf("left: %v", list)
	}
}
