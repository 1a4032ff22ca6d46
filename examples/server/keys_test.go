package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// testKeys are the kinds of private keys, each with a kind that does not fit.
func testKeys(t *testing.T) map[string]crypto.Signer {
	t.Helper()
	r, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	e, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, d, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]crypto.Signer{"RS256": r, "ES256": e, "EdDSA": d}
}

func writePEM(t *testing.T, kind string, der []byte) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "key.pem")
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestPrivateKeys: with each algorithm the server signs with the key of the file,
// publishes its public half, and goes on accepting its tokens after a restart.
func TestPrivateKeys(t *testing.T) {
	for algorithm, key := range testKeys(t) {
		t.Run(algorithm, func(t *testing.T) {
			der, err := x509.MarshalPKCS8PrivateKey(key)
			if err != nil {
				t.Fatal(err)
			}
			dir, path := t.TempDir(), writePEM(t, "PRIVATE KEY", der)
			start := func() *process {
				return startServer(t, dir, "MYAUTH_JWT_ALGORITHM="+algorithm, "MYAUTH_JWT_PRIVATE_KEY_FILE="+path)
			}
			p := start()
			p.do(201, "POST", "/auth/register", "", registration)
			token := p.do(200, "POST", "/auth/login", "", credentials).field(t, "access_token")
			jwks := p.do(200, "GET", "/auth/.well-known/jwks.json", "", "").body
			p.stop()

			header, _ := jwtParts(t, token)
			var set struct{ Keys []map[string]string }
			if err := json.Unmarshal([]byte(jwks), &set); err != nil || len(set.Keys) != 1 {
				t.Fatalf("%v: %s", err, jwks)
			}
			published := set.Keys[0]
			if header["alg"] != algorithm || header["kid"] != published["kid"] || len(published["kid"]) != 43 || published["d"] != "" {
				t.Errorf("header %v, published %v", header, published)
			}

			p = start()
			p.do(200, "GET", "/auth/me", token, "")
			if strings.Contains(p.stderr(), "MYAUTH_JWT_SECRET") {
				t.Error("it warns of a random secret")
			}
			p.stop()
		})
	}
}

func TestKeyFilesThatDoNotFit(t *testing.T) {
	keys := testKeys(t)
	public, err := x509.MarshalPKIXPublicKey(keys["ES256"].Public())
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(keys["ES256"])
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct{ name, algorithm, path, want string }{
		{"public", "ES256", writePEM(t, "PUBLIC KEY", public), "public key"},
		{"other kind", "RS256", writePEM(t, "PRIVATE KEY", private), "RS256"},
		{"damaged", "ES256", writePEM(t, "PRIVATE KEY", private[:20]), "ES256"},
		{"key itself", "ES256", "s3cretMIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEH", "no such file"},
		{"directory", "ES256", t.TempDir(), "cannot read"},
	} {
		t.Run(row.name, func(t *testing.T) {
			s, err := parseSettings(env("MYAUTH_JWT_ALGORITHM="+row.algorithm, "MYAUTH_JWT_PRIVATE_KEY_FILE="+row.path))
			if err != nil {
				t.Fatal(err)
			}
			_, _, err = openKeys(&s)
			if err == nil {
				t.Fatal("accepted")
			}
			checkBadSetting(t, err.Error(), "MYAUTH_JWT_PRIVATE_KEY_FILE", row.want)
		})
	}
}
