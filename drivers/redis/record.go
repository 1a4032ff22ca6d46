package redis

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"

	"myauth.internal/kit"
	"myauth.internal/kit/ijson"
)

// A record is one string, which takes a command less time than a hash of many fields. It begins with
// words that the scripts know: its form, its version, and what the indexes are made of. A zero byte is
// in none of them and behind each. The other fields follow, each behind its length.

// form is the form of the records that this version of MyAuth writes. It changes no
// record of another one, since it would not know what that means.
const form = "1"

// errDamaged is for a record that this package did not write, or not like this.
var errDamaged = errors.New("a record is damaged, or was written by another program")

// userRecord returns the record of u with that version.
func userRecord(u *kit.User, version int64) []byte {
	b := words(make([]byte, 0, 512), version, kit.EmailKey(u.Email))
	return fields(b, u.Email, u.Username, string(u.PasswordHash), list(u.Roles), []byte(u.Settings), []byte(u.Private), list(u.Factors),
		u.Verified, u.Active, u.SessionEpoch, u.CredentialEpoch, u.CreatedAt, u.UpdatedAt)
}

// list returns strings as a JSON array.
func list(words []string) []byte {
	if len(words) == 0 {
		return []byte("[]")
	}
	text, _ := json.Marshal(words) // strings always marshal
	return text
}

func readUser(id, record string) (kit.User, error) {
	r := read(record)
	u := kit.User{ID: id, Version: r.number(r.word())}
	r.word() // the EmailKey is for the scripts
	u.Email, u.Username, u.PasswordHash = r.field(), r.field(), kit.Secret(r.field())
	u.Roles, u.Settings, u.Private, u.Factors = r.list(), r.bytes(), r.bytes(), r.list()
	u.Verified, u.Active = r.bool(), r.bool()
	u.SessionEpoch, u.CredentialEpoch = r.number(r.field()), r.number(r.field())
	u.CreatedAt, u.UpdatedAt = r.time(), r.time()
	return u, r.end()
}

// Between its head and its rest, the record of a token has the time under which it is filed in the
// index by expiry: when a purge looks at it, which is not after its expiry.

// tokenHead returns what the record of t with that version has before that time.
func tokenHead(t *kit.Token, version int64) []byte {
	return words(make([]byte, 0, 128), version, t.UserID, string(t.Type))
}

// tokenRest returns what the record of t has behind that time.
func tokenRest(t *kit.Token) []byte {
	b := append(make([]byte, 0, 512), 0)
	b = append(append(b, stamp(t.ExpiresAt)...), 0)
	return fields(b, t.SessionID, t.Epoch, t.SecretHash, t.PreviousHash, t.Salt, t.Data, t.CreatedAt, t.RotatedAt, t.RevokedAt)
}

func readToken(id, record string) (kit.Token, error) {
	r := read(record)
	t := kit.Token{ID: id, Version: r.number(r.word()), UserID: r.word(), Type: kit.TokenType(r.word())}
	r.stamp() // when a purge looks at it
	t.ExpiresAt, t.SessionID, t.Epoch = r.stamp(), r.field(), r.number(r.field())
	t.SecretHash, t.PreviousHash, t.Salt, t.Data = r.bytes(), r.bytes(), r.bytes(), r.bytes()
	t.CreatedAt, t.RotatedAt, t.RevokedAt = r.time(), r.time(), r.time()
	return t, r.end()
}

// words appends the beginning of a record: form, version and other words.
func words(b []byte, version int64, words ...string) []byte {
	b = append(b, form+"\x00"...)
	b = append(strconv.AppendInt(b, version, 10), 0)
	for _, word := range words {
		b = append(append(b, word...), 0)
	}
	return b
}

// fields appends each value behind its length.
func fields(b []byte, values ...any) []byte {
	var scratch [32]byte
	for _, value := range values {
		text := scratch[:0]
		switch v := value.(type) {
		case string:
			b = append(binary.AppendUvarint(b, uint64(len(v))), v...)
			continue
		case []byte:
			text = v
		case bool:
			text = strconv.AppendBool(text, v)
		case int64:
			text = strconv.AppendInt(text, v, 10)
		case time.Time:
			text = strconv.AppendInt(text, v.UnixMicro(), 10)
		}
		b = append(binary.AppendUvarint(b, uint64(len(text))), text...)
	}
	return b
}

// isNewer reports whether a record of that form is of a newer version of MyAuth, as the
// scripts do.
func isNewer(stored string) bool {
	theirs, err := strconv.Atoi(stored)
	ours, _ := strconv.Atoi(form)
	return err == nil && theirs > ours
}

// reader takes a record apart, from its beginning to its end. Once something is missing or cannot
// be read, what it returns means nothing, and end says so.
type reader struct {
	rest string
	err  error
}

// read begins with the form of a record.
func read(record string) reader {
	r := reader{rest: record}
	if stored := r.word(); r.err == nil && stored != form {
		r.err = errDamaged
		if isNewer(stored) {
			r.err = kit.ErrNewerRecord
		}
	}
	return r
}

// end returns what was wrong with the record, which has nothing more.
func (r *reader) end() error {
	r.check(r.rest == "")
	return r.err
}

// check says that the record is damaged unless ok. It passes no error on, since that would show
// the value.
func (r *reader) check(ok bool) {
	if !ok && r.err == nil {
		r.err = errDamaged
	}
}

func (r *reader) word() string {
	word, rest, ok := strings.Cut(r.rest, "\x00")
	r.check(ok)
	r.rest = rest
	return word
}

func (r *reader) field() string {
	size, n := binary.Uvarint([]byte(r.rest[:min(len(r.rest), binary.MaxVarintLen64)]))
	if n <= 0 || size > uint64(len(r.rest)-n) {
		r.check(false)
		return ""
	}
	end := n + int(size)
	field := r.rest[n:end]
	r.rest = r.rest[end:]
	return field
}

func (r *reader) bytes() []byte { return append([]byte(nil), r.field()...) }

func (r *reader) number(text string) int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	r.check(err == nil)
	return n
}

func (r *reader) bool() bool {
	b, err := strconv.ParseBool(r.field())
	r.check(err == nil)
	return b
}

func (r *reader) time() time.Time { return time.UnixMicro(r.number(r.field())).UTC() }

func (r *reader) list() []string {
	text := r.field()
	if text == "[]" { // what most users have costs nothing
		return nil
	}
	list, err := ijson.Strings([]byte(text))
	r.check(err == nil)
	return list
}

func (r *reader) stamp() time.Time {
	word := r.word()
	micros, err := strconv.ParseUint(word, 10, 63) // no sign
	r.check(err == nil && len(word) == stampDigits)
	return time.UnixMicro(int64(micros) - stampOffset).UTC()
}

// A stamp is the microseconds since 1970 and stampOffset more. Those of all times from the year -1198 to
// 27319 have as many digits, so that they compare as text; an earlier time has the first stamp, and a
// later one the last. Until the year 2286 one reads a stamp by leaving out the 20 at the beginning.
const (
	stampOffset = 200_000_000_000_000_000
	stampDigits = 18
	firstStamp  = 100_000_000_000_000_000
	lastStamp   = 999_999_999_999_999_999
)

func stamp(t time.Time) string {
	return strconv.FormatInt(min(max(t.UnixMicro()+stampOffset, firstStamp), lastStamp), 10)
}
