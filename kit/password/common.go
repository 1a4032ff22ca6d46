package password

import (
	_ "embed"
	"strings"
	"sync"
)

// baseList has one word a line. These are the words that are as common with
// decoration around them as without.
//
//go:embed bases.txt
var baseList string

const (
	// maxCommon is the greatest length of a listed password, in bytes.
	maxCommon = 32
	// maxDecoration is how many digits and signs around a base word still leave the
	// password among the first million guesses: as many as Password123456! has.
	// maxDecorated is the greatest length of such a password, or of a run.
	maxDecoration = 7
	maxDecorated  = 16
)

// bases are the words of baseList, by skeleton.
var bases = sync.OnceValue(func() map[string]struct{} {
	words := make(map[string]struct{})
	for line := range strings.Lines(baseList) {
		words[string(appendSkeleton(nil, strings.TrimSuffix(line, "\n")))] = struct{}{}
	}
	return words
})

// isCommon reports whether guessing begins with the password, whatever the policy:
//
//   - it is in the list of common passwords, in any case and with the usual
//     substitutions: 0 for o, @ for a, $ for s and so on;
//   - it is one of the worst words of that list with up to 7 digits and signs around
//     it, such as P@ssw0rd1! or Qwerty123!, in 16 characters at most;
//   - it is one or two characters over and over, or a run such as abcdefgh, of 16
//     characters at most.
//
// It goes no further. In Str0ng!Passw0rd a listed word stands beside another word,
// and how good the rest is no list can tell.
func isCommon(password string) bool {
	if len(password) == 0 || len(password) > maxCommon {
		return false
	}
	var buf [maxCommon]byte
	skeleton := appendSkeleton(buf[:0], password)
	return commonWords().has(skeleton) ||
		len(password) <= maxDecorated && (isRun(password) || isDecorated(password, skeleton))
}

// isDecorated tries every way to take digits and signs off both ends, since an end
// such as the 0 of passw0rd0 may belong to the word or to the decoration.
func isDecorated(password string, skeleton []byte) bool {
	first := strings.IndexFunc(password, isLetter)
	last := strings.LastIndexFunc(password, isLetter)
	if first < 0 {
		return false
	}
	for from := 0; from <= first; from++ {
		for to := len(skeleton); to > last && to > from; to-- {
			if from+len(skeleton)-to <= maxDecoration {
				if _, ok := bases()[string(skeleton[from:to])]; ok {
					return true
				}
			}
		}
	}
	return false
}

// isLetter reports whether r is not decoration: decoration is the digits and signs of
// ASCII.
func isLetter(r rune) bool { return r < ' ' || r > '~' || 'a' <= r|0x20 && r|0x20 <= 'z' }

// isRun reports whether each byte is as far from the one before, 1 or -1, or the same
// as the one before that. Under the least length it does not matter.
func isRun(s string) bool {
	if len(s) < minLength {
		return false
	}
	step := int(s[1]) - int(s[0])
	run, repetition := step == 1 || step == -1, true
	for i := 2; i < len(s); i++ {
		run = run && int(s[i])-int(s[i-1]) == step
		repetition = repetition && s[i] == s[i-2]
	}
	return run || repetition
}

// appendSkeleton appends what is left of s without case and the usual
// substitutions. One sign may stand for two letters, as 1 does for i and l, so the
// two are one in a skeleton: words that differ in nothing else are one word here.
func appendSkeleton(b []byte, s string) []byte {
	for i := range len(s) {
		c := s[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		switch c {
		case '0':
			c = 'o'
		case '1', '!', '|', 'l':
			c = 'i'
		case '3':
			c = 'e'
		case '4', '@':
			c = 'a'
		case '5', '$':
			c = 's'
		case '7', '+':
			c = 't'
		}
		b = append(b, c)
	}
	return b
}
