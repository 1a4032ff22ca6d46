//go:build wasip1

package main

import "strings"

// encode writes values for a header, as a list with commas. A role may hold any
// character, and a header may not, nor may a comma in one look like two roles: what is
// no letter, digit, '-', '.', '_', ':' or '~' becomes %XX, as in a URL.
func encode(values ...string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i, value := range values {
		if i > 0 {
			b.WriteByte(',')
		}
		for _, c := range []byte(value) {
			if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-._:~", c) >= 0 {
				b.WriteByte(c)
				continue
			}
			b.WriteByte('%')
			b.WriteByte(hex[c>>4])
			b.WriteByte(hex[c&15])
		}
	}
	return b.String()
}
