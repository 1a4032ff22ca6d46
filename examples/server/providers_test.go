package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"myauth.internal/kit/provider"
)

// providerEnv are the settings of a server with each kind of provider.
func providerEnv(t *testing.T) []string {
	t.Helper()
	return []string{
		"MYAUTH_PROVIDERS=google,github,microsoft,apple,my_idp",
		"MYAUTH_PROVIDER_GOOGLE_CLIENT_ID=g.apps.googleusercontent.com", "MYAUTH_PROVIDER_GOOGLE_CLIENT_SECRET=s3cret-g",
		"MYAUTH_PROVIDER_GITHUB_CLIENT_ID=gh", "MYAUTH_PROVIDER_GITHUB_CLIENT_SECRET_FILE=" + writeSecret(t, "s3cret-gh\n"),
		"MYAUTH_PROVIDER_MICROSOFT_CLIENT_ID=ms", "MYAUTH_PROVIDER_MICROSOFT_CLIENT_SECRET=s3cret-ms",
		"MYAUTH_PROVIDER_APPLE_CLIENT_ID=com.example.web", "MYAUTH_PROVIDER_APPLE_TEAM_ID=TEAM123456", "MYAUTH_PROVIDER_APPLE_KEY_ID=KEY1234567",
		"MYAUTH_PROVIDER_APPLE_PRIVATE_KEY_FILE=" + writeSecret(t, appleKey(t)),
		"MYAUTH_PROVIDER_MY_IDP_ISSUER=https://id.example.com", "MYAUTH_PROVIDER_MY_IDP_CLIENT_ID=mine",
	}
}

// appleKey is a private key in the form of Apple's.
func appleKey(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

// without returns env without the variables with that name.
func without(env []string, name string) []string {
	return slices.DeleteFunc(slices.Clone(env), func(line string) bool { return strings.HasPrefix(line, name+"=") })
}

// TestProviderSettingsArrive: each variable of a provider gets to where it belongs.
func TestProviderSettingsArrive(t *testing.T) {
	lines := append(providerEnv(t),
		"MYAUTH_PROVIDER_MY_IDP_CLIENT_SECRET=s3cret-m", "MYAUTH_PROVIDER_MY_IDP_LABEL=Our accounts", "MYAUTH_PROVIDER_MY_IDP_EMAIL_DOMAINS=example.com, example.org",
		"MYAUTH_PROVIDER_MY_IDP_NATIVE_CLIENT_IDS=ios,android", "MYAUTH_PROVIDER_MY_IDP_ALLOW_PRIVATE=true", "MYAUTH_PROVIDER_MICROSOFT_TENANT=organizations",
		"MYAUTH_PROVIDER_GITHUB_ISSUER=https://git.example.com/login/oauth")
	s, err := parseSettings(env(lines...))
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]*providerConfig{}
	var order []string
	for _, c := range s.providers.list {
		names[c.Name], order = c, append(order, c.Name)
	}
	if got := strings.Join(order, ","); got != "google,github,microsoft,apple,my_idp" {
		t.Errorf("the order is %s", got)
	}
	want := provider.Config{
		Name: "my_idp", Label: "Our accounts", Issuer: "https://id.example.com", ClientID: "mine", ClientSecret: "s3cret-m",
		EmailDomains: []string{"example.com", "example.org"}, NativeClientIDs: []string{"ios", "android"}, AllowPrivate: true,
	}
	if got := names["my_idp"].Config; !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v", got)
	}
	if c := names["github"]; c.ClientSecret != "s3cret-gh" || c.Issuer != "https://git.example.com/login/oauth" || s.fromFile["MYAUTH_PROVIDER_GITHUB_CLIENT_SECRET"] == "" {
		t.Errorf("github: %+v", c.Config)
	}
	if c := names["microsoft"]; c.tenant != "organizations" {
		t.Errorf("the tenant is %q", c.tenant)
	}
	if c := names["apple"]; c.key.TeamID != "TEAM123456" || c.key.KeyID != "KEY1234567" || !strings.Contains(string(c.key.PrivateKey), "PRIVATE KEY") {
		t.Errorf("apple: %+v", c.key)
	}
	if strings.Contains(fmt.Sprintf("%+v", *names["my_idp"]), "s3cret") {
		t.Error("a secret is printed")
	}
	if s, _ := parseSettings(env(providerEnv(t)...)); s.providers.list[2].tenant != "common" {
		t.Errorf("the default tenant is %q", s.providers.list[2].tenant)
	}
}

