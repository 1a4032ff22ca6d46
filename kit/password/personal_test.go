package password

import (
	"strings"
	"testing"
)

func TestPersonalWords(t *testing.T) {
	ada := []string{"Ada.Lovelace@Example.com", "Ada King", "myauth", "https://auth.difference-engine.example/base"}
	for _, c := range []struct {
		password string
		personal []string
		refused  bool
	}{
		// As they are.
		{"ada.lovelace@example.com", ada, true},
		{"ADA.LOVELACE@EXAMPLE.COM", ada, true},
		{"Ada.Lovelace", ada, true},
		{"lovelace", ada, true},
		{"example.com", ada, true},
		{"Ada King", ada, true},
		{"difference-engine", ada, true},
		// With what people do to a word.
		{"L0v3l@c3", ada, true},
		{"Lovelace1815!", ada, true},
		{"!Difference2026!!", ada, true}, // longer than a common word with decoration may be
		{"AdaLovelace1!", ada, true},
		{"LovelaceAda", ada, true},
		{"MyAuth2026!", ada, true},
		{"MyLovelace1", ada, true}, // three characters beside the word
		{"Example-Ada-1", ada, true},
		{"Engine-12345", ada, true},
		{"Ada12345!", ada, true},
		// Enough beside it, or none of it.
		{"MyLovelace12", ada, false},
		{"Lovelace-18151126", ada, false}, // more digits than a date of birth
		{"Lovelace-Sonata", ada, false},
		{"Str0ng!Passw0rd", ada, false},
		{"MyAuth-Test-123!", ada, false},
		{"Correct-Horse-9", nil, false},
		{"Correct-Horse-9", []string{"", " ", "@", "a@b.c", "C.O-R_R"}, false},
		{"Li-12345678", []string{"Li", "li@xy.de"}, false}, // two characters are no word
		{"a@b.example", []string{"a@b.example"}, true},
		{"Abc-1234!", []string{"abc@x.example"}, true},
		// Beyond ASCII.
		{"JÖRG-1984!", []string{"jörg@müller.example"}, true},
		{"Müller-1984!", []string{"JÖRG@MÜLLER.example"}, true},
		{"jörg-müller-ärger", []string{"jörg@müller.example"}, false},
		{"山田太郎2026!", []string{"山田太郎"}, true},
		{"山田太郎2026!", []string{"山田花子"}, false},
		{"👍👍👍", []string{"ada"}, false},
		// Bounds.
		{strings.Repeat("ada", 42), ada, true},
		{strings.Repeat("ada", 200), ada, false}, // too_long anyway
		{"Lovelace1815!", []string{strings.Repeat("lovelace ", 60)}, false},
		{"ada.lovelace\xff", ada, false}, // invalid_characters anyway
	} {
		if got := isPersonal(c.password, c.personal); got != c.refused {
			t.Errorf("%q for %q: %v", c.password, c.personal, got)
		}
	}
}

func TestPolicyWithPersonalWords(t *testing.T) {
	const ada = "ada.lovelace@example.com"
	for _, c := range []struct{ password, strict, length string }{
		{"Ada.Lovelace1@Example.com", "common_password", "common_password"},
		{"lovelace", "missing_uppercase missing_digit missing_special common_password", "common_password"},
		{"Password1!", "common_password", "common_password"}, // said once, also when both are true
		{"Engine#1843!", "", ""},
	} {
		for policy, want := range map[Policy]string{Strict: c.strict, LengthOnly: c.length} {
			if got := check(policy, c.password, ada, "password"); got != want {
				t.Errorf("%q under %s: got %q, want %q", c.password, policy, got, want)
			}
		}
	}
}

// FuzzPersonal: nothing panics, and a whole personal word is refused, alone
// and with a digit behind it.
func FuzzPersonal(f *testing.F) {
	f.Add("Ada12345!", "ada@example.com", "Ada")
	f.Add("\xffİ", "\xff", "İİİ")
	f.Fuzz(func(t *testing.T, password, a, b string) {
		got := isPersonal(password, []string{a, b})
		if password == a && len(a) <= 128 && len(strings.ToValidUTF8(a, "")) == len(a) && len([]rune(strings.ToLower(a))) >= minWord {
			if !got || !isPersonal(password+"7", []string{a, b}) {
				t.Errorf("%q is accepted of %q", a, a)
			}
		}
	})
}
