package kit

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// canonicalDomain returns the spelling of a domain that UTS #46 gives it, as far as
// keyboards differ: in lower case, in normal width, composed, with full stops of ASCII.
// What else UTS #46 would map stays, and isDomain refuses it. Without that, one domain
// would have many spellings, and one mailbox many accounts.
//
// With the tables of domaintables.go this adds 12 KB to kit as WebAssembly;
// golang.org/x/net/idna would add 266 KB. A domain in A-labels (xn--…) stays as it is: it is
// another spelling of the same domain, and not compared with the one in U-labels.
func canonicalDomain(domain string) string {
	runes := make([]rune, 0, len(domain))
	for _, r := range domain {
		switch {
		case r == '\u3002' || r == '\uff61': // full stops of ideographic scripts
			r = '.'
		case '\uff01' <= r && r <= '\uff5e': // full-width ASCII
			r -= 0xfee0
		}
		if r != 'İ' && r != 'ẞ' { // not one character in lower case
			r = unicode.ToLower(r)
		}
		if n := len(runes); n > 0 {
			if whole := composed(runes[n-1], r); whole != 0 {
				runes[n-1] = whole
				continue
			}
		}
		runes = append(runes, r)
	}
	return string(runes)
}

// composed returns the character that first and mark make together, or 0 (UAX #15).
func composed(first, mark rune) rune {
	const leads, vowels, trails, syllables = 0x1100, 0x1161, 0x11a7, 0xac00 // of Hangul
	switch {
	case leads <= first && first < leads+19 && vowels <= mark && mark < vowels+21:
		return syllables + ((first-leads)*21+mark-vowels)*28
	case syllables <= first && first < syllables+19*21*28 && (first-syllables)%28 == 0 && trails < mark && mark < trails+28:
		return first + mark - trails
	case !unicode.Is(unicode.M, mark):
		return 0
	}
	for s := compositions; s != ""; {
		var triple [3]rune
		for i := range triple {
			r, size := utf8.DecodeRuneInString(s)
			triple[i], s = r, s[size:]
		}
		if triple[1] == first && triple[2] == mark {
			return triple[0]
		}
	}
	return 0
}

// inDomains reports whether a letter, mark or digit beyond ASCII may be in the canonical
// spelling of a domain.
func inDomains(r rune) bool {
	if unicode.ToLower(r) != r {
		return false
	}
	for s := notInDomains; s != ""; {
		first, size := utf8.DecodeRuneInString(s)
		s = s[size:]
		last, size := utf8.DecodeRuneInString(s)
		s = s[size:]
		if r <= last {
			return r < first
		}
	}
	return true
}

// isDomain accepts two or more labels of letters, digits and inner hyphens, the
// last one not all digits: a name and never an IP address. Beyond ASCII it takes the
// canonical spelling alone.
func isDomain(domain string) bool {
	labels := strings.Split(domain, ".")
	for _, label := range labels {
		if label == "" || len(label) > maxLabelBytes || label[0] == '-' || label[len(label)-1] == '-' ||
			strings.ContainsFunc(label, func(r rune) bool { return r != '-' && (!isLetterOrDigit(r) || r >= utf8.RuneSelf && !inDomains(r)) }) {
			return false
		}
	}
	top := labels[len(labels)-1]
	return len(labels) > 1 && strings.ContainsFunc(top, func(r rune) bool { return r < '0' || r > '9' }) &&
		(isASCII(domain) || canonicalDomain(domain) == EmailKey(domain))
}

func isASCII(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r >= utf8.RuneSelf }) < 0
}
