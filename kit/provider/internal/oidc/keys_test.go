package oidc

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"slices"
	"testing"
)

type object = map[string]any

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// rsaJWK is a key whose modulus is an odd number of that many bits. No prime is needed to be read.
func rsaJWK(bits int) object {
	n := new(big.Int).SetBit(big.NewInt(1), bits-1, 1)
	return object{"kty": "RSA", "n": b64(n.Bytes()), "e": "AQAB"}
}

func ecJWK(t testing.TB, name string, curve elliptic.Curve) object {
	k, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	point, err := k.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	half := 1 + len(point)/2
	return object{"kty": "EC", "crv": name, "x": b64(point[1:half]), "y": b64(point[half:])}
}

func with(o object, more object) object {
	all := object{}
	for _, m := range []object{o, more} {
		for name, value := range m {
			all[name] = value
		}
	}
	return all
}

func keysText(t testing.TB, keys ...any) []byte {
	text, err := json.Marshal(object{"keys": keys})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func edJWK(t testing.TB) object {
	public, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return object{"kty": "OKP", "crv": "Ed25519", "x": b64(public)}
}

// Each key is for its algorithms and no other.
func TestKeySuits(t *testing.T) {
	all := []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"}
	if len(all) != len(algorithms) {
		t.Errorf("%d algorithms", len(algorithms))
	}
	for name, test := range map[string]struct {
		key  object
		algs []string
	}{
		"RSA 2048":        {rsaJWK(2048), all[:6]},
		"RSA 8192":        {rsaJWK(8192), all[:6]},
		"RSA for RS256":   {with(rsaJWK(2048), object{"alg": "RS256", "use": "sig"}), all[:1]},
		"RSA for PS512":   {with(rsaJWK(2048), object{"alg": "PS512"}), all[5:6]},
		"P-256":           {ecJWK(t, "P-256", elliptic.P256()), all[6:7]},
		"P-384":           {ecJWK(t, "P-384", elliptic.P384()), all[7:8]},
		"P-521":           {ecJWK(t, "P-521", elliptic.P521()), all[8:9]},
		"P-256 for ES384": {with(ecJWK(t, "P-256", elliptic.P256()), object{"alg": "ES384"}), nil},
		"Ed25519":         {edJWK(t), all[9:]},
	} {
		set, err := readKeys(keysText(t, test.key))
		if err != nil || len(set.keys) != 1 {
			t.Errorf("%s: %v, %v", name, set, err)
			continue
		}
		var suits []string
		for _, alg := range all {
			if set.keys[0].suits(alg) {
				suits = append(suits, alg)
			}
		}
		if !slices.Equal(suits, test.algs) {
			t.Errorf("%s suits %v, want %v", name, suits, test.algs)
		}
	}
}

// A key as Microsoft writes it, with a certificate and members of its own.
func TestKeyOfMicrosoft(t *testing.T) {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha1.Sum(certificate)
	set, err := readKeys(keysText(t, object{"kty": "RSA", "use": "sig", "kid": "1LTMzakihiRla_8z2BEJVXeWMqo", "x5t": b64(sum[:]), "n": b64(private.N.Bytes()), "e": "AQAB",
		"x5c": []string{base64.StdEncoding.EncodeToString(certificate)}, "cloud_instance_name": "microsoftonline.com",
		"issuer": "https://login.microsoftonline.com/{tenantid}/v2.0"}))
	if err != nil || len(set.keys) != 1 || set.keys[0].issuer != "https://login.microsoftonline.com/{tenantid}/v2.0" || !private.PublicKey.Equal(set.keys[0].public) {
		t.Errorf("%+v, %v", set, err)
	}
}

// What can verify no ID token is left out, and the others stay.
func TestKeysLeftOut(t *testing.T) {
	good := with(rsaJWK(2048), object{"kid": "good"})
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	d, err := private.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	ec := ecJWK(t, "P-256", elliptic.P256())
	for name, bad := range map[string]any{
		"RSA 1024":              rsaJWK(1024),
		"RSA 2047":              rsaJWK(2047),
		"RSA 8193":              rsaJWK(8193),
		"RSA without n":         object{"kty": "RSA", "e": "AQAB"},
		"for encryption":        with(rsaJWK(2048), object{"use": "enc"}),
		"another use":           with(rsaJWK(2048), object{"use": "x"}),
		"symmetric":             object{"kty": "oct", "k": b64(make([]byte, 64))},
		"private":               with(ec, object{"d": b64(d)}),
		"private RSA":           with(rsaJWK(2048), object{"d": "AQAB"}),
		"not on the curve":      with(ec, object{"y": b64(make([]byte, 32))}),
		"an unknown kind":       object{"kty": "AKP", "alg": "ML-DSA-44", "pub": "x"},
		"an unknown curve":      object{"kty": "OKP", "crv": "Ed448", "x": b64(make([]byte, 57))},
		"for agreement":         object{"kty": "OKP", "crv": "X25519", "x": b64(make([]byte, 32))},
		"short Ed25519":         object{"kty": "OKP", "crv": "Ed25519", "x": b64(make([]byte, 31))},
		"no object":             1,
		"null":                  nil,
		"kid of the wrong type": with(rsaJWK(2048), object{"kid": 1}),
	} {
		set, err := readKeys(keysText(t, bad, good))
		if err != nil || len(set.keys) != 1 || set.keys[0].kid != "good" {
			t.Errorf("%s: %+v, %v", name, set, err)
		}
	}
}

func TestReadKeysRefuses(t *testing.T) {
	many := make([]any, maxKeys+1)
	for i := range many {
		many[i] = edJWK(t)
	}
	for name, text := range map[string]string{
		"empty": "", "HTML": "<html>", "a list": "[]", "no keys": "{}", "keys no list": `{"keys":{}}`, "keys null": `{"keys":null}`,
		"keys twice": `{"keys":[],"keys":[]}`, "a member twice in a key": `{"keys":[{"kty":"RSA","kty":"EC"}]}`, "a single key": `{"kty":"RSA"}`,
		"too many": string(keysText(t, many...)),
	} {
		if set, err := readKeys([]byte(text)); err == nil || set != nil {
			t.Errorf("%s is taken", name)
		}
	}
	if set, err := readKeys(keysText(t, many[1:]...)); err != nil || len(set.keys) != maxKeys {
		t.Errorf("as many as may be: %v", err)
	}
}

// A strange key set does no harm, and gives no weak key.
func FuzzKeys(f *testing.F) {
	f.Add(keysText(f, rsaJWK(2048), ecJWK(f, "P-256", elliptic.P256()), edJWK(f)))
	f.Add(keysText(f, with(rsaJWK(2048), object{"kid": "1", "alg": "RS256", "use": "sig", "x5c": []string{"AA=="}, "key_ops": []string{"verify"}})))
	f.Add(keysText(f, object{"kty": "oct", "k": "AA"}, object{"kty": "OKP", "crv": "X25519", "x": "AA"}))
	f.Fuzz(func(t *testing.T, text []byte) {
		set, err := readKeys(text)
		if err != nil {
			return
		}
		for _, k := range set.keys {
			switch public := k.public.(type) {
			case *rsa.PublicKey:
				if public.N.BitLen() < 2048 || public.E < 2 {
					t.Errorf("a weak key: %v", public)
				}
			case *ecdsa.PublicKey:
				if _, err := public.ECDH(); err != nil {
					t.Errorf("a point not on the curve: %v", err)
				}
			case ed25519.PublicKey:
				if len(public) != ed25519.PublicKeySize {
					t.Errorf("a short key: %v", public)
				}
			default:
				t.Errorf("%T", public)
			}
		}
	})
}
