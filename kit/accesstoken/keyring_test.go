package accesstoken_test

import (
	"bytes"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"

	"myauth.internal/kit/accesstoken"
)

var otherSecret = []byte("another secret of 32 bytes, yes.")

func TestRotation(t *testing.T) {
	old, next := hmacKey("old", secret), hmacKey("new", otherSecret)
	ring := must(accesstoken.NewKeyring(old))
	signer, verifier := newSigner(ring), newVerifier(ring)
	sign := func(kid string) string {
		t.Helper()
		token := must(signer.Sign(claims()))
		if head, _, _ := strings.Cut(token, "."); head != b64(`{"alg":"HS256","typ":"at+jwt","kid":"`+kid+`"}`) {
			t.Errorf("signed with another key than %s", kid)
		}
		return token
	}
	check := func(token string, want error) {
		t.Helper()
		if _, err := verifier.Verify(token); !errors.Is(err, want) {
			t.Errorf("%v, want %v", err, want)
		}
	}
	before := sign("old")
	foreign := must(newSigner(must(accesstoken.NewKeyring(next))).Sign(claims()))
	check(foreign, accesstoken.ErrInvalid) // not yet published

	if err := ring.Replace(old, next); err != nil {
		t.Fatal(err)
	}
	check(foreign, nil)
	check(before, nil)
	sign("old")

	if err := ring.Replace(next, old); err != nil {
		t.Fatal(err)
	}
	after := sign("new")
	check(after, nil)
	check(before, nil)

	if err := ring.Replace(next); err != nil {
		t.Fatal(err)
	}
	check(after, nil)
	check(before, accesstoken.ErrInvalid)
	if err := ring.Replace(next, old); err != nil { // and back
		t.Fatal(err)
	}
	check(before, nil)
}

