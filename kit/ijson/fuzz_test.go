package ijson_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"unicode/utf8"

	"myauth.internal/kit/ijson"
)

// FuzzObject compares Object with package encoding/json: whatever it accepts,
// encoding/json accepts and reads alike, and what encoding/json accepts and it
// refuses has one of the four sins.
func FuzzObject(f *testing.F) {
	for _, seed := range []string{
		`{}`, ` {"a":1} `, `{"a":{"b":[1,"x",null,true,false,-1.5e+10]},"c":""}`, `{"a":1,"a":2}`, `{"a":"\ud83d\ude00"}`,
		`{"a":"\ud800"}`, `{"a":1,"\u0061":1}`, "{\"a\":\"\xff\"}", `{"a":[[[[[[[[[]]]]]]]]]}`, `{"a":01}`, `{"a":1}x`, `[{}]`, `null`,
		`{"a":1,"b":1,"c":1,"d":1,"e":1,"f":1,"g":1,"h":1,"i":1,"j":1,"k":1,"l":1,"m":1,"n":1,"o":1,"p":1,"q":1,"a":1}`,
		`{"email":"a@b.c","password":"\"\\\/\b\f\n\r\t"}`, "\ufeff{}", `{"é":"\u00e9"}`, `{"a":"\uFFFD"}`,
	} {
		f.Add([]byte(seed))
	}
	const depth = 8
	f.Fuzz(func(t *testing.T, data []byte) {
		want := map[string]json.RawMessage{}
		valid := json.Unmarshal(data, &want) == nil && bytes.HasPrefix(bytes.TrimLeft(data, " \t\r\n"), []byte("{"))
		err := ijson.Object(data, depth, func(key, value []byte) error {
			if !bytes.Equal(want[string(key)], value) {
				t.Errorf("%q is %q, and for encoding/json %q", key, value, want[string(key)])
			}
			checkValue(t, value)
			delete(want, string(key))
			return nil
		})
		switch {
		case err == nil:
			if !json.Valid(data) || !valid {
				t.Errorf("accepted, but not by encoding/json: %q", data)
			}
			if len(want) > 0 {
				t.Errorf("members left out: %q", want)
			}
			if sin := sinOf(data, depth); sin != nil {
				t.Errorf("accepted in spite of %v: %q", sin, data)
			}
		case errors.Is(err, ijson.ErrSyntax):
			if valid && utf8.Valid(data) {
				t.Errorf("%v, but encoding/json accepts %q", err, data)
			}
		case valid:
			if sinOf(data, depth) == nil {
				t.Errorf("%v, but there is no such fault in %q", err, data)
			}
		}
	})
}

// checkValue compares the readers of values with encoding/json.
func checkValue(t *testing.T, value []byte) {
	var want string
	isString := ijson.Kind(value) == '"'
	got, err := ijson.String(value)
	if isString != (err == nil) || isString && (json.Unmarshal(value, &want) != nil || got != want) {
		t.Errorf("String(%q) = %q, %v", value, got, err)
	}
	if n, err := ijson.Int64(value); err == nil {
		var want int64
		if json.Unmarshal(value, &want) != nil || n != want {
			t.Errorf("Int64(%q) = %d", value, n)
		}
	}
	if list, err := ijson.Strings(value); err == nil {
		var want []string
		if json.Unmarshal(value, &want) != nil || len(list) != len(want) {
			t.Errorf("Strings(%q) = %q", value, list)
		}
	}
	if got, err := ijson.String(ijson.AppendString(nil, want)); err != nil || got != want {
		t.Errorf("AppendString(%q) is read as %q, %v", want, got, err)
	}
}

// sinOf finds, the slow way, what encoding/json lets pass in data, which it has
// accepted as an object.
func sinOf(data []byte, depth int) error {
	if !utf8.Valid(data) {
		return ijson.ErrUTF8
	}
	literal := strings.Contains(strings.ToLower(string(data)), `\ufffd`) || bytes.ContainsRune(data, utf8.RuneError)
	type level struct {
		names map[string]bool // nil in an array
		value bool            // the next token is a value, not a name
	}
	var stack []level
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	for {
		token, err := dec.Token()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		text, isText := token.(string)
		if isText && !literal && strings.ContainsRune(text, utf8.RuneError) {
			return ijson.ErrUTF8
		}
		if n := len(stack); n > 0 && stack[n-1].names != nil && token != json.Delim('}') {
			if top := &stack[n-1]; !top.value && isText {
				// Names that hold U+FFFD may differ in the text.
				if top.names[text] {
					return ijson.ErrDuplicate
				}
				top.names[text] = true
				top.value = true
				continue
			}
			stack[n-1].value = false
		}
		switch token {
		case json.Delim('{'):
			stack = append(stack, level{names: map[string]bool{}})
		case json.Delim('['):
			stack = append(stack, level{})
		case json.Delim('}'), json.Delim(']'):
			stack = stack[:len(stack)-1]
		}
		if len(stack) > depth {
			return ijson.ErrDepth
		}
	}
}
