package stores

import (
	"bytes"
	"strconv"
	"time"

	"myauth.internal/kit"
)

// epoch is when everything was made.
var epoch = time.Date(2026, 11, 5, 12, 30, 0, 123456000, time.UTC)

// The names are put together by hand, since fmt would take longer than a store in
// memory does.
func userID(i int) string {
	b := appendPadded(make([]byte, 0, 36), scattered(i), 8, 16)
	b = append(b, "-0000-7000-8000-"...)
	return string(appendPadded(b, uint64(i), 12, 10))
}

// tokenID is as long as kit's, and ascends as those do.
func tokenID(i int) string {
	b := appendPadded(make([]byte, 0, 22), uint64(i), 14, 10)
	return string(appendPadded(b, scattered(i), 8, 16))
}

func email(i int) string {
	b := append(make([]byte, 0, 32), "user"...)
	b = strconv.AppendInt(b, int64(i), 10)
	return string(append(b, "@example.com"...))
}

// appendPadded appends n in that base, with zeros before it up to that width.
func appendPadded(b []byte, n uint64, width, base int) []byte {
	var digits [64]byte
	text := strconv.AppendUint(digits[:0], n, base)
	for range width - len(text) {
		b = append(b, '0')
	}
	return append(b, text...)
}

// scattered spreads neighbours all over an index. (User IDs are UUIDv7, which ascend;
// those who log in are any of them.)
func scattered(i int) uint64 { return uint64(uint32(i) * 2654435761) }

func newUser(i int) kit.User {
	return kit.User{
		ID: userID(i), Email: email(i), Username: "A name in two words",
		PasswordHash: "$2a$12$abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZ01234",
		Roles:        []string{"member"}, Settings: []byte(`{"theme":"dark"}`),
		Active: true, CreatedAt: epoch, UpdatedAt: epoch, Version: 1,
	}
}

func newToken(i, user int) kit.Token {
	return kit.Token{
		ID: tokenID(i), Type: kit.RefreshToken, UserID: userID(user), SessionID: "1234567890123456789012", SecretHash: hash, PreviousHash: hash, Salt: hash,
		Data: sessionData, CreatedAt: epoch, RotatedAt: epoch, ExpiresAt: epoch.Add(lifetime + time.Duration(i%100_000)*time.Second), Version: 1,
	}
}

const lifetime = 7 * 24 * time.Hour

// rotated changes in a session what a Service does when it is refreshed: the hashes,
// and its end, which is then the latest of all.
func (c *crowd) rotated(t kit.Token) kit.Token {
	now := epoch.Add(100_000*time.Second + time.Duration(c.changes.Add(1))*time.Millisecond)
	t.PreviousHash, t.SecretHash, t.Salt = t.SecretHash, otherHash, otherHash
	t.RotatedAt, t.ExpiresAt = now, now.Add(lifetime)
	return t
}

// sessionData is what a Service keeps of a login: its method, time and client.
var sessionData = []byte(`{"amr":["pwd"],"auth_time":1793881800,"ip":"198.51.100.7","user_agent":"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"}`)

var (
	hash      = bytes.Repeat([]byte{0, 127, 255, 42}, 8)
	otherHash = bytes.Repeat([]byte{42, 255, 127, 0}, 8)
)
