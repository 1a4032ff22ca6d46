package mailx

import (
	"encoding/base64"
	"net/mail"
	"strings"
	"unicode/utf8"
)

// unstructured returns the body of the header field called name for the text s,
// one line of valid UTF-8: as it is when it is short printable ASCII, and in
// encoded words (RFC 2047) otherwise. Text that looks like an encoded word itself is
// encoded too, so that it reads as it was written; package mime would leave it.
func unstructured(name, s string) string {
	if plainHeader(s) && len(name)+len(": ")+len(s) <= 78 {
		return s
	}
	return encodedWords(s)
}

// header returns the body of the From header.
func (s sender) header() string {
	if plainHeader(s.name) && len(s.name) <= 60 {
		return (&mail.Address{Name: s.name, Address: s.address}).String()
	}
	return encodedWords(s.name) + "\r\n <" + s.address + ">"
}

func plainHeader(s string) bool { return isPrintableASCII(s) && !strings.Contains(s, "=?") }

func isPrintableASCII(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// encodedWords encodes s in base64, in words of whole characters (RFC 2047 section 5)
// on lines of at most 76 (section 2), the first of which has room for the name of
// any header of this package. Nothing of s can end a line or a header: what goes
// out is the alphabet of base64.
func encodedWords(s string) string {
	const chunk = 39 // bytes: "Subject: =?UTF-8?B?" + 52 + "?=" is 73
	var words []string
	for len(s) > 0 {
		n := min(chunk, len(s))
		for n < len(s) && !utf8.RuneStart(s[n]) {
			n--
		}
		words = append(words, "=?UTF-8?B?"+base64.StdEncoding.EncodeToString([]byte(s[:n]))+"?=")
		s = s[n:]
	}
	return strings.Join(words, "\r\n ")
}
