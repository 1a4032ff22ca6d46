// Package maillink has what the links in mails need in order to work: a base URL and a token
// that mail programs and chat clients leave whole when they turn plain text into links.
package maillink

import (
	"errors"
	"net/url"
	"path"
	"strconv"
	"strings"
)

// CheckBase returns base without a slash at its end. It must be an http or https URL of
// letters and digits of ASCII and -._~:/%@[], without user, query and fragment, whose path
// has neither empty parts nor dots. The text of the error completes a sentence that begins
// with the name of the setting.
func CheckBase(base string) (string, error) {
	u, err := url.Parse(base)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.ForceQuery || strings.Contains(base, "#") {
		return "", errors.New("must be an http or https URL such as https://example.com, without user, query and fragment")
	}
	if strings.ContainsFunc(base, func(c rune) bool { return !isLetterOrDigit(c) && !strings.ContainsRune("-._~:/%@[]", c) }) {
		return "", errors.New("has characters at which mail programs cut a link off: percent-encode them in the path, and write the host in ASCII (xn--…)")
	}
	if clean := strings.TrimRight(u.Path, "/"); clean != "" && clean != path.Clean(clean) {
		return "", errors.New("has a path with empty parts or dots, which browsers and servers change: write for example https://example.com/app")
	}
	if port := u.Port(); port != "" {
		if _, err := strconv.ParseUint(port, 10, 16); err != nil {
			return "", errors.New("has a port that does not exist: write one from 1 to 65535")
		}
	}
	return strings.TrimRight(base, "/"), nil
}

// Draw draws tokens until one survives in plain text, which takes one to three draws. It
// returns the last after 64, because a verification token for an address beyond ASCII may
// never survive.
func Draw(draw func() (string, error)) (string, error) {
	var token string
	for range 64 {
		var err error
		if token, err = draw(); err != nil || survives(token) {
			return token, err
		}
	}
	return token, nil
}

// survives reports whether token ends with a letter or digit, and has no two other
// characters in a row. Programs that look for links leave out punctuation at the end, and
// some stop at the first run of it; others replace two hyphens by a dash, or take two
// underscores for emphasis.
func survives(token string) bool {
	punctuation := true
	for _, c := range token {
		plain := isLetterOrDigit(c)
		if !plain && punctuation {
			return false
		}
		punctuation = !plain
	}
	return !punctuation
}

func isLetterOrDigit(c rune) bool {
	return '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z'
}
