package password

import (
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

func check(p Policy, password string, context ...string) string {
	var got []string
	for _, v := range p.Check(password, context...) {
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
		for policy, want := range map[Policy]string{Strict: c.strict, LengthOnly: c.length, Policy(9): c.strict} {
			if got := check(policy, c.password); got != want {
				t.Errorf("%.30q under %s: got %q, want %q", c.password, policy, got, want)
			}
		}
	}
}

func TestViolationsTellNothingOfThePassword(t *testing.T) {
	for _, p := range []string{"\x00zx", strings.Repeat("\x00zx", 99)} {
		for _, v := range Strict.Check(p) {
			if v.Message == "" || strings.Contains(v.Message, "zx") {
				t.Errorf("%s says %q", v.Code, v.Message)
			}
		}
	}
}

func TestPolicyString(t *testing.T) {
	var zero Policy
	if zero.String() != "strict" || Strict.String() != "strict" || LengthOnly.String() != "length" {
		t.Errorf("%v %v %v", zero, Strict, LengthOnly)
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
		}
		for _, reported := range []string{strict, length} {
			inOrder := slices.DeleteFunc(slices.Clone(codes), func(code string) bool { return !strings.Contains(reported, code) })
			if strings.Join(inOrder, " ") != reported {
				t.Errorf("%q: %q is not in the order, or holds another code", p, reported)
			}
		}
	})
}

// BenchmarkPolicyCheck is one accepted password: all rules, and no violation.
func BenchmarkPolicyCheck(b *testing.B) {
	for name, p := range map[string]string{"short": "Correct-Horse-9", "long": "Aa1!" + strings.Repeat("ü", 124)} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if v := Strict.Check(p); v != nil {
					b.Fatal(v)
				}
			}
		})
	}
}
