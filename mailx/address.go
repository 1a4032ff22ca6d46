package mailx

import (
	"net/mail"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// domains converts a domain to A-labels (RFC 5890), which every relay takes, by the rules
// of IDNA 2008. It is not changed after its creation.
var domains = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.StrictDomainName(true), idna.VerifyDNSLength(true))

// mailbox returns addr as it stands between < and > in SMTP commands and in headers: a
// bare address whose domain is in ASCII, so only a local part beyond ASCII needs
// SMTPUTF8. It reports false for anything else, such as an address with a display name,
// quotes, a comment, a control or an invisible character. Package kit stores stricter
// addresses, but other callers may not.
func mailbox(addr string) (string, bool) {
	if len(addr) > 254 || strings.ContainsFunc(addr, func(r rune) bool {
		return r >= utf8.RuneSelf && !unicode.In(r, unicode.L, unicode.M, unicode.N)
	}) {
		return "", false
	}
	// ParseAddress drops what is not part of a bare address, and quotes.
	parsed, err := mail.ParseAddress(addr)
	if err != nil || parsed.Address != addr {
		return "", false
	}
	local, domain, _ := strings.Cut(addr, "@")
	ascii, err := domains.ToASCII(domain)
	if err != nil || len(local) > 64 || strings.ContainsAny(domain, "@[") {
		return "", false
	}
	if isASCII(domain) {
		return addr, true
	}
	return local + "@" + ascii, true
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r >= utf8.RuneSelf })
}
