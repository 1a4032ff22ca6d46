package httpx

import (
	"net/url"
	"strings"
	"unicode"
)

// maxPageToken is longer than every token that is mailed.
const maxPageToken = 4096

// tokenInQuery returns the token of a link that a user followed. A query that was
// percent-encoded as a whole, by a service that wraps links, is read too.
func tokenInQuery(raw string) string {
	query, _ := url.ParseQuery(raw) // what can be read
	if !query.Has("token") {
		if plain, err := url.QueryUnescape(raw); err == nil {
			query, _ = url.ParseQuery(plain)
		}
	}
	return cleanToken(query.Get("token"))
}

// cleanToken drops what no token has and what mail programs and people add: white space
// and invisible characters anywhere, as where a long line was broken, and everything
// before the first and behind the last letter or digit of ASCII, such as a full stop or a
// bracket. Mailed tokens begin and end with one. Nothing inside is changed, so a token
// that was cut or altered is refused as before.
func cleanToken(s string) string {
	if len(s) > maxPageToken {
		return ""
	}
	s = strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || unicode.Is(unicode.Cf, r) || unicode.IsControl(r) {
			return -1
		}
		return r
	}, s)
	return strings.TrimFunc(s, func(r rune) bool { return r > unicode.MaxASCII || !isLetterOrDigit(byte(r)) })
}
