package httpx

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"myauth.internal/kit"
	"myauth.internal/kit/throttle"
)

func TestClientAddress(t *testing.T) {
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8::/32")}
	for _, tc := range []struct {
		name      string
		trusted   []netip.Prefix
		remote    string
		forwarded []string
		want      string
	}{
		{"plain", nil, "192.0.2.1:1234", nil, "192.0.2.1"},
		{"IPv6", nil, "[2001:db8::1]:1234", nil, "2001:db8::1"},
		{"zone", nil, "[fe80::1%eth0]:1234", nil, "fe80::1"},
		{"IPv4 in IPv6", nil, "[::ffff:192.0.2.1]:1234", nil, "192.0.2.1"},
		{"unix socket", proxies, "@", []string{"192.0.2.9"}, ""},
		{"none", proxies, "", nil, ""},
		{"no proxy is trusted", nil, "10.0.0.1:1", []string{"192.0.2.9"}, "10.0.0.1"},
		{"not a proxy", proxies, "192.0.2.1:1", []string{"192.0.2.9"}, "192.0.2.1"},
		{"a proxy", proxies, "10.0.0.1:1", []string{"192.0.2.9"}, "192.0.2.9"},
		{"a proxy, mapped", proxies, "[::ffff:10.0.0.1]:1", []string{"::ffff:192.0.2.9"}, "192.0.2.9"},
		{"a proxy without header", proxies, "10.0.0.1:1", nil, "10.0.0.1"},
		{"what the client wrote", proxies, "10.0.0.1:1", []string{"1.1.1.1, 192.0.2.9"}, "192.0.2.9"},
		{"two proxies", proxies, "10.0.0.1:1", []string{"1.1.1.1, 192.0.2.9 ,2001:db8::7"}, "192.0.2.9"},
		{"two headers", proxies, "10.0.0.1:1", []string{"1.1.1.1, 192.0.2.9", "10.2.3.4"}, "192.0.2.9"},
		{"proxies all the way", proxies, "10.0.0.1:1", []string{"10.0.0.3, 10.0.0.2"}, "10.0.0.3"},
		{"ports", proxies, "10.0.0.1:1", []string{"192.0.2.9:4711, [2001:db8::7]:80"}, "192.0.2.9"},
		{"brackets", proxies, "10.0.0.1:1", []string{"[2001:dead::7]"}, "2001:dead::7"},
		{"not an address", proxies, "10.0.0.1:1", []string{"192.0.2.9, unknown"}, "10.0.0.1"},
		{"not an address behind a proxy", proxies, "10.0.0.1:1", []string{"192.0.2.9, x, 10.0.0.2"}, "10.0.0.2"},
		{"an empty entry", proxies, "10.0.0.1:1", []string{"192.0.2.9,"}, "10.0.0.1"},
		{"an empty header", proxies, "10.0.0.1:1", []string{"192.0.2.9", ""}, "10.0.0.1"},
		{"IPv4 in brackets", proxies, "10.0.0.1:1", []string{"[192.0.2.9]"}, "10.0.0.1"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.RemoteAddr = tc.remote
			r.Header["X-Forwarded-For"] = tc.forwarded
			got := clientAddress(r, tc.trusted)
			if want, _ := netip.ParseAddr(tc.want); got != want {
				t.Errorf("got %v, want %v", got, want)
			}
		})
	}
}

// A header of a megabyte, which any client can send, costs no memory of its size.
func TestLongForwardedFor(t *testing.T) {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.RemoteAddr = "192.0.2.1:80"
	r.Header.Set("X-Forwarded-For", strings.Repeat(",", 1<<20))
	proxies := []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}
	if allocs := testing.AllocsPerRun(10, func() { clientAddress(r, nil) }); allocs > 0 {
		t.Errorf("%v allocations without a proxy", allocs)
	}
	if got := clientAddress(r, proxies); got.String() != "192.0.2.1" {
		t.Errorf("got %v", got)
	}
}

// limiter keeps whom it was asked about.
type limiter struct{ asked []throttle.Attempt }

func (l *limiter) Begin(_ context.Context, a throttle.Attempt) (throttle.Charge, error) {
	if a.Action == throttle.ActionRegister {
		return nil, nil
	}
	a.Guess, a.Time = 0, time.Time{}
	l.asked = append(l.asked, a)
	return nil, &throttle.LimitError{RetryAfter: 1500 * time.Millisecond}
}

func TestLimiterSeesTheClient(t *testing.T) {
	l := &limiter{}
	rg := newRig(t, Options{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}}, func(o *kit.Options) { o.Limiter = l })
	w := do(rg, http.MethodPost, "/auth/login", `{"email":"Ada@Example.com","password":"x"}`, "Content-Type", "application/json", "X-Forwarded-For", "203.0.113.7")
	wantProblem(t, w, http.StatusTooManyRequests, "too_many_requests")
	if got := w.Header().Get("Retry-After"); got != "2" {
		t.Errorf("Retry-After: %s", got)
	}
	want := throttle.Attempt{Action: throttle.ActionLogin, EmailKey: "ada@example.com", IP: netip.MustParseAddr("203.0.113.7")}
	if len(l.asked) != 1 || l.asked[0] != want {
		t.Errorf("the limiter was asked about %v, want %v", l.asked, want)
	}
}

