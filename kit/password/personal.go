package password

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	// minWord is the least length of a personal word, in characters.
	minWord = 3
	// minRest is how many characters beside personal words make a password.
	minRest = 4
	// maxPersonal bounds the work for a password and for each personal string, in
	// bytes: no password of that many is little more than a name.
	maxPersonal = 512
)

// isPersonal reports whether the password is little more than personal words: see
// Rules.Check.
func isPersonal(password string, personal []string) bool {
	if len(password) > maxPersonal || !utf8.ValidString(password) {
		return false // refused for that
	}
	password = strings.ToLower(password)
	skeleton := skeletonOf(password)
	known := make([]bool, len(skeleton))
	for _, text := range personal {
		if len(text) > maxPersonal {
			continue
		}
		text = strings.ToLower(text)
		mark(known, skeleton, text)
		for part := range strings.FieldsFuncSeq(text, func(r rune) bool { return !unicode.In(r, unicode.L, unicode.M, unicode.N) }) {
			mark(known, skeleton, part)
		}
	}
	rest, decoration := 0, true
	for i, r := range password {
		if !known[i] {
			rest++
			decoration = decoration && !isLetter(r)
		}
	}
	return slices.Contains(known, true) && (rest < minRest || decoration && rest <= maxDecoration)
}

// mark sets known wherever the word is in the skeleton.
func mark(known []bool, skeleton, word string) {
	if utf8.RuneCountInString(word) < minWord {
		return
	}
	sought := skeletonOf(word)
	for from := 0; ; from++ {
		at := strings.Index(skeleton[from:], sought)
		if at < 0 {
			return
		}
		from += at
		for i := range sought {
			known[from+i] = true
		}
	}
}
