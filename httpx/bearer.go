package httpx

import (
	"net/http"
	"strings"

	"myauth.internal/kit"
)

// errManyAuthorizations: which of them counts is a question that two programs
// answer in two ways.
var errManyAuthorizations = malformed("There must be at most one Authorization header.")

// bearerToken returns the access token of the Authorization header, and looks
// nowhere else for one (RFC 6750, section 2.1). The scheme's name may be in any case
// (RFC 9110, section 11.1). No header, an empty one, and one of another scheme all
// mean that no token was presented.
func bearerToken(header http.Header) (string, error) {
	values := header["Authorization"]
	switch {
	case len(values) > 1:
		return "", errManyAuthorizations
	case len(values) == 0:
		return "", errMissingToken
	}
	scheme, token, _ := strings.Cut(values[0], " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return "", errMissingToken
	}
	token = strings.TrimLeft(token, " ")
	if !isB64Token(token) {
		return "", kit.ErrInvalidToken
	}
	return token, nil
}

// isB64Token is the b64token of RFC 6750, section 2.1.
func isB64Token(s string) bool {
	s = strings.TrimRight(s, "=")
	for i := range len(s) {
		if c := s[i]; !isLetterOrDigit(c) && strings.IndexByte("-._~+/", c) < 0 {
			return false
		}
	}
	return s != ""
}

func isLetterOrDigit(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}
