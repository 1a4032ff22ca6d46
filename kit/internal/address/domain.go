package address

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// canonicalDomain returns the spelling of a domain that UTS #46 gives it, as far as
// keyboards differ: in lower case, in normal width, composed, with full stops of ASCII.
// What else UTS #46 would map stays, and isCanonical refuses it. Otherwise one domain would
// have many spellings, and one mailbox many accounts.
//
// With the tables of domaintables.go this adds 12 KB to kit as WebAssembly;
// golang.org/x/net/idna would add 266 KB. A domain in A-labels (xn--…) stays as it is: it is
// another spelling of the same domain, but is not compared with the one in U-labels.
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

// isCanonical reports whether domain is a domain of two or more labels, the last not all
// digits, so a name and never an IP address. Beyond ASCII it must be spelled canonically.
func isCanonical(domain string) bool {
	if !isDomain(domain) {
		return false
	}
	dot := strings.LastIndexByte(domain, '.')
	if dot < 0 || all(domain[dot+1:], func(r rune) bool { return '0' <= r && r <= '9' }) {
		return false
	}
	return isASCII(domain) || all(domain, func(r rune) bool { return r < utf8.RuneSelf || inDomains(r) }) && canonicalDomain(domain) == Key(domain)
}
