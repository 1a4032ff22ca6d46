package password

import (
	_ "embed"
	"strings"
	"sync"
)

// commonList has one password a line, sorted; a line that begins with ~ is a word
// that is as common with decoration around it.
//
//go:embed common.txt
var commonList string

const (
	// maxCommon is how long, in bytes, an entry of the list can be.
	maxCommon = 32
	// maxDecorated is how long a decorated word, or a run, can be and still be among
	// the first million guesses, and maxDecoration how much of that is decoration:
	// as much as Password123456! has.
	maxDecorated  = 16
	maxDecoration = 7
)

// commonSet is the list by skeleton.
type commonSet struct{ whole, bases map[string]struct{} }

var common = sync.OnceValue(func() commonSet {
	set := commonSet{whole: map[string]struct{}{}, bases: map[string]struct{}{}}
	var buf [maxCommon]byte
	for line := range strings.Lines(commonList) {
		line = strings.TrimSuffix(line, "\n")
		word, isBase := strings.CutPrefix(line, "~")
		key := string(appendSkeleton(buf[:0], word))
		set.whole[key] = struct{}{}
		if isBase {
			set.bases[key] = struct{}{}
		}
	}
	return set
})

// isCommon refuses what guessing begins with, whatever the policy:
//
//   - every password of the list, in any case and with the usual substitutions: 0 for
//     o, @ for a, $ for s and so on;
//   - the worst words of it with up to 7 digits and signs around them, such as
//     P@ssw0rd1! or Qwerty123!, in 16 characters at most;
//   - one or two characters over and over, or a run such as abcdefgh, of 16 at most.
//
// It goes no further. A word of the list beside another word, such as in
// Str0ng!Passw0rd, is a matter of how the rest was chosen, and no list knows that.
func isCommon(password string) bool {
	if len(password) == 0 || len(password) > maxCommon {
		return false
	}
	var buf [maxCommon]byte
	skeleton := appendSkeleton(buf[:0], password)
	set := common()
	if _, ok := set.whole[string(skeleton)]; ok {
		return true
	}
	return len(password) <= maxDecorated && (isRun(password) || set.isDecorated(password, skeleton))
}

// isDecorated tries every way to take digits and signs off both ends, since an end
// such as the 0 of passw0rd0 may be of the word or of the decoration.
func (set commonSet) isDecorated(password string, skeleton []byte) bool {
	first := strings.IndexFunc(password, isLetter)
	last := strings.LastIndexFunc(password, isLetter)
	if first < 0 {
		return false
	}
	for from := 0; from <= first; from++ {
		for to := len(skeleton); to > last && to > from; to-- {
			if from+len(skeleton)-to <= maxDecoration {
				if _, ok := set.bases[string(skeleton[from:to])]; ok {
					return true
				}
			}
		}
	}
	return false
}

// isLetter reports whether r is no decoration, which is digits and signs of ASCII.
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