// TestBadProviderSettings: one line that begins with the variable and says what to do.
func TestBadProviderSettings(t *testing.T) {
	good := providerEnv(t)
	for _, c := range []struct {
		env  string // the line that is added; with nothing behind = the line that is missing
		want string
	}{
		{"MYAUTH_PROVIDER_GOOGLE_CLIENT_ID=", "google needs it: write the client ID"},
		{"MYAUTH_PROVIDER_GOOGLE_CLIENT_SECRET=", "google needs it: write the client secret"},
		{"MYAUTH_PROVIDER_GITHUB_CLIENT_ID=", "github needs it"},
		{"MYAUTH_PROVIDER_MICROSOFT_CLIENT_SECRET=", "microsoft needs it"},
		{"MYAUTH_PROVIDER_APPLE_TEAM_ID=", "apple needs it"},
		{"MYAUTH_PROVIDER_APPLE_KEY_ID=", "apple needs it"},
		{"MYAUTH_PROVIDER_APPLE_PRIVATE_KEY_FILE=", "AuthKey_KEYID.p8"},
		{"MYAUTH_PROVIDER_MY_IDP_ISSUER=", "my_idp needs it: write the issuer"},
		{"MYAUTH_PROVIDER_MY_IDP_CLIENT_ID=", "my_idp needs it"},
		{"MYAUTH_PROVIDER_GOOGLE_ISSUER=https://accounts.google.com", "google has no such setting: unset it"},
		{"MYAUTH_PROVIDER_GOOGLE_TENANT=common", "google has no such setting"},
		{"MYAUTH_PROVIDER_APPLE_CLIENT_SECRET=s3cret", "apple has no such setting"},
		{"MYAUTH_PROVIDER_APPLE_CLIENT_SECRET_FILE=" + writeSecret(t, "s3cret"), "apple has no such setting"},
		{"MYAUTH_PROVIDER_GITHUB_NATIVE_CLIENT_IDS=x", "github has no such setting"},
		{"MYAUTH_PROVIDER_MICROSOFT_EMAIL_DOMAINS=example.com", "microsoft has no such setting"},
		{"MYAUTH_PROVIDER_MY_IDP_TEAM_ID=TEAM123456", "my_idp has no such setting"},
		{"MYAUTH_PROVIDER_MY_IDP_ISSUER=id.example.com", "https://id.example.com"},
		{"MYAUTH_PROVIDER_MY_IDP_ISSUER=https://id.example.com?x", "without a query"},
		{"MYAUTH_PROVIDER_MY_IDP_ISSUER=http://id.example.com", "MYAUTH_PROVIDER_MY_IDP_ALLOW_PRIVATE=true"},
		{"MYAUTH_PROVIDER_MY_IDP_EMAIL_DOMAINS=@example.com", "example.com"},
		{"MYAUTH_PROVIDER_MY_IDP_EMAIL_DOMAINS=example.com,", "comma"},
		{"MYAUTH_PROVIDER_MY_IDP_ALLOW_PRIVATE=yes", "true or false"},
		{"MYAUTH_PROVIDER_MY_IDP_CLIENT_SECRET_FILE=/nowhere/to/be/found", "no such file"},
		{"MYAUTH_PROVIDER_GOOGLE_CLIENT_SECRET_FILE=" + writeSecret(t, "s3cret"), "MYAUTH_PROVIDER_GOOGLE_CLIENT_SECRET is set too"},
		{"MYAUTH_PROVIDER_MICROSOFT_TENANT=all", "common, organizations"},
		{"MYAUTH_PROVIDER_APPLE_TEAM_ID=me", "ten characters"},
		{"MYAUTH_PROVIDER_APPLE_KEY_ID=key", "ten characters"},
		{"MYAUTH_PROVIDER_APPLE_PRIVATE_KEY_FILE=-----BEGIN PRIVATE KEY----- s3cret", "path of the file"},
		{"MYAUTH_PROVIDER_APPLE_PRIVATE_KEY_FILE=" + writeSecret(t, "s3cret"), "AuthKey_"},
	} {
		name, value, _ := strings.Cut(c.env, "=")
		lines := without(good, name)
		if value != "" {
			lines = append(lines, c.env)
		}
		_, err := parseSettings(env(lines...))
		if err == nil {
			t.Errorf("%s: accepted", c.env)
			continue
		}
		checkBadSetting(t, err.Error(), name, c.want)
	}
}

