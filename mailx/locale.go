package mailx

import "strings"

// maxTag bounds language tags: RFC 5646, section 4.4.1, asks for 35 characters.
const maxTag = 64

// isTag reports whether s has the form of a language tag (RFC 5646, section 2.1): parts of 1 to
// 8 letters and digits, of which the first is a language of 2 letters or more.
func isTag(s string) bool {
	if len(s) > maxTag {
		return false
	}
	for i, part := range strings.Split(s, "-") {
		if len(part) < 1 || len(part) > 8 || i == 0 && (len(part) < 2 || strings.ContainsAny(part, "0123456789")) {
			return false
		}
		if strings.Trim(strings.ToLower(part), "abcdefghijklmnopqrstuvwxyz0123456789") != "" {
			return false
		}
	}
	return true
}

// lookup returns the endings of template names for a language, the best first: "." and the tag
// in lower case, the same without its last parts, and nothing. A part of one character goes
// together with what it introduces (RFC 4647, section 3.4). What is no tag means no language.
func lookup(tag string) []string {
	var endings []string
	if isTag(tag) {
		tag = strings.ToLower(tag)
		for tag != "" {
			endings = append(endings, "."+tag)
			tag = tag[:max(0, strings.LastIndexByte(tag, '-'))]
			for i := len(tag) - 2; i > 0 && tag[i] == '-'; i = len(tag) - 2 {
				tag = tag[:i]
			}
		}
	}
	return append(endings, "")
}
