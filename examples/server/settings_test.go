package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"myauth.internal/httpx"
	"myauth.internal/kit"
	"myauth.internal/kit/accesstoken"
	"myauth.internal/kit/password"
	"myauth.internal/mailx"
)

// env is a lookup over NAME=value lines.
func env(lines ...string) func(string) (string, bool) {
	m := map[string]string{}
	for _, line := range lines {
		if name, value, ok := strings.Cut(line, "="); ok {
			m[name] = value
		}
	}
	return func(name string) (string, bool) {
		value, ok := m[name]
		return value, ok
	}
}

const testSecret = "0123456789abcdef0123456789abcdef"

const testDataKey = "SbXTYFhPFcURsEqGRx1gGMdvb8nYCpBRDFpXVRtXZhs="

func TestDefaults(t *testing.T) {
	s, err := parseSettings(env())
	if err != nil {
		t.Fatal(err)
	}
	want := settings{
		addr:       "127.0.0.1:8080",
		store:      storeURL{"sqlite", "myauth.db"},
		tokenStore: storeURL{"sqlite", "myauth.db"},
		algorithm:  "HS256",
		mail:       mailx.Options{From: "MyAuth <no-reply@localhost>", Timeout: 30 * time.Second},
		logFormat:  "text",
		api:        httpx.Options{Prefix: "/auth", Realm: "MyAuth"},
		opts: kit.Options{
			JWTIssuer: "myauth", JWTAudience: "myauth",
			AccessTokenTTL:       30 * time.Minute,
			RefreshTokenTTL:      168 * time.Hour,
			SessionMaxAge:        720 * time.Hour,
			RefreshGrace:         10 * time.Second,
			PasswordResetTTL:     15 * time.Minute,
			EmailVerificationTTL: 24 * time.Hour,
			BcryptCost:           12,
			PasswordPolicy:       password.Strict,
			RecentLogin:          10 * time.Minute,
			Registration:         kit.RegistrationOpen,
		},
	}
	if !reflect.DeepEqual(s, want) {
		t.Errorf("got  %+v\nwant %+v", s, want)
	}
}

