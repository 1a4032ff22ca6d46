package redis

import (
	"encoding/binary"
	"errors"
	"time"

	"myauth.internal/kit"
)

// A record is one binary string: a head, whose places the scripts know, and fields.
//
//	user:  format 1 | version 8 | length 4 | email            | fields
//	token: format 1 | version 8 | expiry 8 | length 4 | user ID | length 4 | type | fields
//
// Numbers of the head are big-endian. The expiry is in microseconds since 1970, with
// the sign bit turned over, so that bytes sort as times do. A field is its number,
// one byte, its length, a varint, and its value; one that has its zero value is left
// out, and one of unknown number is passed over, so that a later version can add
// some. Integers and times of fields are zigzag varints, times in microseconds.
const format = 1

// The fields of a user.
const (
	userName byte = 1 + iota
	userHash
	userRole // one each
	userSettings
	userFlags
	userEpoch
	userCreated
	userUpdated
)

// The bits of userFlags.
const (
	flagVerified = 1 << iota
	flagActive
)

// The fields of a token.
const (
	tokenSession byte = 1 + iota
	tokenEpoch
	tokenSecret
	tokenPrevious
	tokenSalt
	tokenCreated
	tokenRotated
	tokenRevoked
)

// errDamaged is for a record that this package did not write, or not like this.
var errDamaged = errors.New("a record is damaged, or was written by a newer version of MyAuth or by another program")

// encodeUser returns the record of u under that version.
func encodeUser(u *kit.User, version int64) []byte {
	b := make([]byte, 0, 96+len(u.Email)+len(u.Username)+len(u.PasswordHash)+len(u.Settings)+16*len(u.Roles))
	b = append(b, format)
	b = binary.BigEndian.AppendUint64(b, uint64(version))
	b = appendSized(b, u.Email)
	b = appendField(b, userName, u.Username)
	b = appendField(b, userHash, string(u.PasswordHash))
	for _, role := range u.Roles {
		b = binary.AppendUvarint(append(b, userRole), uint64(len(role))) // an empty one counts
		b = append(b, role...)
	}
	b = appendField(b, userSettings, u.Settings)
	var flags byte
	if u.Verified {
		flags |= flagVerified
	}
	if u.Active {
		flags |= flagActive
	}
	if flags != 0 {
		b = append(b, userFlags, 1, flags)
	}
	b = appendInt(b, userEpoch, u.SessionEpoch)
	b = appendTime(b, userCreated, u.CreatedAt)
	return appendTime(b, userUpdated, u.UpdatedAt)
}

// decodeUser reads the record of the user with that ID.
func decodeUser(id, record string) (kit.User, error) {
	r := reader{rest: record}
	u := kit.User{ID: id}
	r.format()
	u.Version = int64(r.uint64())
	u.Email = r.sized()
	for r.next() {
		switch r.number {
		case userName:
			u.Username = r.value
		case userHash:
			u.PasswordHash = kit.Secret(r.value)
		case userRole:
			u.Roles = append(u.Roles, r.value)
		case userSettings:
			u.Settings = []byte(r.value)
		case userFlags:
			if len(r.value) != 1 {
				return kit.User{}, errDamaged
			}
			u.Verified = r.value[0]&flagVerified != 0
			u.Active = r.value[0]&flagActive != 0
		case userEpoch:
			u.SessionEpoch = r.int()
		case userCreated:
			u.CreatedAt = r.time()
		case userUpdated:
			u.UpdatedAt = r.time()
		}
	}
	if r.bad {
		return kit.User{}, errDamaged
	}
	return u, nil
}

// emailOf returns the address in a user's record.
func emailOf(record string) (string, error) {
	r := reader{rest: record}
	r.format()
	r.uint64()
	email := r.sized()
	if r.bad {
		return "", errDamaged
	}
	return email, nil
}

// encodeToken returns the record of t as it is first stored.
func encodeToken(t *kit.Token) []byte {
	b := make([]byte, 0, 112+len(t.UserID)+len(t.Type)+len(t.SessionID)+len(t.SecretHash)+len(t.PreviousHash)+len(t.Salt))
	b = append(b, format)
	b = binary.BigEndian.AppendUint64(b, uint64(t.Version))
	b = appendExpiry(b, t.ExpiresAt)
	b = appendSized(b, t.UserID)
	b = appendSized(b, string(t.Type))
	return appendTokenFields(b, t)
}

