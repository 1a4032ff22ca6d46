package provider

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"regexp"
	"sync"
	"time"

	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jws"
)

// The client secret of Apple is a JWT that the client signs. Apple allows six months; a short one
// is worth less to who finds it.
// https://developer.apple.com/documentation/accountorganizationaldatasharing/creating-a-client-secret
const (
	appleSecretLife  = 10 * time.Minute
	appleSecretReuse = 5 * time.Minute
	appleClockSkew   = time.Minute // of this machine's clock before Apple's
)

var appleID = regexp.MustCompile(`^[A-Z0-9]{10}$`)

// appleSecret returns a function that returns a client secret, and makes a new one when the last is
// old. The error names what is wrong with the key, and shows nothing of it.
func appleSecret(key AppleKey, provider, clientID string, now func() time.Time) (func() (string, error), error) {
	wrong := func(field, what string) error {
		return fmt.Errorf("provider: %s: AppleKey.%s %s", provider, field, what)
	}
	switch {
	case !appleID.MatchString(key.TeamID):
		return nil, wrong("TeamID", "must be the ten characters of the team's membership page")
	case !appleID.MatchString(key.KeyID):
		return nil, wrong("KeyID", "must be the ten characters of the key's page")
	}
	block, _ := pem.Decode([]byte(key.PrivateKey))
	if block == nil {
		return nil, wrong("PrivateKey", "is no PEM: take the whole text of the file AuthKey_….p8")
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	private, ok := parsed.(*ecdsa.PrivateKey)
	if err != nil || !ok || private.Curve != elliptic.P256() {
		return nil, wrong("PrivateKey", "is no ECDSA key on P-256 in PKCS #8: take the file AuthKey_….p8 as Apple made it")
	}
	headers := jws.NewHeaders()
	if err := headers.Set(jws.KeyIDKey, key.KeyID); err != nil {
		return nil, err
	}
	var mu sync.Mutex
	var last string
	var made time.Time
	return func() (string, error) {
		mu.Lock()
		defer mu.Unlock()
		at := now()
		if age := at.Sub(made); last != "" && age >= 0 && age < appleSecretReuse {
			return last, nil
		}
		claims, err := json.Marshal(map[string]any{
			"iss": key.TeamID, "sub": clientID, "aud": appleIssuer,
			"iat": at.Add(-appleClockSkew).Unix(), "exp": at.Add(appleSecretLife).Unix(),
		})
		if err != nil {
			return "", err
		}
		signed, err := jws.Sign(claims, jws.WithKey(jwa.ES256(), private, jws.WithProtectedHeaders(headers)))
		if err != nil {
			return "", fmt.Errorf("provider: %s: cannot sign the client secret", provider)
		}
		last, made = string(signed), at
		return last, nil
	}, nil
}
