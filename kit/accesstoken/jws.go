package accesstoken

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"myauth.internal/kit/ijson"
)

// MaxLength is the greatest length of a token, in bytes. A longer one is neither
// made nor looked at.
const MaxLength = 8192

// base64url is the encoding of RFC 7515 with one spelling for each text: the bits
// after the last byte must be zero.
var base64url = base64.RawURLEncoding.Strict()

// Sign makes a token for another use than access, such as an invitation: a JWS (RFC
// 7515) in the compact form, with the header alg, typ and kid. typ tells one use from
// another (RFC 8725, section 3.11): it is 1 to 64 characters of printable ASCII, and not
// "at+jwt", for which there is [Signer]. The algorithm is HS256, with a secret that is
// derived from the signing key for this typ, so no token passes for one of another use.
//
// It is an error if the keyring cannot sign, the private part of its key cannot be read
// (see [Keyring.Derive]), or the token gets longer than [MaxLength].
func (k *Keyring) Sign(typ string, payload []byte) (string, error) {
	if typ == accessType || len(typ) > 64 || !isPrintable(typ) {
		return "", errors.New("accesstoken: the typ of a token is 1 to 64 characters of printable ASCII, and not " + accessType)
	}
	key := k.current().signing
	if key == nil {
		return "", errNoSigningKey
	}
	key, err := key.forType(typ)
	if err != nil {
		return "", err
	}
	return key.token(encodeHeader(key.alg, typ, key.id), payload)
}

// forType returns the key that signs tokens of another typ than access tokens have.
func (k *Key) forType(typ string) (*Key, error) {
	secret, err := k.derive("tokens of type " + typ)
	if err != nil {
		return nil, err
	}
	return NewKey(HS256, k.id, secret)
}

func isPrintable(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' })
}

// token returns a token with that header, which is encoded.
func (k *Key) token(header string, payload []byte) (string, error) {
	size := len(header) + 1 + base64url.EncodedLen(len(payload)) + 1 + base64url.EncodedLen(k.size)
	if size > MaxLength {
		return "", fmt.Errorf("accesstoken: the token would have %d bytes, and the most is %d: put less into it, such as fewer roles or own claims", size, MaxLength)
	}
	token := make([]byte, 0, size)
	token = append(token, header...)
	token = append(token, '.')
	token = base64url.AppendEncode(token, payload)
	signature, err := k.sign(token)
	if err != nil {
		return "", fmt.Errorf("accesstoken: the key %q did not sign: %w", k.id, err)
	}
	if len(signature) != k.size {
		return "", fmt.Errorf("accesstoken: the key %q returned a signature of the wrong length", k.id)
	}
	token = append(token, '.')
	token = base64url.AppendEncode(token, signature)
	return string(token), nil
}

// encodeHeader returns the encoded header of a token.
func encodeHeader(alg Algorithm, typ, kid string) string {
	b := append([]byte(`{"alg":"`), alg...)
	b = ijson.AppendString(append(b, `","typ":`...), typ)
	b = ijson.AppendString(append(b, `,"kid":`...), kid)
	return base64url.EncodeToString(append(b, '}'))
}

// Verify returns the payload of a token that [Keyring.Sign] has made with the same typ
// and a key that is in the keyring, and otherwise an error that wraps [ErrInvalid]. It
// does not look at the payload. The form, the header and the key are checked before any
// cryptography. For access tokens there is [Verifier], which checks claims and times too.
func (k *Keyring) Verify(typ, token string) ([]byte, error) {
	if typ == accessType {
		return nil, errType
	}
	return k.verify(typ, token)
}

// verify is Verify for every typ.
func (k *Keyring) verify(typ, token string) ([]byte, error) {
	if len(token) > MaxLength {
		return nil, errLength
	}
	header, rest, _ := strings.Cut(token, ".")
	payload, signature, ok := strings.Cut(rest, ".")
	// The decoder of encoding/base64 would skip line ends.
	if !ok || strings.Contains(signature, ".") || strings.ContainsAny(token, "\r\n") {
		return nil, errForm
	}
	key, err := k.current().find(typ, header)
	if err != nil {
		return nil, err
	}
	if len(signature) != base64url.EncodedLen(key.size) {
		return nil, errSignature
	}
	// One allocation for the token and its decoded parts, since every request pays.
	buf := append(make([]byte, 0, 2*len(token)), token...)
	decoded, err := base64url.AppendDecode(buf[len(token):], buf[len(header)+1:len(header)+1+len(payload)])
	if err != nil {
		return nil, errForm
	}
	given, err := base64url.AppendDecode(decoded[len(decoded):], buf[len(token)-len(signature):])
	if err != nil {
		return nil, errForm
	}
	if !key.verify(buf[:len(header)+1+len(payload)], given) {
		return nil, errSignature
	}
	return decoded[:len(decoded):len(decoded)], nil
}

// find returns the key for a token with that header, if it is one of that typ.
func (s *keySet) find(typ, header string) (*Key, error) {
	if typ == accessType {
		for _, key := range s.keys {
			if key.header == header { // byte for byte what Signer writes
				return key, nil
			}
		}
	}
	text, err := base64url.DecodeString(header)
	if err != nil {
		return nil, errForm
	}
	// alg, typ and kid, each a string and at most once. Everything else is an error:
	// crit, jku, x5u, jwk, b64 and cty among them.
	var alg, found, kid string
	err = ijson.Object(text, 1, func(name, value []byte) (err error) {
		switch string(name) {
		case "alg":
			alg, err = ijson.String(value)
		case "typ":
			found, err = ijson.String(value)
		case "kid":
			kid, err = ijson.String(value)
		default:
			err = errHeader
		}
		return err
	})
	if err != nil {
		return nil, errHeader
	}
	if found == "" || found != typ {
		return nil, errType
	}
	key := s.byID(kid)
	if key == nil {
		return nil, errKey
	}
	if typ == accessType {
		if alg != string(key.alg) {
			return nil, errAlgorithm
		}
		return key, nil
	}
	if alg != string(HS256) {
		return nil, errAlgorithm
	}
	if key, err = key.forType(typ); err != nil {
		return nil, errKey
	}
	return key, nil
}
