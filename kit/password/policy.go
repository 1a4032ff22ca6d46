package password

import (
	"unicode"
	"unicode/utf8"
)

// Policy says which passwords are accepted. Both refuse the most common ones,
// fewer than 8 or more than 128 characters (code points), and control characters;
// every other character of Unicode is welcome, spaces too.
type Policy int

const (
	// Strict also asks for one upper-case letter, one lower-case letter, one
	// digit, and one special character: punctuation or a symbol, of any script.
	Strict Policy = iota
	// LengthOnly has no rule on the kinds of characters, as NIST SP 800-63B-4
	// section 3.1.1.2 advises.
	LengthOnly
)

const (
	minLength = 8
	maxLength = 128
)

// Violation is one rule that a password breaks.
type Violation struct {
	// Code is for programs: too_short, too_long, missing_uppercase,
	// missing_lowercase, missing_digit, missing_special, invalid_characters or
	// common_password.
	Code string
	// Message is for people, and says what to do.
	Message string
}

// Check returns every rule that the password breaks, in a fixed order, and nil when
// it is accepted.
func (p Policy) Check(password string) []Violation {
	var broken []Violation
	breaks := func(code, message string) { broken = append(broken, Violation{code, message}) }
	switch n := utf8.RuneCountInString(password); {
	case n < minLength:
		breaks("too_short", "use at least 8 characters")
	case n > maxLength:
		breaks("too_long", "use at most 128 characters")
	}
	var upper, lower, digit, special, control bool
	for _, r := range password {
		switch {
		case unicode.IsUpper(r):
			upper = true
		case unicode.IsLower(r):
			lower = true
		case unicode.IsDigit(r):
			digit = true
		case unicode.IsPunct(r), unicode.IsSymbol(r):
			special = true
		case unicode.IsControl(r):
			control = true
		}
	}
	if p == Strict {
		if !upper {
			breaks("missing_uppercase", "add an upper-case letter")
		}
		if !lower {
			breaks("missing_lowercase", "add a lower-case letter")
		}
		if !digit {
			breaks("missing_digit", "add a digit")
		}
		if !special {
			breaks("missing_special", "add a special character such as ! or -")
		}
	}
	if control || !utf8.ValidString(password) {
		breaks("invalid_characters", "use no control characters, and only valid Unicode")
	}
	if isCommon(password) {
		breaks("common_password", "choose a password that fewer people use")
	}
	return broken
}

// String is the name of the policy: strict or length.
func (p Policy) String() string {
	if p == LengthOnly {
		return "length"
	}
	return "strict"
}