// TestEachSettingArrives gives every variable of the table another value than its
// default and looks for it.
func TestEachSettingArrives(t *testing.T) {
	rows := map[string]struct {
		value string
		also  []string
		got   func(settings) any
		want  any
	}{
		"MYAUTH_ADDR":                   {value: "[::1]:0", got: func(s settings) any { return s.addr }, want: "[::1]:0"},
		"MYAUTH_STORE":                  {value: "sqlite:/var/lib/a b.db", got: func(s settings) any { return s.store }, want: storeURL{"sqlite", "/var/lib/a b.db"}},
		"MYAUTH_TOKEN_STORE":            {value: "memory:", got: func(s settings) any { return s.tokenStore }, want: storeURL{"memory", ""}},
		"MYAUTH_JWT_SECRET":             {value: testSecret, got: func(s settings) any { return s.secret }, want: testSecret},
		"MYAUTH_JWT_ALGORITHM":          {value: "HS512", got: func(s settings) any { return s.algorithm }, want: accesstoken.HS512},
		"MYAUTH_JWT_PRIVATE_KEY_FILE":   {value: "k.pem", also: []string{"MYAUTH_JWT_ALGORITHM=EdDSA"}, got: func(s settings) any { return s.keyFile }, want: "k.pem"},
		"MYAUTH_JWT_ISSUER":             {value: "https://a.example", got: func(s settings) any { return s.opts.JWTIssuer }, want: "https://a.example"},
		"MYAUTH_JWT_AUDIENCE":           {value: "shop", got: func(s settings) any { return s.opts.JWTAudience }, want: "shop"},
		"MYAUTH_ACCESS_TOKEN_TTL":       {value: "5m", got: func(s settings) any { return s.opts.AccessTokenTTL }, want: 5 * time.Minute},
		"MYAUTH_REFRESH_TOKEN_TTL":      {value: "1h", got: func(s settings) any { return s.opts.RefreshTokenTTL }, want: time.Hour},
		"MYAUTH_SESSION_MAX_AGE":        {value: "0", got: func(s settings) any { return s.opts.SessionMaxAge }, want: time.Duration(-1)},
		"MYAUTH_REFRESH_GRACE":          {value: "0s", got: func(s settings) any { return s.opts.RefreshGrace }, want: time.Duration(-1)},
		"MYAUTH_PASSWORD_RESET_TTL":     {value: "20m", got: func(s settings) any { return s.opts.PasswordResetTTL }, want: 20 * time.Minute},
		"MYAUTH_EMAIL_VERIFICATION_TTL": {value: "48h", got: func(s settings) any { return s.opts.EmailVerificationTTL }, want: 48 * time.Hour},
		"MYAUTH_BCRYPT_COST":            {value: "10", got: func(s settings) any { return s.opts.BcryptCost }, want: 10},
		"MYAUTH_INSECURE_FAST_HASH":     {value: "1", also: []string{"MYAUTH_BCRYPT_COST=4"}, got: func(s settings) any { return s.opts.InsecureFastHash }, want: true},
		"MYAUTH_PASSWORD_POLICY":        {value: "length", got: func(s settings) any { return s.opts.PasswordPolicy }, want: password.LengthOnly},
		"MYAUTH_REQUIRE_VERIFIED_EMAIL": {value: "true", got: func(s settings) any { return s.opts.RequireVerifiedEmail }, want: true},
		"MYAUTH_CONCEAL_ACCOUNTS":       {value: "TRUE", also: []string{"MYAUTH_REQUIRE_VERIFIED_EMAIL=1"}, got: func(s settings) any { return s.opts.ConcealAccounts }, want: true},
		"MYAUTH_SMTP_URL":               {value: "smtp://relay.example:25?tls=none", got: func(s settings) any { return s.smtp != nil }, want: true},
		"MYAUTH_SMTP_LOCAL_NAME":        {value: "[192.0.2.1]", got: func(s settings) any { return s.mail.LocalName }, want: "[192.0.2.1]"},
		"MYAUTH_SMTP_CA_FILE":           {value: "ca.pem", got: func(s settings) any { return s.smtpCAFile }, want: "ca.pem"},
		"MYAUTH_SMTP_TIMEOUT":           {value: "1m", got: func(s settings) any { return s.mail.Timeout }, want: time.Minute},
		"MYAUTH_MAIL_FROM":              {value: "Søren <s@example.com>", got: func(s settings) any { return s.mail.From }, want: "Søren <s@example.com>"},
		"MYAUTH_MAIL_BOUNCE":            {value: "b@example.com", got: func(s settings) any { return s.mail.Bounce }, want: "b@example.com"},
		"MYAUTH_MAIL_TEMPLATES":         {value: "templates", got: func(s settings) any { return s.mail.Templates }, want: os.DirFS("templates")},
		"MYAUTH_PUBLIC_URL":             {value: "https://example.com/app/", got: func(s settings) any { return s.opts.PublicURL }, want: "https://example.com/app"},
		"MYAUTH_PREFIX":                 {value: "/api/auth", got: func(s settings) any { return s.api.Prefix }, want: "/api/auth"},
		"MYAUTH_PUBLIC_PREFIX":          {value: "/api/v1/auth", got: func(s settings) any { return s.api.PublicPrefix }, want: "/api/v1/auth"},
		"MYAUTH_TRUSTED_PROXIES": {value: "10.0.0.7, fd00::/8", got: func(s settings) any { return s.api.TrustedProxies },
			want: []netip.Prefix{netip.MustParsePrefix("10.0.0.7/32"), netip.MustParsePrefix("fd00::/8")}},
		"MYAUTH_RECENT_LOGIN":    {value: "1h", got: func(s settings) any { return s.opts.RecentLogin }, want: time.Hour},
		"MYAUTH_PASSKEYS":        {value: "off", got: func(s settings) any { return s.passkeys.off }, want: true},
		"MYAUTH_PASSKEY_RP_ID":   {value: "example.com", got: func(s settings) any { return s.passkeys.rpID }, want: "example.com"},
		"MYAUTH_PASSKEY_ORIGINS": {value: "https://a.example.com, https://example.com", got: func(s settings) any { return s.passkeys.origins }, want: []string{"https://a.example.com", "https://example.com"}},
		"MYAUTH_COOKIES":         {value: "on", got: func(s settings) any { return s.api.Cookies }, want: true},
		"MYAUTH_ADMIN":           {value: "on", got: func(s settings) any { return len(s.admin.features()) }, want: 2},
		"MYAUTH_REGISTRATION":    {value: "invited", also: []string{"MYAUTH_ADMIN=on"}, got: func(s settings) any { return s.opts.Registration }, want: kit.RegistrationInvited},
		"MYAUTH_ADMIN_EMAIL":     {value: "ada@example.com", also: []string{"MYAUTH_ADMIN=on"}, got: func(s settings) any { return s.admin.email }, want: "ada@example.com"},
		"MYAUTH_REDIRECTS":       {value: "https://a.example.com/in, com.example.app:/in", got: func(s settings) any { return s.providers.redirects }, want: []string{"https://a.example.com/in", "com.example.app:/in"}},
		"MYAUTH_PROVIDERS": {value: "google", also: []string{"MYAUTH_PROVIDER_GOOGLE_CLIENT_ID=id", "MYAUTH_PROVIDER_GOOGLE_CLIENT_SECRET=x"},
			got: func(s settings) any { return len(s.providers.list) }, want: 1},
		"MYAUTH_DATA_KEY":     {value: testDataKey, got: func(s settings) any { return s.opts.DataKeys != nil && len(s.opts.Features) == 1 }, want: true},
		"MYAUTH_REALM":        {value: "the shop", got: func(s settings) any { return s.api.Realm }, want: "the shop"},
		"MYAUTH_LOG_FORMAT":   {value: "json", got: func(s settings) any { return s.logFormat }, want: "json"},
		"MYAUTH_METRICS_ADDR": {value: "[::1]:9090", got: func(s settings) any { return s.metrics }, want: "[::1]:9090"},
		"MYAUTH_THROTTLE":     {value: "off", got: func(s settings) any { return s.opts.InsecureUnlimited }, want: true},
	}
	for _, setting := range settingsTable {
		t.Run(setting.name, func(t *testing.T) {
			row, ok := rows[setting.name]
			if !ok {
				t.Fatal("no row in this test")
			}
			s, err := parseSettings(env(append(row.also, setting.name+"="+row.value)...))
			if err != nil {
				t.Fatal(err)
			}
			if got := row.got(s); !reflect.DeepEqual(got, row.want) {
				t.Errorf("got %v, want %v", got, row.want)
			}
			unset, _ := parseSettings(env())
			if reflect.DeepEqual(row.got(unset), row.want) {
				t.Error("the value of this row is the default: the row shows nothing")
			}
		})
	}
}

