package provider

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"testing"
	"time"

	"myauth.internal/kit"
	"myauth.internal/kit/provider/internal/hostile"
)

// The claims in these tests have the shapes that the pages named there describe; names and numbers
// are invented.

// TestGoogle: https://developers.google.com/identity/openid-connect/reference,
// https://developers.google.com/identity/sign-in/web/backend-auth
func TestGoogle(t *testing.T) {
	e := play(t, "https://accounts.google.com", Google)
	for _, c := range []struct {
		name, email string
		verified    any
		hd          any
		proved      bool
	}{
		{"gmail", "ada@gmail.com", true, nil, true},
		{"gmail in capitals", "Ada@GMail.com", true, nil, true},
		{"workspace", "ada@example.com", true, "example.com", true},
		{"workspace in capitals", "ada@example.com", true, "EXAMPLE.com", true},
		{"another domain of the workspace", "ada@example.net", true, "example.com", false},
		{"below the domain of the workspace", "ada@sub.example.com", true, "example.com", false},
		{"an account with a foreign address", "ada@example.com", true, nil, false},
		{"an empty hd", "ada@example.com", true, "", false},
		{"no domain, an empty hd", "ada", true, "", false},
		{"not verified", "ada@gmail.com", false, nil, false},
		{"verified unknown", "ada@gmail.com", nil, nil, false},
		{"workspace, not verified", "ada@example.com", false, "example.com", false},
		{"gmail below another", "ada@gmail.com.evil.example", true, nil, false},
		{"an address like gmail's", "ada@notgmail.com", true, nil, false},
	} {
		e.claims(hostile.JSON{
			"sub": "110169484474386276334", "email": c.email, "email_verified": c.verified, "hd": c.hd,
			"name": "Ada Lovelace", "given_name": "Ada", "family_name": "Lovelace", "picture": "https://lh3.googleusercontent.com/a/x",
		})
		a, err := e.login()
		if err != nil || a.Proved != c.proved {
			t.Errorf("%s: got proved %v, error %v", c.name, a.Proved, err)
		}
		if a.Issuer != "https://accounts.google.com" || a.Subject != "110169484474386276334" || a.Name != "Ada Lovelace" {
			t.Errorf("got %+v", a)
		}
	}
	for iss, want := range map[string]error{"accounts.google.com": nil, "http://accounts.google.com": errRefused{"the ID token: its iss is another issuer"}} {
		e.claims(hostile.JSON{"iss": iss})
		if a, err := e.login(); !errors.Is(err, want) || err == nil && a.Issuer != "https://accounts.google.com" {
			t.Errorf("iss %s: the issuer %q, error %v", iss, a.Issuer, err)
		}
	}
	offline := func(keep bool) string {
		e := play(t, "https://accounts.google.com", func(c Config) Provider { c.KeepTokens = keep; return Google(c) })
		location, err := e.client.authURL(t.Context(), begun1)
		if err != nil {
			t.Fatal(err)
		}
		return parameter(t, location, "access_type")
	}
	if offline(false) != "" || offline(true) != "offline" {
		t.Error("access_type must be offline if, and only if, the tokens are kept")
	}
}

func parameter(t *testing.T, location, name string) string {
	t.Helper()
	u, err := url.Parse(location)
	if err != nil {
		t.Fatal(err)
	}
	return u.Query().Get(name)
}

const (
	contoso  = "8eaef023-2b34-4da1-9baa-8bc8c9d6a490"
	template = "https://login.microsoftonline.com/{tenantid}/v2.0"
)

// microsoft lets a scripted provider play Microsoft for a user of a tenant.
func microsoft(t *testing.T, tenant, of string) *scripted {
	e := play(t, "https://login.microsoftonline.com/"+of+"/v2.0", func(c Config) Provider { return Microsoft(tenant, c) })
	e.Script(func(s *hostile.Script) {
		s.Answer = hostile.JSON{"iss": nil}
		s.Metadata = hostile.JSON{"authorization_response_iss_parameter_supported": nil}
		if tenant == "common" || tenant == "organizations" {
			s.Metadata["issuer"] = template
		}
		s.Claims = hostile.JSON{"tid": of, "ver": "2.0", "name": "Ada", "email": "ada@contoso.com", "preferred_username": "ada@contoso.com", "oid": "00000000-0000-0000-66f3-3332eca7ea81"}
	})
	return e
}

