package transfer

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"myauth.internal/kit/ijson"
)

// maxDepth is that of settings within a line, and more.
const maxDepth = 40

// members are those of one JSON object. Its methods read one each; null is as good as none. The first
// error stays in err.
type members struct {
	values map[string][]byte
	err    error
}

func parse(text []byte) (*members, error) {
	m := &members{values: make(map[string][]byte, 16)}
	err := ijson.Object(text, maxDepth, func(name, value []byte) error {
		m.values[string(name)] = value
		return nil
	})
	if err != nil {
		return nil, errors.New(strings.TrimPrefix(err.Error(), "ijson: "))
	}
	return m, nil
}

func (m *members) has(name string) bool {
	_, is := m.values[name]
	return is
}

// value returns a member, or nil if there is none.
func (m *members) value(name string) []byte {
	if v := m.values[name]; ijson.Kind(v) != 'n' {
		return v
	}
	return nil
}

func (m *members) fail(name, must string) {
	if m.err == nil {
		m.err = fmt.Errorf("%s %s", name, must)
	}
}

// require fails for each of the names that is not there.
func (m *members) require(names ...string) {
	for _, name := range names {
		if m.value(name) == nil {
			m.fail(name, "is missing")
		}
	}
}

// text returns the first of the members that is there.
func (m *members) text(names ...string) string {
	for _, name := range names {
		if v := m.value(name); v != nil {
			s, err := ijson.String(v)
			if err != nil {
				m.fail(name, "must be a string")
			}
			return s
		}
	}
	return ""
}

// key returns a string or an integer.
func (m *members) key(name string) string {
	v := m.value(name)
	if ijson.Kind(v) == '0' {
		if _, err := ijson.Int64(v); err != nil {
			m.fail(name, "must be a string or an integer")
		}
		return string(v)
	}
	return m.text(name)
}

func (m *members) integer(name string) int64 {
	v := m.value(name)
	if v == nil {
		return 0
	}
	n, err := ijson.Int64(v)
	if err != nil {
		m.fail(name, "must be an integer")
	}
	return n
}

// flag returns true or false, which some databases write as 1 and 0.
func (m *members) flag(name string, otherwise bool) bool {
	switch v := m.value(name); string(v) {
	case "":
		return otherwise
	case "true", "1":
		return true
	case "false", "0":
		return false
	default:
		m.fail(name, "must be true or false")
		return false
	}
}

// texts returns a list of strings, which some databases keep as text.
func (m *members) texts(name string) []string {
	v := m.embedded(name)
	if v == nil {
		return nil
	}
	list, err := ijson.Strings(v)
	if err != nil {
		m.fail(name, "must be a list of strings")
	}
	return list
}

// object returns an object, which some databases keep as text.
func (m *members) object(name string) json.RawMessage {
	v := m.embedded(name)
	if v != nil && ijson.Kind(v) != '{' {
		m.fail(name, "must be an object")
	}
	return v
}

// embedded returns a value, or what the string has that it is.
func (m *members) embedded(name string) []byte {
	v := m.value(name)
	if ijson.Kind(v) == '"' {
		s := m.text(name)
		if s = strings.TrimSpace(s); s == "" || s == "null" {
			return nil
		}
		return []byte(s)
	}
	return v
}

func (m *members) bytes(name string) []byte {
	b, err := base64.StdEncoding.DecodeString(m.text(name))
	if err != nil {
		m.fail(name, "must be base64")
	}
	return b
}

// layouts are those of JSON, of PostgreSQL and of Rails. A time without a zone is in UTC.
var layouts = []string{
	time.RFC3339,
	"2006-01-02T15:04:05Z07",
	"2006-01-02T15:04:05",
	"2006-01-02 15:04:05Z07:00",
	"2006-01-02 15:04:05Z07",
	"2006-01-02 15:04:05 MST",
	"2006-01-02 15:04:05",
}

func (m *members) time(names ...string) time.Time {
	text := m.text(names...)
	if text == "" {
		return time.Time{}
	}
	for _, layout := range layouts {
		if t, err := time.Parse(layout, text); err == nil && (layout != layouts[5] || strings.HasSuffix(text, " UTC")) {
			return t.UTC()
		}
	}
	m.fail(strings.Join(names, " or "), "must be a time such as 2026-01-31T08:00:00Z")
	return time.Time{}
}