// badSettings are refused, each with one line that begins with the first
// variable of the row. A value here that is a secret contains s3cret.
var badSettings = []struct {
	env  string // lines, separated by |
	want string // part of the line
}{
	{"MYAUTH_ADDR=8080", "HOST:PORT"},
	{"MYAUTH_ADDR=localhost", "HOST:PORT"},
	{"MYAUTH_ADDR=localhost:http", "HOST:PORT"},
	{"MYAUTH_ADDR=localhost:65536", "65535"},
	{"MYAUTH_ADDR=::1:80", "[::1]"},
	{"MYAUTH_STORE=sqlite", "sqlite:"},
	{"MYAUTH_STORE=sqlite:", "path"},
	{"MYAUTH_STORE=sqlite::memory:", "memory:"},
	{"MYAUTH_STORE=sqlite://auth.db", "sqlite:myauth.db"},
	{"MYAUTH_STORE=memory:x", "nothing after"},
	{"MYAUTH_STORE=memory", "memory:"},
	{"MYAUTH_STORE=mysql://root:s3cret@db/auth", "not a store"},
	{"MYAUTH_STORE=postgres:u:s3cret@db/auth", "not a URL"},
	{"MYAUTH_STORE=postgres://", "postgres://app:"},
	{"MYAUTH_STORE=mongodb://u:s3cret@db", "name of the database"},
	{"MYAUTH_STORE=mongodb+srv://u:s3cret@db/?w=1", "name of the database"},
	{"MYAUTH_TOKEN_STORE=redis:s3cret", "not a URL"},
	{"MYAUTH_JWT_SECRET=s3cret-of-31-bytes-aaaaaaaaaaaa", "at least 32"},
	{"MYAUTH_JWT_SECRET=s3cret-s3cret-s3cret-s3cret-s3cret-47-bytes-aaa|MYAUTH_JWT_ALGORITHM=HS384", "at least 48"},
	{"MYAUTH_JWT_SECRET=s3cret-s3cret-s3cret-s3cret-s3cret-s3cret-63-bytes-aaaaaaaaaaaa|MYAUTH_JWT_ALGORITHM=HS512", "at least 64"},
	{"MYAUTH_JWT_SECRET=ssssssssssssssssssssssssssssssssssss", "one byte over and over"},
	{"MYAUTH_JWT_SECRET=s3cret-s3cret-s3cret-s3cret-s3cret|MYAUTH_JWT_ALGORITHM=ES256|MYAUTH_JWT_PRIVATE_KEY_FILE=k", "does not sign with a secret"},
	{"MYAUTH_JWT_SECRET=-----BEGIN PUBLIC KEY-----s3crets3crets3crets3crets3crets3crets3crets3cret", "PEM"},
	{"MYAUTH_JWT_ISSUER=a\nb", "one line"},
	{"MYAUTH_JWT_AUDIENCE=\xff", "UTF-8"},
	{"MYAUTH_JWT_ALGORITHM=none", "HS256"},
	{"MYAUTH_JWT_ALGORITHM=hs256", "HS256"},
	{"MYAUTH_JWT_PRIVATE_KEY_FILE=k.pem", "MYAUTH_JWT_ALGORITHM"},
	{"MYAUTH_JWT_PRIVATE_KEY_FILE=|MYAUTH_JWT_ALGORITHM=RS256", "path"},
	{"MYAUTH_JWT_PRIVATE_KEY_FILE=-----BEGIN PRIVATE KEY----- s3cret|MYAUTH_JWT_ALGORITHM=RS256", "path"},
	{"MYAUTH_ACCESS_TOKEN_TTL=30", "15m"},
	{"MYAUTH_ACCESS_TOKEN_TTL=-1s", "15m"},
	{"MYAUTH_ACCESS_TOKEN_TTL=0", "15m"},
	{"MYAUTH_ACCESS_TOKEN_TTL=24h1s", "24h"},
	{"MYAUTH_REFRESH_TOKEN_TTL=90000h", "87600h"},
	{"MYAUTH_REFRESH_TOKEN_TTL=7d", "168h"},
	{"MYAUTH_SESSION_MAX_AGE=-1h", "or 0"},
	{"MYAUTH_REFRESH_GRACE=6m", "5m"},
	{"MYAUTH_REFRESH_GRACE=x", "or 0"},
	{"MYAUTH_COOKIES=true", "neither on nor off"},
	{"MYAUTH_COOKIES=on|MYAUTH_REFRESH_GRACE=0", "do not set MYAUTH_REFRESH_GRACE to 0"},
	{"MYAUTH_ADMIN=true", "neither on nor off"},
	{"MYAUTH_REGISTRATION=shut", "open, invited and closed"},
	{"MYAUTH_REGISTRATION=invited", "MYAUTH_ADMIN=on"},
	{"MYAUTH_ADMIN_EMAIL=ada@example.com", "MYAUTH_ADMIN=on"},
	{"MYAUTH_ADMIN_EMAIL=Ada <ada@example.com>|MYAUTH_ADMIN=on", "ada@example.com"},
	{"MYAUTH_ADMIN_EMAIL=ada|MYAUTH_ADMIN=on", "no email address"},
	{"MYAUTH_PASSWORD_RESET_TTL=25h", "24h"},
	{"MYAUTH_EMAIL_VERIFICATION_TTL=\n", "duration"},
	{"MYAUTH_BCRYPT_COST=9", "MYAUTH_INSECURE_FAST_HASH"},
	{"MYAUTH_BCRYPT_COST=17", "10 to 16"},
	{"MYAUTH_BCRYPT_COST=3|MYAUTH_INSECURE_FAST_HASH=1", "10 to 16"},
	{"MYAUTH_BCRYPT_COST=12.0", "10 to 16"},
	{"MYAUTH_INSECURE_FAST_HASH=yes", "true or false"},
	{"MYAUTH_PASSWORD_POLICY=none", "strict or length"},
	{"MYAUTH_REQUIRE_VERIFIED_EMAIL=on", "true or false"},
	{"MYAUTH_CONCEAL_ACCOUNTS=2", "true or false"},
	{"MYAUTH_CONCEAL_ACCOUNTS=1", "MYAUTH_REQUIRE_VERIFIED_EMAIL=true"},
	{"MYAUTH_SMTP_URL=http://u:s3cret@mail.example", "smtp"},
	{"MYAUTH_SMTP_URL=smtp://u:s3cret@mail.example:587?tls=maybe", ""},
	{"MYAUTH_SMTP_URL=smtp://u:s3cret%zz@mail.example", ""},
	{"MYAUTH_SMTP_URL=s3cret", ""},
	{"MYAUTH_SMTP_LOCAL_NAME=my_host.example:25", "DNS name"},
	{"MYAUTH_SMTP_TIMEOUT=2m", "1m"},
	{"MYAUTH_MAIL_BOUNCE=Bounces <b@example.com>", "bare address"},
	{"MYAUTH_MAIL_FROM=shop", "an address"},
	{"MYAUTH_MAIL_FROM=a@example.com\r\nBcc: b@example.com", "an address"},
	{"MYAUTH_PUBLIC_URL=example.com", "https://example.com"},
	{"MYAUTH_PUBLIC_URL=ftp://example.com", "http"},
	{"MYAUTH_PUBLIC_URL=https://example.com/a/../b", "dots"},
	{"MYAUTH_PUBLIC_URL=https://example.com/a//b", "empty parts"},
	{"MYAUTH_PUBLIC_URL=https://example.com:65536", "port"},
	{"MYAUTH_PUBLIC_URL=https://example.com/auth/", "the API's"}, // GET /auth/verify-email would be a 405
	{"MYAUTH_PUBLIC_URL=https://example.com/app/auth/links|MYAUTH_PREFIX=/app/auth", "the API's"},
	{"MYAUTH_PUBLIC_URL=https://u:s3cret@example.com", "user"},
	{"MYAUTH_PUBLIC_URL=https://example.com/?", "query"},
	{"MYAUTH_PUBLIC_URL=https://example.com/#", "fragment"},
	{"MYAUTH_PUBLIC_URL=http://", "https://example.com"},
	{"MYAUTH_PUBLIC_URL=https://example.com/my account", "percent-encode"},
	{"MYAUTH_PUBLIC_URL=https://b\u00fccher.example", "xn--"},
	{"MYAUTH_PREFIX=/", "/auth"},
	{"MYAUTH_PREFIX=/healthz", "server itself"},
	{"MYAUTH_PREFIX=/verify-email/auth", "server itself"},
	{"MYAUTH_PREFIX=/change-email", "server itself"},
	{"MYAUTH_PREFIX=/sign-in", "server itself"},
	{"MYAUTH_PREFIX=/confirm-sign-in/auth", "server itself"},
	{"MYAUTH_PREFIX=/accept-invitation", "server itself"},
	{"MYAUTH_PREFIX=/admin", "/admin is a path of the server itself: write for example /auth"},
	{"MYAUTH_PREFIX=/app/admin/|MYAUTH_PUBLIC_URL=https://example.com/app", "/app/admin is a path of the server itself: write for example /app/auth"},
	{"MYAUTH_PUBLIC_PREFIX=auth", "/auth"},
	{"MYAUTH_PREFIX=/auth/{tenant}", "/auth"},
	{"MYAUTH_PUBLIC_PREFIX=//auth", "/auth"},
	{"MYAUTH_PUBLIC_PREFIX=/a/../auth", "/auth"},
	{"MYAUTH_PUBLIC_PREFIX=/a?b", "/auth"},
	{"MYAUTH_PUBLIC_PREFIX=https://example.com/auth", "/auth"},
	{"MYAUTH_TRUSTED_PROXIES=proxy.example", "10.0.0.7"},
	{"MYAUTH_TRUSTED_PROXIES=10.0.0.7,", "10.0.0.7"},
	{"MYAUTH_TRUSTED_PROXIES=10.0.0.7 10.0.0.8", "10.0.0.7"},
	{"MYAUTH_TRUSTED_PROXIES=10.0.0.0/33", "10.0.0.7"},
	{"MYAUTH_TRUSTED_PROXIES=::ffff:10.0.0.7", "10.0.0.0/8"},
	{"MYAUTH_TRUSTED_PROXIES=fe80::1%eth0", "10.0.0.7"},
	{"MYAUTH_TRUSTED_PROXIES=0.0.0.0/0", "every address"},
	{"MYAUTH_TRUSTED_PROXIES=::/0", "every address"},
	{"MYAUTH_REALM=a\"b", "quotes"},
	{"MYAUTH_REALM=ä", "ASCII"},
	{"MYAUTH_THROTTLE=false", "on nor off"},
	{"MYAUTH_PASSKEYS=1", "on nor off"},
	{"MYAUTH_PASSKEY_RP_ID=https://example.com", "example.com"},
	{"MYAUTH_PASSKEY_RP_ID=10.0.0.1", "IP address"},
	{"MYAUTH_PASSKEY_ORIGINS=example.com", "https://app.example.com"},
	{"MYAUTH_PASSKEY_ORIGINS=https://example.com/", "without a slash"},
	{"MYAUTH_PASSKEY_ORIGINS=http://example.com", "TLS"},
	{"MYAUTH_PASSKEY_ORIGINS=https://example.com,", "https://app.example.com"},
	{"MYAUTH_PUBLIC_URL=http://example.com|MYAUTH_COOKIES=on", "MYAUTH_COOKIES=off"},
	{"MYAUTH_PUBLIC_URL=http://127.0.0.1:8080|MYAUTH_COOKIES=on", "localhost"},
	{"MYAUTH_PUBLIC_URL=http://example.com|MYAUTH_PROVIDERS=x|MYAUTH_PROVIDER_X_CLIENT_ID=id|MYAUTH_PROVIDER_X_ISSUER=https://id.example.com", "unset MYAUTH_PROVIDERS"},
	{"MYAUTH_PROVIDERS=Google", "google,github"},
	{"MYAUTH_PROVIDERS=google,", "comma"},
	{"MYAUTH_PROVIDERS=my-idp", "a to z"},
	{"MYAUTH_PROVIDERS=an_identity_provider_x", "at most 20"},
	{"MYAUTH_PROVIDERS=x,x|MYAUTH_PROVIDER_X_CLIENT_ID=id|MYAUTH_PROVIDER_X_ISSUER=https://id.example.com", "twice"},
	{"MYAUTH_REDIRECTS=/in", "absolute URL"},
	{"MYAUTH_REDIRECTS=https://a.example.com/*", "each URL in full"},
	{"MYAUTH_REDIRECTS=https://a.example.com/in,http://a.example.com/in", "http URL of localhost"},
	{"MYAUTH_REDIRECTS=https://a.example.com/#in", "fragment"},
	{"MYAUTH_REDIRECTS=javascript:alert(1)", "https URL"},
	{"MYAUTH_REDIRECTS=https://a.example.com/in ,", "comma"},
	{"MYAUTH_RECENT_LOGIN=10", "15m"},
	{"MYAUTH_RECENT_LOGIN=0", "15m"},
	{"MYAUTH_RECENT_LOGIN=-10m", "15m"},
	{"MYAUTH_RECENT_LOGIN=24h1s", "24h"},
	{"MYAUTH_RECENT_LOGIN=999ms", "1s"},
	{"MYAUTH_LOG_FORMAT=xml", "text or json"},
	{"MYAUTH_METRICS_ADDR=9090", "HOST:PORT"},
	{"MYAUTH_METRICS_ADDR=127.0.0.1:8080", "another port"},
	{"MYAUTH_METRICS_ADDR=:9090|MYAUTH_ADDR=127.0.0.1:9090", "another port"},
	{"MYAUTH_METRICS_ADDR=127.0.0.1:9090|MYAUTH_ADDR=[::]:9090", "another port"},
	{"MYAUTH_DATA_KEY=" + testSecret, "openssl rand -base64 32"},
	{"MYAUTH_DATA_KEY=" + testDataKey + ",", "place 2"},
	{"MYAUTH_DATA_KEY=" + testDataKey + "," + testDataKey, "once"},
}

