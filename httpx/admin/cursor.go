package admin

import (
	"encoding/base64"
	"strings"
	"unicode"
	"unicode/utf8"

	"myauth.internal/kit"
)

// A cursor is the last key of a page and the order that the key is of, so that no page of one
// order goes on with a key of the other. It is no secret: whoever makes one gets what the same
// routes show anyway.

const (
	byID    = "i"
	byEmail = "e"
)

var cursorEncoding = base64.RawURLEncoding.Strict()

// page is what one request asks for.
type page struct {
	prefix string // as kit.EmailKey has it; empty: by ID
	after  string // the key; empty: from the beginning
	limit  int
}

// order is what the cursors of p begin with. No prefix has a NUL.
func (p page) order() string {
	if p.prefix == "" {
		return byID
	}
	return byEmail + p.prefix + "\x00"
}

// next is the cursor of the page after one that ends with u.
func (p page) next(u kit.User) string {
	key := u.ID
	if p.prefix != "" {
		key = kit.EmailKey(u.Email)
	}
	return cursorEncoding.EncodeToString([]byte(p.order() + key))
}

// key returns what a cursor of this order holds. ok is false for others.
func (p page) key(cursor string) (key string, ok bool) {
	text, err := cursorEncoding.DecodeString(cursor)
	if err != nil {
		return "", false
	}
	key, ok = strings.CutPrefix(string(text), p.order())
	return key, ok && key != "" && len(key) <= maxKey && plain(key) && (p.prefix == "" || strings.HasPrefix(key, p.prefix))
}

// maxKey is the greatest length of an address, in bytes. An ID is shorter.
const maxKey = 254

// plain reports whether every store can compare a text.
func plain(s string) bool { return utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl) }
