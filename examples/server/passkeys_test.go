package main

import (
	"log/slog"
	"strings"
	"testing"
)

// TestPasskeySettings: the RP ID and the origin come from the public URL unless they are set.
func TestPasskeySettings(t *testing.T) {
	for _, c := range []struct {
		env, url string
		want     string // "on", "off", or a part of the error
	}{
		{"", "http://localhost:8080", "on"},
		{"", "https://Example.com:443/app", "on"},
		{"", "http://127.0.0.1:8080", "off"},
		{"", "https://192.0.2.1", "off"},
		{"", "http://example.com", "off"},
		{"MYAUTH_PASSKEYS=off", "https://example.com", "off"},
		{"MYAUTH_PASSKEY_RP_ID=example.com", "https://app.example.com", "on"},
		{"MYAUTH_PASSKEY_RP_ID=example.org", "https://app.example.com", "MYAUTH_PASSKEY_RP_ID: "},
		{"MYAUTH_PASSKEY_RP_ID=example.com|MYAUTH_PASSKEY_ORIGINS=https://a.example.com,https://b.example.com", "http://10.0.0.1", "on"},
		{"MYAUTH_PASSKEY_ORIGINS=https://a.example.org", "https://example.com", "MYAUTH_PASSKEY_ORIGINS: "},
	} {
		s, err := parseSettings(env(strings.Split(c.env, "|")...))
		if err != nil {
			t.Fatal(c.env, err)
		}
		features, err := newPasskeys(&s, c.url, slog.New(slog.NewTextHandler(t.Output(), nil)))
		got := "off"
		if err != nil {
			got = err.Error()
		} else if len(features) > 0 {
			got = "on"
		}
		if !strings.HasPrefix(got, c.want) || strings.Contains(got, "\n") {
			t.Errorf("%q with %s: got %s, want %s", c.env, c.url, got, c.want)
		}
	}
}

// TestServerHasPasskeys: the routes are there unless they are turned off.
func TestServerHasPasskeys(t *testing.T) {
	on := startServer(t, t.TempDir(), "MYAUTH_STORE=memory:")
	on.do(200, "POST", "/auth/login/passkey/options", "", "")
	off := startServer(t, t.TempDir(), "MYAUTH_STORE=memory:", "MYAUTH_PASSKEYS=off")
	off.do(404, "POST", "/auth/login/passkey/options", "", "")
}
