package password

import (
	"strings"
	"testing"
)

func TestCheckHash(t *testing.T) {
	for _, v := range vectors {
		if err := CheckHash(v.hash); err != nil {
			t.Errorf("%s: %v", v.hash, err)
		}
	}
	const rest = "04$AhrhGvIplxgGrk6E/eHodeCRnt38dSJ84xLCfiRXmyaOo1FKr2wiK"
	for hash, says := range map[string]string{
		"":                    "empty",
		"$2x$" + rest:         "$2x$",
		"$2$" + rest:          "$2$",
		"$2b$03" + rest[2:]:   "out of 4 to 16",
		"$2b$17" + rest[2:]:   "out of 4 to 16",
		"$2b$" + rest[:50]:    "not whole",
		"$2b$" + rest + "\n":  "not whole",
		"$wp$2y$" + rest[:50]: "not whole",
		"bcrypt$" + rest:      "not whole",
		"$bcrypt-sha256$v=2,t=2b,r=17$GISWv/w4vyFR59xIRMzUKe$h2HjKYRQIZqCQl8hUcrj9AbYMmdmjLq": "out of 4 to 16",
		"$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHQ$RdescudvJCsgt3ub":                         "Argon2",
		"pbkdf2_sha256$260000$c29tZXNhbHQ$RdescudvJCsgt3ub":                                   "PBKDF2",
		"$P$BWhatEverTheHashIsOfWordPress":                                                    "WordPress before 6.8",
		"{SSHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=":                                                  "LDAP",
		"!EryWhatIsNoPassword":                                                                "without a password",
		"5f4dcc3b5aa765d61d8327deb882cf99":                                                    "unknown kind",
		"correct horse battery":                                                               "unknown kind",
	} {
		err := CheckHash(hash)
		if err == nil || !strings.HasPrefix(err.Error(), "password: ") || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v, want it to say %q", hash, err, says)
		}
		if len(hash) > 20 && err != nil && strings.Contains(err.Error(), hash[len(hash)-12:]) {
			t.Errorf("the error holds a part of the hash: %v", err)
		}
	}
}
