package kit_test

import (
	"net/netip"
	"strings"
	"testing"
	"unicode/utf8"

	"myauth.internal/kit"
)

func TestUserAgentIsKeptShortAndClean(t *testing.T) {
	long := strings.Repeat("x", 254)
	for name, c := range map[string]struct{ given, want string }{
		"clean":                {"Mozilla/5.0 (X11) äö", "Mozilla/5.0 (X11) äö"},
		"256 bytes":            {long + "yz", long + "yz"},
		"64 KiB":               {strings.Repeat("x", 64<<10), long + "xx"},
		"cut within 3 bytes":   {long + "€uro", long},
		"cut within 4 bytes":   {long + "😀", long},
		"cut after 3 bytes":    {long[1:] + "€uro", long[1:] + "€"},
		"64 KiB of half runes": {strings.Repeat("\x80", 64<<10), ""},
		"controls":             {"a\r\nSet-Cookie: b\x00\x1b[31m\u0085c\x7f", "aSet-Cookie: b[31mc"},
		"invalid UTF-8":        {"a\xff\xc3(\xed\xa0\x80b", "a(b"},
	} {
		got := kit.ClientOf(kit.WithClient(t.Context(), kit.Client{UserAgent: c.given})).UserAgent
		if got != c.want || len(got) > 256 || !utf8.ValidString(got) {
			t.Errorf("%s: kept %q, want %q", name, got, c.want)
		}
	}
	clean := kit.Client{UserAgent: "Mozilla/5.0 (X11; Linux x86_64) Grüße", IP: netip.MustParseAddr("192.0.2.1")}
	if n := testing.AllocsPerRun(100, func() { kit.WithClient(t.Context(), clean) }); n > 2 { // the context and the Client
		t.Errorf("%v allocations for a clean user agent, want 2", n)
	}
}

// TestAddressHasNoZone: a zone is any text, and a session keeps the address as JSON.
func TestAddressHasNoZone(t *testing.T) {
	for given, want := range map[string]string{
		`fe80::1%","amr":["mfa"],"x":"`: "fe80::1", "::ffff:192.0.2.7": "192.0.2.7", "2001:db8::1": "2001:db8::1",
	} {
		h := newHarness(t)
		u, _ := h.register(testEmail)
		ctx := kit.WithClient(t.Context(), kit.Client{IP: netip.MustParseAddr(given)})
		if _, err := h.Login(ctx, testEmail, goodPassword); err != nil {
			t.Fatal(err)
		}
		sessions, err := h.Sessions(t.Context(), u.ID)
		if err != nil || len(sessions) != 1 || sessions[0].Client.IP.String() != want || len(sessions[0].AMR) != 1 {
			t.Errorf("%s: sessions %+v, error %v", given, sessions, err)
		}
	}
}
