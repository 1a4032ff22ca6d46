package password

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// codes is the order in which Check reports, and all that it may report.
var codes = []string{
	"too_short", "too_long", "missing_uppercase", "missing_lowercase", "missing_digit", "missing_special", "common_password", "invalid_characters",
}

func check(p Policy, password string, words ...string) string {
	broken, err := Check(context.Background(), p, password, words...)
	if err != nil {
		return err.Error()
	}
	var got []string
	for _, v := range broken {
		got = append(got, v.Code)
	}
	return strings.Join(got, " ")
}

func TestPolicy(t *testing.T) {
	for _, c := range []struct{ password, strict, length string }{
		{"Aa1!xyz", "too_short", "too_short"},
		{"Aa1!xyzq", "", ""},
		{"", "too_short missing_uppercase missing_lowercase missing_digit missing_special", "too_short"},
		{"ab", "too_short missing_uppercase missing_digit missing_special", "too_short"},
		{"qwerty", "too_short missing_uppercase missing_digit missing_special common_password", "too_short common_password"},
		{"ÄÖÜäöü1€", "", ""},                  // 8 characters in 16 bytes
		{"Ää1€äöü", "too_short", "too_short"}, // 7 in 14
		{"😀😁😂😃😄😅😆😇", "missing_uppercase missing_lowercase missing_digit", ""},
		{"aa1!xyzq", "missing_uppercase", ""},
		{"AA1!XYZQ", "missing_lowercase", ""},
		{"Aab!xyzq", "missing_digit", ""},
		{"Aa1bxyzq", "missing_special", ""},
		{"Aa1 xyzq", "", ""},
		{"  Aa1xyz", "", ""},
		{"Aa1xyz\u00a0\u3000", "", ""},
		{"Жж٣!жжжж", "", ""},                          // Cyrillic letters and an Arabic digit
		{"Aa1xyze\u0301", "missing_special", ""},      // a combining accent is of its letter
		{"Aa1xyz\u200d\u200d", "missing_special", ""}, // these are invisible
		{"Aa1xyz😀q", "", ""},
		{"Aa1xyz½q", "", ""},
		{"correct horse battery", "missing_uppercase missing_digit", ""},
		{"パスワードは長いです", "missing_uppercase missing_lowercase missing_digit missing_special", ""},
		{"Aa1!x\x00yzq", "invalid_characters", "invalid_characters"},
		{"Aa1!xyzq\n", "invalid_characters", "invalid_characters"},
		{"Aa1!xyzq\x7f", "invalid_characters", "invalid_characters"},
		{"Aa1!xyzq\u0085", "invalid_characters", "invalid_characters"},
		{"Aa1!xyzq\xff", "invalid_characters", "invalid_characters"},
		{"Aa1xyzq\xc3", "missing_special invalid_characters", "invalid_characters"},
		{"Aa1!xyzq\uFFFD", "", ""}, // what stands for bad UTF-8 elsewhere is a character itself
		{"Aa1!" + strings.Repeat("x", 60), "", ""},
		{"Aa1!" + strings.Repeat("x", 124), "", ""},
		{"Aa1!" + strings.Repeat("😀", 124), "", ""},
		{"Aa1!" + strings.Repeat("x", 125), "too_long", "too_long"},
		{strings.Repeat("\x01", 1<<16), "too_long missing_uppercase missing_lowercase missing_digit missing_special invalid_characters", "too_long invalid_characters"},
		{"password", "missing_uppercase missing_digit missing_special common_password", "common_password"},
		{"password\x00", "missing_uppercase missing_digit missing_special invalid_characters", "invalid_characters"},
	} {
		for policy, want := range map[Policy]string{nil: c.strict, Strict: c.strict, LengthOnly: c.length, Rules{MinLength: 7}: c.strict} {
			if got := check(policy, c.password); got != want {
				t.Errorf("%.30q under %+v: got %q, want %q", c.password, policy, got, want)
			}
		}
	}
}

func TestViolationsTellNothingOfThePassword(t *testing.T) {
	for _, p := range []string{"\x00zx", strings.Repeat("\x00zx", 99)} {
		broken, err := Strict.Check(t.Context(), p)
		if err != nil {
			t.Error(err)
		}
		for _, v := range append(broken, always(p, nil)...) {
			if v.Message == "" || strings.Contains(v.Message, "zx") {
				t.Errorf("%s says %q", v.Code, v.Message)
			}
		}
	}
}

