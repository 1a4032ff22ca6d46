package mailx

import (
	"net/mail"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// domains converts a domain to A-labels (RFC 5890), which every relay takes, by the rules
// of IDNA 2008, except that domains with two hyphens in a row, such as r3---sn.example, are
// in use. It is not changed after its creation.
var domains = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.StrictDomainName(true), idna.VerifyDNSLength(true), idna.CheckHyphens(false))

// mailbox returns addr as it stands between < and > in SMTP commands and in headers: a
// bare address whose domain is in ASCII, so only a local part beyond ASCII needs
// SMTPUTF8. It reports false for anything else, such as an address with a display name,
// quotes, a comment, a control or an invisible character. Package kit stores stricter
// addresses, but other callers may not.
func mailbox(addr string) (string, bool) {
	if len(addr) > 254 || strings.ContainsFunc(addr, func(r rune) bool { return r >= utf8.RuneSelf && !isVisible(r) }) {
		return "", false
	}
	// ParseAddress drops what is not part of a bare address, and quotes.
	parsed, err := mail.ParseAddress(addr)
	if err != nil || parsed.Address != addr {
		return "", false
	}
	local, domain, _ := strings.Cut(addr, "@")
	ascii, err := domains.ToASCII(domain)
	dotted := "." + domain + "."
	if err != nil || len(local) > 64 || strings.ContainsAny(domain, "@[") || strings.Contains(dotted, ".-") || strings.Contains(dotted, "-.") {
		return "", false
	}
	if isASCII(domain) {
		return addr, true
	}
	return local + "@" + ascii, true
}

// isVisible accepts letters, marks and digits, but for those that are shown as nothing, such
// as fillers and variation selectors.
func isVisible(r rune) bool {
	return unicode.In(r, unicode.L, unicode.M, unicode.N) &&
		!unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r >= utf8.RuneSelf })
}
