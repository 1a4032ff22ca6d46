package cookie_test

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"myauth.internal/httpx/cookie"
)

func request(host string, header ...string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Host = host
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	return r
}

// Names without __Host-, which no browser accepts from http, are for http://localhost alone.
func TestPlainNames(t *testing.T) {
	for _, tc := range []struct {
		host   string
		header []string
		plain  bool
	}{
		{"localhost", nil, true},
		{"localhost:8080", nil, true},
		{"LocalHost:8080", nil, true},
		{"localhost:", nil, true},
		{"", nil, false},
		{"localhost.evil.example", nil, false},
		{"localhost.evil.example:80", nil, false},
		{"evil.example#localhost", nil, false},
		{"localhost@evil.example", nil, false},
		{"evil.localhost", nil, false},
		{"localhost.", nil, false},
		{"127.0.0.1:8080", nil, false},
		{"[::1]:8080", nil, false},
		{"example.com", nil, false},
		{"localhost:8080", []string{"Origin", "http://localhost:8080"}, true},
		{"localhost:8080", []string{"Origin", "http://localhost:3000"}, true},
		{"localhost:8080", []string{"Origin", "null"}, true}, // of a page with no-referrer
		{"localhost:8080", []string{"Origin", "https://localhost:8080"}, false},
		{"localhost:8080", []string{"Origin", "https://example.com"}, false}, // a proxy's Host
		{"localhost:8080", []string{"Origin", "http://example.com"}, false},
		{"localhost:8080", []string{"X-Forwarded-Proto", "https"}, false},
		{"localhost:8080", []string{"X-Forwarded-Proto", "http"}, true},
	} {
		r := request(tc.host, tc.header...)
		want := "__Host-myauth_at"
		if tc.plain {
			want = "myauth_at"
		}
		c := cookie.New(r, cookie.Access, "x", time.Minute, false)
		if cookie.Name(r, cookie.Access) != want || c.Name != want || c.Secure == tc.plain {
			t.Errorf("Host %q %v: %v, want the name %s", tc.host, tc.header, c, want)
		}
		r.TLS = &tls.ConnectionState{}
		if c := cookie.New(r, cookie.Access, "x", time.Minute, false); c.Name != cookie.Access || !c.Secure {
			t.Errorf("Host %q over TLS: %v", tc.host, c)
		}
	}
}

func TestAttributes(t *testing.T) {
	r, local := request("example.com"), request("localhost:80")
	for _, tc := range []struct {
		r         *http.Request
		maxAge    time.Duration
		crossSite bool
		want      string
	}{
		{r, time.Minute, false, "__Host-x=v; Path=/; Max-Age=60; HttpOnly; Secure; SameSite=Lax"},
		{r, time.Minute + 1, true, "__Host-x=v; Path=/; Max-Age=61; HttpOnly; Secure; SameSite=None"},
		{r, 1, false, "__Host-x=v; Path=/; Max-Age=1; HttpOnly; Secure; SameSite=Lax"},
		{r, 0, false, "__Host-x=v; Path=/; HttpOnly; Secure; SameSite=Lax"},
		{r, -1, false, "__Host-x=v; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax"},
		{local, -time.Hour, false, "x=v; Path=/; Max-Age=0; HttpOnly; SameSite=Lax"},
		{local, time.Minute, true, "x=v; Path=/; Max-Age=60; HttpOnly; SameSite=Lax"},
	} {
		if got := cookie.New(tc.r, "__Host-x", "v", tc.maxAge, tc.crossSite).String(); got != tc.want {
			t.Errorf("got  %s\nwant %s", got, tc.want)
		}
	}
}

