package kit

import (
	"net/mail"
	"strings"
	"testing"
	"time"
)

func TestCheckEmail(t *testing.T) {
	label := strings.Repeat("d", 60)
	longDomain := strings.Join([]string{label, label, label, "com"}, ".") // 186 bytes
	good := []string{
		"ada@example.com", "A.B+tag@sub.example.org", "o'neil!#$%&*/=?^_`{|}~-@example.com", "1@1.de", "jörg@müller.example",
		"用户@例子.广告", "a@xn--mller-kva.example", "\u212Aim@example.com",
		strings.Repeat("l", 64) + "@" + longDomain, // 251
		strings.Repeat("l", 64) + "@ddd" + longDomain,
	}
	for _, s := range good {
		for _, given := range []string{s, " " + s, s + "\r\n", "\u00a0\t" + s + "\u3000\u2003\u0085"} {
			if got, bad := checkEmail("email", given); got != s || len(bad) > 0 {
				t.Errorf("%q is %q, %v", given, got, bad)
			}
		}
	}
	bad := []string{
		"", "@", "a", "a@", "@b.de", "a@b", "a@localhost", "a b@c.de", "a @c.de", "a@ c.de", " ", "\u200ba@c.de", "a@c.de\u200b", "a@c.de\ufeff", "a\r\n@c.de", "a\x00@c.de", "a@c.de\x00",
		"Ada <a@c.de>", "<a@c.de>", "a@c.de (comment)", "a(x)@c.de", "a@c.de,b@c.de", "a@c.de;b@c.de", `"a"@c.de`, `"a@evil.com"@victim.com`,
		"a@evil.com@victim.com", ".a@c.de", "a.@c.de", "a..b@c.de", "a@.c.de", "a@c..de", "a@c.de.", "a@-c.de", "a@c-.de", "a@[127.0.0.1]", "a@127.0.0.1",
		"a\u200B@c.de", "a@c\u200B.de", "a\u200D@c.de", "\uFEFFa@c.de", "a@c\u3002de", "a\u00A0@c.de", "a\u202E@c.de", "a\u3164@c.de", "a\uFE0F@c.de", "a\u00AD@c.de", "a@c.d\u2060e",
		"a\xff@c.de", "a@c_d.de", "a\\b@c.de", strings.Repeat("l", 65) + "@c.de", "a@" + strings.Repeat("d", 64) + ".de", "a\U0001F600@c.de", "a\t@c.de",
	}
	for _, s := range bad {
		if _, got := checkEmail("email", s); len(got) != 1 || got[0].Code != CodeInvalidEmail {
			t.Errorf("%q: got %v, want invalid_email", s, got)
		}
	}
	for n, want := range map[int]int{254: 0, 255: 1} {
		label := strings.Repeat("d", 63)
		s := strings.Repeat("l", 64) + "@" + label + "." + label + "." + strings.Repeat("d", n-197) + ".com"
		if len(s) != n {
			t.Fatalf("made %d bytes, want %d", len(s), n)
		}
		if _, got := checkEmail("email", s); len(got) != want || want == 1 && got[0].Code != CodeTooLong {
			t.Errorf("%d bytes: got %v", n, got)
		}
	}
}

func TestEmailKeyFoldsASCIIOnly(t *testing.T) {
	for in, want := range map[string]string{
		"": "", "a@b.de": "a@b.de", "Ada@Example.COM": "ada@example.com", "ÄRA@x.de": "Ära@x.de",
		"\u212A@x.de": "\u212A@x.de", "\u0130@x.de": "\u0130@x.de", "\u0131@x.de": "\u0131@x.de", "\u017F@x.de": "\u017F@x.de",
	} {
		if got := EmailKey(in); got != want {
			t.Errorf("EmailKey(%q) is %q, want %q", in, got, want)
		}
	}
}

func TestCheckUsername(t *testing.T) {
	for in, want := range map[string]string{" Ada ": "Ada", "x": "x", strings.Repeat("ß", 64): strings.Repeat("ß", 64), "a b\u00a0": "a b", "😀": "😀"} {
		if got, bad := checkUsername("username", in); got != want || bad != nil {
			t.Errorf("%q: %q, %v", in, got, bad)
		}
	}
	for in, want := range map[string]string{
		"": CodeTooShort, " \t\n": CodeTooShort, strings.Repeat("ß", 65): CodeTooLong,
		"a\nb": CodeInvalidCharacters, "a\x00": CodeInvalidCharacters, "a\u0085b": CodeInvalidCharacters, "\xff": CodeInvalidCharacters,
	} {
		if _, bad := checkUsername("username", in); len(bad) != 1 || bad[0].Code != want {
			t.Errorf("%q: %v, want %s", in, bad, want)
		}
	}
}

// FuzzEmail: what is accepted is a bare address to net/mail as well, unchanged,
// and can neither add a header nor a second recipient.
func FuzzEmail(f *testing.F) {
	for _, s := range []string{"ada@example.com", `"a@evil.com"@victim.com`, "a@c.de,b@c.de", "jörg@müller.example", "a\u200b@c.de"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		s, bad := checkEmail("email", s)
		if len(bad) > 0 {
			return
		}
		a, err := mail.ParseAddress(s)
		if err != nil || a.Address != s || a.Name != "" {
			t.Errorf("%q was accepted and is %v, %v to net/mail", s, a, err)
		}
		if strings.ContainsAny(s, "\r\n\x00 <>,;:\"()[]\\") || strings.Count(s, "@") != 1 {
			t.Errorf("%q was accepted", s)
		}
		if _, domain, _ := strings.Cut(EmailKey(s), "@"); canonicalDomain(domain) != domain {
			t.Errorf("%q has another spelling of %q", s, canonicalDomain(domain))
		}
		if k := EmailKey(s); EmailKey(k) != k || len(k) != len(s) || k != address(k) {
			t.Errorf("the key of %q is %q", s, k)
		}
	})
}

// address is what is left of an address that passes; empty for others.
func address(s string) string {
	s, _ = checkEmail("email", s)
	return s
}

// FuzzOpaqueToken: what parses is spelled exactly as it would be encoded.
func FuzzOpaqueToken(f *testing.F) {
	f.Add(string(newOpaqueToken(time.Now()).encode(refreshPrefix)))
	f.Add(string(newOpaqueToken(time.Now()).encode(resetPrefix)))
	f.Add(refreshPrefix + strings.Repeat("A", 68))
	f.Fuzz(func(t *testing.T, s string) {
		for _, prefix := range []string{refreshPrefix, resetPrefix} {
			if token, err := parseOpaqueToken(prefix, s); err == nil && string(token.encode(prefix)) != s {
				t.Errorf("%q parses and encodes to something else", s)
			}
		}
	})
}
