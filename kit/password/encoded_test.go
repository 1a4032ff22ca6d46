package password

import (
	"context"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"
)

// vectors are hashes that other software made.
var vectors = []struct{ from, hash, password string }{
	{"crypt_blowfish", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "U*U"},
	{"crypt_blowfish", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK", "U*U*"},
	{"crypt_blowfish", "$2a$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a", "U*U*U"},
	{"crypt_blowfish", "$2y$05$CCCCCCCCCCCCCCCCCCCCC.7uG0VCzI2bS7j6ymqJi9CdcdxiRTWNy", ""},
	{"htpasswd -B", "$2y$04$gck1dGW.p2t2/SK6muCEgeN7xt2CT2lhZDIeKd/ETRBNQ8cLNwJsO", "U*U"},
	{"passlib 1.7.4", "$2a$04$6.iwnOVEuJdlca1ZFiymguCaltsVD2iXf/VpJDFTpGGfEHlTYkCEC", ""},
	{"passlib 1.7.4", "$2b$04$AhrhGvIplxgGrk6E/eHodeCRnt38dSJ84xLCfiRXmyaOo1FKr2wiK", ""},
	{"passlib 1.7.4", "$2y$04$WOOSi5GhucooRkgo4wYdm.HDV2wXV9x6hsm6ZjuXrPX0C3sWw1yp2", "U*U"},
	{"passlib 1.7.4", "$2b$04$/zABIeZSmVmflWBJiFc6uuqE7JhsH/KrEclgYn7UeIk0CJnX3jeLS", "pässwörd 😀"},
	{"passlib 1.7.4", "$2b$04$.ahf.Je.VXShFRDbput2oecsEgxCnYW/nNid1Js2C/66FWH21fLoC", strings.Repeat("x", 71)},
	{"passlib 1.7.4", "$2b$04$zkGl4IPQeeowzbEqxMuKlenp6jd/0cTECGYe.sIUtVAWThniXu2EG", strings.Repeat("x", 72)},
	{"passlib 1.7.4", "$bcrypt-sha256$v=2,t=2b,r=4$pU3H5qkQlwt/2Te6E9knUu$wT/QkxcYrDPF3MMoHthEKPbDyOQE9yC", ""},
	{"passlib 1.7.4", "$bcrypt-sha256$v=2,t=2b,r=4$0iV0Y1s1H8RPLHlvhKAJs.$m8Id2hauj0tfq.z4l4.ok5IuHxUWEQm", "U*U"},
	{"passlib 1.7.4", "$bcrypt-sha256$v=2,t=2b,r=4$GISWv/w4vyFR59xIRMzUKe$h2HjKYRQIZqCQl8hUcrj9AbYMmdmjLq", "pässwörd 😀"},
	{"passlib 1.7.4", "$bcrypt-sha256$v=2,t=2b,r=4$G7Q89qXILhldUb.xSbHXt.$u8XRo/LEhv5Ko0dwlMK4TK3UF9Nzy1S", strings.Repeat("y", 73)},
	{"passlib 1.7.4", "$bcrypt-sha256$v=2,t=2b,r=4$I/Ke1FrNpfeVY95JvU2cRe$G7tLWA5Ybb6xMxQ3XhZ41oq3nT7XeHG", strings.Repeat("z", 100)},
	{"passlib 1.7.4", "$bcrypt-sha256$v=2,t=2b,r=4$iwqAmWWGPufzHz9Ou0KWBu$j3dVZOZJJOGS2ZJG2AhLnlHq5Gykd1W", strings.Repeat("ü", 128)},
	{"passlib 1.7.4", "$bcrypt-sha256$2b,4$NPz4geueAa3wTP.jPRgJ8u$Na.RIP5npgoqaxMfIrGnOfD65I3JgEi", ""},
	{"passlib 1.7.4", "$bcrypt-sha256$2b,4$4ovu1t.wI/tbM5VsJ/6AMe$xj.8QPoCyTPDna.YoltlJGu5IzeKQ12", "pässwörd 😀"},
	{"passlib 1.7.4", "$bcrypt-sha256$2b,4$cCTqMWH9D98MeVSbcnUh9u$BKVq9PJ9mP8680m8tdwKGbJSNW/LnTu", strings.Repeat("z", 100)},
	{"Django 3.2.25", "bcrypt$$2b$04$r5Xl4C3rkHxDSHV8fwCl1OtDzbTpei/FJeTQ.0lX.qlPILIpUChsC", "U*U"},
	{"Django 3.2.25", "bcrypt$$2b$04$HEarS0wMsE1c3gXRHabyzO6do/2ulFEtM6XcVls63Sz.D.l6AT5n2", "pässwörd 😀"},
	{"Django 3.2.25", "bcrypt_sha256$$2b$04$gYKoJruZCyLx66kxerqmYOjdVQZR2TAJGfwn8qkbXHeL59ecxa4tK", "U*U"},
	{"Django 3.2.25", "bcrypt_sha256$$2b$04$xbtiogEKVIaS52Nm0H93UeMGT5GbHq1kwrCoqj5kBOujfesik/RDa", "pässwörd 😀"},
	{"Django 3.2.25", "bcrypt_sha256$$2b$04$bQu4N6npVCnX8C1yHY84g.Weh.VcaH64J/Cb/.IME6oSucYjKxljC", strings.Repeat("z", 100)},
	// wp_hash_password of WordPress 6.8, computed with PHP 8.2: '$wp' . password_hash(
	// base64_encode(hash_hmac('sha384', trim($password), 'wp-sha384', true)), PASSWORD_BCRYPT).
	{"WordPress 6.8", "$wp$2y$04$Q0i9QzVnLMvnouHCerdUcuD5.TihNhugp2rTzbET5ZrY8eaWsZI3m", "U*U"},
	{"WordPress 6.8", "$wp$2y$04$HOTYIcu61B3wBaFsBdVbi.fiUZIjwJmmwFSCTdwcGGXqso2HLINm.", "pässwörd 😀"},
	{"WordPress 6.8", "$wp$2y$04$DE7VCzkqXoPPfAWNCKo4g.Knf9RKBljrduOfmEJ2SIvdriBaefna.", strings.Repeat("z", 100)},
}

// published are those of passlib's documentation, at cost 12.
var published = []struct{ hash, password string }{
	{"$bcrypt-sha256$v=2,t=2b,r=12$n79VH.0Q2TMWmt3Oqt9uku$Kq4Noyk3094Y2QlB8NdRT8SvGiI4ft2", "password"},
	{"$bcrypt-sha256$2a,12$LrmaIX5x4TRtAwEfwJZa1.$2ehnw6LvuIUTM0iz4iz9hTxv21B6KFO", "password"},
}

func TestVectors(t *testing.T) {
	h := newTestHasher(t, 4)
	for _, v := range vectors {
		if !h.matches(v.hash, v.password).OK {
			t.Errorf("%s: %s does not match its password", v.from, v.hash)
		}
		for _, wrong := range []string{v.password + "x", v.password + "\x00", v.password + "\x00x", " " + v.password} {
			if h.matches(v.hash, wrong).OK {
				t.Errorf("%s: %s matches %.20q", v.from, v.hash, wrong)
			}
		}
	}
	for _, v := range published {
		if !h.matches(v.hash, v.password).OK {
			t.Errorf("%s does not match", v.hash)
		}
	}
}

// TestAgainstBcrypt holds both directions against x/crypto's, for keys around every
// size that means something.
func TestAgainstBcrypt(t *testing.T) {
	h := newTestHasher(t, 4)
	for _, n := range []int{0, 1, 3, 4, 31, 55, 56, 57, 71, 72} {
		p := strings.Repeat("é~\xff\x80", 36)[:n]
		if err := bcrypt.CompareHashAndPassword([]byte(h.hash(p)), []byte(p)); err != nil {
			t.Fatalf("%d bytes: x/crypto refuses our hash: %v", n, err)
		}
		theirs, err := bcrypt.GenerateFromPassword([]byte(p), 4)
		if err != nil {
			t.Fatal(err)
		}
		if m := h.matches(string(theirs), p); !m.OK || m.NeedsRehash {
			t.Fatalf("%d bytes: x/crypto's hash gives %+v", n, m)
		}
	}
}

func TestParse(t *testing.T) {
	const (
		b60 = "$2b$04$AhrhGvIplxgGrk6E/eHodeCRnt38dSJ84xLCfiRXmyaOo1FKr2wiK"
		v2  = "$bcrypt-sha256$v=2,t=2b,r=4$GISWv/w4vyFR59xIRMzUKe$h2HjKYRQIZqCQl8hUcrj9AbYMmdmjLq"
		v1  = "$bcrypt-sha256$2b,4$NPz4geueAa3wTP.jPRgJ8u$Na.RIP5npgoqaxMfIrGnOfD65I3JgEi"
	)
	for _, s := range []string{b60, v2, v1, "bcrypt$" + b60, "bcrypt_sha256$" + b60, "$wp" + b60} {
		if e, ok := parse(s); !ok || e.cost != 4 || e.text() != s {
			t.Errorf("%s is read as %v and written as %s", s, ok, e.text())
		}
	}
	for _, good := range []string{
		"$2a" + b60[3:], "$2y" + b60[3:], "$wp$2y" + b60[3:], "bcrypt$$2a" + b60[3:], "$2b$16" + b60[6:], strings.Replace(v2, "r=4", "r=16", 1), strings.Replace(v1, "2b", "2a", 1),
		// Spare bits of the salt: software of the past set them.
		b60[:28] + "f" + b60[29:],
	} {
		if e, ok := parse(good); !ok || len(e.text()) != len(good) {
			t.Errorf("%s is not read", good)
		}
	}
	for _, bad := range []string{
		"", "$", "$2b$", "$2b$04$", "password", b60[:59], b60 + "x", b60 + "\n", " " + b60, b60[:59] + "\n", b60[:59] + "!", b60[:59] + "\x00", b60[:59] + "=",
		"$2x" + b60[3:], "$wp$2x" + b60[3:], "$wp$wp" + b60, "$wp", "$wp$" + b60, "wp" + b60, "bcrypt" + b60, "bcrypt$$" + b60, "bcrypt$bcrypt$" + b60, "bcrypt_sha256" + b60, "bcrypt_sha512$" + b60, "$2c" + b60[3:], "$2$" + b60[3:], "$1a" + b60[3:], "$3b" + b60[3:], "$2B" + b60[3:], "$\u0161" + b60[3:],
		"$2b$03" + b60[6:], "$2b$17" + b60[6:], "$2b$31" + b60[6:], "$2b$99" + b60[6:], "$2b$00" + b60[6:], "$2b$-4" + b60[6:], "$2b$+4" + b60[6:], "$2b$ 4" + b60[6:], "$2b$4x" + b60[6:], "$2b$4$" + b60[7:], "$2b04$$" + b60[7:],
		b60[:59] + "L", // the spare bits of the digest
		b60[:10] + "\r\n" + b60[12:],
		v2 + "x", v2[:len(v2)-1], v2 + "$", v2[:len(v2)-32], strings.Replace(v2, "v=2", "v=3", 1), strings.Replace(v2, "v=2", "v=1", 1), strings.Replace(v2, "2b", "2a", 1), strings.Replace(v2, "2b", "2y", 1),
		strings.Replace(v2, "r=4", "r=04", 1), strings.Replace(v2, "r=4", "r=31", 1), strings.Replace(v2, "r=4", "r=", 1), strings.Replace(v2, "r=4", "r=+4", 1), strings.Replace(v2, "r=4", "r=4294967300", 1), strings.Replace(v2, "r=4", "r=99999999999999999999", 1),
		strings.Replace(v1, "2b,4", "2b,04", 1), strings.Replace(v1, "2b", "2y", 1), strings.Replace(v1, "2b,4", "2b", 1), strings.Replace(v1, "2b,4", "2b,17", 1), "$bcrypt-sha256$", "$bcrypt-sha256$$$", "$BCRYPT-SHA256" + v2[14:],
		"$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHQ$RdescudvJCsgt3ub", "{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=",
	} {
		if e, ok := parse(bad); ok {
			t.Errorf("%q is read, as %s", bad, e.text())
		}
	}
}

// FuzzVerify: no string panics, none is a hash by accident, one that is read is written
// back with the same meaning, and what matches a bcrypt string does so for x/crypto too.
func FuzzVerify(f *testing.F) {
	for _, v := range vectors {
		f.Add(v.hash, v.password)
	}
	f.Add("$2b$99$", "")
	f.Add("$2b$04$AhrhGvIplxgGrk6E/eHodeCRnt38dSJ84xLCfiRXmyaOo1FKr2wiK", "\x00")
	known := map[string]string{}
	for _, v := range vectors {
		e, _ := parse(v.hash)
		known[e.text()] = v.password
	}
	h, err := NewHasher(&Options{Cost: 4})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, hash, password string) {
		e, readable := parse(hash)
		if readable && e.cost > 5 {
			e.cost = 4 // so that this is quick
			hash = e.text()
		}
		if readable {
			if again, ok := parse(e.text()); !ok || again != e {
				t.Errorf("%q is written as %q", hash, e.text())
			}
		}
		m, err := h.Verify(context.Background(), hash, password)
		if err != nil || m.NeedsRehash && !m.OK {
			t.Errorf("%q: %+v, %v", hash, m, err)
		}
		if !m.OK {
			return
		}
		if right, ok := known[e.text()]; !readable || (ok && right != password) {
			t.Errorf("%q matches %q", hash, password)
		}
		if e.scheme == plain && bcrypt.CompareHashAndPassword([]byte(e.text()), []byte(password)) != nil {
			t.Errorf("%q matches %q, and not to x/crypto", hash, password)
		}
	})
}
