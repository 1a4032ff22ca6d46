package kit

import (
	"strings"
	"testing"
)

func TestCheckEmail(t *testing.T) {
	for given, want := range map[string]string{
		"ada@example.com": "", "\u00a0\tada@example.com\u3000\u2003\u0085\r\n": "", "ada": CodeInvalidEmail, strings.Repeat("a", 255): CodeTooLong,
	} {
		switch got, bad := checkEmail("email", given); {
		case want == "" && (got != "ada@example.com" || bad != nil):
			t.Errorf("%q is %q, %v", given, got, bad)
		case want != "" && (got != "" || len(bad) != 1 || bad[0].Code != want || bad[0].Field != "email"):
			t.Errorf("%q is %q, %v; want %s", given, got, bad, want)
		}
	}
}

func TestCheckUsername(t *testing.T) {
	for in, want := range map[string]string{" Ada ": "Ada", "x": "x", strings.Repeat("ß", 64): strings.Repeat("ß", 64), "a b\u00a0": "a b", "😀": "😀"} {
		if got, bad := checkUsername("username", in); got != want || bad != nil {
			t.Errorf("%q: %q, %v", in, got, bad)
		}
	}
	for in, want := range map[string]string{
		"": CodeTooShort, " \t\n": CodeTooShort, strings.Repeat("ß", 65): CodeTooLong,
		"a\nb": CodeInvalidCharacters, "a\x00": CodeInvalidCharacters, "a\u0085b": CodeInvalidCharacters, "\xff": CodeInvalidCharacters,
	} {
		if _, bad := checkUsername("username", in); len(bad) != 1 || bad[0].Code != want {
			t.Errorf("%q: %v, want %s", in, bad, want)
		}
	}
}