func TestBadSettings(t *testing.T) {
	for _, row := range badSettings {
		t.Run(row.env, func(t *testing.T) {
			name, _, _ := strings.Cut(row.env, "=")
			_, err := parseSettings(env(strings.Split(row.env, "|")...))
			if err == nil {
				t.Fatal("accepted")
			}
			checkBadSetting(t, err.Error(), name, row.want)
		})
	}
}

// TestAddressOfOtherMachines: the URL that follows from the address is checked as the one that is set.
func TestAddressOfOtherMachines(t *testing.T) {
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	const want = "MYAUTH_PUBLIC_URL: it is "
	i := slices.IndexFunc(addresses, func(a net.Addr) bool { return a.(*net.IPNet).IP.IsGlobalUnicast() })
	if i < 0 { // this machine has no address that others could reach, so none can be listened on
		s, err := parseSettings(env("MYAUTH_STORE=memory:", "MYAUTH_COOKIES=on"))
		if err != nil {
			t.Fatal(err)
		}
		if err := s.checkPublicURL("http://192.0.2.1:8080"); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got %v", err)
		}
		return
	}
	s, err := parseSettings(env("MYAUTH_ADDR="+net.JoinHostPort(addresses[i].(*net.IPNet).IP.String(), "0"), "MYAUTH_STORE=memory:", "MYAUTH_COOKIES=on"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second) // a server that starts ends
	defer cancel()
	if err = start(ctx, nil, &s, slog.New(slog.DiscardHandler), io.Discard); err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("got %v", err)
	}
}

