package provider

import (
	"strings"
	"unicode/utf8"

	"myauth.internal/kit"
)

const (
	maxSubject = 255 // bytes: OpenID Connect Core 1.0 section 2
	maxEmail   = 254 // bytes, as of an account's address
)

// newAssertion returns what a provider says of an account, within bounds, because all of it is
// foreign text that travels in URLs and mails. own is the preset's judgement that the address is
// the provider's to vouch for.
func newAssertion(c Config, issuer string, a Account, own bool) (assertion, error) {
	if a.Subject == "" || len(a.Subject) > maxSubject || strings.ContainsFunc(a.Subject, func(r rune) bool { return r < ' ' || r > '~' }) {
		return assertion{}, errRefused{"the subject is not 1 to 255 characters of ASCII"}
	}
	if len(a.Email) > maxEmail || !utf8.ValidString(a.Email) {
		a.Email = ""
	}
	a.EmailVerified = a.EmailVerified && a.Email != ""
	a.Name = cleanName(a.Name)
	return assertion{
		Account: a, Issuer: issuer,
		Proved: a.EmailVerified && (own || inDomains(a.Email, c.EmailDomains)),
	}, nil
}

// inDomains reports whether an address is of one of the domains, or "*" is among them.
func inDomains(email string, domains []string) bool {
	domain := domainOf(email)
	for _, d := range domains {
		if domain != "" && (d == "*" || kit.EmailKey(d) == domain) {
			return true
		}
	}
	return false
}

// domainOf returns the domain of an address, in lower case: of ASCII only, as kit.EmailKey has it,
// because to strings.ToLower KELVIN SIGN is a k, which makes another domain the same.
func domainOf(email string) string {
	_, domain, _ := strings.Cut(email, "@")
	return kit.EmailKey(domain)
}
