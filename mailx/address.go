package mailx

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// mailbox returns addr as envelopes and headers have it: a bare address (see
// [checkAddress]) whose domain is in A-labels (RFC 5890), as every relay takes it.
// So only a local part beyond ASCII needs SMTPUTF8. It reports false when addr is no
// address, or its domain no domain of IDNA 2008.
func mailbox(addr string) (string, bool) {
	if !checkAddress(addr) {
		return "", false
	}
	local, domain, _ := strings.Cut(addr, "@")
	if isASCII(domain) {
		return addr, true
	}
	domain, err := idna.New(idna.MapForLookup(), idna.BidiRule(), idna.StrictDomainName(true), idna.VerifyDNSLength(true)).ToASCII(domain)
	addr = local + "@" + domain
	return addr, err == nil && checkAddress(addr)
}

// checkAddress reports whether addr is a bare address that can stand between < and >
// in an SMTP command and in a header: a dot-atom, @, and a domain of letters,
// digits, hyphens and dots, in ASCII or any other script. So it holds no space,
// quote, bracket, comma or control character, and nothing invisible. It is the
// grammar of package kit, which stores nothing else, and domains of one label
// besides, for local relays; other Mailer callers may know less.
func checkAddress(addr string) bool {
	local, domain, ok := strings.Cut(addr, "@")
	return ok && len(addr) <= 254 && utf8.ValidString(addr) && 0 < len(local) && len(local) <= 64 &&
		dotSeparated(local, 64, isAtomRune) &&
		dotSeparated(domain, 63, func(r rune) bool { return r == '-' || isLetterOrDigit(r) }) &&
		!strings.Contains("."+domain+".", ".-") && !strings.Contains(domain+".", "-.")
}

// dotSeparated reports whether s consists of pieces of 1 to limit bytes between
// single dots, all of whose characters are allowed.
func dotSeparated(s string, limit int, allowed func(rune) bool) bool {
	for piece := range strings.SplitSeq(s, ".") {
		if piece == "" || len(piece) > limit || strings.ContainsFunc(piece, func(r rune) bool { return !allowed(r) }) {
			return false
		}
	}
	return true
}

func isAtomRune(r rune) bool {
	return isLetterOrDigit(r) || strings.ContainsRune("!#$%&'*+-/=?^_`{|}~", r)
}

func isLetterOrDigit(r rune) bool {
	return unicode.In(r, unicode.L, unicode.M, unicode.N) &&
		!unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
