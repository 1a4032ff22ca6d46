package accesstoken

import (
	"errors"
	"unicode/utf8"

	"myauth.internal/kit/ijson"
)

// Signer makes access tokens. It is safe for concurrent use.
type Signer struct {
	keys   *Keyring
	prefix []byte // the JSON of the claims up to aud
}

// NewSigner returns a Signer that signs with the signing key of keys, whichever
// that is at the time. issuer and audience become iss and aud; they must not be
// empty, and a [Verifier] must be made with the same.
func NewSigner(keys *Keyring, issuer, audience string) (*Signer, error) {
	if err := check(keys, issuer, audience); err != nil {
		return nil, err
	}
	if !keys.CanSign() {
		return nil, errNoSigningKey
	}
	prefix := ijson.AppendString([]byte(`{"iss":`), issuer)
	prefix = ijson.AppendString(append(prefix, `,"aud":`...), audience)
	return &Signer{keys, prefix}, nil
}

// check returns an error unless a signer or a verifier can be made of these.
func check(keys *Keyring, issuer, audience string) error {
	if keys == nil || len(keys.current().keys) == 0 {
		return errors.New("accesstoken: a signer or verifier needs a keyring: see HMAC and NewKeyring")
	}
	if !isText(issuer) || !isText(audience) {
		return errors.New("accesstoken: issuer and audience must be valid UTF-8 and not empty")
	}
	return nil
}

func isText(s string) bool { return s != "" && utf8.ValidString(s) }

// Sign makes a token of c. Subject, SessionID, TokenID, ClientID and each of AMR must not be
// empty, all text must be UTF-8, and ExpiresAt at least a second after IssuedAt, both from
// 1970 to 9999. AuthTime is zero or after 1970. Extra is empty or a JSON object without two
// members of one name, nested at most 16 deep, whose names are not registered. It is an error,
// too, if the keyring cannot sign, or the token gets longer than [MaxLength], as some hundred
// roles make it.
func (s *Signer) Sign(c Claims) (string, error) {
	if err := c.check(); err != nil {
		return "", err
	}
	key := s.keys.current().signing
	if key == nil {
		return "", errNoSigningKey
	}
	payload, err := c.append(append(make([]byte, 0, 512), s.prefix...))
	if err != nil {
		return "", err
	}
	return key.token(key.header, payload)
}
