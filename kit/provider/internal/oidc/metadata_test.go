package oidc

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

// document returns metadata with some members replaced, or left out where the value is nil.
func metadataText(t testing.TB, replace map[string]any) []byte {
	m := map[string]any{
		"issuer": "https://id.example", "authorization_endpoint": "https://id.example/authorize?tenant=1", "token_endpoint": "https://id.example:8443/token",
		"jwks_uri": "https://keys.example/jwks", "response_types_supported": []string{"code"},
	}
	for name, value := range replace {
		if m[name] = value; value == nil {
			delete(m, name)
		}
	}
	text, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestReadMetadata(t *testing.T) {
	got, err := readMetadata(metadataText(t, nil), "https://id.example")
	want := &Metadata{Issuer: "https://id.example", AuthorizationEndpoint: "https://id.example/authorize?tenant=1", TokenEndpoint: "https://id.example:8443/token",
		JWKSURI: "https://keys.example/jwks", Algorithms: []string{"RS256"}, AuthMethods: []string{"client_secret_basic"}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
	got, err = readMetadata(metadataText(t, map[string]any{
		"authorization_response_iss_parameter_supported": true,
		"id_token_signing_alg_values_supported":          []string{"ES256"}, "token_endpoint_auth_methods_supported": []string{"client_secret_post"},
	}), "https://id.example")
	want.IssParameter, want.Algorithms, want.AuthMethods = true, []string{"ES256"}, []string{"client_secret_post"}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestReadMetadataRefuses(t *testing.T) {
	for name, text := range map[string][]byte{
		"empty":                    nil,
		"HTML":                     []byte("<html>"),
		"a list":                   []byte("[]"),
		"a member twice":           []byte(strings.Replace(string(metadataText(t, nil)), "{", `{"issuer":"https://id.example",`, 1)),
		"a large number of levels": metadataText(t, map[string]any{"x": json.RawMessage(strings.Repeat("[", 20) + strings.Repeat("]", 20))}),
		"an issuer with a slash":   metadataText(t, map[string]any{"issuer": "https://id.example/"}),
		"an issuer in capitals":    metadataText(t, map[string]any{"issuer": "https://ID.example"}),
		"no issuer":                metadataText(t, map[string]any{"issuer": nil}),
		"an issuer in a list":      metadataText(t, map[string]any{"issuer": []string{"https://id.example"}}),
		"algorithms no list":       metadataText(t, map[string]any{"id_token_signing_alg_values_supported": "RS256"}),
	} {
		if m, err := readMetadata(text, "https://id.example"); err == nil || m != nil {
			t.Errorf("%s is taken", name)
		}
	}
	for _, member := range []string{"authorization_endpoint", "token_endpoint", "jwks_uri"} {
		for _, value := range []any{nil, "", 1, "id.example/x", "/x", "http://id.example/x", "https:///x", "https://id.example/x#f", "https://a:b@id.example/x",
			"https:id.example", "javascript:alert(1)", "https://id.example/\n", "https://%zz/", "https://id.example/a b", "https://id.example/ä", "https://id.example/" + strings.Repeat("x", maxEndpoint)} {
			if _, err := readMetadata(metadataText(t, map[string]any{member: value}), "https://id.example"); err == nil {
				t.Errorf("%s %.60v is taken", member, value)
			}
		}
	}
}

// Endpoints may be http where the issuer is: for a provider in the own network.
func TestInsecureMetadata(t *testing.T) {
	text := metadataText(t, map[string]any{"issuer": "http://localhost:9000", "token_endpoint": "http://localhost:9000/token"})
	if _, err := readMetadata(text, "http://localhost:9000"); err != nil {
		t.Error(err)
	}
}

func TestTemplateOf(t *testing.T) {
	for issuer, want := range map[string]string{
		"https://login.microsoftonline.com/common/v2.0":        "https://login.microsoftonline.com/{tenantid}/v2.0",
		"https://login.microsoftonline.com/organizations/v2.0": "https://login.microsoftonline.com/{tenantid}/v2.0",
	} {
		if got := templateOf(issuer); got != want {
			t.Errorf("%s: %s", issuer, got)
		}
	}
}

// Whatever the provider says: no panic, and what is taken can be asked.
func FuzzMetadata(f *testing.F) {
	f.Add(metadataText(f, nil))
	f.Add(metadataText(f, map[string]any{"id_token_signing_alg_values_supported": []string{"ES256"}}))
	f.Add([]byte(`{"issuer":"https://id.example"}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := readMetadata(text, "https://id.example")
		if err != nil {
			return
		}
		if !json.Valid(text) || m.Issuer != "https://id.example" {
			t.Errorf("%q is taken", text)
		}
		for _, e := range []string{m.AuthorizationEndpoint, m.TokenEndpoint, m.JWKSURI} {
			if !strings.HasPrefix(strings.ToLower(e), "https://") {
				t.Errorf("%q is an endpoint", e)
			}
		}
	})
}