// TestStrayProviderSettings: a variable of a provider that is not listed, or a misspelled one,
// stops the start. Its value is not shown.
func TestStrayProviderSettings(t *testing.T) {
	good := providerEnv(t)
	for _, name := range []string{"MYAUTH_PROVIDER_GITLAB_CLIENT_SECRET", "MYAUTH_PROVIDER_GOOGLE_SECRET", "MYAUTH_PROVIDER_google_CLIENT_ID", "MYAUTH_PROVIDER_GOOGLE_CLIENT_ID_FILE"} {
		lines := append(slices.Clone(good), name+"=s3cret", "MYAUTH_ADDR=192.0.2.1:1")
		var out, errOut bytes.Buffer
		if status := run(nil, surroundings{env(lines...), lines, nil, &out, &errOut}); status != exitBadSetting {
			t.Errorf("%s: status %d", name, status)
		}
		checkBadSetting(t, strings.TrimSuffix(errOut.String(), "\n"), name, "MYAUTH_PROVIDERS")
	}
	s, err := parseSettings(env(good...))
	if unknown := unknownSettings(good, s.rows()); err != nil || len(unknown) > 0 {
		t.Errorf("%v, %q", err, unknown)
	}
}

// TestProvidersNeedAPublicURL: browsers come back to https, or to this machine.
func TestProvidersNeedAPublicURL(t *testing.T) {
	for _, c := range []struct {
		env, url string
		want     string // a part of the error
	}{
		{"", "http://localhost:8080", ""},
		{"", "https://example.com/app", ""},
		{"", "http://127.0.0.1:8080", ""},
		{"", "http://example.com", "MYAUTH_PUBLIC_URL: "},
		{"", "http://192.0.2.1:8080", "MYAUTH_PUBLIC_URL: "},
		{"MYAUTH_REDIRECTS=https://app.example.com/", "http://192.0.2.1:8080", "MYAUTH_PUBLIC_URL: "},
	} {
		s, err := parseSettings(env(append(providerEnv(t), c.env)...))
		if err != nil {
			t.Fatal(err)
		}
		features, err := newProviders(&s, c.url)
		if got := fmt.Sprint(err); (err == nil) != (c.want == "" && len(features) == 1) || err != nil && (!strings.HasPrefix(got, c.want) || strings.Contains(got, "\n")) {
			t.Errorf("%s with %s: %v", c.env, c.url, err)
		}
	}
	if s, _ := parseSettings(env()); true {
		if features, err := newProviders(&s, "http://192.0.2.1"); len(features) > 0 || err != nil {
			t.Errorf("without providers: %v, %v", features, err)
		}
	}
}

// TestServerHasProviders: the routes and the pages are there, and lead back to the public URL
// below the prefix that browsers see; without providers they are not there.
func TestServerHasProviders(t *testing.T) {
	lines := append(providerEnv(t), "MYAUTH_STORE=memory:", "MYAUTH_PUBLIC_URL=https://example.com/app", "MYAUTH_PUBLIC_PREFIX=/api/auth")
	on := startServer(t, t.TempDir(), lines...)
	if got := on.do(200, "GET", "/auth/providers", "", "").body; !strings.Contains(got, `{"name":"my_idp","label":"my_idp"}`) || !strings.Contains(got, `"label":"Microsoft"`) {
		t.Errorf("providers: %s", got)
	}
	for _, path := range []string{"/sign-in", "/app/sign-in"} {
		page := on.do(200, "GET", path, "", "").body
		if !strings.Contains(page, `href="https://example.com/api/auth/providers/my_idp/start"`) {
			t.Errorf("%s: %s", path, page)
		}
	}
	on.do(422, "GET", "/sign-in?redirect_to=https://example.com/elsewhere", "", "")
	on.do(200, "GET", "/sign-in?redirect_to=https://example.com/app/sign-in", "", "")
	on.stop()
	off := startServer(t, t.TempDir(), "MYAUTH_STORE=memory:")
	off.do(404, "GET", "/auth/providers", "", "")
	off.do(404, "GET", "/sign-in", "", "")
	off.stop()
}
