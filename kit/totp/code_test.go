package totp

import (
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
	"hash"
	"os"
	"strings"
	"testing"
	"time"
)

var hashes = map[string]func() hash.Hash{"SHA1": sha1.New, "SHA256": sha256.New, "SHA512": sha512.New}

func unhex(t *testing.T, text string) []byte {
	b, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestVectors are those of RFC 4226, appendix D, and RFC 6238, appendix B, for all three hashes.
func TestVectors(t *testing.T) {
	text, err := os.ReadFile("testdata/otp.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		HOTP struct {
			Secret  string
			Digits  int
			Vectors []struct {
				Counter int64
				Code    string
			}
		}
		TOTP struct {
			Digits  int
			Secrets map[string]string
			Vectors []struct {
				Time            int64
				T               string
				Algorithm, Code string
			}
		}
	}
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	for _, v := range file.HOTP.Vectors {
		if got := code(sha1.New, unhex(t, file.HOTP.Secret), v.Counter, file.HOTP.Digits); got != v.Code {
			t.Errorf("HOTP %d: %s, want %s", v.Counter, got, v.Code)
		}
	}
	for _, v := range file.TOTP.Vectors {
		at := time.Unix(v.Time, 0)
		secret := unhex(t, file.TOTP.Secrets[v.Algorithm])
		step := int64(0)
		for _, b := range unhex(t, v.T) {
			step = step<<8 | int64(b)
		}
		if got := code(hashes[v.Algorithm], secret, stepAt(at), file.TOTP.Digits); got != v.Code || stepAt(at) != step {
			t.Errorf("TOTP %s at %d: %s of step %d, want %s of %d", v.Algorithm, v.Time, got, stepAt(at), v.Code, step)
		}
		// What apps show has the last six digits.
		if got, err := Code(encoding.EncodeToString(secret), at); v.Algorithm == "SHA1" && (err != nil || got != v.Code[2:]) {
			t.Errorf("Code at %d: %s, %v, want %s", v.Time, got, err, v.Code[2:])
		}
	}
	if len(file.HOTP.Vectors) != 10 || len(file.TOTP.Vectors) != 18 {
		t.Errorf("%d and %d vectors", len(file.HOTP.Vectors), len(file.TOTP.Vectors))
	}
	if _, err := Code("not base32!", time.Unix(0, 0)); err == nil {
		t.Error("Code of no secret: no error")
	}
}

var key = []byte("12345678901234567890") // of the RFCs

func codeAt(step int64) string { return code(sha1.New, key, step, digits) }

func TestMatch(t *testing.T) {
	const step = 1_000_000
	for _, second := range []int64{0, 1, 29} { // of the step
		now := time.Unix(step*30+second, 999_999_999)
		for at := int64(step - 3); at <= step+3; at++ {
			got, ok := match(key, now, 0, codeAt(at))
			if want := at >= step-1 && at <= step+1; ok != want || ok && got != at {
				t.Errorf("second %d: the code of step %+d: %v, %d", second, at-step, ok, got)
			}
		}
	}
	now := time.Unix(step*30, 0)
	for last := int64(step - 2); last <= step+2; last++ {
		for at := int64(step - 1); at <= step+1; at++ {
			if _, ok := match(key, now, last, codeAt(at)); ok != (at > last) {
				t.Errorf("after step %+d the code of step %+d: %v", last-step, at-step, ok)
			}
		}
	}
	right := codeAt(step)
	for _, typed := range []string{right[:3] + " " + right[3:], " " + right + "\n", right[:3] + "-" + right[3:], right[:3] + "\u00a0" + right[3:], strings.Join(strings.Split(right, ""), " ")} {
		if _, ok := match(key, now, 0, typed); !ok {
			t.Errorf("%q is not read", typed)
		}
	}
	for _, typed := range []string{"", right[:5], right + "0", "0" + right, "+" + right, right[:5] + "٣", "000000"} {
		if _, ok := match(key, now, 0, typed); ok {
			t.Errorf("%q is taken for %s", typed, right)
		}
	}
}

// TestTwinCodes: a code that two steps in a row have is used up with the first use.
func TestTwinCodes(t *testing.T) {
	const twin = 40_628_458 // found by search: its code is that of the next step too
	if codeAt(twin) != codeAt(twin+1) {
		t.Fatalf("%s and %s", codeAt(twin), codeAt(twin+1))
	}
	step, ok := match(key, time.Unix(twin*30, 0), 0, codeAt(twin))
	if !ok || step != twin+1 {
		t.Errorf("the code counts as that of step %+d, %v", step-twin, ok)
	}
}

func FuzzMatch(f *testing.F) {
	f.Add("755224", int64(0), int64(-1))
	f.Add(" 755-224", int64(59), int64(0))
	f.Fuzz(func(t *testing.T, typed string, seconds, last int64) {
		if seconds < 0 || seconds > 1<<40 {
			t.Skip()
		}
		step, ok := match(key, time.Unix(seconds, 0), last, typed)
		if ok && (step <= last || step < seconds/30-1 || step > seconds/30+1 || codeAt(step) != tidy(typed)) {
			t.Errorf("%q at %d after %d: step %d", typed, seconds, last, step)
		}
	})
}
