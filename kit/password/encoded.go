package password

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
)

const (
	minCost = 4
	// maxCost is the highest cost that a stored hash may ask for: 2^16 rounds are
	// seconds. A hash of cost 31, planted or corrupt, would occupy a processor for
	// two days.
	maxCost = 16
)

// scheme says how a password becomes bcrypt's key.
type scheme int

const (
	plain        scheme = iota // the password itself: $2a$, $2b$, $2y$
	sha256v1                   // passlib before 1.7.3: base64(SHA-256(password))
	sha256v2                   // passlib since: base64(HMAC-SHA-256(salt, password))
	django                     // Django's bcrypt: the password itself
	djangoSHA256               // Django's bcrypt_sha256: hex(SHA-256(password))
	wordPress                  // WordPress since 6.8: base64(HMAC-SHA-384("wp-sha384", password))
)

// prefixes stand before the bcrypt string in the schemes of other software. Django
// writes the name of its hasher and a $ before it.
var prefixes = map[scheme]string{django: "bcrypt$", djangoSHA256: "bcrypt_sha256$", wordPress: "$wp"}

// lasting reports whether Hash still writes the scheme.
func (s scheme) lasting() bool { return s == plain || s == sha256v2 }

// encoded is a stored hash, taken apart.
type encoded struct {
	scheme scheme
	cost   int
	salt   [saltSize]byte
	digest [digestSize]byte
}

// parse takes a stored hash apart: a bcrypt string, with or without one of the
// prefixes, or passlib's bcrypt_sha256 in either version.
func parse(hash string) (encoded, bool) {
	if rest, ok := strings.CutPrefix(hash, "$bcrypt-sha256$"); ok {
		return parseSHA256(rest)
	}
	for scheme, prefix := range prefixes {
		if rest, ok := strings.CutPrefix(hash, prefix); ok {
			return parseBcrypt(scheme, rest)
		}
	}
	return parseBcrypt(plain, hash)
}

// parseBcrypt reads $2b$12$salt+digest. $2a$, $2b$ and $2y$ differ in bugs of the past
// that passwords of up to 72 bytes do not meet; $2x$, and $2$ without a letter, are
// other functions.
func parseBcrypt(s scheme, hash string) (encoded, bool) {
	const cost, salt, digest, end = len("$2b$"), len("$2b$12$"), len("$2b$12$") + 22, 60
	if len(hash) != end || hash[cost+2] != '$' {
		return encoded{}, false
	}
	switch hash[:cost] {
	case "$2a$", "$2b$", "$2y$":
		return newEncoded(s, strings.TrimPrefix(hash[cost:cost+2], "0"), hash[salt:digest], hash[digest:])
	}
	return encoded{}, false
}

// parseSHA256 reads v=2,t=2b,r=12$salt$digest or 2a,12$salt$digest.
func parseSHA256(s string) (encoded, bool) {
	settings, rest, _ := strings.Cut(s, "$")
	salt, digest, _ := strings.Cut(rest, "$")
	if cost, ok := strings.CutPrefix(settings, "v=2,t=2b,r="); ok {
		return newEncoded(sha256v2, cost, salt, digest)
	}
	if kind, cost, _ := strings.Cut(settings, ","); kind == "2a" || kind == "2b" {
		return newEncoded(sha256v1, cost, salt, digest)
	}
	return encoded{}, false
}

// newEncoded reads the parts. The last character of a salt holds four bits that mean
// nothing; some software of the past set them, so they are ignored, as everywhere. A
// digest has one spelling.
func newEncoded(s scheme, cost, salt, digest string) (encoded, bool) {
	e := encoded{scheme: s}
	n, err := strconv.Atoi(cost)
	if err != nil || n < minCost || n > maxCost || strconv.Itoa(n) != cost {
		return e, false
	}
	e.cost = n
	return e, decode(bcryptEncoding, e.salt[:], salt) && decode(bcryptEncoding.Strict(), e.digest[:], digest)
}

func decode(enc *base64.Encoding, dst []byte, src string) bool {
	if len(src) != enc.EncodedLen(len(dst)) {
		return false
	}
	n, err := enc.Decode(dst, []byte(src))
	return err == nil && n == len(dst) // fewer: package base64 skips CR and LF
}

// saltText is the salt as it is written, and the key of the HMAC of sha256v2.
func (e encoded) saltText() string { return bcryptEncoding.EncodeToString(e.salt[:]) }

// text returns the hash as it is stored. It is no String method, so that printing an
// encoded never shows it.
func (e encoded) text() string {
	digest := bcryptEncoding.EncodeToString(e.digest[:])
	switch e.scheme {
	case sha256v1:
		return fmt.Sprintf("$bcrypt-sha256$2b,%d$%s$%s", e.cost, e.saltText(), digest)
	case sha256v2:
		return fmt.Sprintf("$bcrypt-sha256$v=2,t=2b,r=%d$%s$%s", e.cost, e.saltText(), digest)
	default:
		return fmt.Sprintf("%s$2b$%02d$%s%s", prefixes[e.scheme], e.cost, e.saltText(), digest)
	}
}

// key returns what bcrypt hashes for a password, and whether every byte of the password
// counts in it. Under plain and django, a password that bcrypt would cut off, or that a
// C implementation would read up to its NUL, has no key: another password with the same
// beginning would match.
func (e encoded) key(password string) (key []byte, whole bool) {
	var sum []byte
	switch e.scheme {
	case sha256v1:
		s := sha256.Sum256([]byte(password))
		sum = s[:]
	case sha256v2:
		mac := hmac.New(sha256.New, []byte(e.saltText()))
		mac.Write([]byte(password))
		sum = mac.Sum(nil)
	case djangoSHA256:
		s := sha256.Sum256([]byte(password))
		return hex.AppendEncode(nil, s[:]), true
	case wordPress:
		mac := hmac.New(sha512.New384, []byte("wp-sha384"))
		mac.Write([]byte(password))
		sum = mac.Sum(nil)
	default:
		if !fitsPlain(password) {
			return nil, false
		}
		return []byte(password), true
	}
	return base64.StdEncoding.AppendEncode(nil, sum), true
}

// fitsPlain reports whether bcrypt itself reads every byte of the password.
func fitsPlain(password string) bool {
	return len(password) <= maxKey && strings.IndexByte(password, 0) < 0
}
