package password

import (
	"strings"
	"testing"
)

func TestPolicy(t *testing.T) {
	for _, c := range []struct{ password, strict, length string }{
		{"Aa1!aaaa", "", ""},
		{"Aa1!aaa", "too_short", "too_short"},
		{"", "too_short missing_uppercase missing_lowercase missing_digit missing_special", "too_short"},
		{"abc", "too_short missing_uppercase missing_digit missing_special", "too_short"},
		{"ÄÖÜäöü1€", "", ""}, // 8 characters, 15 bytes
		{"Ää1€äöü", "too_short", "too_short"},
		{"aa1!aaaa", "missing_uppercase", ""},
		{"AA1!AAAA", "missing_lowercase", ""},
		{"Aaa!aaaa", "missing_digit", ""},
		{"Aa1aaaaa", "missing_special", ""},
		{"Aa1 aaaa", "missing_special", ""},
		{"Aa1😀aaaa", "", ""},
		{"correct horse battery", "missing_uppercase missing_digit missing_special", ""},
		{"パスワードは長いです", "missing_uppercase missing_lowercase missing_digit missing_special", ""},
		{"Aa1!aaaa\x00", "invalid_characters", "invalid_characters"},
		{"Aa1!aaaa\n", "invalid_characters", "invalid_characters"},
		{"Aa1!aaaa\u0085", "invalid_characters", "invalid_characters"},
		{"Aa1!aaaa\xff", "invalid_characters", "invalid_characters"},
		{strings.Repeat("Aa1!", 16), "", ""},
		{strings.Repeat("Aa1!", 32), "", ""},
		{strings.Repeat("Ää1!", 32), "", ""},
		{strings.Repeat("Aa1!", 32) + "x", "too_long", "too_long"},
		{"password", "missing_uppercase missing_digit missing_special common_password", "common_password"},
	} {
		for policy, want := range map[Policy]string{Strict: c.strict, LengthOnly: c.length} {
			var got []string
			for _, v := range policy.Check(c.password) {
				got = append(got, v.Code)
				if v.Message == "" {
					t.Errorf("%s has no message", v.Code)
				}
			}
			if strings.Join(got, " ") != want {
				t.Errorf("%q under %s: got %v, want %q", c.password, policy, got, want)
			}
		}
	}
}

func TestCommonPasswords(t *testing.T) {
	for _, p := range []string{
		"password", "Password1!", "P@ssw0rd", "P@ssw0rd1", "p4$$w0rd!", "Passw0rd!", "Qwerty123!", "Welcome1!", "Welcome@123", "Admin123!", "Admin@123",
		"Letmein1!", "Iloveyou1!", "12345678", "1234567890", "qwertyuiop", "1qaz2wsx", "1QAZ@wsx", "iloveyou", "aaaaaaaa", "11111111", "abababab",
		"Summer2026!", "Abcd@1234", "Football1!", "correcthorsebatterystaple", "Trustno1!", "PASSWORD", "Monkey123!", "changeme!", "Dragon#1", "Sw0rdf1sh", "!Password1", "1Password!", "Zaq12wsx!", "Q1w2e3r4t5!", "Asdf1234!", "1234Qwer!", "123456Aa!",
	} {
		if !isCommon(p) {
			t.Errorf("%q is not refused", p)
		}
	}
	for _, p := range []string{
		"Str0ng!Passw0rd", "Correct-Horse-9", "Correct-Horse-7-Battery", "Sup3rS3cret!", "Sup3r-Secret-Pa55phrase!", "Secret123!", "ValidPass1!",
		"Abcdef1!", "Aa1!aaaa", "Test1234!", "Passw0rd!x9", "StrongPass1!", "NewPass123!", "An0ther!Secret9", "Engine#1843", "MyAuth-Test-123!",
		"S3cure!Pass", "Str0ng!Passw0rd-2026x", "password of mine", "Qwerty-Uiop-77", "dragons and monkeys", "Adm1nistrative!9", strings.Repeat("Aa1!", 16),
	} {
		if isCommon(p) {
			t.Errorf("%q is refused", p)
		}
	}
}

func FuzzPolicy(f *testing.F) {
	f.Add("P@ssw0rd1!")
	f.Add("\xff\x00")
	f.Add("Aa1!aaaa")
	f.Fuzz(func(t *testing.T, p string) {
		strict, length := Strict.Check(p), LengthOnly.Check(p)
		if len(strict) < len(length) {
			t.Errorf("%q: strict finds %v and length %v", p, strict, length)
		}
		if len(length) == 0 && (len(p) < 8 || len(p) > 512 || strings.IndexByte(p, 0) >= 0) {
			t.Errorf("%q is accepted", p)
		}
	})
}

func BenchmarkPolicyCheck(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if v := Strict.Check("Correct-Horse-9"); v != nil {
			b.Fatal(v)
		}
	}
}