func TestTwoOfOneNameAreNone(t *testing.T) {
	one := request("example.com", "Cookie", "__Host-myauth_at=a; myauth_at=b; __Host-myauth_rt=c")
	two := request("example.com", "Cookie", "__Host-myauth_at=a; x=y", "Cookie", "__Host-myauth_at=a")
	none := request("example.com", "Cookie", "myauth_at=b; __host-myauth_at=c; x__Host-myauth_at=d")
	for _, tc := range []struct {
		r    *http.Request
		want string
		sent bool
	}{{one, "a", true}, {two, "", true}, {none, "", false}} {
		if got, sent := cookie.Get(tc.r, cookie.Access), cookie.Sent(tc.r, cookie.Access); got != tc.want || sent != tc.sent {
			t.Errorf("%q: got %q, sent: %t", tc.r.Header["Cookie"], got, sent)
		}
	}
}

func TestSetReplaces(t *testing.T) {
	header := http.Header{"Set-Cookie": {"ab=1", "a=1; Path=/", "b=1"}}
	cookie.Set(header, &http.Cookie{Name: "a", Value: "2"})
	cookie.Set(header, &http.Cookie{Name: "no name", Value: "2"})
	if got := strings.Join(header["Set-Cookie"], "|"); got != "ab=1|b=1|a=2" {
		t.Errorf("got %s", got)
	}
}

// elsewhere are addresses that a browser, or a program that unescapes once too often, may take
// for another site.
var elsewhere = []string{
	"", "//evil.example", "///evil.example", "/\\evil.example", "\\/evil.example", "\\\\evil.example",
	"https://evil.example", "HTTPS:evil.example", "https:/evil.example", "javascript:alert(1)", "data:text/html,x",
	"evil.example", "@evil.example", ".evil.example", "?x", "#x", "./x", "../x",
	"/\t/evil.example", "\t//evil.example", " //evil.example", "/ /evil.example", "/\n/evil.example", "/\r\nSet-Cookie: x=y",
	"/x\x00", "/x\x7f", "/\u00a0", "/\u2028", "／／evil.example", "/\u3000", "/\xff", "/x\\y",
	"/" + strings.Repeat("x", 2048),
}

func TestNext(t *testing.T) {
	for _, text := range elsewhere {
		if got := cookie.Next(text); got != "/" {
			t.Errorf("%q: got %q", text, got)
		}
	}
	for _, text := range []string{
		"/", "/notes", "/notes?page=2&x=//y", "/a/b/../c", "/a//b", "/notes#end", "/%2F%2Fevil.example", "/https://example.com", "/@x", "/:80",
		"/" + strings.Repeat("x", 2047),
	} {
		if got := cookie.Next(text); got != text {
			t.Errorf("%q: got %q", text, got)
		}
	}
}

// FuzzNext wants an address that stays within the site, as RFC 3986 has it and as browsers do
// (URL Standard, section 4.4): they drop tabs and line breaks, trim controls and spaces, and read
// a backslash as a slash. It must also survive [http.Redirect] as it is.
func FuzzNext(f *testing.F) {
	for _, text := range elsewhere {
		f.Add(text)
	}
	f.Add("/.//evil.example")
	f.Add("/..//evil.example/")
	base, err := url.Parse("https://app.example.com/sign-in?next=x")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got := cookie.Next(text)
		if got != "/" && got != text || len(got) > 2048 {
			t.Fatalf("it made %q of %q", got, text)
		}
		read := strings.NewReplacer("\t", "", "\n", "", "\r", "", `\`, "/").Replace(strings.TrimFunc(got, func(r rune) bool { return r <= ' ' }))
		if !strings.HasPrefix(read, "/") || strings.HasPrefix(read, "//") {
			t.Errorf("a browser reads %q as %q", got, read)
		}
		if u, err := base.Parse(got); err == nil && (u.Scheme != "https" || u.Host != "app.example.com" || u.User != nil) {
			t.Errorf("%q leads to %s", got, u)
		}
		w := httptest.NewRecorder()
		http.Redirect(w, httptest.NewRequest(http.MethodPost, "/sign-in", nil), got, http.StatusSeeOther)
		if location := w.Header().Get("Location"); !strings.HasPrefix(location, "/") || strings.HasPrefix(location, "//") || strings.ContainsAny(location, "\\\r\n\t") {
			t.Errorf("%q is a redirect to %q", got, location)
		}
	})
}
