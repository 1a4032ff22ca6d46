package jsfetch

import "strings"

// JavaScript shows a header value as a ByteString: a string in which each character
// stands for the byte of that number. Go has the bytes themselves.

// fromByteString returns the bytes that s stands for. A character above 255, which no
// Headers object lets through, becomes a question mark.
func fromByteString(s string) string {
	var b strings.Builder
	for _, r := range s {
		if r > 0xFF {
			r = '?'
		}
		b.WriteByte(byte(r))
	}
	return b.String()
}

// toByteString returns the string that stands for the bytes of s.
func toByteString(s string) string {
	var b strings.Builder
	for i := range len(s) {
		b.WriteRune(rune(s[i]))
	}
	return b.String()
}
