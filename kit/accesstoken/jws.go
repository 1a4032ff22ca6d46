package accesstoken

import (
	"encoding/base64"
	"errors"
	"strings"

	"myauth.internal/kit/ijson"
)

// MaxLength is the greatest length of a token, in bytes. A longer one is neither
// made nor looked at.
const MaxLength = 8192

// base64url is the encoding of RFC 7515 with one spelling for each text: the
// bits behind the last byte must be zero.
var base64url = base64.RawURLEncoding.Strict()

// Sign makes a token: a JWS (RFC 7515) in the compact form, whose header is alg, typ
// and kid. typ is 1 to 64 characters of printable
// ASCII and tells one use of tokens from another (RFC 8725, section 3.11). It is an
// error if the keyring cannot sign, or the token gets longer than [MaxLength].
func (k *Keyring) Sign(typ string, payload []byte) (string, error) {
	s := k.from.snapshot()
	e := s.signing
	if e == nil {
		return "", s.noSign
	}
	header := e.accessHeader
	if typ != accessType {
		if checkKeyID(typ) != nil || len(typ) > 64 {
			return "", errors.New("accesstoken: a typ is 1 to 64 characters of printable ASCII")
		}
		header = e.header(typ)
	}
	size := len(header) + 1 + base64url.EncodedLen(len(payload)) + 1 + base64url.EncodedLen(e.signatureSize())
	if size > MaxLength {
		return "", errors.New("accesstoken: the token gets too long: put less into it")
	}
	token := make([]byte, 0, size)
	token = append(token, header...)
	token = append(token, '.')
	token = base64url.AppendEncode(token, payload)
	signature, err := e.sign(token)
	if err != nil {
		return "", err
	}
	token = append(token, '.')
	token = base64url.AppendEncode(token, signature)
	return string(token), nil
}

// Verify returns the payload of a token that [Keyring.Sign] made with the same typ
// and a key of this keyring, and otherwise an error that wraps [ErrInvalid]. It
// judges neither the payload nor its claims. The form, the header and the key are
// checked before any cryptography; the algorithm is that of the key. A token without a
// kid, from another program that shares the secret, is accepted only while the keyring
// has one key and that is an HMAC key which was given no id.
func (k *Keyring) Verify(typ, token string) ([]byte, error) {
	if len(token) > MaxLength {
		return nil, errLength
	}
	header, rest, ok := strings.Cut(token, ".")
	if !ok {
		return nil, errForm
	}
	payload, signature, ok := strings.Cut(rest, ".")
	if !ok || strings.IndexByte(signature, '.') >= 0 {
		return nil, errForm
	}
	// The decoder of encoding/base64 skips line ends.
	if strings.IndexByte(token, '\n') >= 0 || strings.IndexByte(token, '\r') >= 0 {
		return nil, errEncoding
	}
	key, err := k.from.snapshot().find(typ, header)
	if err != nil {
		return nil, err
	}
	if len(signature) != base64url.EncodedLen(key.signatureSize()) {
		return nil, errSignature
	}

	// One buffer: the token, its payload decoded, its signature decoded.
	size := base64url.DecodedLen(len(payload))
	buf := make([]byte, len(token)+size+key.signatureSize())
	copy(buf, token)
	signed := buf[:len(header)+1+len(payload)]
	decoded := buf[len(token) : len(token)+size : len(token)+size]
	given := buf[len(token)+size:]
	if _, err := base64url.Decode(decoded, signed[len(header)+1:]); err != nil {
		return nil, errEncoding
	}
	if _, err := base64url.Decode(given, buf[len(signed)+1:len(token)]); err != nil {
		return nil, errEncoding
	}
	if !key.verify(signed, given) {
		return nil, errSignature
	}
	return decoded, nil
}

// find returns the key that the header of a token of that typ names.
func (s *snapshot) find(typ, header string) (*material, error) {
	if typ == accessType {
		if e := s.byHeader[header]; e != nil {
			return e.material, nil // byte for byte the header that Sign writes
		}
	}
	text, err := base64url.DecodeString(header)
	if err != nil {
		return nil, errEncoding
	}
	h, err := parseHeader(text)
	if err != nil {
		return nil, errHeader
	}
	if h.typ == "" || h.typ != typ {
		return nil, errType
	}
	e := s.byID[h.kid]
	if !h.hasKid && len(s.keys) == 1 && s.keys[0].unnamed {
		e = s.keys[0]
	}
	if e == nil {
		return nil, errKey
	}
	if h.alg != string(e.alg) {
		return nil, errAlgorithm
	}
	return e.material, nil
}

// header is a JOSE header, as far as it may go.
type header struct {
	alg, typ, kid string
	hasKid        bool
}

// parseHeader reads alg, typ and kid, each a string and at most once. Everything
// else is an error: crit, jku, x5u, jwk, b64 and cty among them.
func parseHeader(text []byte) (h header, err error) {
	err = ijson.Object(text, 1, func(key, value []byte) (err error) {
		switch string(key) {
		case "alg":
			h.alg, err = ijson.String(value)
		case "typ":
			h.typ, err = ijson.String(value)
		case "kid":
			h.kid, err = ijson.String(value)
			h.hasKid = true
		default:
			return errHeader
		}
		return err
	})
	return h, err
}