func TestKeyringRefuses(t *testing.T) {
	signing, other := hmacKey("a", secret), hmacKey("b", otherSecret)
	public := must(accesstoken.NewKey(accesstoken.EdDSA, "pub", edKey().Public()))
	ring := must(accesstoken.NewKeyring(signing, other, public))
	for name, err := range map[string]error{
		"no key":                  ringErr(accesstoken.NewKeyring(nil)),
		"nil key":                 ringErr(accesstoken.NewKeyring(signing, nil)),
		"zero key":                ringErr(accesstoken.NewKeyring(signing, new(accesstoken.Key))),
		"zero signing key":        ringErr(accesstoken.NewKeyring(new(accesstoken.Key))),
		"public key signs":        ringErr(accesstoken.NewKeyring(public)),
		"one id twice":            ringErr(accesstoken.NewKeyring(signing, hmacKey("a", otherSecret))),
		"one id, other algorithm": ringErr(accesstoken.NewKeyring(signing, must(accesstoken.NewKey(accesstoken.EdDSA, "a", edKey().Public())))),
		"one secret twice":        ringErr(accesstoken.NewKeyring(hmacKey("", secret), hmacKey("", secret))),
		"replaced by nothing":     ring.Replace(nil),
		"replaced by one twice":   ring.Replace(signing, signing),
		"replaced by a public":    ring.Replace(public, signing),
		"replaced by a zero key":  ring.Replace(signing, new(accesstoken.Key)),
	} {
		if err == nil || !strings.HasPrefix(err.Error(), "accesstoken: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got := fmt.Sprint(ring); got != `keyring[HS256 key "a" [redacted] HS256 key "b" [redacted] EdDSA key "pub" [redacted]]` {
		t.Errorf("an error changed the keyring: %s", got)
	}
}

func ringErr(_ *accesstoken.Keyring, err error) error { return err }

func TestVerifyOnly(t *testing.T) {
	private := asymmetricKeys()[1]
	ring := must(accesstoken.NewKeyring(nil, must(accesstoken.NewKey(accesstoken.ES256, "", ecKey().Public()))))
	if ring.CanSign() {
		t.Error("a public key signs")
	}
	if _, err := ring.Sign("x", nil); err == nil {
		t.Error("signed without a key")
	}
	if _, err := accesstoken.NewSigner(ring, "i", "a"); err == nil {
		t.Error("a signer without a key")
	}
	token := must(newSigner(must(accesstoken.NewKeyring(private))).Sign(claims()))
	if _, err := newVerifier(ring).Verify(token); err != nil {
		t.Error(err)
	}
	// The private part comes later, under the same id.
	if err := ring.Replace(private); err != nil {
		t.Fatal(err)
	}
	if !ring.CanSign() {
		t.Error("the private key does not sign")
	}
}

func TestJWKS(t *testing.T) {
	if got := string(must(accesstoken.HMAC(secret)).JWKS()); got != `{"keys":[]}` {
		t.Errorf("%s", got)
	}
	all := asymmetricKeys()
	ring := must(accesstoken.NewKeyring(all[0], all[1], hmacKey("h", secret), all[2]))
	var set struct{ Keys []map[string]string }
	if err := json.Unmarshal(ring.JWKS(), &set); err != nil {
		t.Fatal(err)
	}
	point := must(ecKey().PublicKey.Bytes())
	want := []map[string]string{
		{"kty": "RSA", "alg": "RS256", "n": b64(string(rsaKey().N.Bytes())), "e": "AQAB"},
		{"kty": "EC", "alg": "ES256", "crv": "P-256", "x": b64(string(point[1:33])), "y": b64(string(point[33:]))},
		{"kty": "OKP", "alg": "EdDSA", "crv": "Ed25519", "x": b64(string(edKey()[32:]))},
	}
	for i := range want {
		want[i]["use"], want[i]["kid"] = "sig", all[i].ID()
	}
	if fmt.Sprint(set.Keys) != fmt.Sprint(want) {
		t.Errorf("got  %v\nwant %v", set.Keys, want)
	}
	// A caller's change must not reach the keyring.
	clear(ring.JWKS())
	if !json.Valid(ring.JWKS()) {
		t.Error("JWKS returns the keyring's own memory")
	}
	if got := string(new(accesstoken.Keyring).JWKS()); got != `{"keys":[]}` {
		t.Errorf("the zero keyring: %s", got)
	}
}

// A secret is HKDF-SHA-256 of the key. It is found by the id of the key for as long as
// that is in the keyring.
func TestDerive(t *testing.T) {
	ring := must(accesstoken.NewKeyring(hmacKey("a", secret)))
	first, id, err := ring.Derive("seals", "")
	if want := must(hkdf.Key(sha256.New, secret, nil, "secret for seals", 32)); err != nil || id != "a" || !bytes.Equal(first, want) {
		t.Fatalf("%x of %q, %v; want %x", first, id, err, want)
	}
	if other, _, err := ring.Derive("other", ""); err != nil || bytes.Equal(first, other) {
		t.Errorf("another purpose has the same secret: %v", err)
	}
	if err := ring.Replace(hmacKey("b", otherSecret), hmacKey("a", secret)); err != nil {
		t.Fatal(err)
	}
	if again, id, err := ring.Derive("seals", "a"); err != nil || id != "a" || !bytes.Equal(first, again) {
		t.Errorf("by its id: %x of %q, %v", again, id, err)
	}
	if now, id, err := ring.Derive("seals", ""); err != nil || id != "b" || bytes.Equal(first, now) {
		t.Errorf("of the key that signs now: %q, %v", id, err)
	}
	if err := ring.Replace(hmacKey("b", otherSecret)); err != nil {
		t.Fatal(err)
	}
	public := must(accesstoken.NewKey(accesstoken.EdDSA, "", edKey().Public()))
	for name, err := range map[string]error{
		"retired":             deriveErr(ring, "a"),
		"no signing key":      deriveErr(must(accesstoken.NewKeyring(nil, public)), ""),
		"public":              deriveErr(must(accesstoken.NewKeyring(nil, public)), public.ID()),
		"in hardware":         deriveErr(must(accesstoken.NewKeyring(must(accesstoken.NewKey(accesstoken.ES256, "hsm", hardware{ecKey()})))), ""),
		"of the zero keyring": deriveErr(new(accesstoken.Keyring), ""),
	} {
		if err == nil || !strings.HasPrefix(err.Error(), "accesstoken: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func deriveErr(ring *accesstoken.Keyring, id string) error {
	secret, _, err := ring.Derive("x", id)
	if err != nil && secret != nil {
		return fmt.Errorf("a secret beside an error: %w", err)
	}
	return err
}

// Tokens of other types are signed with keys that are derived from each kind of key
// and the same in another process.
func TestTokensOfOtherTypes(t *testing.T) {
	for _, key := range append(asymmetricKeys(), hmacKey("h", secret)) {
		ring := must(accesstoken.NewKeyring(key))
		token := must(ring.Sign("x", []byte("{}")))
		head, rest, _ := strings.Cut(token, ".")
		if head != b64(`{"alg":"HS256","typ":"x","kid":"`+key.ID()+`"}`) {
			t.Errorf("%v: header %s", key, head)
		}
		var material any = secret
		if key.Algorithm() != accesstoken.HS256 {
			material = privateOf(key)
		}
		again := must(accesstoken.NewKey(key.Algorithm(), key.ID(), material))
		if _, err := must(accesstoken.NewKeyring(hmacKey("new", otherSecret), again)).Verify("x", token); err != nil {
			t.Errorf("%v, in another process: %v", key, err)
		}
		_, asAccess := newVerifier(ring).Verify(token)
		for name, verify := range map[string]error{
			"another typ":         verifyErr(ring, "y", token),
			"renamed":             verifyErr(ring, "y", b64(`{"alg":"HS256","typ":"y","kid":"`+key.ID()+`"}`)+"."+rest),
			"the key's algorithm": verifyErr(ring, "x", b64(`{"alg":"EdDSA","typ":"x","kid":"`+key.ID()+`"}`)+"."+rest),
			"the secret itself":   verifyErr(ring, "x", forge(`{"alg":"HS256","typ":"x","kid":"`+key.ID()+`"}`, "{}", secret)),
			"a retired key":       verifyErr(must(accesstoken.NewKeyring(hmacKey("new", otherSecret))), "x", token),
			"another key":         verifyErr(must(accesstoken.NewKeyring(hmacKey(key.ID(), otherSecret))), "x", token),
			"as access token":     asAccess,
		} {
			if !errors.Is(verify, accesstoken.ErrInvalid) {
				t.Errorf("%v, %s: %v", key, name, verify)
			}
		}
		if key.Algorithm() != accesstoken.HS256 {
			public := must(accesstoken.NewKey(key.Algorithm(), "", publicOf(key)))
			if err := verifyErr(must(accesstoken.NewKeyring(nil, public)), "x", token); !errors.Is(err, accesstoken.ErrInvalid) {
				t.Errorf("%v: a public key verifies: %v", key, err)
			}
		}
	}
	// The secret of one typ opens no other, and under no other algorithm.
	ring := must(accesstoken.NewKeyring(hmacKey("h", secret)))
	ofX := must(hkdf.Key(sha256.New, secret, nil, "tokens of type x", 32))
	for _, c := range []struct {
		header, typ string
		want        error
	}{
		{`{"alg":"HS256","typ":"x","kid":"h"}`, "x", nil},
		{`{"alg":"HS512","typ":"x","kid":"h"}`, "x", accesstoken.ErrInvalid},
		{`{"alg":"HS256","typ":"y","kid":"h"}`, "y", accesstoken.ErrInvalid},
	} {
		if err := verifyErr(ring, c.typ, forge(c.header, "{}", ofX)); !errors.Is(err, c.want) {
			t.Errorf("%s as %s: %v", c.header, c.typ, err)
		}
	}
	hsm := must(accesstoken.NewKeyring(must(accesstoken.NewKey(accesstoken.ES256, "hsm", hardware{ecKey()}))))
	if _, err := hsm.Sign("x", nil); err == nil || !strings.Contains(err.Error(), "cannot be read") {
		t.Errorf("hardware: %v", err)
	}
}

func verifyErr(ring *accesstoken.Keyring, typ, token string) error {
	_, err := ring.Verify(typ, token)
	return err
}

// Verify, Sign and JWKS go on while keys come and go: a token of a key that stays is
// accepted at every moment, and one of a retired key never again.
func TestKeyringConcurrentSafe(t *testing.T) {
	stays := hmacKey("stays", secret)
	ring := must(accesstoken.NewKeyring(stays))
	signer, verifier := newSigner(ring), newVerifier(ring)
	kept := must(signer.Sign(claims()))
	mail := must(ring.Sign("x", []byte("{}")))
	gone := forge(`{"alg":"HS256","typ":"at+jwt","kid":"gone"}`, payload, otherSecret)

	var done sync.WaitGroup
	begin, stop := make(chan struct{}), make(chan struct{})
	for range 16 {
		done.Go(func() {
			<-begin
			for {
				select {
				case <-stop:
					return
				default:
				}
				if _, err := verifier.Verify(kept); err != nil {
					t.Errorf("the key that stays: %v", err)
				}
				if _, err := verifier.Verify(gone); err == nil {
					t.Error("a token of a key that was never there")
				}
				token, err := signer.Sign(claims())
				if err != nil {
					t.Error(err)
				}
				// Its key may have been retired since; it must not be anything else.
				if _, err := verifier.Verify(token); err != nil && !errors.Is(err, accesstoken.ErrInvalid) {
					t.Error(err)
				}
				if _, err := ring.Verify("x", mail); err != nil {
					t.Errorf("a token of another type: %v", err)
				}
				if !json.Valid(ring.JWKS()) {
					t.Error("JWKS")
				}
				runtime.Gosched() // WebAssembly has one thread, which nothing takes away
			}
		})
	}
	replace := func(signing *accesstoken.Key, verifying ...*accesstoken.Key) {
		if err := ring.Replace(signing, verifying...); err != nil {
			t.Error(err)
		}
	}
	close(begin)
	for i := range 200 {
		id := fmt.Sprint(i)
		next := hmacKey(id, sum(id))
		token := forge(`{"alg":"HS256","typ":"at+jwt","kid":"`+id+`"}`, payload, sum(id))
		replace(stays, next)
		if _, err := verifier.Verify(token); err != nil {
			t.Errorf("published: %v", err)
		}
		replace(next, stays)
		replace(stays)
		if _, err := verifier.Verify(token); !errors.Is(err, accesstoken.ErrInvalid) {
			t.Errorf("retired: %v", err)
		}
	}
	close(stop)
	done.Wait()
}

func sum(s string) []byte {
	h := sha256.Sum256([]byte(s))
	return h[:]
}