func TestMinLength(t *testing.T) {
	for _, c := range []struct {
		min, length int
		want        string
	}{
		{-1, 8, ""}, {-1, 7, "too_short"}, {12, 12, ""}, {12, 11, "too_short"}, {128, 128, ""}, {128, 127, "too_short"}, {1000, 128, ""}, {1000, 127, "too_short"},
	} {
		if got := check(Rules{MinLength: c.min, LengthOnly: true}, strings.Repeat("éz1-", 32)[:c.length+c.length/4+min(c.length%4, 1)]); got != c.want {
			t.Errorf("%d characters where %d are the least: %q", c.length, c.min, got)
		}
	}
	broken, _ := Rules{MinLength: 12}.Check(t.Context(), "short")
	if !strings.Contains(broken[0].Message, "12") {
		t.Errorf("%q", broken[0].Message)
	}
}

// No other policy can allow these, and none is asked about them.
func TestWhatNoPolicyAllows(t *testing.T) {
	asked := 0
	anything := PolicyFunc(func(context.Context, string, ...string) ([]Violation, error) {
		asked++
		return nil, nil
	})
	for password, want := range map[string]string{
		"":                            "too_short",
		strings.Repeat("é", 129):      "too_long",
		"ada@example.com":             "common_password",
		"Lovelace1815":                "common_password",
		"x\x00":                       "invalid_characters",
		"x\xff":                       "invalid_characters",
		strings.Repeat("\xff", 1<<16): "too_long invalid_characters",
	} {
		if got := check(anything, password, "ada@example.com", "Ada Lovelace"); got != want {
			t.Errorf("%.20q: %q, want %q", password, got, want)
		}
	}
	if asked > 0 {
		t.Errorf("the policy was asked %d times", asked)
	}
	for _, password := range []string{"x", "password", strings.Repeat("é", 128), "Lovelace-Engine"} {
		if got := check(anything, password, "Ada Lovelace"); got != "" {
			t.Errorf("%q: %q", password, got)
		}
	}
	if asked != 4 {
		t.Errorf("the policy was asked %d times, want 4", asked)
	}
}

// What another policy says is what Check says.
func TestPolicyOfTheApplication(t *testing.T) {
	down := errors.New("down")
	type key struct{}
	p := PolicyFunc(func(ctx context.Context, password string, words ...string) ([]Violation, error) {
		if ctx.Value(key{}) != "request" || password != "pass" || !slices.Equal(words, []string{"one", "two"}) {
			t.Errorf("asked with %v, %q and %q", ctx, password, words)
		}
		return []Violation{{"leaked", "choose another"}}, down
	})
	broken, err := Check(context.WithValue(t.Context(), key{}, "request"), p, "pass", "one", "two")
	if len(broken) != 1 || broken[0].Code != "leaked" || err != down {
		t.Errorf("%v, %v", broken, err)
	}
}

// FuzzCheck holds the rules of both policies, one by one, against another way to say
// them.
func FuzzCheck(f *testing.F) {
	for _, s := range []string{"", "P@ssw0rd1!", "\xff\x00", "Aa1!xyzq", "ÄÖÜäöü1€", strings.Repeat("a", 129), "Aa1!xyzq\u0085"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, p string) {
		strict, length := check(Strict, p), check(LengthOnly, p)
		var own []string
		for _, v := range always(p, nil) {
			own = append(own, v.Code)
		}
		n := len([]rune(p))
		control := strings.ContainsFunc(p, unicode.IsControl)
		for code, want := range map[string]bool{
			"too_short":          n < 8,
			"too_long":           n > 128,
			"missing_uppercase":  !strings.ContainsFunc(p, unicode.IsUpper),
			"missing_lowercase":  !strings.ContainsFunc(p, unicode.IsLower),
			"missing_digit":      !strings.ContainsFunc(p, unicode.IsDigit),
			"common_password":    isCommon(p),
			"invalid_characters": control || !utf8.ValidString(p),
		} {
			if got := strings.Contains(strict, code); got != want {
				t.Errorf("%q: %s is %v, want %v", p, code, got, want)
			}
			if got := strings.Contains(length, code); got != (want && !strings.HasPrefix(code, "missing_")) {
				t.Errorf("%q: %s is %v by length alone", p, code, got)
			}
			if got := slices.Contains(own, code); got != (want && (p == "" || code != "too_short") && code != "common_password" && !strings.HasPrefix(code, "missing_")) {
				t.Errorf("%q: %s is %v for every policy", p, code, got)
			}
		}
		for _, reported := range []string{strict, length} {
			inOrder := slices.DeleteFunc(slices.Clone(codes), func(code string) bool { return !strings.Contains(reported, code) })
			if strings.Join(inOrder, " ") != reported {
				t.Errorf("%q: %q is not in the order, or holds another code", p, reported)
			}
		}
	})
}
