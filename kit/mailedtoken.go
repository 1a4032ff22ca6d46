package kit

import "unicode/utf8"

// mailedToken draws tokens until one survives what mail programs and chat clients do to
// links in plain text. That takes one to three draws. It gives up after 64, because a
// verification token with an address beyond ASCII may never survive.
func mailedToken(draw func() (Secret, error)) (Secret, error) {
	var token Secret
	for range 64 {
		var err error
		if token, err = draw(); err != nil || survivesMail(string(token)) {
			return token, err
		}
	}
	return token, nil
}

// survivesMail reports whether token ends with a letter or digit, and nowhere has two
// other characters in a row. Programs that turn addresses in a text into links leave out
// punctuation at the end, and some stop at the first run of it; others replace two hyphens
// by a dash, or take two underscores for emphasis.
func survivesMail(token string) bool {
	punctuation := true
	for _, c := range []byte(token) {
		plain := '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z'
		if !plain && punctuation {
			return false
		}
		punctuation = !plain
	}
	return !punctuation
}

// survivesText reports whether programs that look for links in plain text take c, in
// Options.PublicURL, for a part of the link.
func survivesText(c rune) bool {
	switch {
	case c >= utf8.RuneSelf:
		return false
	case '0' <= c && c <= '9', 'A' <= c && c <= 'Z', 'a' <= c && c <= 'z':
		return true
	}
	switch c {
	case '-', '.', '_', '~', ':', '/', '%', '@', '[', ']':
		return true
	}
	return false
}