func checkBadSetting(t *testing.T, line, name, want string) {
	t.Helper()
	switch {
	case strings.ContainsAny(line, "\r\n"):
		t.Errorf("more than one line: %q", line)
	case !strings.HasPrefix(line, name+": "):
		t.Errorf("%q does not begin with %s", line, name)
	case !strings.Contains(line, want):
		t.Errorf("%q does not say %q", line, want)
	case strings.Contains(line, "s3cret"):
		t.Errorf("the secret is shown: %q", line)
	}
}

// TestEveryBadSettingIsNamed: one line each, in the order of the table.
func TestEveryBadSettingIsNamed(t *testing.T) {
	_, err := parseSettings(env("MYAUTH_LOG_FORMAT=xml", "MYAUTH_BCRYPT_COST=1", "MYAUTH_ADDR=x"))
	if err == nil {
		t.Fatal("accepted")
	}
	lines := strings.Split(err.Error(), "\n")
	if len(lines) != 3 {
		t.Fatalf("%d lines: %q", len(lines), lines)
	}
	for i, name := range []string{"MYAUTH_ADDR", "MYAUTH_BCRYPT_COST", "MYAUTH_LOG_FORMAT"} {
		if !strings.HasPrefix(lines[i], name+": ") {
			t.Errorf("line %d is %q, want %s", i, lines[i], name)
		}
	}
}

