package password

import (
	_ "embed"
	"strings"
	"sync"
)

// commonList has one password a line, in lower case; a line that begins with ~ is a
// word that is as common with decoration behind it.
//
//go:embed common.txt
var commonList string

type commonSet struct {
	whole map[string]bool
	bases map[string]bool
}

var common = sync.OnceValue(func() commonSet {
	set := commonSet{whole: map[string]bool{}, bases: map[string]bool{}}
	for line := range strings.Lines(commonList) {
		line = strings.TrimSpace(line)
		if base, ok := strings.CutPrefix(line, "~"); ok {
			set.bases[base] = true
			set.whole[base] = true
		} else if line != "" && line[0] != '#' {
			set.whole[line] = true
		}
	}
	return set
})

// maxDecoration is how many characters behind a common word are no better than it.
const maxDecoration = 5

// isCommon refuses what guessing begins with: the passwords of the list in any case,
// one character repeated, and the worst words with the usual substitutions (@ for a,
// 0 for o, …) and up to five digits and signs behind them, such as P@ssw0rd1!. It
// goes no further: Passw0rd in the middle of something longer is not refused.
func isCommon(password string) bool {
	if len(password) > 32 {
		return false
	}
	lower := asciiLower(password)
	set := common()
	if set.whole[lower] || set.whole[plainLetters(lower)] || isRepetition(lower) {
		return true
	}
	// A sign or digit in front, such as in !Password1, is no better.
	if first := lower[:min(1, len(lower))]; first != "" && (first < "a" || first > "z") && decorated(set, lower[1:]) {
		return true
	}
	return decorated(set, lower)
}

// decorated reports whether s is a word of the set and decoration behind it.
func decorated(set commonSet, lower string) bool {
	base := strings.TrimRightFunc(lower, func(r rune) bool { return r < 'a' || r > 'z' })
	for cut := len(lower); cut >= len(base) && cut > 0; cut-- {
		// A trailing 0 or @ may be decoration or a letter: try both.
		if len(lower)-cut <= maxDecoration && set.bases[plainLetters(lower[:cut])] {
			return true
		}
	}
	return false
}

func asciiLower(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + ('a' - 'A')
		}
	}
	return string(b)
}

var substitutions = strings.NewReplacer("@", "a", "4", "a", "0", "o", "1", "i", "!", "i", "3", "e", "$", "s", "5", "s", "7", "t")

// plainLetters undoes the usual substitutions.
func plainLetters(s string) string { return substitutions.Replace(s) }

// isRepetition reports whether s is one or two characters over and over.
func isRepetition(s string) bool {
	for n := 1; n <= 2 && 2*n <= len(s); n++ {
		if strings.HasPrefix(s, s[len(s)-len(s)%n:]) && strings.Repeat(s[:n], len(s)/n) == s[:len(s)-len(s)%n] {
			return true
		}
	}
	return false
}
