package provider

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/oauth2"

	"myauth.internal/kit"
	"myauth.internal/kit/internal/taint"
	"myauth.internal/kit/provider/internal/hostile"
)

// newOpenID returns an app whose provider is a real one, by HTTP and with ID tokens, which lies as it is
// told to. posts is the same provider under another name, which posts its answer.
func newOpenID(t *testing.T, change ...func(*kit.Options)) (*app, *hostile.Provider) {
	t.Helper()
	idp := hostile.New(t)
	c := Config{
		Name: "idp", Issuer: idp.Issuer, ClientID: hostile.ClientID, ClientSecret: hostile.ClientSecret, Transport: idp.Transport(),
		EmailDomains: []string{"*"}, NativeClientIDs: []string{hostile.ClientID}, KeepTokens: true,
	}
	second := c
	second.Name = "second"
	feature, err := New(baseURL, []string{home, other}, OpenIDConnect(c), OpenIDConnect(second))
	if err != nil {
		t.Fatal(err)
	}
	a := newApp(t, append(change, func(o *kit.Options) { o.Features[0] = feature })...)
	idp.Script(func(s *hostile.Script) {
		s.Now = a.Clock.Now
		s.Claims = hostile.JSON{"sub": "ada-1", "email": "ada@example.com", "email_verified": true, "name": "Ada"}
	})
	return a, idp
}

// comeBack starts a flow, signs in at the provider, and returns the callback.
func (b *browser) comeBack(idp *hostile.Provider, start string) string {
	b.t.Helper()
	r := idp.Login(b.get(start))
	if want := baseURL + "/providers/" + strings.Split(start, "/")[2] + "/callback"; r.URL.Scheme+"://"+r.URL.Host+r.URL.Path != want {
		b.t.Errorf("the provider sent the browser to %s, want %s", r.URL, want)
	}
	return strings.TrimPrefix(r.URL.String(), baseURL)
}

// TestRequestsOfALogin: a login costs one token request once the metadata and the keys are known, and a
// start none. Each provider has a redirect URI of its own, although both are one.
func TestRequestsOfALogin(t *testing.T) {
	a, idp := newOpenID(t)
	for i, name := range []string{"idp", "second", "idp", "second"} {
		before := idp.Counts()
		b := a.browser()
		callback := b.comeBack(idp, "/providers/"+name+"/start")
		started := idp.Counts()
		answer, err := b.exchange(b.result(b.get(callback), "code"))
		if err != nil || answer.Tokens.User.Email != "ada@example.com" {
			t.Fatalf("%s: %v", name, err)
		}
		if after := idp.Counts(); i >= 2 && (started[hostile.Metadata] != before[hostile.Metadata] || after[hostile.Metadata] != before[hostile.Metadata] ||
			after[hostile.Keys] != before[hostile.Keys] || started[hostile.Token] != before[hostile.Token] || after[hostile.Token] != before[hostile.Token]+1) {
			t.Errorf("%s: %v, then %v, then %v", name, before, started, after)
		}
	}
}

// TestCallbackLies is claim 63 from end to end: an ID token that is not to be believed opens nothing, of a
// browser or a native app, writes nothing, and its reason is in an event.
func TestCallbackLies(t *testing.T) {
	for _, lie := range hostile.Lies() {
		t.Run(lie.Name, func(t *testing.T) {
			a, idp := newOpenID(t)
			idp.Script(lie.Tell)
			b := a.browser()
			callback := b.comeBack(idp, "/providers/idp/start?redirect_to="+url.QueryEscape(other))
			want := with(other, "error", providerUnavailable)
			if lie.Nonce {
				want = with(other, "error", invalidState)
			}
			if location := b.get(callback); location != want {
				t.Errorf("went to %s", location)
			}
			if _, err := b.send("POST", "/providers/idp/token", map[string]string{"id_token": idp.IDToken(hostile.JSON{"nonce": "n-1"}), "nonce": "n-1"}); !errors.Is(err, kit.ErrInvalidToken) {
				t.Errorf("a native app: %v", err)
			}
			if a.writes() != 0 || len(a.told) != 2 || a.told[0].Kind != kit.EventLoginFailed || len(b.cookies) != 0 {
				t.Errorf("%d writes, %d cookies, the events %v", a.writes(), len(b.cookies), a.told)
			}
		})
	}
}

