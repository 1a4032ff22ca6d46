package address

import (
	"errors"
	"net/mail"
	"strings"
	"testing"
)

func TestCheck(t *testing.T) {
	label := strings.Repeat("d", 60)
	longDomain := strings.Join([]string{label, label, label, "com"}, ".") // 186 bytes
	good := []string{
		"ada@example.com", "A.B+tag@sub.example.org", "o'neil!#$%&*/=?^_`{|}~-@example.com", "1@1.de", "jörg@müller.example",
		"用户@例子.广告", "a@xn--mller-kva.example", "\u212Aim@example.com",
		strings.Repeat("l", 64) + "@" + longDomain, // 251
		strings.Repeat("l", 64) + "@ddd" + longDomain,
	}
	for _, s := range good {
		if err := Check(s); err != nil {
			t.Errorf("%q: %v", s, err)
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
		if err := Check(s); err == nil || errors.Is(err, ErrTooLong) {
			t.Errorf("%q: got %v", s, err)
		}
	}
	for n, want := range map[int]error{254: nil, 255: ErrTooLong} {
		label := strings.Repeat("d", 63)
		s := strings.Repeat("l", 64) + "@" + label + "." + label + "." + strings.Repeat("d", n-197) + ".com"
		if len(s) != n {
			t.Fatalf("made %d bytes, want %d", len(s), n)
		}
		if got := Check(s); got != want {
			t.Errorf("%d bytes: got %v", n, got)
		}
	}
}

func TestKeyFoldsASCIIOnly(t *testing.T) {
	for in, want := range map[string]string{
		"": "", "a@b.de": "a@b.de", "Ada@Example.COM": "ada@example.com", "ÄRA@x.de": "Ära@x.de",
		"\u212A@x.de": "\u212A@x.de", "\u0130@x.de": "\u0130@x.de", "\u0131@x.de": "\u0131@x.de", "\u017F@x.de": "\u017F@x.de",
	} {
		if got := Key(in); got != want {
			t.Errorf("Key(%q) is %q, want %q", in, got, want)
		}
	}
}

// FuzzCheck: what is accepted is a bare address to net/mail as well, unchanged,
// and can neither add a header nor a second recipient.
func FuzzCheck(f *testing.F) {
	for _, s := range []string{"ada@example.com", `"a@evil.com"@victim.com`, "a@c.de,b@c.de", "jörg@müller.example", "a\u200b@c.de"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if Check(s) != nil {
			return
		}
		a, err := mail.ParseAddress(s)
		if err != nil || a.Address != s || a.Name != "" {
			t.Errorf("%q was accepted and is %v, %v to net/mail", s, a, err)
		}
		if strings.ContainsAny(s, "\r\n\x00 <>,;:\"()[]\\") || strings.Count(s, "@") != 1 {
			t.Errorf("%q was accepted", s)
		}
		if _, domain, _ := strings.Cut(Key(s), "@"); canonicalDomain(domain) != domain {
			t.Errorf("%q has another spelling of %q", s, canonicalDomain(domain))
		}
		if k := Key(s); Key(k) != k || len(k) != len(s) || Check(k) != nil {
			t.Errorf("the key of %q is %q", s, k)
		}
	})
}
