package ijson_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"myauth.internal/kit/ijson"
)

func TestObjectRefuses(t *testing.T) {
	deep := func(n int) string { return `{"a":` + strings.Repeat("[", n) + strings.Repeat("]", n) + `}` }
	many := func(n int, more string) string {
		var b strings.Builder
		b.WriteByte('{')
		for i := range n {
			fmt.Fprintf(&b, `"k%d":%d,`, i, i)
		}
		return b.String() + more + "}"
	}
	tests := []struct {
		name, text string
		want       error
	}{
		{"empty", ``, ijson.ErrSyntax},
		{"space", " \t\r\n", ijson.ErrSyntax},
		{"null", `null`, ijson.ErrSyntax},
		{"array", `[{}]`, ijson.ErrSyntax},
		{"string", `"a"`, ijson.ErrSyntax},
		{"number", `1`, ijson.ErrSyntax},
		{"byte order mark", "\ufeff{}", ijson.ErrSyntax},
		{"form feed as space", "\f{}", ijson.ErrSyntax},
		{"no-break space", "\u00a0{}", ijson.ErrSyntax},
		{"NUL behind", "{}\x00", ijson.ErrSyntax},
		{"data behind", `{} {}`, ijson.ErrSyntax},
		{"brace behind", `{}}`, ijson.ErrSyntax},
		{"open", `{`, ijson.ErrSyntax},
		{"open name", `{"a`, ijson.ErrSyntax},
		{"open member", `{"a":1`, ijson.ErrSyntax},
		{"no value", `{"a":}`, ijson.ErrSyntax},
		{"no value, end", `{"a":`, ijson.ErrSyntax},
		{"no colon", `{"a" 1}`, ijson.ErrSyntax},
		{"no comma", `{"a":1 "b":2}`, ijson.ErrSyntax},
		{"comma at end", `{"a":1,}`, ijson.ErrSyntax},
		{"comma alone", `{,}`, ijson.ErrSyntax},
		{"comma at end of array", `{"a":[1,]}`, ijson.ErrSyntax},
		{"array open", `{"a":[1`, ijson.ErrSyntax},
		{"array closed by brace", `{"a":[1}`, ijson.ErrSyntax},
		{"name without quotes", `{a:1}`, ijson.ErrSyntax},
		{"single quotes", `{'a':1}`, ijson.ErrSyntax},
		{"number as name", `{1:1}`, ijson.ErrSyntax},
		{"comment", `{/**/}`, ijson.ErrSyntax},
		{"word", `{"a":nul}`, ijson.ErrSyntax},
		{"word in capitals", `{"a":True}`, ijson.ErrSyntax},
		{"longer word", `{"a":nulls}`, ijson.ErrSyntax},
		{"leading zero", `{"a":01}`, ijson.ErrSyntax},
		{"plus", `{"a":+1}`, ijson.ErrSyntax},
		{"minus alone", `{"a":-}`, ijson.ErrSyntax},
		{"no fraction", `{"a":1.}`, ijson.ErrSyntax},
		{"no integer", `{"a":.5}`, ijson.ErrSyntax},
		{"no exponent", `{"a":1e}`, ijson.ErrSyntax},
		{"two signs", `{"a":1e+-1}`, ijson.ErrSyntax},
		{"hexadecimal", `{"a":0x1}`, ijson.ErrSyntax},
		{"not a number", `{"a":NaN}`, ijson.ErrSyntax},
		{"control character", "{\"a\":\"\n\"}", ijson.ErrSyntax},
		{"NUL in a name", "{\"a\x00\":1}", ijson.ErrSyntax},
		{"unknown escape", `{"a":"\x41"}`, ijson.ErrSyntax},
		{"escaped quote at end", `{"a":"\"}`, ijson.ErrSyntax},
		{"backslash at end", `{"a":"\`, ijson.ErrSyntax},
		{"short escape", `{"a":"\u00e"}`, ijson.ErrSyntax},
		{"escape without digits", `{"a":"\u00g0"}`, ijson.ErrSyntax},

		{"duplicate", `{"a":1,"a":2}`, ijson.ErrDuplicate},
		{"duplicate, same value", `{"a":1,"b":1,"a":1}`, ijson.ErrDuplicate},
		{"duplicate by escape", `{"a":1,"\u0061":2}`, ijson.ErrDuplicate},
		{"duplicate by surrogates", `{"😀":1,"\ud83d\uDE00":2}`, ijson.ErrDuplicate},
		{"duplicate of two escapes", `{"\/":1,"\u002f":2}`, ijson.ErrDuplicate},
		{"duplicate empty name", `{"":1,"":2}`, ijson.ErrDuplicate},
		{"duplicate in an object", `{"a":{"b":1,"b":2}}`, ijson.ErrDuplicate},
		{"duplicate in an array", `{"a":[[{"b":{},"b":2}]]}`, ijson.ErrDuplicate},
		{"duplicate behind an object", `{"a":{"b":1},"a":2}`, ijson.ErrDuplicate},
		{"duplicate of many", many(40, `"k3":0`), ijson.ErrDuplicate},
		{"duplicate of the 16th", many(16, `"k15":0`), ijson.ErrDuplicate},
		{"duplicate of the 17th", many(17, `"k16":0`), ijson.ErrDuplicate},
		{"duplicate in many in an object", `{"k":` + many(300, `"k299":0`) + `}`, ijson.ErrDuplicate},

		{"bad UTF-8 in a value", "{\"a\":\"\xff\"}", ijson.ErrUTF8},
		{"bad UTF-8 in a name", "{\"é\xc3\":1}", ijson.ErrUTF8},
		{"bad UTF-8 behind", "{}\xe2\x82", ijson.ErrUTF8},
		{"overlong slash", "{\"a\":\"\xc0\xaf\"}", ijson.ErrUTF8},
		{"surrogate in UTF-8", "{\"a\":\"\xed\xa0\x80\"}", ijson.ErrUTF8},
		{"lone high surrogate", `{"a":"\ud800"}`, ijson.ErrUTF8},
		{"lone low surrogate", `{"a":"x\uDC00"}`, ijson.ErrUTF8},
		{"surrogates in the wrong order", `{"a":"\udc00\ud800"}`, ijson.ErrUTF8},
		{"two high surrogates", `{"a":"\ud83d\ud83d"}`, ijson.ErrUTF8},
		{"high surrogate and a letter", `{"a":"\ud83dx"}`, ijson.ErrUTF8},
		{"lone surrogate in a name", `{"\ud800":1}`, ijson.ErrUTF8},
		{"lone surrogate deep", `{"a":[{"b":"\ud800"}]}`, ijson.ErrUTF8},

		{"one array too deep", deep(8), ijson.ErrDepth},
		{"one object too deep", strings.Repeat(`{"a":`, 8) + `{}` + strings.Repeat(`}`, 8), ijson.ErrDepth},
		{"very deep", deep(1 << 20), ijson.ErrDepth},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			called := false
			err := ijson.Object([]byte(tt.text), 8, func(_, _ []byte) error { called = true; return nil })
			if !errors.Is(err, tt.want) {
				t.Fatalf("error %v, want %v", err, tt.want)
			}
			if called {
				t.Error("member was called although the text is not valid")
			}
			if nilErr := ijson.Object([]byte(tt.text), 8, nil); !errors.Is(nilErr, tt.want) {
				t.Errorf("with a nil member: %v", nilErr)
			}
		})
	}
}

func TestObjectMembers(t *testing.T) {
	tests := []struct {
		name, text string
		want       []string // name, value, name, value
	}{
		{"empty", ` { } `, nil},
		{"order", `{"b":1,"a":2}`, []string{"b", "1", "a", "2"}},
		{"space", " \n{ \"a\"\t:\r\n [ 1 , 2 ] , \"b\" : null } \t", []string{"a", "[ 1 , 2 ]", "b", "null"}},
		{"escapes in names", `{"\u0061\n\ud83d\ude00\"":"\u0062"}`, []string{"a\n😀\"", `"\u0062"`}},
		{"case", `{"email":1,"Email":2,"EMAIL":3}`, []string{"email", "1", "Email", "2", "EMAIL", "3"}},
		{"one name at many depths", `{"a":{"a":[{"a":1},{"a":1}]},"b":{"a":2}}`,
			[]string{"a", `{"a":[{"a":1},{"a":1}]}`, "b", `{"a":2}`}},
		{"numbers", `{"a":-0,"b":1E400,"c":-1.5e-3,"d":123456789012345678901234567890,"e":0.0}`,
			[]string{"a", "-0", "b", "1E400", "c", "-1.5e-3", "d", "123456789012345678901234567890", "e", "0.0"}},
		{"words", `{"a":true,"b":false,"c":null}`, []string{"a", "true", "b", "false", "c", "null"}},
		{"all escapes", `{"a":"\"\\\/\b\f\n\r\t\u0000"}`, []string{"a", `"\"\\\/\b\f\n\r\t\u0000"`}},
		{"noncharacter", "{\"a\":\"\uffff\"}", []string{"a", "\"\uffff\""}},
		{"empty name", `{"":0}`, []string{"", "0"}},
		{"as deep as allowed", `{"a":[[[[[[[]]]]]]]}`, []string{"a", "[[[[[[[]]]]]]]"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			err := ijson.Object([]byte(tt.text), 8, func(key, value []byte) error {
				got = append(got, string(key), string(value))
				if cap(value) != len(value) {
					t.Errorf("the value of %q can be appended to in place", key)
				}
				return nil
			})
			if err != nil || !slices.Equal(got, tt.want) {
				t.Errorf("got %q, %v; want %q", got, err, tt.want)
			}
		})
	}
}

func TestObjectKeepsOrderOfMany(t *testing.T) {
	var b strings.Builder
	var want []string
	for i, n := range rand.Perm(500) {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `"%d":0`, n)
		want = append(want, fmt.Sprint(n))
	}
	var got []string
	err := ijson.Object([]byte("{"+b.String()+"}"), 1, func(key, _ []byte) error {
		got = append(got, string(key))
		return nil
	})
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("the order of the members was lost: %v", err)
	}
}

func TestObjectStopsAtMemberError(t *testing.T) {
	stop := errors.New("stop")
	calls := 0
	err := ijson.Object([]byte(`{"a":1,"b":2,"c":3}`), 1, func(key, _ []byte) error {
		calls++
		if string(key) == "b" {
			return stop
		}
		return nil
	})
	if err != stop || calls != 2 {
		t.Errorf("%d calls and %v, want 2 and the error of member itself", calls, err)
	}
}

func TestObjectDepthBounds(t *testing.T) {
	for _, depth := range []int{0, -1} {
		if err := ijson.Object([]byte(`{}`), depth, nil); !errors.Is(err, ijson.ErrDepth) {
			t.Errorf("depth %d: %v", depth, err)
		}
	}
	nest := func(n int) []byte {
		return []byte(strings.Repeat(`{"a":`, n-1) + `{}` + strings.Repeat(`}`, n-1))
	}
	if err := ijson.Object(nest(ijson.MaxDepth), 1<<30, nil); err != nil {
		t.Error(err)
	}
	if err := ijson.Object(nest(ijson.MaxDepth+1), 1<<30, nil); !errors.Is(err, ijson.ErrDepth) {
		t.Errorf("deeper than MaxDepth: %v", err)
	}
}

// Text that is all names must not cost quadratic time: the shortest names, names
// that differ in their last bytes only, and escaped ones. Comparing each name of
// these with every other takes minutes.
func TestObjectManyKeys(t *testing.T) {
	long := strings.Repeat("x", 200)
	for name, format := range map[string]string{"short": `"%x":0,`, "long": `"` + long + `%x":0,`, "escaped": `"\u0041%x":0,`} {
		t.Run(name, func(t *testing.T) {
			text := []byte("{")
			for i := 0; len(text) < 4<<20; i++ {
				text = fmt.Appendf(text, format, i)
			}
			text = append(text, `"last":0}`...)
			start := time.Now()
			if err := ijson.Object(text, 2, nil); err != nil {
				t.Fatal(err)
			}
			if took := time.Since(start); took > 20*time.Second {
				t.Errorf("%v for %d bytes", took, len(text))
			}
		})
	}
}

func TestErrorsHoldNoInput(t *testing.T) {
	for _, text := range []string{`{"s3cret":s3cret}`, `{"s3cret":1,"s3cret":2}`, `{"s3cret":[[1]]}`, "{\"s3cret\xff\":1}"} {
		err := ijson.Object([]byte(text), 2, nil)
		if err == nil || strings.Contains(fmt.Sprintf("%v %+v %#v %q", err, err, err, err), "s3cret") {
			t.Errorf("%q: %#v", text, err)
		}
	}
}
