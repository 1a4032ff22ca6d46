package accesstoken

import (
	"errors"
	"fmt"
	"unicode/utf8"

	"myauth.internal/kit/ijson"
)

// Signer makes access tokens. It is safe for concurrent use.
type Signer struct {
	keys   *Keyring
	prefix []byte // the claims up to aud
}

// NewSigner returns a Signer that signs with the signing key of keys, whichever
// that is at the time. issuer and audience become iss and aud; they must not be
// empty, and a [Verifier] must be made with the same.
func NewSigner(keys *Keyring, issuer, audience string) (*Signer, error) {
	if keys == nil || keys.from == nil {
		return nil, errors.New("accesstoken: NewSigner needs a keyring: see HMAC and NewKeyring")
	}
	if !keys.CanSign() {
		return nil, keys.from.snapshot().noSign
	}
	if err := checkNames(issuer, audience); err != nil {
		return nil, err
	}
	prefix := ijson.AppendString([]byte(`{"iss":`), issuer)
	prefix = ijson.AppendString(append(prefix, `,"aud":`...), audience)
	return &Signer{keys, prefix}, nil
}

func checkNames(issuer, audience string) error {
	if issuer == "" || !utf8.ValidString(issuer) {
		return errors.New("accesstoken: the issuer must be a text that is not empty")
	}
	if audience == "" || !utf8.ValidString(audience) {
		return errors.New("accesstoken: the audience must be a text that is not empty")
	}
	return nil
}

// Sign makes a token of c. Subject, SessionID, TokenID and ClientID must not be empty, all
// text must be UTF-8, and ExpiresAt at least a second after IssuedAt, both from
// 1970 to 9999. It is an error, too, if the keyring cannot sign, or the token gets
// longer than [MaxLength], as some hundred roles make it.
func (s *Signer) Sign(c Claims) (string, error) {
	if !c.valid() {
		return "", errors.New("accesstoken: Subject, SessionID, TokenID and ClientID must not be empty, and all claims UTF-8")
	}
	if !validTimes(c.IssuedAt.Unix(), c.ExpiresAt.Unix()) {
		return "", errors.New("accesstoken: ExpiresAt must be after IssuedAt, both from 1970 to 9999")
	}
	payload := make([]byte, 0, len(s.prefix)+c.size())
	payload = append(payload, s.prefix...)
	return s.keys.Sign(accessType, c.append(payload))
}

// Format names the keys, whatever the verb.
func (s Signer) Format(f fmt.State, _ rune) { fmt.Fprintf(f, "signer with %v", s.keys) }
