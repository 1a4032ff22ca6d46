package ijson_test

import (
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"myauth.internal/kit/ijson"
)

func TestKind(t *testing.T) {
	for value, want := range map[string]byte{
		`{}`: '{', `[]`: '[', `""`: '"', `0`: '0', `-1`: '0', `9`: '0', `true`: 't', `false`: 't', `null`: 'n',
		``: 0, ` 1`: 0, `x`: 0, `+1`: 0,
	} {
		if got := ijson.Kind([]byte(value)); got != want {
			t.Errorf("Kind(%q) = %q, want %q", value, got, want)
		}
	}
}

func TestString(t *testing.T) {
	for value, want := range map[string]string{
		`""`: "", `"a"`: "a", `"é€😀"`: "é€😀", `"\"\\\/\b\f\n\r\t"`: "\"\\/\b\f\n\r\t",
		`"\u00e9\u20AC\ud83d\uDE00"`: "é€😀", `"\u0000x"`: "\x00x", `"a\\u0041"`: `a\u0041`, `"\ufffd"`: "\ufffd",
	} {
		if got, err := ijson.String([]byte(value)); err != nil || got != want {
			t.Errorf("String(%s) = %q, %v, want %q", value, got, err, want)
		}
	}
	for _, value := range []string{
		``, `"`, `"a`, `a"`, ` "a"`, `"a" `, `"a""`, `null`, `1`, `true`, `{}`, `["a"]`, `"\ud800"`, `"\x"`, "\"\n\"", "\"\xff\"",
	} {
		if got, err := ijson.String([]byte(value)); !errors.Is(err, ijson.ErrType) || got != "" {
			t.Errorf("String(%q) = %q, %v", value, got, err)
		}
	}
}

func TestInt64(t *testing.T) {
	for value, want := range map[string]int64{
		`0`: 0, `-0`: 0, `7`: 7, `-12`: -12, `1700000000`: 1700000000,
		`9223372036854775807`: math.MaxInt64, `-9223372036854775808`: math.MinInt64,
	} {
		if got, err := ijson.Int64([]byte(value)); err != nil || got != want {
			t.Errorf("Int64(%s) = %d, %v", value, got, err)
		}
	}
	for _, value := range []string{
		``, `-`, `+1`, `01`, `-01`, `00`, `1.0`, `1e3`, `1E300`, `1 `, ` 1`, `"1"`, `null`, `true`, `[1]`, `0x1`, `1_000`,
		`9223372036854775808`, `-9223372036854775809`, `9999999999999999999`, `18446744073709551616`, `10000000000000000000000`,
	} {
		if got, err := ijson.Int64([]byte(value)); !errors.Is(err, ijson.ErrType) || got != 0 {
			t.Errorf("Int64(%q) = %d, %v", value, got, err)
		}
	}
}

func TestStrings(t *testing.T) {
	for value, want := range map[string][]string{
		`[]`: {}, `[ ]`: {}, `["a"]`: {"a"}, `[ "a" , "\u0062" , "" ]`: {"a", "b", ""},
		`["1","2","3","4","5","6"]`: {"1", "2", "3", "4", "5", "6"}, `["a,b","]"]`: {"a,b", "]"},
	} {
		if got, err := ijson.Strings([]byte(value)); err != nil || got == nil || !slices.Equal(got, want) {
			t.Errorf("Strings(%s) = %q, %v, want %q", value, got, err, want)
		}
	}
	for _, value := range []string{
		``, `[`, `]`, `["a"`, `["a",]`, `[,]`, `["a" "b"]`, `["a"]]`, `["a"] `, ` ["a"]`, `[null]`, `["a",1]`, `[["a"]]`,
		`null`, `"a"`, `{"a":"b"}`, `["\ud800"]`, "[\"\xff\"]", `["a`,
	} {
		if got, err := ijson.Strings([]byte(value)); !errors.Is(err, ijson.ErrType) || got != nil {
			t.Errorf("Strings(%q) = %q, %v", value, got, err)
		}
	}
}

func TestArray(t *testing.T) {
	elements := func(value string) (texts []string, err error) {
		err = ijson.Array([]byte(value), func(element []byte) error {
			texts = append(texts, string(element))
			if cap(element) != len(element) {
				t.Errorf("%s: appending to %s writes over what follows", value, element)
			}
			return nil
		})
		return texts, err
	}
	for value, want := range map[string][]string{
		`[]`: nil, `[ ]`: nil, `[1]`: {"1"}, "[ {\"a\":[1]} ,\n\"x\",null,[ ]]": {`{"a":[1]}`, `"x"`, "null", "[ ]"},
	} {
		if got, err := elements(value); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %q, %v", value, got, err)
		}
	}
	for _, value := range []string{
		``, `null`, `{}`, `"x"`, `[`, `[1`, `[1,`, `[1,]`, `[,1]`, `[1 2]`, `[1]]`, `[1] `, ` [1]`, `[x]`, "[\"\xff\"]", `[{"a":1,"a":2}]`,
		strings.Repeat("[", ijson.MaxDepth+2) + strings.Repeat("]", ijson.MaxDepth+2),
	} {
		if got, err := elements(value); !errors.Is(err, ijson.ErrType) {
			t.Errorf("%.20s: %q, %v", value, got, err)
		}
	}
	stop := errors.New("stop")
	if err := ijson.Array([]byte(`[1,2,`), func([]byte) error { return stop }); err != stop {
		t.Errorf("%v, want the error of read itself", err)
	}
}

// encoding/json reads what AppendString writes.
func TestAppendString(t *testing.T) {
	for s, want := range map[string]string{
		"": `""`, "a": `"a"`, "é€😀\u2028": "\"é€😀\u2028\"", "</&": `"\u003c/\u0026"`, "\xff": "\"\ufffd\"", "a\"b\\c/": `"a\"b\\c/"`, "\x00\n\x1f\x7f": "\"\\u0000\\u000a\\u001f\x7f\"",
	} {
		got := ijson.AppendString([]byte("x"), s)[1:]
		var back string
		if err := json.Unmarshal(got, &back); err != nil || string(got) != want || back != strings.ToValidUTF8(s, "\ufffd") {
			t.Errorf("AppendString(%q) = %s, read as %q, %v", s, got, back, err)
		}
	}
}
