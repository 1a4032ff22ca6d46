package totp

import (
	"net/url"
	"strings"
	"testing"
)

// TestURI: the label and the query mean the same to a strict reader and to one that takes "+" for
// a space everywhere.
func TestURI(t *testing.T) {
	if got, want := enrolmentURI("Example", "ada@example.com", "GEZDGNBVGY3TQOJQ"), "otpauth://totp/Example:ada@example.com?secret=GEZDGNBVGY3TQOJQ&issuer=Example&algorithm=SHA1&digits=6&period=30"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	for _, c := range []struct{ issuer, account string }{
		{"Example Co", "ada@example.com"},
		{"A&B = 50% + more?#/", "ada+totp@example.com"},
		{"Käse & Søn", "o'neill%40x@example.com"},
		{"日本", "a&issuer=Evil@example.com"},
	} {
		uri := enrolmentURI(c.issuer, c.account, "GEZDGNBVGY3TQOJQ")
		if strings.ContainsAny(uri, "+ ") {
			t.Errorf("%s has what some apps read as a space", uri)
		}
		u, err := url.Parse(uri)
		if err != nil {
			t.Fatal(err)
		}
		label := c.issuer + ":" + c.account
		query, err := url.ParseQuery(u.RawQuery)
		if u.Scheme != "otpauth" || u.Host != "totp" || u.Path != "/"+label || err != nil || query.Get("issuer") != c.issuer || len(query) != 5 || query.Get("secret") != "GEZDGNBVGY3TQOJQ" {
			t.Errorf("%s: path %q, query %v", uri, u.Path, query)
		}
		if other, err := url.QueryUnescape(strings.TrimPrefix(u.EscapedPath(), "/")); err != nil || other != label {
			t.Errorf("%s: a reader of forms sees %q", uri, other)
		}
	}
}

func TestIssuerOf(t *testing.T) {
	for issuer, want := range map[string]string{
		"myauth": "myauth", "https://auth.example.com": "auth.example.com", "https://auth.example.com:8443/x": "auth.example.com",
		"urn:example:auth": "urn example auth", "My App": "My App",
	} {
		if got := issuerOf(issuer); got != want {
			t.Errorf("%s: %q, want %q", issuer, got, want)
		}
	}
}
