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
		offset     int // -1: not looked at
	}{
		{"empty", ``, ijson.ErrSyntax, 0},
		{"space", " \t\r\n", ijson.ErrSyntax, 4},
		{"null", `null`, ijson.ErrSyntax, 0},
		{"array", `[{}]`, ijson.ErrSyntax, 0},
		{"string", `"a"`, ijson.ErrSyntax, 0},
		{"number", `1`, ijson.ErrSyntax, 0},
		{"byte order mark", "\ufeff{}", ijson.ErrSyntax, 0},
		{"form feed as space", "\f{}", ijson.ErrSyntax, 0},
		{"no-break space", "\u00a0{}", ijson.ErrSyntax, 0},
		{"NUL behind", "{}\x00", ijson.ErrSyntax, 2},
		{"data behind", `{} {}`, ijson.ErrSyntax, 3},
		{"brace behind", `{}}`, ijson.ErrSyntax, 2},
		{"open", `{`, ijson.ErrSyntax, 1},
		{"open name", `{"a`, ijson.ErrSyntax, 3},
		{"open member", `{"a":1`, ijson.ErrSyntax, 6},
		{"no value", `{"a":}`, ijson.ErrSyntax, 5},
		{"no value, end", `{"a":`, ijson.ErrSyntax, 5},
		{"no colon", `{"a" 1}`, ijson.ErrSyntax, 5},
		{"no comma", `{"a":1 "b":2}`, ijson.ErrSyntax, 7},
		{"comma at end", `{"a":1,}`, ijson.ErrSyntax, 7},
		{"comma alone", `{,}`, ijson.ErrSyntax, 1},
		{"comma at end of array", `{"a":[1,]}`, ijson.ErrSyntax, 8},
		{"array open", `{"a":[1`, ijson.ErrSyntax, 7},
		{"array closed by brace", `{"a":[1}`, ijson.ErrSyntax, 7},
		{"name without quotes", `{a:1}`, ijson.ErrSyntax, 1},
		{"single quotes", `{'a':1}`, ijson.ErrSyntax, 1},
		{"number as name", `{1:1}`, ijson.ErrSyntax, 1},
		{"comment", `{/**/}`, ijson.ErrSyntax, 1},
		{"word", `{"a":nul}`, ijson.ErrSyntax, 5},
		{"word in capitals", `{"a":True}`, ijson.ErrSyntax, 5},
		{"longer word", `{"a":nulls}`, ijson.ErrSyntax, 9},
		{"leading zero", `{"a":01}`, ijson.ErrSyntax, 6},
		{"plus", `{"a":+1}`, ijson.ErrSyntax, 5},
		{"minus alone", `{"a":-}`, ijson.ErrSyntax, 6},
		{"no fraction", `{"a":1.}`, ijson.ErrSyntax, 7},
		{"no integer", `{"a":.5}`, ijson.ErrSyntax, 5},
		{"no exponent", `{"a":1e}`, ijson.ErrSyntax, 7},
		{"two signs", `{"a":1e+-1}`, ijson.ErrSyntax, 8},
		{"hexadecimal", `{"a":0x1}`, ijson.ErrSyntax, 6},
		{"not a number", `{"a":NaN}`, ijson.ErrSyntax, 5},
		{"control character", "{\"a\":\"\n\"}", ijson.ErrSyntax, 6},
		{"NUL in a name", "{\"a\x00\":1}", ijson.ErrSyntax, 3},
		{"unknown escape", `{"a":"\x41"}`, ijson.ErrSyntax, 6},
		{"escaped quote at end", `{"a":"\"}`, ijson.ErrSyntax, 9},
		{"backslash at end", `{"a":"\`, ijson.ErrSyntax, 6},
		{"short escape", `{"a":"\u00e"}`, ijson.ErrSyntax, 6},
		{"escape without digits", `{"a":"\u00g0"}`, ijson.ErrSyntax, 6},

		{"duplicate", `{"a":1,"a":2}`, ijson.ErrDuplicate, 7},
		{"duplicate, same value", `{"a":1,"b":1,"a":1}`, ijson.ErrDuplicate, 13},
		{"duplicate by escape", `{"a":1,"\u0061":2}`, ijson.ErrDuplicate, 7},
		{"duplicate by surrogates", `{"😀":1,"\ud83d\uDE00":2}`, ijson.ErrDuplicate, 10},
		{"duplicate of two escapes", `{"\/":1,"\u002f":2}`, ijson.ErrDuplicate, 8},
		{"duplicate empty name", `{"":1,"":2}`, ijson.ErrDuplicate, 6},
		{"duplicate in an object", `{"a":{"b":1,"b":2}}`, ijson.ErrDuplicate, 12},
		{"duplicate in an array", `{"a":[[{"b":{},"b":2}]]}`, ijson.ErrDuplicate, 15},
		{"duplicate behind an object", `{"a":{"b":1},"a":2}`, ijson.ErrDuplicate, 13},
		{"duplicate of many", many(40, `"k3":0`), ijson.ErrDuplicate, len(many(40, "")) - 1},
		{"duplicate of the 16th", many(16, `"k15":0`), ijson.ErrDuplicate, len(many(16, "")) - 1},
		{"duplicate of the 17th", many(17, `"k16":0`), ijson.ErrDuplicate, len(many(17, "")) - 1},
		{"duplicate in many in an object", `{"k":` + many(300, `"k299":0`) + `}`, ijson.ErrDuplicate, -1},

		{"bad UTF-8 in a value", "{\"a\":\"\xff\"}", ijson.ErrUTF8, 6},
		{"bad UTF-8 in a name", "{\"é\xc3\":1}", ijson.ErrUTF8, 4},
		{"bad UTF-8 behind", "{}\xe2\x82", ijson.ErrUTF8, 2},
		{"overlong slash", "{\"a\":\"\xc0\xaf\"}", ijson.ErrUTF8, 6},
		{"surrogate in UTF-8", "{\"a\":\"\xed\xa0\x80\"}", ijson.ErrUTF8, 6},
		{"lone high surrogate", `{"a":"\ud800"}`, ijson.ErrUTF8, 6},
		{"lone low surrogate", `{"a":"x\uDC00"}`, ijson.ErrUTF8, 7},
		{"surrogates in the wrong order", `{"a":"\udc00\ud800"}`, ijson.ErrUTF8, 6},
		{"two high surrogates", `{"a":"\ud83d\ud83d"}`, ijson.ErrUTF8, 6},
		{"high surrogate and a letter", `{"a":"\ud83dx"}`, ijson.ErrUTF8, 6},
		{"lone surrogate in a name", `{"\ud800":1}`, ijson.ErrUTF8, 2},
		{"lone surrogate deep", `{"a":[{"b":"\ud800"}]}`, ijson.ErrUTF8, 12},

		{"one array too deep", deep(8), ijson.ErrDepth, 12},
		{"one object too deep", strings.Repeat(`{"a":`, 8) + `{}` + strings.Repeat(`}`, 8), ijson.ErrDepth, 40},
		{"very deep", deep(1 << 20), ijson.ErrDepth, 12},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			called := false
			err := ijson.Object([]byte(tt.text), 8, func(string, []byte) error { called = true; return nil })
			if !errors.Is(err, tt.want) {
				t.Fatalf("error %v, want %v", err, tt.want)
			}
			if called {
				t.Error("member was called although the text is not valid")
			}
			if suffix := fmt.Sprintf(", at byte %d", tt.offset); tt.offset >= 0 && !strings.HasSuffix(err.Error(), suffix) {
				t.Errorf("error %q does not end in %q", err, suffix)
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
			err := ijson.Object([]byte(tt.text), 8, func(key string, value []byte) error {
				got = append(got, key, string(value))
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
	err := ijson.Object([]byte("{"+b.String()+"}"), 1, func(key string, _ []byte) error {
		got = append(got, key)
		return nil
	})
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("the order of the members was lost: %v", err)
	}
}

func TestObjectStopsAtMemberError(t *testing.T) {
	stop := errors.New("stop")
	calls := 0
	err := ijson.Object([]byte(`{"a":1,"b":2,"c":3}`), 1, func(key string, _ []byte) error {
		calls++
		if key == "b" {
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