// TestCallbackOutages is claim 66 from end to end: whatever is wrong with an endpoint, the page hears
// provider_unavailable within bounds, and nothing is stored.
func TestCallbackOutages(t *testing.T) {
	for name, instead := range map[string]http.Handler{
		"down": hostile.Down(), "redirecting": hostile.Redirect("https://evil.example/"), "large": hostile.Large(), "gone": hostile.Gone(), "slow": hostile.Slow(),
		"not JSON":         http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>") }),
		"without anything": hostile.Answer(200, hostile.JSON{}),
	} {
		for _, at := range []hostile.Endpoint{hostile.Metadata, hostile.Token, hostile.Keys} {
			t.Run(name+string(at), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					a, idp := newOpenID(t)
					b := a.browser()
					began := time.Now()
					if at == hostile.Metadata {
						idp.Script(func(s *hostile.Script) { s.Instead = map[hostile.Endpoint]http.Handler{at: instead} })
						if _, err := b.send("GET", "/providers/idp/start", nil); err == nil || !strings.Contains(err.Error(), "not available") || len(b.cookies) != 0 {
							t.Errorf("the start: %v", err)
						}
					} else {
						callback := b.comeBack(idp, "/providers/idp/start")
						idp.Script(func(s *hostile.Script) { s.Instead = map[hostile.Endpoint]http.Handler{at: instead} })
						if location := b.get(callback); location != with(home, "error", providerUnavailable) {
							t.Errorf("went to %s", location)
						}
					}
					if a.writes() != 0 || !strings.Contains(a.log.String(), "provider=idp") {
						t.Errorf("%d writes, the log: %s", a.writes(), a.log)
					}
					if took := time.Since(began); took > 11*time.Second {
						t.Errorf("it took %v", took)
					}
				})
			})
		}
	}
}

// TestClientLeaves: a provider whose client has left is not blamed in the log.
func TestClientLeaves(t *testing.T) {
	a, idp := newOpenID(t)
	idp.Script(func(s *hostile.Script) {
		s.Instead = map[hostile.Endpoint]http.Handler{hostile.Metadata: hostile.Down()}
	})
	ctx, leave := context.WithCancel(t.Context())
	leave()
	for _, route := range a.Routes() {
		if route.Path != "/providers/{name}/start" {
			continue
		}
		if _, err := route.Serve(ctx, kit.Request{Source: sent{path: map[string]string{"name": "idp"}}}); !errors.Is(err, errUnavailable) {
			t.Error(err)
		}
	}
	if strings.Contains(a.log.String(), "provider=idp") {
		t.Error(a.log)
	}
}

// TestSlowCallback: a provider that is slow at each step, and never too slow, holds a browser no longer
// than servers let it wait.
func TestSlowCallback(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, idp := newOpenID(t)
		b := a.browser()
		idp.Handle("/userinfo", func(http.ResponseWriter, *http.Request) { time.Sleep(9 * time.Second) })
		idp.Script(func(s *hostile.Script) {
			s.Metadata = hostile.JSON{"userinfo_endpoint": idp.Issuer + "/userinfo"}
			s.Claims = hostile.JSON{"sub": "ada-1"}
			s.Before = func(e hostile.Endpoint) {
				if e == hostile.Token || e == hostile.Keys {
					time.Sleep(9 * time.Second)
				}
			}
		})
		callback := b.comeBack(idp, "/providers/idp/start")
		began := time.Now()
		if location := b.get(callback); location != with(home, "error", providerUnavailable) {
			t.Errorf("went to %s", location)
		}
		if took := time.Since(began); took > 25*time.Second {
			t.Errorf("it took %v", took)
		}
	})
}

