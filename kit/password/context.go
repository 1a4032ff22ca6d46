package password

import (
	"bytes"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	// minWord is the least length of a word of the context, in characters.
	minWord = 3
	// minRest is how many characters beside words of the context make a password.
	minRest = 4
	// maxContext bounds the work for a password and for each string of its context,
	// in bytes: no password of that many is little more than a name.
	maxContext = 512
)

// isContext reports whether the password is little more than words of the context:
// see Policy.Check.
func isContext(password string, context []string) bool {
	if len(password) > maxContext || !utf8.ValidString(password) {
		return false // refused for that
	}
	password = strings.ToLower(password)
	skeleton := appendSkeleton(nil, password)
	known := make([]bool, len(skeleton))
	for _, text := range context {
		if len(text) > maxContext {
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
func mark(known []bool, skeleton []byte, word string) {
	if utf8.RuneCountInString(word) < minWord {
		return
	}
	sought := appendSkeleton(nil, word)
	for from := 0; ; from++ {
		at := bytes.Index(skeleton[from:], sought)
		if at < 0 {
			return
		}
		from += at
		for i := range sought {
			known[from+i] = true
		}
	}
}