// appendTokenFields appends what an update replaces, beside version and expiry.
func appendTokenFields(b []byte, t *kit.Token) []byte {
	b = appendField(b, tokenSession, t.SessionID)
	b = appendInt(b, tokenEpoch, t.Epoch)
	b = appendField(b, tokenSecret, t.SecretHash)
	b = appendField(b, tokenPrevious, t.PreviousHash)
	b = appendField(b, tokenSalt, t.Salt)
	b = appendTime(b, tokenCreated, t.CreatedAt)
	b = appendTime(b, tokenRotated, t.RotatedAt)
	return appendTime(b, tokenRevoked, t.RevokedAt)
}

// decodeToken reads the record of the token with that ID.
func decodeToken(id, record string) (kit.Token, error) {
	r := reader{rest: record}
	t := kit.Token{ID: id}
	r.format()
	t.Version = int64(r.uint64())
	t.ExpiresAt = time.UnixMicro(int64(r.uint64() ^ signBit)).UTC()
	t.UserID = r.sized()
	t.Type = kit.TokenType(r.sized())
	for r.next() {
		switch r.number {
		case tokenSession:
			t.SessionID = r.value
		case tokenEpoch:
			t.Epoch = r.int()
		case tokenSecret:
			t.SecretHash = []byte(r.value)
		case tokenPrevious:
			t.PreviousHash = []byte(r.value)
		case tokenSalt:
			t.Salt = []byte(r.value)
		case tokenCreated:
			t.CreatedAt = r.time()
		case tokenRotated:
			t.RotatedAt = r.time()
		case tokenRevoked:
			t.RevokedAt = r.time()
		}
	}
	if r.bad {
		return kit.Token{}, errDamaged
	}
	return t, nil
}

const signBit = 1 << 63

// appendExpiry appends a time so that bytes compare as times do.
func appendExpiry(b []byte, t time.Time) []byte {
	return binary.BigEndian.AppendUint64(b, uint64(t.UnixMicro())^signBit)
}

// expiredBefore returns the end, in the notation of ZRANGEBYLEX, of the entries that
// expire at t or earlier in a partition's index, which begin as appendExpiry writes.
func expiredBefore(t time.Time) string {
	end := uint64(t.UnixMicro()) ^ signBit
	if end++; end == 0 {
		return "+"
	}
	return string(binary.BigEndian.AppendUint64([]byte{'('}, end))
}

// appendSized appends a string behind its length.
func appendSized(b []byte, s string) []byte {
	return append(binary.BigEndian.AppendUint32(b, uint32(len(s))), s...)
}

func appendField[T ~string | ~[]byte](b []byte, number byte, value T) []byte {
	if len(value) == 0 {
		return b
	}
	return append(binary.AppendUvarint(append(b, number), uint64(len(value))), value...)
}

func appendInt(b []byte, number byte, n int64) []byte {
	if n == 0 {
		return b
	}
	var value [binary.MaxVarintLen64]byte
	return appendField(b, number, value[:binary.PutVarint(value[:], n)])
}

func appendTime(b []byte, number byte, t time.Time) []byte {
	us := t.UnixMicro()
	if us == zeroTime {
		return b
	}
	var value [binary.MaxVarintLen64]byte
	return appendField(b, number, value[:binary.PutVarint(value[:], us)])
}

// zeroTime is time.Time{}, which a missing field stands for.
const zeroTime = -62135596800000000

// reader takes a record apart. After the first fault it is bad and gives zeros.
type reader struct {
	rest   string
	bad    bool
	number byte   // of the field that next found
	value  string // its value
}

func (r *reader) take(n uint64) string {
	if r.bad || n > uint64(len(r.rest)) {
		r.bad = true
		return ""
	}
	s := r.rest[:n]
	r.rest = r.rest[n:]
	return s
}

func (r *reader) format() {
	if r.take(1) != string(rune(format)) {
		r.bad = true
	}
}

func (r *reader) uint64() uint64 {
	var n uint64
	for _, c := range []byte(r.take(8)) {
		n = n<<8 | uint64(c)
	}
	return n
}

func (r *reader) sized() string {
	var n uint64
	for _, c := range []byte(r.take(4)) {
		n = n<<8 | uint64(c)
	}
	return r.take(n)
}

// next goes to the next field, if there is one.
func (r *reader) next() bool {
	if r.bad || r.rest == "" {
		return false
	}
	r.number = r.take(1)[0]
	size, n := binary.Uvarint([]byte(r.rest[:min(len(r.rest), binary.MaxVarintLen64)]))
	if n <= 0 {
		r.bad = true
		return false
	}
	r.take(uint64(n))
	r.value = r.take(size)
	return !r.bad
}

func (r *reader) int() int64 {
	v, n := binary.Varint([]byte(r.value))
	if n <= 0 || n != len(r.value) {
		r.bad = true
	}
	return v
}

func (r *reader) time() time.Time { return time.UnixMicro(r.int()).UTC() }
