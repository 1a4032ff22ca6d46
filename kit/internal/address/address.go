// Package address has the grammar of email addresses: which ones the Service stores, and
// under which key each is unique.
package address

import (
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The limits of RFC 5321 section 4.5.3.1 and, for the whole, of its errata 1690.
const (
	maxBytes      = 254
	maxLocalBytes = 64
	maxLabelBytes = 63
)

// ErrTooLong is Check's error for more than 254 bytes.
var ErrTooLong = errors.New("must have at most 254 bytes")

// Key returns the form of an address under which it is unique: ASCII letters in lower
// case, everything else unchanged.
func Key(address string) string {
	for i := range len(address) {
		if c := address[i]; 'A' <= c && c <= 'Z' {
			b := []byte(address)
			for ; i < len(b); i++ {
				if c := b[i]; 'A' <= c && c <= 'Z' {
					b[i] = c + ('a' - 'A')
				}
			}
			return string(b)
		}
	}
	return address
}

// Check returns nil for a bare address: a dot-atom (RFC 5322 section 3.2.3, with the letters
// of RFC 6531), @, and a domain of two or more labels that is spelled canonically. The text of
// its error completes a sentence that begins with the field's name.
//
// It does not use net/mail, which accepts display names and comments, removes quotes, and
// lets zero-width characters and the ideographic full stop through.
func Check(address string) error {
	if len(address) > maxBytes {
		return ErrTooLong
	}
	local, domain, ok := strings.Cut(address, "@")
	if ok && utf8.ValidString(address) && isLocalPart(local) {
		if isCanonical(domain) {
			return nil
		}
		if canonical := canonicalDomain(domain); isCanonical(canonical) {
			return errors.New("must have its domain in the canonical spelling: " + canonical)
		}
		if !isASCII(domain) {
			return errors.New("has a domain that is not accepted in this spelling: give it in ASCII (xn--…)")
		}
	}
	return errors.New("must be an email address such as name@example.com, without display name, quotes or comments")
}

func isLocalPart(s string) bool {
	return len(s) <= maxLocalBytes && isDotted(s, func(atom string) bool { return all(atom, isAtomRune) })
}

func isDomain(s string) bool {
	return isDotted(s, func(label string) bool {
		return len(label) <= maxLabelBytes && label[0] != '-' && label[len(label)-1] != '-' &&
			all(label, func(r rune) bool { return r == '-' || isLetterOrDigit(r) })
	})
}

// isDotted reports whether s is pieces between single dots, none of them empty, that are
// all ok.
func isDotted(s string, ok func(piece string) bool) bool {
	for piece := range strings.SplitSeq(s, ".") {
		if piece == "" || !ok(piece) {
			return false
		}
	}
	return true
}

func all(s string, ok func(rune) bool) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return !ok(r) })
}

func isAtomRune(r rune) bool {
	return isLetterOrDigit(r) || strings.ContainsRune("!#$%&'*+-/=?^_`{|}~", r)
}

// isLetterOrDigit accepts no symbol, space, control or format character of any script, so
// nothing invisible.
func isLetterOrDigit(r rune) bool {
	return unicode.In(r, unicode.L, unicode.M, unicode.N) &&
		!unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

func isASCII(s string) bool {
	return all(s, func(r rune) bool { return r < utf8.RuneSelf })
}