// TestMicrosoftProved: an address counts with xms_edov, and with nothing else.
// https://learn.microsoft.com/en-us/entra/identity-platform/optional-claims-reference
func TestMicrosoftProved(t *testing.T) {
	for _, c := range []struct {
		name   string
		claims hostile.JSON
		proved bool
	}{
		{"true", hostile.JSON{"xms_edov": true}, true},
		{"true as a string", hostile.JSON{"xms_edov": "true"}, true},
		{"1", hostile.JSON{"xms_edov": 1}, true},
		{"1 as a string", hostile.JSON{"xms_edov": "1"}, true},
		{"false", hostile.JSON{"xms_edov": false}, false},
		{"false as a string", hostile.JSON{"xms_edov": "false"}, false},
		{"0", hostile.JSON{"xms_edov": 0}, false},
		{"null", hostile.JSON{"xms_edov": json.RawMessage("null")}, false},
		{"a list", hostile.JSON{"xms_edov": []bool{true}}, false},
		{"missing", nil, false},
		{"email_verified instead", hostile.JSON{"email_verified": true}, false},
		{"without an address", hostile.JSON{"xms_edov": true, "email": nil}, false},
	} {
		e := microsoft(t, "common", contoso)
		e.Script(func(s *hostile.Script) {
			for name, value := range c.claims {
				s.Claims[name] = value
			}
		})
		a, err := e.login()
		if err != nil || a.Proved != c.proved || a.EmailVerified != c.proved {
			t.Errorf("%s: got proved %v, verified %v, error %v", c.name, a.Proved, a.EmailVerified, err)
		}
		if a.Issuer != "https://login.microsoftonline.com/"+contoso+"/v2.0" || a.Subject != "subject-1" {
			t.Errorf("got %+v", a)
		}
	}
}

// TestMicrosoftTenants: each setting lets in whom it names.
// https://learn.microsoft.com/en-us/entra/identity-platform/v2-protocols-oidc
func TestMicrosoftTenants(t *testing.T) {
	const other = "b9419818-09af-49c2-b0c3-653adc1f376e"
	for _, c := range []struct {
		tenant, of string
		in         bool
	}{
		{"common", contoso, true}, {"common", consumers, true},
		{"organizations", contoso, true}, {"organizations", consumers, false},
		{"consumers", consumers, true}, {"consumers", contoso, false},
		{contoso, contoso, true}, {strings.ToUpper(contoso), contoso, true}, {contoso, other, false}, {contoso, consumers, false},
	} {
		e := microsoft(t, c.tenant, c.of)
		if c.tenant == "consumers" {
			e.Script(func(s *hostile.Script) {
				s.Metadata["issuer"] = "https://login.microsoftonline.com/" + consumers + "/v2.0"
			})
		} else if c.tenant != "common" && c.tenant != "organizations" {
			e.Script(func(s *hostile.Script) {
				s.Metadata["issuer"] = "https://login.microsoftonline.com/" + strings.ToLower(c.tenant) + "/v2.0"
			})
		}
		_, err := e.login()
		if (err == nil) != c.in || !c.in && !errors.As(err, new(errRefused)) {
			t.Errorf("tenant %s, user of %s: got %v", c.tenant, c.of, err)
		}
	}
	// The issuer must be that of the user's tenant, in the ID token and in the answer.
	lies := map[string]func(*hostile.Script){
		"an issuer that is another tenant's": func(s *hostile.Script) { s.Claims["tid"] = other },
		"an issuer that is the template":     func(s *hostile.Script) { s.Claims["iss"], s.Claims["tid"] = template, "{tenantid}" },
		"no tenant":                          func(s *hostile.Script) { s.Claims["tid"] = nil },
		"iss of another tenant":              func(s *hostile.Script) { s.Answer["iss"] = strings.Replace(template, "{tenantid}", other, 1) },
		"iss of another provider":            func(s *hostile.Script) { s.Answer["iss"] = "https://evil.example.test/" + contoso + "/v2.0" },
	}
	for name, lie := range lies {
		e := microsoft(t, "common", contoso)
		e.Script(lie)
		if _, err := e.login(); !errors.As(err, new(errRefused)) {
			t.Errorf("%s: got %v", name, err)
		}
		if n := e.Count(hostile.Token); name == "iss of another provider" && n != 0 {
			t.Errorf("%s: the code went to the provider", name)
		}
	}
	e := microsoft(t, "common", contoso)
	e.Script(func(s *hostile.Script) { s.Answer["iss"] = s.Issuer })
	if _, err := e.login(); err != nil {
		t.Errorf("iss of the user's tenant: %v", err)
	}
}

