package password

import (
	"strings"
	"testing"
)

var refused = []string{
	// as they are in the lists
	"password", "PASSWORD", "12345678", "1234567890", "qwertyuiop", "iloveyou", "letmein1", "1qaz2wsx", "1QAZ@wsx", "!QAZ2wsx", "trustno1", "princess1",
	"football1", "abc12345", "abcd1234", "test1234", "testing123", "adminadmin", "passwort", "hallo123", "motdepasse", "azerty123", "123456", "qwerty", "zaq1@WSX",
	"1234567890qwertyuiop", "qwertyuiopasdfghjklzxcvbnm",
	// with the usual substitutions
	"P@ssw0rd", "p4$$w0rd", "pa55word", "Pa$$w0rd", "1L0veY0u", "!loveyou", "l3tm3!n1", "dr4gon123", "Passw0rt1",
	// decorated
	"Password1!", "P@ssw0rd1", "P@ssw0rd!", "Passw0rd!", "Passw0rd123!", "Password@123", "Password2026!", "Password123456!", "!Password1", "123Password!", "Passw0rd00", "Password#1",
	"Qwerty123!", "Qwerty1!", "Qwertz123!", "Azerty123!", "Welcome1!", "Welcome@123", "W3lcome!1", "Admin123!", "Admin@123", "@dmin123!", "Administrator1!", "Letmein1!", "L3tm31n!",
	"Iloveyou1!", "Monkey123!", "Dragon#1", "Football1!", "Changeme1!", "Summer2026!", "Winter24!", "Trustno1!", "Baseball.99", "Sunsh1ne!", "$unshine1!", "Asdfgh1!", "Root1234!",
	"Sw0rdf1sh", "1Password!", "Zaq12wsx!", "Q1w2e3r4t5!", "Asdf1234!", "1234Qwer!", "123456Aa!", "Abc123!@", "Abcd@1234", "correcthorsebatterystaple",
	// runs
	"aaaaaaaa", "????????", "abcdefgh", "ABCDEFGHIJ", "hgfedcba", "23456789", "hijklmnopqrstuvw", "abababab", "1!1!1!1!1!", "xyxyxyxyx",
}

var accepted = []string{
	"Str0ng!Passw0rd", "Str0ng!Passw0rd-2026x", "An0ther!Secret9", "Correct-Horse-9", "Correct-Horse-7-Battery", "Better-Horse-8", "correct horse battery staple",
	"correct horse battery", "mauve giraffe sofa", "Tr0ub4dor&3", "Sup3rS3cret!", "Sup3r-Secret-Pa55phrase!", "Secret123!", "Secret123!word", "ValidPass1!", "Abcdef1!", "Aa1!aaaa", "Test1234!", "Test@1234!",
	"Test123!", "Abcd1234!", "Pass1234!", "Pass123!", "Passw0rd!x9", "xPassw0rd!", "StrongPass1!", "NewPass123!", "NewPassword123!", "NewPassword1!", "OldPassword1!", "MyPassword1!",
	"TestPassword1!", "UserPass123!", "Hello123!", "User1234!", "Alice123!", "Engine#1843!", "MyAuth-Test-123!", "S3cure!Pass", "S3cureP@ss!", "SecurePassword123!", "Valid1Password!",
	"Wr0ng!Passw0rd", "Aa1!xyzq", "Xk9#mQ2$vL", "Qwerty-Uiop-77", "dragons and monkeys", "Adm1nistrative!9", "password of mine", "Password-Pa55word-1",
	// decoration that is itself worth something, or beyond 16 characters
	"Dragon!4815162", "!!Password1!!1234", "Password1234567890!",
	// no runs
	"abcdefgj", "acegikmo", "aaaaaaab", "abababac", "", "a", "ab", "abc", strings.Repeat("a", 64), strings.Repeat("a", 17), "👍👍👍👍👍👍👍👍",
}

func TestCommonPasswords(t *testing.T) {
	for _, p := range refused {
		if !isCommon(p) {
			t.Errorf("%q is not refused", p)
		}
		for _, policy := range []Policy{Strict, LengthOnly} {
			if !strings.Contains(check(policy, p), "common_password") {
				t.Errorf("%q is not refused by the policy %+v", p, policy)
			}
		}
	}
	for _, p := range accepted {
		if isCommon(p) {
			t.Errorf("%q is refused", p)
		}
	}
}
