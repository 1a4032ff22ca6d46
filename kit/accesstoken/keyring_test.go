package accesstoken_test

import (
	"crypto"
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

	if err := ring.Publish(next); err != nil {
		t.Fatal(err)
	}
	check(foreign, nil)
	check(before, nil)
	sign("old")

	if err := ring.Promote("new"); err != nil {
		t.Fatal(err)
	}
	after := sign("new")
	check(after, nil)
	check(before, nil)

	if err := ring.Retire("new"); err == nil || !strings.Contains(err.Error(), "promote") {
		t.Errorf("retired the signing key: %v", err)
	}
	if err := ring.Retire("old"); err != nil {
		t.Fatal(err)
	}
	check(after, nil)
	check(before, accesstoken.ErrInvalid)
	if err := ring.Publish(old); err != nil { // and back
		t.Fatal(err)
	}
	check(before, nil)
}

func TestKeyringRefuses(t *testing.T) {
	signing, other := hmacKey("a", secret), hmacKey("b", otherSecret)
	public := must(accesstoken.PublicKey(accesstoken.EdDSA, "pub", edKey().Public()))
	ring := must(accesstoken.NewKeyring(signing, other, public))
	lone := must(accesstoken.HMAC(secret))
	for name, err := range map[string]error{
		"no key":                   ringErr(accesstoken.NewKeyring(nil)),
		"nil key":                  ringErr(accesstoken.NewKeyring(signing, nil)),
		"zero key":                 ringErr(accesstoken.NewKeyring(signing, new(accesstoken.Key))),
		"zero signing key":         ringErr(accesstoken.NewKeyring(new(accesstoken.Key))),
		"public key signs":         ringErr(accesstoken.NewKeyring(public)),
		"one id twice":             ringErr(accesstoken.NewKeyring(signing, hmacKey("a", otherSecret))),
		"one id, other algorithm":  ringErr(accesstoken.NewKeyring(signing, must(accesstoken.PublicKey(accesstoken.EdDSA, "a", edKey().Public())))),
		"one secret twice":         lone.Publish(hmacKey("", secret)),
		"publish twice":            ring.Publish(other),
		"publish nil":              ring.Publish(nil),
		"promote unknown":          ring.Promote("x"),
		"promote empty":            ring.Promote(""),
		"promote public":           ring.Promote("pub"),
		"retire unknown":           ring.Retire("x"),
		"retire signing":           ring.Retire("a"),
		"retire no id":             lone.Retire(""),
		"publish to a derived one": ring.Derive("x").Publish(hmacKey("c", secret)),
		"promote in a derived one": ring.Derive("x").Promote("b"),
		"retire in a derived one":  ring.Derive("x").Retire("b"),
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
	ring := must(accesstoken.NewKeyring(nil, must(accesstoken.PublicKey(accesstoken.ES256, "", ecKey().Public()))))
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
	// The private part comes later, under the same id: take out, put in, promote.
	for _, err := range []error{ring.Retire(private.ID()), ring.Publish(private), ring.Promote(private.ID())} {
		if err != nil {
			t.Error(err)
		}
	}
	if !ring.CanSign() {
		t.Error("the promoted key does not sign")
	}
}

func TestJWKS(t *testing.T) {
	if got := string(must(accesstoken.HMAC(secret)).JWKS()); got != `{"keys":[]}` {
		t.Errorf("%s", got)
	}
	all := asymmetricKeys()
	ring := must(accesstoken.NewKeyring(all[0], all[1], hmacKey("h", secret)))
	if err := ring.Publish(all[2]); err != nil {
		t.Fatal(err)
	}
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
	if got := string(ring.Derive("x").JWKS()); got != `{"keys":[]}` {
		t.Errorf("derived: %s", got)
	}
}

func TestDerive(t *testing.T) {
	ring := must(accesstoken.NewKeyring(hmacKey("a", secret)))
	mails, other := ring.Derive("email verification"), ring.Derive("other")
	token := must(mails.Sign("x", []byte("{}")))
	// The key is HKDF-SHA-256 of the secret, with the purpose as info.
	derived := must(hkdf.Key(sha256.New, secret, nil, "email verification", 32))
	if want := forge(`{"alg":"HS256","typ":"x","kid":"a"}`, "{}", derived); token != want {
		t.Errorf("%s, want %s", token, want)
	}
	for name, from := range map[string]*accesstoken.Keyring{
		"parent": ring, "other purpose": other, "twice": mails.Derive("email verification"),
		"other secret": must(accesstoken.NewKeyring(hmacKey("a", otherSecret))).Derive("email verification"),
	} {
		if _, err := from.Verify("x", token); !errors.Is(err, accesstoken.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := mails.Verify("x", must(from.Sign("x", []byte("{}")))); !errors.Is(err, accesstoken.ErrInvalid) {
			t.Errorf("%s, the other way: %v", name, err)
		}
	}
	if _, err := ring.Derive("email verification").Verify("x", token); err != nil {
		t.Errorf("the same purpose: %v", err)
	}
	// It follows the parent.
	if err := errors.Join(ring.Publish(hmacKey("b", otherSecret)), ring.Promote("b")); err != nil {
		t.Fatal(err)
	}
	if _, err := mails.Verify("x", token); err != nil {
		t.Errorf("after a promotion: %v", err)
	}
	if now := must(mails.Sign("x", []byte("{}"))); !strings.HasPrefix(now, b64(`{"alg":"HS256","typ":"x","kid":"b"}`)) {
		t.Error("still signs with the old key")
	}
	if err := ring.Retire("a"); err != nil {
		t.Fatal(err)
	}
	if _, err := mails.Verify("x", token); !errors.Is(err, accesstoken.ErrInvalid) {
		t.Errorf("after the key was retired: %v", err)
	}
}

func TestDeriveFromAsymmetric(t *testing.T) {
	for _, key := range asymmetricKeys() {
		ring := must(accesstoken.NewKeyring(key))
		token := must(ring.Derive("x").Sign("x", []byte("{}")))
		if head, _, _ := strings.Cut(token, "."); head != b64(`{"alg":"HS256","typ":"x","kid":"`+key.ID()+`"}`) {
			t.Errorf("%v: header %s", key, head)
		}
		// Another process with the same key derives the same.
		again := must(accesstoken.PrivateKey(key.Algorithm(), "", map[accesstoken.Algorithm]crypto.Signer{
			"RS256": rsaKey(), "ES256": ecKey(), "EdDSA": edKey(),
		}[key.Algorithm()]))
		if _, err := must(accesstoken.NewKeyring(again)).Derive("x").Verify("x", token); err != nil {
			t.Errorf("%v: %v", key, err)
		}
		public := must(accesstoken.PublicKey(key.Algorithm(), "", publicOf(key)))
		if _, err := must(accesstoken.NewKeyring(nil, public)).Derive("x").Verify("x", token); !errors.Is(err, accesstoken.ErrInvalid) {
			t.Errorf("%v: a public key verifies: %v", key, err)
		}
	}
	hsm := must(accesstoken.NewKeyring(must(accesstoken.PrivateKey(accesstoken.ES256, "hsm", hardware{ecKey()})), hmacKey("h", secret)))
	if _, err := hsm.Derive("x").Sign("x", nil); err == nil || !strings.Contains(err.Error(), "exported") {
		t.Errorf("hardware: %v", err)
	}
	if hsm.Derive("x").CanSign() {
		t.Error("hardware: CanSign")
	}
}

// Verify, Sign, JWKS and Derive go on while keys come and go: a token of a key that
// stays is accepted at every moment, and one of a retired key never again.
func TestKeyringConcurrentSafe(t *testing.T) {
	ring := must(accesstoken.NewKeyring(hmacKey("stays", secret)))
	signer, verifier := newSigner(ring), newVerifier(ring)
	stays := must(signer.Sign(claims()))
	mails := ring.Derive("mails")
	mail := must(mails.Sign("x", []byte("{}")))
	gone := forge(`{"alg":"HS256","typ":"at+jwt","kid":"gone"}`, payload, otherSecret)

	var begin, done sync.WaitGroup
	begin.Add(1)
	stop := make(chan struct{})
	loop := func(f func()) {
		done.Go(func() {
			begin.Wait()
			for {
				select {
				case <-stop:
					return
				default:
					f()
					runtime.Gosched() // WebAssembly has one thread, which nobody takes away
				}
			}
		})
	}
	for range 4 {
		loop(func() {
			if _, err := verifier.Verify(stays); err != nil {
				t.Errorf("the key that stays: %v", err)
			}
		})
		loop(func() {
			if _, err := verifier.Verify(gone); err == nil {
				t.Error("a token of a key that was never there")
			}
		})
		loop(func() {
			token, err := signer.Sign(claims())
			if err != nil {
				t.Error(err)
			}
			// Its key may have been retired since; it must not be anything else.
			if _, err := verifier.Verify(token); err != nil && !errors.Is(err, accesstoken.ErrInvalid) {
				t.Error(err)
			}
		})
		loop(func() {
			if _, err := mails.Verify("x", mail); err != nil {
				t.Errorf("derived: %v", err)
			}
			if !json.Valid(ring.JWKS()) {
				t.Error("JWKS")
			}
		})
	}
	var changers sync.WaitGroup
	for c := range 4 {
		changers.Go(func() {
			begin.Wait()
			for i := range 50 {
				kid := fmt.Sprintf("%d-%d", c, i)
				key := hmacKey(kid, sum(kid))
				token := forge(`{"alg":"HS256","typ":"at+jwt","kid":"`+kid+`"}`, payload, sum(kid))
				if err := ring.Publish(key); err != nil {
					t.Error(err)
				}
				if _, err := verifier.Verify(token); err != nil {
					t.Errorf("published: %v", err)
				}
				if err := ring.Promote(kid); err != nil {
					t.Error(err)
				}
				if err := ring.Promote("stays"); err != nil {
					t.Error(err)
				}
				if err := ring.Retire(kid); err != nil {
					t.Error(err)
				}
				if _, err := verifier.Verify(token); !errors.Is(err, accesstoken.ErrInvalid) {
					t.Errorf("retired: %v", err)
				}
			}
		})
	}
	begin.Done()
	changers.Wait()
	close(stop)
	done.Wait()
	if got := fmt.Sprint(ring); got != `keyring[HS256 key "stays" [redacted]]` {
		t.Errorf("at the end: %s", got)
	}
}

func sum(s string) []byte {
	h := sha256.Sum256([]byte(s))
	return h[:]
}