// TestPresetConfigs: what a preset cannot work with is refused by its name, before any login.
func TestPresetConfigs(t *testing.T) {
	good := Config{ClientID: "id", ClientSecret: "secret-of-the-client"}
	with := func(change func(*Config)) Config {
		c := good
		change(&c)
		return c
	}
	public := with(func(c *Config) { c.ClientSecret = "" })
	native := with(func(c *Config) { c.NativeClientIDs = []string{"app"} })
	issuer := func(issuer string) Config {
		return with(func(c *Config) { c.Name, c.Issuer = "x", issuer })
	}
	for _, c := range []struct {
		p    Provider
		want string // a part of the error; empty: none
	}{
		{Google(good), ""},
		{Google(native), ""},
		{Google(public), "google: Config.ClientSecret"},
		{Google(with(func(c *Config) { c.ClientID = "" })), "google: Config.ClientID"},
		{Google(with(func(c *Config) { c.ClientID = " id" })), "google: Config.ClientID"},
		{Google(with(func(c *Config) { c.ClientSecret += "\n" })), "google: Config.ClientSecret"},
		{Google(with(func(c *Config) { c.NativeClientIDs = []string{"app", ""} })), "google: Config.NativeClientIDs"},
		{Google(with(func(c *Config) { c.EmailDomains = []string{"@example.com"} })), "google: Config.EmailDomains"},
		{Google(with(func(c *Config) { c.EmailDomains = []string{"*.example.com"} })), "google: Config.EmailDomains"},
		{Google(with(func(c *Config) { c.LinkDomains = []string{"*"} })), "google: Config.LinkDomains"},
		{Microsoft("common", good), ""},
		{Microsoft(contoso, good), ""},
		{Microsoft("", good), "microsoft: the tenant"},
		{Microsoft("contoso.com", good), "microsoft: the tenant"},
		{Microsoft("../common", good), "microsoft: the tenant"},
		{Microsoft("common", public), "microsoft: Config.ClientSecret"},
		{Microsoft("common", with(func(c *Config) { c.EmailDomains = []string{"*"} })), "microsoft: Config.EmailDomains"},
		{Microsoft("common", with(func(c *Config) { c.Issuer = "https://login.microsoftonline.us/" })), ""},
		{GitHub(good), ""},
		{GitHub(public), "github: Config.ClientSecret"},
		{GitHub(native), "github: Config.NativeClientIDs"},
		{GitHub(issuer("https://github.example.com/login/oauth")), ""},
		{GitHub(issuer("https://github.example.com")), "x: Config.Issuer"},
		{GitHub(issuer("http://github.example.com/login/oauth")), "x: Config.Issuer"},
		{OpenIDConnect(issuer("https://id.example.com/realms/a/")), ""},
		{OpenIDConnect(issuer("")), "x: Config.Issuer"},
		{OpenIDConnect(issuer("id.example.com")), "x: Config.Issuer"},
		{OpenIDConnect(issuer("http://id.example.com")), "AllowPrivate"},
		{OpenIDConnect(issuer("https://id.example.com?a=b")), "x: Config.Issuer"},
		{OpenIDConnect(issuer("https://id.example.com#a")), "x: Config.Issuer"},
		{OpenIDConnect(issuer("https://user@id.example.com")), "x: Config.Issuer"},
		{OpenIDConnect(issuer("mailto:id@example.com")), "x: Config.Issuer"},
		{OAuth2(issuer("https://discord.com"), Endpoints{}, nil), "Endpoints."},
		{OAuth2(issuer("https://discord.com"), Endpoints{Authorization: "https://discord.com/a", Token: "https://discord.com/t"}, nil), "identify"},
	} {
		_, err := c.p.connect(c.p.Config, callback, time.Now)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got error %v, want one with %q", c.p.Name, err, c.want)
		}
	}
}

// TestNoSecretPrinted: a configuration in a log shows no secret.
func TestNoSecretPrinted(t *testing.T) {
	const secret = "s3cr3t-of-the-client"
	c := Config{Name: "x", Label: "X", Issuer: "https://id.example.com", ClientID: "id", ClientSecret: secret}
	key := AppleKey{TeamID: "TEAM567890", KeyID: "KEYID67890", PrivateKey: kit.Secret(appleKeyPEM(t))}
	apple := c
	apple.ClientSecret = ""
	feature, err := New("https://app.example.com/auth", []string{"https://app.example.com/in"}, OpenIDConnect(c), Apple(key, Config{ClientID: "id"}))
	if err != nil {
		t.Fatal(err)
	}
	body := strings.Split(string(key.PrivateKey), "\n")[1]
	for _, v := range []any{c, &c, key, &key, OpenIDConnect(c), GitHub(c), Apple(key, apple), []Provider{Google(c)}, feature} {
		var log strings.Builder
		slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "v", v)
		slog.New(slog.NewTextHandler(&log, nil)).Info("x", "v", v)
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
			fmt.Fprintf(&log, verb, v)
		}
		for _, s := range []string{secret, fmt.Sprintf("%x", secret), body, fmt.Sprintf("%x", body)} {
			if strings.Contains(log.String(), s) {
				t.Errorf("a %T shows the secret", v)
			}
		}
	}
}
