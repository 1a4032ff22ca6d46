package password

import (
	"context"
	"fmt"
	"unicode/utf8"
)

// Rules is the [Policy] of this package. It refuses the most common passwords, fewer than
// MinLength or more than 128 characters (code points), control characters and invalid UTF-8;
// every other character of Unicode is welcome. A password counts as it is typed: nothing is
// trimmed, folded or normalized. The zero value is [Strict].
//
// The common ones are some 22,000 passwords that are frequent in leaks, in any case and
// with the usual substitutions (0 for o, @ for a, $ for s), the worst of them also with
// digits and signs around them, and runs such as abcdefgh. The list is exact and adds
// about 210 KB to a program.
type Rules struct {
	// MinLength is the least number of characters, 8 to 128. What is less counts as 8, and
	// what is more as 128.
	MinLength int
	// LengthOnly drops the rule on the kinds of characters, as NIST SP 800-63B-4, section
	// 3.1.1.2, advises. Without it there must be an upper-case letter, a lower-case letter, a
	// digit and a special character, of any script. Special is what is no letter, digit,
	// control, combining or formatting character: punctuation, symbols, emoji, and also a
	// space, which is as hard to guess as they are.
	LengthOnly bool
}

// The policies that have a name.
var (
	// Strict asks for 8 characters of all four kinds.
	Strict = Rules{}
	// LengthOnly asks for 8 characters of any kind.
	LengthOnly = Rules{LengthOnly: true}
)

const (
	minLength = 8
	maxLength = 128
)

// What is said of a password that no policy accepts.
var (
	tooLong      = Violation{"too_long", "use at most 128 characters"}
	personalWord = Violation{"common_password", "choose a password that is not made of your name, your address or the name of this service"}
	invalidText  = Violation{"invalid_characters", "use no control characters, and only valid Unicode"}
)

// Check returns every rule that the password breaks, in the order of the codes at
// [Violation], and never an error.
//
// A password that is little more than one of words is a common_password. The words are
// these strings as a whole and their parts between signs and spaces, from 3 characters on, in
// any case and with the usual substitutions. The rest of the password must have at least 4
// characters, and more than 7 when these are digits and signs of ASCII alone. So for
// ada.lovelace@example.com, Lovelace1815! and Example-Ada-1 are refused, and
// Lovelace-Engine is accepted.
func (r Rules) Check(_ context.Context, password string, words ...string) ([]Violation, error) {
	least := min(max(r.MinLength, minLength), maxLength)
	n := utf8.RuneCountInString(password)
	has := kindsOf(password)
	common := isCommon(password)
	var broken []Violation
	for _, rule := range [...]struct {
		broken bool
		Violation
	}{
		{n < least, Violation{"too_short", ""}},
		{n > maxLength, tooLong},
		{!r.LengthOnly && !has.upper, Violation{"missing_uppercase", "add an upper-case letter"}},
		{!r.LengthOnly && !has.lower, Violation{"missing_lowercase", "add a lower-case letter"}},
		{!r.LengthOnly && !has.digit, Violation{"missing_digit", "add a digit"}},
		{!r.LengthOnly && !has.special, Violation{"missing_special", "add a special character, such as ! or -"}},
		{common, Violation{"common_password", "choose a password that fewer people use"}},
		{!common && isPersonal(password, words), personalWord},
		{has.control || !utf8.ValidString(password), invalidText},
	} {
		if rule.broken {
			broken = append(broken, rule.Violation)
		}
	}
	if len(broken) > 0 && broken[0].Code == "too_short" {
		broken[0].Message = fmt.Sprintf("use at least %d characters", least)
	}
	return broken, nil
}

// always returns what every policy refuses.
func always(password string, words []string) (broken []Violation) {
	if password == "" {
		broken = append(broken, Violation{"too_short", "choose a password"})
	}
	if utf8.RuneCountInString(password) > maxLength {
		broken = append(broken, tooLong)
	}
	if isPersonal(password, words) {
		broken = append(broken, personalWord)
	}
	if kindsOf(password).control || !utf8.ValidString(password) {
		broken = append(broken, invalidText)
	}
	return broken
}
