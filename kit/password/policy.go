package password

import (
	"unicode"
	"unicode/utf8"
)

// Policy says which passwords are accepted. Each policy refuses the most common
// passwords, fewer than 8 or more than 128 characters (code points), control
// characters and invalid UTF-8; every other character of Unicode is welcome. A password
// counts as it is typed: nothing is trimmed, folded or normalized. The zero value is
// [Strict].
//
// The common ones are some 22,000 passwords that are frequent in leaks, in any case and
// with the usual substitutions (0 for o, @ for a, $ for s), the worst of them also with
// digits and signs around them, and runs such as abcdefgh. The list is exact and adds
// about 210 KB to a program.
type Policy int

const (
	// Strict also asks for one upper-case letter, one lower-case letter, one digit
	// and one special character, of any script. Special is what is no letter, digit,
	// control, combining or formatting character: punctuation, symbols, emoji, and
	// also a space, which is as hard to guess as they are.
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
	// missing_lowercase, missing_digit, missing_special, common_password or
	// invalid_characters.
	Code string
	// Message is for people, and says what to do. It holds nothing of the password.
	Message string
}

// Check returns every rule that the password breaks, in the order of the codes at
// [Violation], and nil when it is accepted.
//
// personal is what an attacker who knows the user tries first: the e-mail address, the
// user name, the name of the service. A password that is little more than that is a
// common_password too. The words are these strings as a whole and their parts between
// signs and spaces, from 3 characters on, in any case and with the usual substitutions.
// The rest of the password must have at least 4 characters, and more than 7 when these
// are digits and signs of ASCII alone. So for ada.lovelace@example.com, Lovelace1815!
// and Example-Ada-1 are refused, and Lovelace-Engine is accepted.
func (p Policy) Check(password string, personal ...string) []Violation {
	n := utf8.RuneCountInString(password)
	has := kindsOf(password)
	common := isCommon(password)
	var broken []Violation
	for _, rule := range [...]struct {
		broken        bool
		code, message string
	}{
		{n < minLength, "too_short", "use at least 8 characters"},
		{n > maxLength, "too_long", "use at most 128 characters"},
		{p != LengthOnly && !has.upper, "missing_uppercase", "add an upper-case letter"},
		{p != LengthOnly && !has.lower, "missing_lowercase", "add a lower-case letter"},
		{p != LengthOnly && !has.digit, "missing_digit", "add a digit"},
		{p != LengthOnly && !has.special, "missing_special", "add a special character, such as ! or -"},
		{common, "common_password", "choose a password that fewer people use"},
		{!common && isPersonal(password, personal), "common_password", "choose a password that is not made of your name, your address or the name of this service"},
		{has.control || !utf8.ValidString(password), "invalid_characters", "use no control characters, and only valid Unicode"},
	} {
		if rule.broken {
			broken = append(broken, Violation{rule.code, rule.message})
		}
	}
	return broken
}

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

// String is the name of the policy: strict or length.
func (p Policy) String() string {
	if p == LengthOnly {
		return "length"
	}
	return "strict"
}
