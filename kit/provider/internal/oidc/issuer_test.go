package oidc_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"myauth.internal/kit/provider/internal/fetch"
	"myauth.internal/kit/provider/internal/hostile"
	"myauth.internal/kit/provider/internal/oidc"
)

// A provider whose documents are late, large, elsewhere or lies is not available, within bounds.
func TestHostileDocuments(t *testing.T) {
	for _, endpoint := range []hostile.Endpoint{hostile.Metadata, hostile.Keys} {
		for name, handler := range map[string]http.Handler{
			"down": hostile.Down(), "gone": hostile.Gone(), "large": hostile.Large(), "slow": hostile.Slow(),
			"redirect": hostile.Redirect("https://id.example.test/elsewhere"), "not found": http.NotFoundHandler(),
			"no content": hostile.Answer(204, nil), "created": hostile.Answer(201, hostile.JSON{"keys": []any{}}), "empty": hostile.Answer(200, hostile.JSON{}),
			"a string": hostile.Answer(200, "x"),
		} {
			synctest.Test(t, func(t *testing.T) {
				p, issuer, _ := start(t)
				idToken := token(p)
				p.Script(func(s *hostile.Script) { s.Instead = map[hostile.Endpoint]http.Handler{endpoint: handler} })
				begin := time.Now()
				if _, err := issuer.Verify(t.Context(), idToken, want); !errors.Is(err, oidc.ErrUnavailable) {
					t.Errorf("%s %s: %v", endpoint, name, err)
				}
				if took := time.Since(begin); took > fetch.Timeout || name == "slow" && took != fetch.Timeout {
					t.Errorf("%s %s: after %v", endpoint, name, took)
				}
				if n := p.Count("/elsewhere"); n != 0 {
					t.Errorf("%s: the redirect is followed", endpoint)
				}
			})
		}
	}
}

func TestMetadataOfAnother(t *testing.T) {
	p, issuer, _ := start(t)
	p.Script(func(s *hostile.Script) { s.Metadata = hostile.JSON{"issuer": "https://evil.example.test"} })
	_, err := issuer.Metadata(t.Context())
	if !errors.Is(err, oidc.ErrUnavailable) || !strings.Contains(err.Error(), p.Issuer) || strings.Contains(err.Error(), "evil") {
		t.Errorf("%v", err)
	}
}

// An issuer with a path has its metadata below it, and a slash at its end is not doubled.
func TestIssuerWithPath(t *testing.T) {
	for _, path := range []string{"/", "/realms/a", "/realms/a/"} {
		p, _, clock := start(t)
		path = p.Issuer + path
		p.Script(func(s *hostile.Script) { s.Issuer = path })
		var asked []string
		transport := p.Transport()
		client := fetch.Client(fetch.Options{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			asked = append(asked, r.URL.String())
			return transport.RoundTrip(r)
		})})
		issuer := oidc.New(oidc.Options{Issuer: path, Client: client, Now: clock.Now})
		if c, err := issuer.Verify(t.Context(), token(p), want); err != nil || c.Issuer != path {
			t.Errorf("%s: %v", path, err)
		}
		if want := strings.TrimSuffix(path, "/") + "/.well-known/openid-configuration"; len(asked) != 2 || asked[0] != want {
			t.Errorf("asked %q", asked)
		}
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

const (
	tid      = "72f988bf-86f1-41af-91ab-2d7cd011db47"
	personal = "9188040d-6c67-4c5b-b112-36a304b66dad"
	login    = "https://login.microsoftonline.com/"
)

// Microsoft's issuers for many tenants: iss must be that of the token's tenant, and the key one that
// signs for it.
func TestTenants(t *testing.T) {
	of := func(tenant string) string { return login + tenant + "/v2.0" }
	for _, test := range []struct {
		name, tid, iss, keyIssuer string
		ok                        bool
	}{
		{"a tenant", tid, of(tid), "", true},
		{"a key for all tenants", tid, of(tid), of("{tenantid}"), true},
		{"a key for this tenant", personal, of(personal), of(personal), true},
		{"a key for another tenant", tid, of(tid), of(personal), false},
		{"iss of another tenant", tid, of(personal), "", false},
		{"iss without a tenant", tid, of("common"), "", false},
		{"iss the template", "{tenantid}", of("{tenantid}"), "", false},
		{"tid in capitals", strings.ToUpper(tid), of(strings.ToUpper(tid)), "", false},
		{"tid a name", "common", of("common"), "", false},
		{"tid with a path", tid[:30] + "/../xx", of(tid[:30] + "/../xx"), "", false},
		{"tid empty", "", of(""), "", false},
		{"another host", tid, "https://evil.example.test/" + tid + "/v2.0", "", false},
	} {
		p, _, clock := start(t)
		keys := p.PublicKeys()
		p.Script(func(s *hostile.Script) {
			s.Metadata = hostile.JSON{"issuer": of("{tenantid}"), "authorization_endpoint": login + "common/oauth2/v2.0/authorize",
				"token_endpoint": login + "common/oauth2/v2.0/token", "jwks_uri": login + "common/discovery/v2.0/keys"}
			s.Claims = hostile.JSON{"tid": test.tid, "iss": test.iss}
			s.Keys = keys
			if test.keyIssuer != "" {
				for _, k := range s.Keys {
					k.(hostile.JSON)["issuer"] = test.keyIssuer
				}
			}
		})
		issuer := oidc.New(oidc.Options{Issuer: of("common"), Client: fetch.Client(fetch.Options{Transport: p.Transport()}), Now: clock.Now, TenantTemplate: true})
		c, err := issuer.Verify(t.Context(), token(p), want)
		if test.ok != (err == nil) || !test.ok && !errors.As(err, new(oidc.RefusedError)) {
			t.Errorf("%s: %v", test.name, err)
		}
		if test.ok && c.Issuer != test.iss {
			t.Errorf("%s: the issuer is %s", test.name, c.Issuer)
		}
	}
}

// A tenant's own issuer has no template.
func TestOneTenant(t *testing.T) {
	p, _, clock := start(t)
	own := login + tid + "/v2.0"
	p.Script(func(s *hostile.Script) { s.Issuer = own })
	issuer := oidc.New(oidc.Options{Issuer: own, Client: fetch.Client(fetch.Options{Transport: p.Transport()}), Now: clock.Now})
	if _, err := issuer.Verify(t.Context(), token(p), want); err != nil {
		t.Error(err)
	}
	p.Script(func(s *hostile.Script) { s.Claims = hostile.JSON{"tid": personal, "iss": login + personal + "/v2.0"} })
	if _, err := issuer.Verify(t.Context(), token(p), want); !errors.As(err, new(oidc.RefusedError)) {
		t.Errorf("another tenant: %v", err)
	}
}
