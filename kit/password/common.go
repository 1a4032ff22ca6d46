package password

import (
	_ "embed"
	"strings"
)

// The lists have one word a line, in the order of their skeletons. Exactly the words of
// commonList are refused; those of baseList are as common with decoration around them.
var (
	//go:embed lists/common.txt
	commonList string
	//go:embed lists/bases.txt
	baseList string
)

const (
	// maxCommon is the greatest length of a listed password, in bytes.
	maxCommon = 32
	// maxDecoration is how many digits and signs around a base word still leave the
	// password among the first million guesses: as many as Password123456! has.
	// maxDecorated is the greatest length of such a password, or of a run.
	maxDecoration = 7
	maxDecorated  = 16
)

// listed reports whether a word of the list has that skeleton.
func listed(list, skeleton string) bool {
	for list != "" {
		start := strings.LastIndexByte(list[:len(list)/2], '\n') + 1
		end := start + strings.IndexByte(list[start:], '\n')
		switch strings.Compare(skeleton, skeletonOf(list[start:end])) {
		case 0:
			return true
		case -1:
			list = list[:start]
		default:
			list = list[end+1:]
		}
	}
	return false
}

// isCommon reports whether the password is among the first guesses, whatever the policy:
//
//   - it is in the list of common passwords, in any case and with the usual
//     substitutions: 0 for o, @ for a, $ for s and so on;
//   - it is one of the worst words of that list with up to 7 digits and signs around
//     it, such as P@ssw0rd1! or Qwerty123!, in 16 characters at most;
//   - it is one or two characters over and over, or a run such as abcdefgh, of 16
//     characters at most.
//
// It goes no further: in Str0ng!Passw0rd a listed word stands beside another word, and
// no list can tell how good the rest is.
func isCommon(password string) bool {
	if len(password) == 0 || len(password) > maxCommon {
		return false
	}
	skeleton := skeletonOf(password)
	return listed(commonList, skeleton) ||
		len(password) <= maxDecorated && (isRun(password) || isDecorated(password, skeleton))
}

// isDecorated tries every way to take digits and signs off both ends, since an end
// such as the 0 of passw0rd0 may belong to the word or to the decoration.
func isDecorated(password, skeleton string) bool {
	first := strings.IndexFunc(password, isLetter)
	last := strings.LastIndexFunc(password, isLetter)
	if first < 0 {
		return false
	}
	for from := 0; from <= first; from++ {
		for to := len(skeleton); to > last && to > from; to-- {
			if from+len(skeleton)-to <= maxDecoration && listed(baseList, skeleton[from:to]) {
				return true
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

// skeletonOf returns s without case and the usual substitutions, byte for byte. One sign
// may stand for two letters, as 1 does for i and l, so the two are one in a skeleton.
func skeletonOf(s string) string {
	const signs, letters = "01!|l34@5$7+", "oiiiieaasstt"
	b := []byte(s)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if at := strings.IndexByte(signs, c); at >= 0 {
			c = letters[at]
		}
		b[i] = c
	}
	return string(b)
}
