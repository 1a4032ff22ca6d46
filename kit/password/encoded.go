package password

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
)

// maxCost is the highest cost that a stored hash may ask for: 2^16 rounds are
// seconds. A hash of cost 31, planted or corrupt, would occupy a processor for days.
const maxCost = 16

// scheme says how a password becomes bcrypt's key.
type scheme int

const (
	plain    scheme = iota // the password itself: $2a$, $2b$, $2y$
	sha256v1               // passlib before 1.7.3: base64(SHA-256(password))
	sha256v2               // passlib since: base64(HMAC-SHA-256(salt, password))
)

// encoded is a stored hash, taken apart.
type encoded struct {
	scheme scheme
	cost   int
	salt   [saltSize]byte
	digest [digestSize]byte
	// saltText is the salt as it is written, which keys the HMAC of sha256v2.
	saltText string
}

// parse takes a stored hash apart: a bcrypt string, or passlib's bcrypt_sha256 in
// either version.
func parse(hash string) (encoded, bool) {
	if rest, ok := strings.CutPrefix(hash, "$bcrypt-sha256$"); ok {
		return parseSHA256(rest)
	}
	const prefix = len("$2b$12$")
	if len(hash) != 60 || hash[0] != '$' || hash[1] != '2' || !strings.ContainsRune("aby", rune(hash[2])) || hash[3] != '$' || hash[6] != '$' {
		return encoded{}, false
	}
	e := encoded{scheme: plain}
	return e, e.fill(hash[4:6], hash[prefix:prefix+22], hash[prefix+22:])
}

// parseSHA256 reads v=2,t=2b,r=12$salt$digest or 2a,12$salt$digest.
func parseSHA256(s string) (encoded, bool) {
	parts := strings.Split(s, "$")
	if len(parts) != 3 {
		return encoded{}, false
	}
	var e encoded
	var cost string
	if rest, ok := strings.CutPrefix(parts[0], "v=2,t=2b,r="); ok {
		e.scheme, cost = sha256v2, rest
	} else if rest, ok := strings.CutPrefix(parts[0], "2a,"); ok {
		e.scheme, cost = sha256v1, rest
	} else if rest, ok := strings.CutPrefix(parts[0], "2b,"); ok {
		e.scheme, cost = sha256v1, rest
	} else {
		return encoded{}, false
	}
	return e, e.fill(cost, parts[1], parts[2])
}

func (e *encoded) fill(cost, salt, digest string) bool {
	n, err := strconv.ParseUint(cost, 10, 8)
	if err != nil || n < 4 || n > maxCost || len(salt) != 22 || len(digest) != 31 || strings.ContainsAny(salt+digest, "\r\n") {
		return false
	}
	e.cost, e.saltText = int(n), salt
	saltSize, saltErr := bcryptEncoding.Decode(e.salt[:], []byte(salt))
	digestLen, digestErr := bcryptEncoding.Decode(e.digest[:], []byte(digest))
	return saltErr == nil && digestErr == nil && saltSize == len(e.salt) && digestLen == len(e.digest)
}

// String writes the hash as it is stored.
func (e encoded) String() string {
	digest := bcryptEncoding.EncodeToString(e.digest[:])
	if e.scheme == plain {
		return fmt.Sprintf("$2b$%02d$%s%s", e.cost, e.saltText, digest)
	}
	return fmt.Sprintf("$bcrypt-sha256$v=2,t=2b,r=%d$%s$%s", e.cost, e.saltText, digest)
}

// key is what bcrypt is to hash for a password, and whether that stands for the
// whole password. Under the plain scheme one that bcrypt would cut off, or read as
// another at a NUL, stands for nothing: its hash cannot have been made here.
func (e encoded) key(password string) (key []byte, whole bool) {
	var sum []byte
	switch e.scheme {
	case sha256v1:
		s := sha256.Sum256([]byte(password))
		sum = s[:]
	case sha256v2:
		mac := hmac.New(sha256.New, []byte(e.saltText))
		mac.Write([]byte(password))
		sum = mac.Sum(nil)
	default:
		return []byte(password[:min(len(password), maxKey)]), fitsPlain(password)
	}
	return base64.StdEncoding.AppendEncode(nil, sum), true
}

// fitsPlain reports whether bcrypt itself reads every byte of the password.
func fitsPlain(password string) bool {
	return len(password) <= maxKey && strings.IndexByte(password, 0) < 0
}