func TestEmptyCountsAsUnset(t *testing.T) {
	var lines []string
	for _, row := range settingsTable {
		lines = append(lines, row.name+"=")
	}
	got, err := parseSettings(env(lines...))
	if err != nil {
		t.Fatal(err)
	}
	if want, _ := parseSettings(env()); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want the defaults %+v", got, want)
	}
}

// TestOptionsExist: each Go name that the table gives is a field of kit.Options.
func TestOptionsExist(t *testing.T) {
	options := reflect.TypeFor[kit.Options]()
	for _, row := range settingsTable {
		if _, ok := options.FieldByName(row.option); row.option != "" && !ok {
			t.Errorf("%s: kit.Options has no field %s", row.name, row.option)
		}
	}
}

func TestUnknownSettings(t *testing.T) {
	got := unknownSettings([]string{
		"MYAUTH_JWT_SECERT=s3cret", "MYAUTH_ADDR=:1", "MYAUTH_TEST_REQUIRE=all", "HOME=/", "XMYAUTH_A=1", "MYAUTH_",
		"MYAUTH_JWT_SECRET_FILE=x", "MYAUTH_ADDR_FILE=x", "MYAUTH_JWT_PRIVATE_KEY_FILE_FILE=x",
	}, settingsTable)
	if want := []string{"MYAUTH_JWT_SECERT", "MYAUTH_", "MYAUTH_ADDR_FILE", "MYAUTH_JWT_PRIVATE_KEY_FILE_FILE"}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestHelpListsEverySetting(t *testing.T) {
	for _, flag := range []string{"-h", "-help", "--help"} {
		var out, errOut bytes.Buffer
		if status := run([]string{flag}, surroundings{env("MYAUTH_ADDR=bad"), nil, nil, &out, &errOut}); status != 0 || errOut.Len() != 0 {
			t.Errorf("%s: status %d, stderr %q", flag, status, errOut.String())
		}
		for _, row := range slices.Concat(settingsTable, ofEachProvider()) {
			preset := row.preset
			if preset == "" {
				preset = row.otherwise
			}
			file := ""
			if row.secret {
				file = "        " + row.name + "_FILE is the path of"
			}
			if want := "  " + row.name + " (default: " + preset + ")\n        " + row.meaning + "\n" + file; !strings.Contains(out.String(), want) {
				t.Errorf("%s does not print %q", flag, want)
			}
		}
	}
}

// holdsSecret reports whether a value of the variable must never be shown. A URL that
// is public may have been given a password all the same.
func holdsSecret(name string) bool {
	for _, row := range settingsTable {
		if row.secret && name == row.name {
			return true
		}
	}
	return name == "MYAUTH_PUBLIC_URL" || strings.HasSuffix(name, "_CLIENT_SECRET")
}

func FuzzSettings(f *testing.F) {
	for _, row := range badSettings {
		f.Add(strings.ReplaceAll(row.env, "|", "\n"))
	}
	f.Add("MYAUTH_PROVIDERS=google,x\nMYAUTH_PROVIDER_GOOGLE_CLIENT_SECRET=s3cret\nMYAUTH_PROVIDER_X_ISSUER=http://x")
	f.Add("MYAUTH_JWT_SECRET_FILE=s3cret\nMYAUTH_SMTP_URL_FILE=smtp://u:s3cret@host")
	f.Add("MYAUTH_SMTP_URL=smtps://u:p@host:465\nMYAUTH_SESSION_MAX_AGE=0\nMYAUTH_PUBLIC_URL=http://[::1]:80/a")
	known := map[string]bool{}
	for _, row := range settingsTable {
		known[row.name] = true
	}
	f.Fuzz(func(t *testing.T, lines string) {
		lookup := env(strings.Split(lines, "\n")...)
		s, err := parseSettings(lookup)
		if err == nil {
			if s.addr == "" || s.store.scheme == "" || s.tokenStore.scheme == "" || s.algorithm == "" || s.mail.From == "" || s.logFormat == "" {
				t.Fatalf("accepted, and something is missing: %+v", s)
			}
			return
		}
		for line := range strings.Lines(err.Error()) {
			name, _, _ := strings.Cut(line, ": ")
			if !known[strings.TrimSuffix(name, fileSuffix)] && !known[name] && !strings.HasPrefix(name, providerPrefix) {
				t.Fatalf("the line %q names no setting", line)
			}
		}
		var one *settingError
		if !errors.As(err, &one) {
			t.Fatalf("not a settingError: %v", err)
		}
		// Once more, with the values of what may hold a secret marked.
		const mark = "Zq7-mark"
		_, err = parseSettings(func(name string) (string, bool) {
			value, ok := lookup(name)
			if holdsSecret(name) {
				value += mark
			}
			return value, ok
		})
		if err != nil && strings.Contains(err.Error(), mark) && !strings.Contains(lines, mark) {
			t.Fatalf("a secret is shown: %v", err)
		}
	})
}
