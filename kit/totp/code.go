package totp

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/subtle"
	"encoding/base32"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"strings"
	"time"
	"unicode"
)

const (
	secretSize = 20 // bytes, as RFC 4226, section 4, recommends
	digits     = 6
	period     = 30 // seconds
	// skew is how many steps before and after the current one are accepted: RFC 6238, section
	// 5.2, recommends one, for the time that a code takes to be typed and sent.
	skew = 1
)

// encoding is that of secrets in authenticator apps, which mostly refuse padding.
var encoding = base32.StdEncoding.WithPadding(base32.NoPadding)

// Code returns the code that an authenticator app shows at a time, for a secret as the enrolment
// shows it. It is for tests of applications. Spaces and case do not matter.
func Code(secret string, at time.Time) (string, error) {
	key, err := encoding.DecodeString(strings.ToUpper(strings.ReplaceAll(secret, " ", "")))
	if err != nil {
		return "", errors.New("totp: the secret is not in base32")
	}
	return code(sha1.New, key, stepAt(at), digits), nil
}

// code is HOTP (RFC 4226, section 5.3) with any hash, as RFC 6238 uses it. digits is at most 9.
func code(algorithm func() hash.Hash, secret []byte, counter int64, digits int) string {
	mac := hmac.New(algorithm, secret)
	_ = binary.Write(mac, binary.BigEndian, counter) // a hash takes everything
	sum := mac.Sum(nil)
	offset := sum[len(sum)-1] & 0x0f
	value := int64(binary.BigEndian.Uint32(sum[offset:]) & 0x7fff_ffff)
	modulus := int64(1)
	for range digits {
		modulus *= 10
	}
	return fmt.Sprintf("%0*d", digits, value%modulus)
}

// stepAt returns the counter of a time: RFC 6238, section 4.2, with T0 at 1970.
func stepAt(t time.Time) int64 { return t.Unix() / period }

// match returns the step whose code typed is, of those around now that are above last. The time
// does not tell which one it is. If it is the code of two steps, the later one counts: otherwise
// it could be used again.
func match(secret []byte, now time.Time, last int64, typed string) (step int64, ok bool) {
	typed = tidy(typed)
	for candidate := stepAt(now) - skew; candidate <= stepAt(now)+skew; candidate++ {
		same := subtle.ConstantTimeCompare([]byte(code(sha1.New, secret, candidate, digits)), []byte(typed)) == 1
		if same && candidate > last {
			step, ok = candidate, true
		}
	}
	return step, ok
}

// tidy removes what people type between the digits, because their apps show it there.
func tidy(typed string) string {
	return strings.Map(func(r rune) rune {
		if r == '-' || unicode.IsSpace(r) {
			return -1
		}
		return r
	}, typed)
}
