package totp

import (
	"fmt"
	"net/url"
	"strings"
)

// enrolmentURI returns the otpauth URI that an app reads from a QR code. There is no RFC for it:
// the form is that of Google Authenticator's wiki, "Key Uri Format", which Aegis, 1Password and
// the others read too. Three things make it work in all of them:
//
//   - The issuer stands in the label and as a parameter: older apps read the one, newer ones the
//     other, and some show both if they differ.
//   - A space is %20 and a plus sign is %2B, because some apps take "+" for a space and some do not.
//   - The secret has no padding, and algorithm, digits and period are the only ones that every app
//     has: some ignore other values, and show wrong codes.
func enrolmentURI(issuer, account, secret string) string {
	return fmt.Sprintf("otpauth://totp/%s:%s?secret=%s&issuer=%s&algorithm=SHA1&digits=%d&period=%d",
		escape(issuer), escape(account), secret, escape(issuer), digits, period)
}

// escape leaves only what means itself in a label and in a query, also where they are not taken
// apart as RFC 3986 says. The at sign of an address is such.
func escape(s string) string {
	return strings.NewReplacer("+", "%20", "%40", "@").Replace(url.QueryEscape(s))
}

// issuerOf returns the name that an app shows for an issuer: the host of a URL. A colon would end
// it.
func issuerOf(issuer string) string {
	if u, err := url.Parse(issuer); err == nil && u.Hostname() != "" {
		issuer = u.Hostname()
	}
	return strings.TrimSpace(strings.ReplaceAll(issuer, ":", " "))
}
