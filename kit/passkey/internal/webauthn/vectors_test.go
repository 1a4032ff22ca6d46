package webauthn

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// hexBytes is written in hex.
type hexBytes []byte

func (h *hexBytes) UnmarshalText(text []byte) (err error) {
	*h, err = hex.DecodeString(string(text))
	return err
}

// vector is one of section Test Vectors of the specification.
type vector struct {
	Name, RPID, Origin string
	Registration       struct {
		Challenge, ClientDataJSON, AttestationObject hexBytes
		CredentialID                                 hexBytes `json:"credential_id"`
		Expected                                     expected
	}
	PublicKey      struct{ Cose hexBytes }
	Authentication struct {
		Challenge, ClientDataJSON, AuthenticatorData, Signature hexBytes
		Expected                                                expected
	}
}

type expected struct {
	Flags       map[string]any
	SignCount   uint32
	AAGUID      hexBytes
	CrossOrigin bool
	TopOrigin   *string
}

func vectors(t testing.TB) []vector {
	text, err := os.ReadFile("testdata/webauthn-l3.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Credentials, Vectors []vector }
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	all := append(file.Credentials, file.Vectors...)
	if len(all) != 15 {
		t.Fatalf("%d vectors, want 15", len(all))
	}
	return all
}

// rp is the relying party of a vector, which allows frames.
func (v vector) rp() *RP {
	return &RP{ID: v.RPID, Origins: []string{v.Origin}, AllowCrossOrigin: true, TopOrigins: []string{"https://example.com"}}
}

func (v vector) registration() Registration {
	return Registration{ID: v.Registration.CredentialID, ClientData: v.Registration.ClientDataJSON, AttestationObject: v.Registration.AttestationObject}
}

func (v vector) assertion() Assertion {
	a := v.Authentication
	return Assertion{ID: v.Registration.CredentialID, ClientData: a.ClientDataJSON, AuthData: a.AuthenticatorData, Signature: a.Signature}
}

// refused are the vectors of other algorithms, and the name that the refusal has.
var refused = map[string]string{"packed.ES384": "ES384 (-35)", "packed.ES512": "ES512 (-36)", "packed.Ed448": "Ed448"}

func flagsOf(e expected) (f Flags) {
	for name, bit := range map[string]Flags{"UP": flagUP, "UV": flagUV, "BE": flagBE, "BS": flagBS, "AT": flagAT, "ED": flagED} {
		if e.Flags[name] == true {
			f |= bit
		}
	}
	return f
}

// TestVectors: each credential of the specification verifies, or is refused by the name of its
// algorithm.
func TestVectors(t *testing.T) {
	for _, v := range vectors(t) {
		t.Run(v.Name, func(t *testing.T) {
			c, err := v.rp().VerifyRegistration(v.registration(), v.Registration.Challenge)
			_, _, errLogin := v.rp().VerifyAssertion(v.assertion(), v.Authentication.Challenge, v.PublicKey.Cose)
			if name := refused[v.Name]; name != "" {
				for _, err := range []error{err, errLogin} {
					if err == nil || !strings.Contains(err.Error(), name) {
						t.Errorf("got %v, want a refusal of %s", err, name)
					}
				}
				return
			}
			e := v.Registration.Expected
			if err != nil || !bytes.Equal(c.ID, v.Registration.CredentialID) || !bytes.Equal(c.PublicKey, v.PublicKey.Cose) ||
				c.Flags != flagsOf(e) || c.SignCount != e.SignCount || !bytes.Equal(c.AAGUID[:], e.AAGUID) {
				t.Errorf("registration: got %+v, %v, want %+v", c, err, e)
			}
			flags, count, err := v.rp().VerifyAssertion(v.assertion(), v.Authentication.Challenge, c.PublicKey)
			if e := v.Authentication.Expected; err != nil || flags != flagsOf(e) || count != e.SignCount {
				t.Errorf("login: got %x, %d, %v, want %+v", flags, count, err, e)
			}
		})
	}
}

// TestVectorsInFrames: crossOrigin is refused by name unless it is enabled, and so is a page
// that may not frame.
func TestVectorsInFrames(t *testing.T) {
	framed := 0
	for _, v := range vectors(t) {
		strict, others := v.rp(), v.rp()
		strict.AllowCrossOrigin, others.TopOrigins = false, []string{"https://example.net"}
		check := func(ceremony string, e expected, verify func(*RP) error) {
			if !e.CrossOrigin {
				return
			}
			framed++
			if err := verify(strict); err == nil || !strings.Contains(err.Error(), "crossOrigin") {
				t.Errorf("%s: %s: got %v, want a refusal of crossOrigin", v.Name, ceremony, err)
			}
			if err := verify(others); (e.TopOrigin != nil) != (err != nil) {
				t.Errorf("%s: %s in the frame of another page: %v", v.Name, ceremony, err)
			}
		}
		check("registration", v.Registration.Expected, func(rp *RP) error {
			_, err := rp.VerifyRegistration(v.registration(), v.Registration.Challenge)
			return err
		})
		check("login", v.Authentication.Expected, func(rp *RP) error {
			_, _, err := rp.VerifyAssertion(v.assertion(), v.Authentication.Challenge, v.PublicKey.Cose)
			return err
		})
	}
	if framed < 2 {
		t.Errorf("%d ceremonies in frames among the vectors, want 2 at least", framed)
	}
}

// TestVectorsBroken: whatever bit changes, the credential is refused.
func TestVectorsBroken(t *testing.T) {
	for _, v := range vectors(t) {
		if refused[v.Name] != "" {
			continue
		}
		login := func(v vector, cose []byte) error {
			_, _, err := v.rp().VerifyAssertion(v.assertion(), v.Authentication.Challenge, cose)
			return err
		}
		cose := v.PublicKey.Cose
		if err := login(v, cose); err != nil {
			t.Fatal(v.Name, err)
		}
		flipped := func(b []byte, bit int) []byte {
			b = slices.Clone(b)
			b[bit/8] ^= 1 << (bit % 8)
			return b
		}
		for name, c := range map[string]struct {
			bits   int
			break_ func(v *vector, bit int) []byte
		}{
			"challenge": {len(v.Authentication.Challenge) * 8, func(v *vector, bit int) []byte {
				v.Authentication.Challenge = flipped(v.Authentication.Challenge, bit)
				return cose
			}},
			"client data": {len(v.Authentication.ClientDataJSON) * 8, func(v *vector, bit int) []byte {
				v.Authentication.ClientDataJSON = flipped(v.Authentication.ClientDataJSON, bit)
				return cose
			}},
			"RP id hash, flags, count": {37 * 8, func(v *vector, bit int) []byte {
				v.Authentication.AuthenticatorData = flipped(v.Authentication.AuthenticatorData, bit)
				return cose
			}},
			"signature": {len(v.Authentication.Signature) * 8, func(v *vector, bit int) []byte {
				v.Authentication.Signature = flipped(v.Authentication.Signature, bit)
				return cose
			}},
			"key":    {len(cose) * 8, func(_ *vector, bit int) []byte { return flipped(cose, bit) }},
			"RP id":  {len(v.RPID) * 8, func(v *vector, bit int) []byte { v.RPID = string(flipped([]byte(v.RPID), bit)); return cose }},
			"origin": {len(v.Origin) * 8, func(v *vector, bit int) []byte { v.Origin = string(flipped([]byte(v.Origin), bit)); return cose }},
		} {
			step := 1
			if c.bits > 2500 || runtime.GOARCH == "wasm" {
				step = 13 // RSA takes long, and everything does in WebAssembly
			}
			for bit := 0; bit < c.bits; bit += step {
				broken := v
				key := c.break_(&broken, bit)
				if err := login(broken, key); err == nil {
					t.Errorf("%s: accepted with bit %d of the %s changed", v.Name, bit, name)
				}
			}
		}
		register := func(v vector) (Credential, error) {
			return v.rp().VerifyRegistration(v.registration(), v.Registration.Challenge)
		}
		// Nothing is signed here, so a changed bit may make another credential, but not for
		// another challenge, origin or RP ID, and not one that nobody touched.
		for bit := range len(v.Registration.Challenge) * 8 {
			broken := v
			broken.Registration.Challenge = flipped(v.Registration.Challenge, bit)
			if _, err := register(broken); err == nil {
				t.Errorf("%s: registered with bit %d of the challenge changed", v.Name, bit)
			}
		}
		at := bytes.Index(v.Registration.AttestationObject, v.Authentication.AuthenticatorData[:32])
		for bit := range 33 * 8 {
			broken := v
			broken.Registration.AttestationObject = flipped(v.Registration.AttestationObject, at*8+bit)
			if flag := bit - 32*8; flag == 2 || flag == 1 || flag == 5 || flag == 3 || flag == 4 {
				continue // UV, two reserved flags, BE and BS say what they say
			}
			if _, err := register(broken); err == nil {
				t.Errorf("%s: registered with bit %d of the authenticator data changed", v.Name, bit)
			}
		}
	}
}