// Whatever a client writes into the header, what stands further left than its own address
// changes nothing.
func FuzzForwardedFor(f *testing.F) {
	f.Add("10.0.0.1:80", "1.1.1.1, 10.0.0.2", "10.0.0.3")
	f.Add("[::1]:80", "[2001:db8::1]:9, x", "")
	f.Add("@", ",,", "\t10.0.0.9 ")
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	f.Fuzz(func(t *testing.T, remote, first, second string) {
		r := &http.Request{RemoteAddr: remote, Header: http.Header{"X-Forwarded-For": {first, second}}}
		got := clientAddress(r, proxies)
		if got.Zone() != "" || got.Is4In6() {
			t.Errorf("got %v", got)
		}
		if direct, _ := parseAddress(remote); !trusted(proxies, direct) && got != direct {
			t.Errorf("from %s, which is no proxy: got %v", remote, got)
		}
		if !trusted(proxies, got) {
			r.Header["X-Forwarded-For"] = []string{"203.0.113.1," + first, second}
			if again := clientAddress(r, proxies); again != got {
				t.Errorf("what stands further left changed %v to %v", got, again)
			}
		}
	})
}

// TestAddressFromTheApplication: a connection over a Unix socket has no address, and
// the application may know the client's.
func TestAddressFromTheApplication(t *testing.T) {
	var asked []throttle.Attempt
	rg := newRig(t, Options{}, func(o *kit.Options) {
		o.Limiter = limiterFunc(func(a throttle.Attempt) { asked = append(asked, a) })
	})
	for remote, want := range map[string]string{"@": "192.0.2.9", "": "192.0.2.9", "198.51.100.1:99": "198.51.100.1"} {
		asked = nil
		r := httptest.NewRequest("POST", "/auth/login", strings.NewReader(`{"email":"ada@example.com","password":"x"}`))
		r.Header.Set("Content-Type", "application/json")
		r.RemoteAddr = remote
		r = r.WithContext(kit.WithClient(r.Context(), kit.Client{IP: netip.MustParseAddr("192.0.2.9")}))
		rg.ServeHTTP(httptest.NewRecorder(), r)
		if len(asked) != 1 || asked[0].IP.String() != want {
			t.Errorf("from %q: asked about %v, want %s", remote, asked, want)
		}
	}
}

type limiterFunc func(throttle.Attempt)

func (f limiterFunc) Begin(_ context.Context, a throttle.Attempt) (throttle.Charge, error) {
	f(a)
	return nil, nil
}

// Each route knows its client, those of features too, and so does a handler of the
// application's behind WithClient.
func TestEveryHandlerKnowsTheClient(t *testing.T) {
	var seen kit.Client
	look := func(ctx context.Context) { seen = kit.ClientOf(ctx) }
	rg := newRig(t, Options{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}}, withProbe(kit.Extension{
		Routes: []kit.Route{{Method: "GET", Path: "/x", Serve: func(ctx context.Context, _ kit.Request) (kit.Answer, error) {
			look(ctx)
			return kit.Done(), nil
		}}},
	}))
	for name, h := range map[string]http.Handler{
		"a feature's route": rg,
		"WithClient":        rg.WithClient(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { look(r.Context()) })),
	} {
		for _, tc := range []struct{ agent, want string }{
			{"Firefox/1.0", "Firefox/1.0"},
			{strings.Repeat("x", 64<<10), strings.Repeat("x", 256)},
			{strings.Repeat("é", 64<<10), strings.Repeat("é", 128)},
			{"a\x00b\x1b[31mc\u0085d", "ab[31mcd"},
			{"a\xffb\xc0\x80", "ab"},
			{"", ""},
		} {
			seen = kit.Client{}
			do(h, http.MethodGet, "/auth/x", "", "User-Agent", tc.agent, "X-Forwarded-For", "198.51.100.1, 203.0.113.7")
			if want := (kit.Client{IP: netip.MustParseAddr("203.0.113.7"), UserAgent: tc.want}); seen != want {
				t.Errorf("%s, %.20q: got %+v", name, tc.agent, seen)
			}
		}
	}
	t.Run("on the wire", func(t *testing.T) {
		server := httptest.NewServer(rg)
		defer server.Close()
		for _, tc := range []struct{ agent, want string }{
			{strings.Repeat("x", 64<<10), strings.Repeat("x", 256)},
			{"a\xffb\xe2\x82", "ab"},
		} {
			conn, err := net.Dial("tcp", server.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if _, err := io.WriteString(conn, "GET /auth/x HTTP/1.1\r\nHost: x\r\nUser-Agent: "+tc.agent+"\r\nConnection: close\r\n\r\n"); err != nil {
				t.Fatal(err)
			}
			response, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Fatal(err)
			}
			response.Body.Close()
			if response.StatusCode != http.StatusNoContent || seen.UserAgent != tc.want || seen.IP.String() != "127.0.0.1" {
				t.Errorf("%.20q: %d, got %+v", tc.agent, response.StatusCode, seen)
			}
		}
	})
}