// TestNoSecretIsWritten is claim 71: over logins, links and refusals of all kinds, no state, code,
// token, nonce or verifier is in a log line, an event, a metric or a trace, and none in anything that is
// printed.
func TestNoSecretIsWritten(t *testing.T) {
	var seen *taint.Watch
	a, idp := newOpenID(t, func(o *kit.Options) {
		logger := o.Logger
		seen = taint.Add(o)
		o.Logger = logger
	})
	secrets := map[string]string{"the client's secret": hostile.ClientSecret, "our verifier": verifier}
	parameters := func(target string) {
		u, err := url.Parse(target)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"state", "nonce", "code", "code_challenge", "link"} {
			if value := u.Query().Get(name); value != "" {
				secrets[fmt.Sprint(name, len(secrets))] = value
			}
		}
	}
	cookies := func(b *browser) {
		for _, value := range b.cookies {
			secrets[fmt.Sprint("cookie", len(secrets))] = value
		}
	}
	_, tokens := a.LogIn("owner@example.com")
	secrets["the access token"] = string(tokens.AccessToken)
	tell := func(*hostile.Script) {}
	lies := append([]hostile.Lie{{Name: "honest", Tell: tell}}, hostile.Lies()...)
	idp.Script(func(s *hostile.Script) { s.Tokens = hostile.JSON{"refresh_token": "secret-refresh-token"} })
	secrets["the refresh token"] = "secret-refresh-token"
	for i, lie := range lies {
		var honest hostile.Script
		idp.Script(func(s *hostile.Script) { honest = *s; lie.Tell(s) })
		b := a.browser()
		b.access = tokens.AccessToken
		start := "/providers/idp/start?code_challenge=" + challengeOf(verifier)
		if i%2 == 1 {
			start = b.link("code_challenge", challengeOf(verifier))
			parameters(start)
		}
		location := b.get(start)
		parameters(location)
		cookies(b)
		callback := strings.TrimPrefix(idp.Login(location).URL.String(), baseURL)
		parameters(callback)
		for _, wrong := range []string{cut(callback, "state"), replace(callback, "iss", "https://evil.example"), callback} {
			if wrong != callback {
				_, _ = b.clone().send("GET", wrong, nil)
				continue
			}
			answer, err := b.send("GET", callback, nil)
			secrets["verifier"+fmt.Sprint(i)] = idp.TokenRequest().Get("code_verifier")
			if err != nil {
				continue
			}
			parameters(answer.Location)
			cookies(b)
			if code := get(answer.Location, "code"); code != "" {
				for _, verifier := range []string{"", "another-verifier-of-43-characters-or-more-xx", verifier, verifier} {
					answer, _ := b.exchange(code, "code_verifier", verifier)
					if answer.Tokens.RefreshToken != "" {
						secrets["refresh"+fmt.Sprint(i)] = string(answer.Tokens.RefreshToken)
					}
				}
			}
		}
		_, _ = b.send("POST", "/providers/idp/token", map[string]string{"id_token": "secret.id.token", "nonce": "secret-nonce"})
		idp.Script(func(s *hostile.Script) { *s = honest })
	}
	secrets["the ID token"], secrets["its nonce"] = "secret.id.token", "secret-nonce"
	for _, instead := range []http.Handler{hostile.Down(), hostile.Answer(400, hostile.JSON{"error": "invalid_grant", "error_description": "secret-description"}), hostile.Answer(200, hostile.JSON{"id_token": "secret.id.token"})} {
		idp.Script(func(s *hostile.Script) { s.Instead = map[hostile.Endpoint]http.Handler{hostile.Token: instead} })
		b := a.browser()
		callback := b.comeBack(idp, "/providers/idp/start")
		parameters(callback)
		b.get(callback)
	}
	secrets["a description"] = "secret-description"

	p := a.feature()
	tainted := &oauth2.Token{AccessToken: "secret-access-token", RefreshToken: "secret-refresh-token"}
	const s = "secret-nonce"
	printed := []any{
		flow{State: s, Nonce: s, Verifier: s}, begin{State: s, Nonce: s, Verifier: s}, answer{Code: s, Nonce: s, Verifier: s, User: s},
		assertion{tokens: tainted}, pass{Challenge: s}, keptAssertion{Name: s}, p, p.clients, p.Feature,
	}
	secrets["tokens of the provider"] = tainted.AccessToken
	var written bytes.Buffer
	written.Write(a.log.Bytes())
	for _, e := range a.told {
		fmt.Fprintf(&written, "%+v %v\n", e, e.Err)
	}
	log := slog.New(slog.NewJSONHandler(&written, nil))
	for _, v := range printed {
		fmt.Fprintf(&written, "%v %+v %#v %s %x\n", v, v, v, v, v)
		log.Info("x", "v", v)
	}
	if len(a.told) < len(lies) || len(secrets) < 5*len(lies) {
		t.Fatalf("%d events and %d secrets: the test has not run", len(a.told), len(secrets))
	}
	text := written.String()
	for name, secret := range secrets {
		if found := seen.Find(secret); len(secret) > 8 && len(found) > 0 {
			t.Errorf("%s is seen after %q", name, found)
		}
		for _, form := range []string{secret, url.QueryEscape(secret), base64.RawURLEncoding.EncodeToString([]byte(secret)), fmt.Sprintf("%x", secret)} {
			if len(secret) > 8 && strings.Contains(text, form) {
				i := strings.Index(text, form)
				t.Errorf("%s is written: …%s…", name, text[max(0, i-200):min(len(text), i+len(form)+20)])
				break
			}
		}
	}
	if !slices.ContainsFunc(a.told, func(e kit.Event) bool { return e.Kind == kit.EventLoggedIn }) || !slices.ContainsFunc(a.told, func(e kit.Event) bool { return e.Kind == EventLinked }) {
		t.Error("nobody has logged in or linked anything")
	}
}
