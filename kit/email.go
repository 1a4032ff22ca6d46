package kit

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// EmailKey returns the form of an address under which it is unique: ASCII
// letters in lower case and everything else as it is. Stores index this and never
// a form of their own, because the case folding of package strings and of most
// databases also maps U+212A KELVIN SIGN to k and U+017F to s, and so lets one
// address pass for another.
func EmailKey(email string) string {
	for i := range len(email) {
		if c := email[i]; 'A' <= c && c <= 'Z' {
			b := []byte(email)
			for ; i < len(b); i++ {
				if c := b[i]; 'A' <= c && c <= 'Z' {
					b[i] = c + ('a' - 'A')
				}
			}
			return string(b)
		}
	}
	return email
}

// The limits of RFC 5321 section 4.5.3.1 and, for the whole, of its errata 1690.
const (
	maxEmailBytes     = 254
	maxLocalPartBytes = 64
	maxLabelBytes     = 63
)

// checkEmail returns the address as it is stored: without the white space around it
// (of all of Unicode), which keyboards and password managers add. It accepts a bare
// address: a dot-atom (RFC 5322 section 3.2.3, with the
// letters of RFC 6531) at a domain of two or more labels, in its canonical spelling. It is a grammar of its own
// rather than net/mail's, which accepts display names and comments, removes
// quotes, and lets zero-width characters and the ideographic full stop through.
func checkEmail(field, email string) (string, []FieldError) {
	email = strings.TrimSpace(email)
	if len(email) > maxEmailBytes {
		return "", []FieldError{{field, CodeTooLong, "must have at most 254 bytes"}}
	}
	local, domain, ok := strings.Cut(email, "@")
	message := "must be an email address such as name@example.com, without display name, quotes or comments"
	if ok && utf8.ValidString(email) && len(local) <= maxLocalPartBytes && isDotAtom(local) {
		if isDomain(domain) {
			return email, nil
		}
		if canonical := canonicalDomain(domain); isDomain(canonical) {
			message = "must have its domain in the canonical spelling: " + canonical
		} else if !isASCII(domain) {
			message = "has a domain that cannot be taken in this spelling: give it in ASCII (xn--…)"
		}
	}
	return "", []FieldError{{field, CodeInvalidEmail, message}}
}

// isDotAtom accepts atoms that are joined by single dots.
func isDotAtom(s string) bool {
	for atom := range strings.SplitSeq(s, ".") {
		if atom == "" || strings.ContainsFunc(atom, func(r rune) bool { return !isAtomRune(r) }) {
			return false
		}
	}
	return true
}

func isAtomRune(r rune) bool {
	if r < utf8.RuneSelf {
		return isLetterOrDigit(r) || strings.ContainsRune("!#$%&'*+-/=?^_`{|}~", r)
	}
	return isLetterOrDigit(r)
}

// isLetterOrDigit accepts no symbol, space, control or format character of any
// script, so nothing invisible.
func isLetterOrDigit(r rune) bool {
	return unicode.In(r, unicode.L, unicode.M, unicode.N) && !unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r) && !unicode.Is(unicode.Variation_Selector, r)
}
