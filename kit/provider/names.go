package provider

import (
	"strings"
	"unicode"
	"unicode/utf8"

	grammar "myauth.internal/kit/internal/address"
)

const (
	maxNameBytes = 4 << 10 // of what a provider says, so that long texts cost nothing
	maxNameChars = 64      // of a username
)

// cleanName returns what somebody calls himself at a provider as a username may be: without
// characters that are not seen or turn the text around, and with at most 64 characters. Empty: there
// is no name.
func cleanName(name string) string {
	name = strings.ToValidUTF8(name[:min(len(name), maxNameBytes)], "")
	name = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r), unicode.In(r, unicode.Zl, unicode.Zp):
			return ' '
		case r == '\u200c', r == '\u200d': // which some scripts, and emoji, cannot do without
			return r
		case unicode.In(r, unicode.C, unicode.Other_Default_Ignorable_Code_Point):
			return -1
		}
		return r
	}, name)
	name = strings.Join(strings.Fields(name), " ")
	if runes := []rune(name); len(runes) > maxNameChars {
		name = strings.TrimSpace(string(runes[:maxNameChars]))
	}
	if !strings.ContainsFunc(name, func(r rune) bool { return unicode.In(r, unicode.L, unicode.N, unicode.P, unicode.S) }) {
		return ""
	}
	return name
}

// nameForMail returns a name for a mail to somebody else, perhaps: letters only, because a
// stranger may have written it, and mail programs make links and telephone numbers of the rest.
func nameForMail(name string) string {
	name = strings.Map(func(r rune) rune {
		switch {
		case unicode.In(r, unicode.L, unicode.M), r == '\'', r == '-', r == '\u200c', r == '\u200d':
			return r
		}
		return ' '
	}, cleanName(name))
	words := strings.Fields(name)
	name = strings.Join(words[:min(len(words), 4)], " ")
	if utf8.RuneCountInString(name) > 40 {
		return ""
	}
	return name
}

// address returns the address of an assertion as an account has it. ok: an account may have it.
func (a assertion) address() (email string, ok bool) {
	email = strings.TrimSpace(a.Email)
	return email, grammar.Check(email) == nil
}

// username is what the account of an assertion is called.
func (a assertion) username() string {
	if name := cleanName(a.Name); name != "" {
		return name
	}
	email, _ := a.address()
	local, _, _ := strings.Cut(email, "@") // at most 64 bytes of no control characters
	return local
}
