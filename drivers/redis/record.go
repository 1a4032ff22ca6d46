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
	b := words(version, kit.EmailKey(u.Email))
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
	u := kit.User{ID: id}
	var key string
	err := scan(record, []*string{&key}, &u.Version, &u.Email, &u.Username, (*string)(&u.PasswordHash), &u.Roles, (*[]byte)(&u.Settings), (*[]byte)(&u.Private), &u.Factors,
		&u.Verified, &u.Active, &u.SessionEpoch, &u.CredentialEpoch, &u.CreatedAt, &u.UpdatedAt)
	return u, err
}

// tokenRecord returns the three parts of the record of t with that version. An update leaves the second
// one, which says whose token it is, as it is stored.
func tokenRecord(t *kit.Token, version int64) (head, identity, rest []byte) {
	head = words(version, stamp(t.ExpiresAt))
	identity = append(append(append([]byte(t.UserID), 0), t.Type...), 0)
	return head, identity, fields(nil, t.SessionID, t.Epoch, t.SecretHash, t.PreviousHash, t.Salt, t.Data, t.CreatedAt, t.RotatedAt, t.RevokedAt)
}

func readToken(id, record string) (kit.Token, error) {
	t := kit.Token{ID: id}
	var expires string
	err := scan(record, []*string{&expires, &t.UserID, (*string)(&t.Type)}, &t.Version, &t.SessionID, &t.Epoch, &t.SecretHash, &t.PreviousHash, &t.Salt, &t.Data,
		&t.CreatedAt, &t.RotatedAt, &t.RevokedAt)
	if err == nil {
		if t.ExpiresAt, err = time.Parse(stampLayout, expires); err != nil {
			err = errDamaged
		}
	}
	return t, err
}

// words returns the beginning of a record: form, version and one more word.
func words(version int64, word string) []byte {
	b := append(make([]byte, 0, 512), form+"\x00"...)
	b = append(strconv.AppendInt(b, version, 10), 0)
	return append(append(b, word...), 0)
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

// scan reads a record: the version, the other words, and the fields into what dst points to.
func scan(record string, words []*string, version *int64, dst ...any) error {
	stored, rest, ok := strings.Cut(record, "\x00")
	if ok && stored != form && isNewer(stored) {
		return kit.ErrNewerRecord
	}
	if !ok || stored != form {
		return errDamaged
	}
	var number string
	for _, word := range append([]*string{&number}, words...) {
		if *word, rest, ok = strings.Cut(rest, "\x00"); !ok {
			return errDamaged
		}
	}
	var err error
	if *version, err = strconv.ParseInt(number, 10, 64); err != nil {
		return errDamaged
	}
	for _, d := range dst {
		size, n := uvarint(rest)
		if n <= 0 || size > uint64(len(rest)-n) {
			return errDamaged
		}
		text := rest[n : n+int(size)]
		rest = rest[n+int(size):]
		if err := parse(text, d); err != nil {
			return errDamaged // err would show the value
		}
	}
	if rest != "" {
		return errDamaged
	}
	return nil
}

func uvarint(s string) (uint64, int) {
	return binary.Uvarint([]byte(s[:min(len(s), binary.MaxVarintLen64)]))
}

// isNewer reports whether a record of that form is of a newer version of MyAuth, as the
// scripts do.
func isNewer(stored string) bool {
	theirs, err := strconv.Atoi(stored)
	ours, _ := strconv.Atoi(form)
	return err == nil && theirs > ours
}

func parse(text string, dst any) (err error) {
	switch d := dst.(type) {
	case *string:
		*d = text
	case *[]byte:
		*d = append([]byte(nil), text...)
	case *[]string:
		if text != "[]" { // what most users have costs nothing
			*d, err = ijson.Strings([]byte(text))
		}
	case *bool:
		*d, err = strconv.ParseBool(text)
	case *int64:
		*d, err = strconv.ParseInt(text, 10, 64)
	case *time.Time:
		var micros int64
		micros, err = strconv.ParseInt(text, 10, 64)
		*d = time.UnixMicro(micros).UTC()
	}
	return err
}

// stampLayout writes a time so that text compares as times do, from the year 0 to 9999.
const stampLayout = "2006-01-02T15:04:05.000000Z"

func stamp(t time.Time) string { return t.UTC().Format(stampLayout) }
