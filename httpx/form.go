package httpx

import (
	"net/url"
	"strings"
	"unicode/utf8"
)

// parseForm calls param for each parameter of a form body
// (application/x-www-form-urlencoded) in its order. It refuses a wrong percent-encoding,
// text that is not UTF-8, and any parameter that is there twice, as RFC 6749 section
// 3.2 asks; package net/url would keep the first of two and drop what it cannot
// read. A semicolon is a character like others.
func parseForm(data []byte, param func(name, value string)) error {
	type parameter struct{ name, value string }
	var all []parameter
	seen := map[string]bool{}
	for pair := range strings.SplitSeq(string(data), "&") {
		if pair == "" {
			continue
		}
		rawName, rawValue, _ := strings.Cut(pair, "=")
		name, err := url.QueryUnescape(rawName)
		if err != nil {
			return malformed("The form has a wrong percent-encoding.")
		}
		value, err := url.QueryUnescape(rawValue)
		if err != nil {
			return malformed("The form has a wrong percent-encoding.")
		}
		if !utf8.ValidString(name) || !utf8.ValidString(value) {
			return malformed("The form is not valid UTF-8.")
		}
		if seen[name] {
			return malformed("The form has two parameters of the same name.")
		}
		seen[name] = true
		all = append(all, parameter{name, value})
	}
	for _, p := range all {
		param(p.name, p.value)
	}
	return nil
}
