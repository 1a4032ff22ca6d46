package password

import (
	"unicode"
	"unicode/utf8"
)

// kinds are the kinds of characters in a password.
type kinds struct{ upper, lower, digit, special, control bool }

func kindsOf(password string) (k kinds) {
	for _, r := range password {
		switch {
		case unicode.IsUpper(r):
			k.upper = true
		case unicode.IsLower(r):
			k.lower = true
		case unicode.IsDigit(r):
			k.digit = true
		case unicode.IsControl(r):
			k.control = true
		case r != utf8.RuneError && !unicode.In(r, unicode.L, unicode.M, unicode.Cf):
			// Defined by what it is not, so that an emoji younger than the tables
			// counts too.
			k.special = true
		}
	}
	return k
}
