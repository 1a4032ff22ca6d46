// Package authenticator is a passkey in software, and the browser in front of it, for tests.
package authenticator

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math/big"

	"github.com/fxamacker/cbor/v2"
)

// The flags of authenticator data.
const (
	UP = 1 << 0
	UV = 1 << 2
	BE = 1 << 3
	BS = 1 << 4
	AT = 1 << 6
)

// Passkey is one credential. What is exported may be changed between ceremonies, so that it does
// what an honest one would not.
type Passkey struct {
	ID         []byte
	UserHandle []byte // nil: none is sent
	RPID       string
	Origin     string
	Flags      byte
	SignCount  uint32
	// ClientData are more members of the client data, such as crossOrigin.
	ClientData map[string]any

	key  crypto.Signer
	cose []byte
}

// New returns a passkey of an algorithm, -7, -8 or -257, at a page. It is verified and synced.
func New(alg int, origin string) *Passkey {
	p := &Passkey{ID: make([]byte, 32), Origin: origin, Flags: UP | UV | BE | BS}
	rand.Read(p.ID)
	var err error
	switch alg {
	case -7:
		var key *ecdsa.PrivateKey
		if key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err == nil {
			point, _ := key.PublicKey.Bytes()
			p.key, p.cose = key, encode(map[int]any{1: 2, 3: alg, -1: 1, -2: point[1:33], -3: point[33:]})
		}
	case -8:
		var public ed25519.PublicKey
		public, p.key, err = ed25519.GenerateKey(rand.Reader)
		p.cose = encode(map[int]any{1: 1, 3: alg, -1: 6, -2: []byte(public)})
	case -257:
		var key *rsa.PrivateKey
		if key, err = rsa.GenerateKey(rand.Reader, 2048); err == nil {
			p.key, p.cose = key, encode(map[int]any{1: 3, 3: alg, -1: key.N.Bytes(), -2: big.NewInt(int64(key.E)).Bytes()})
		}
	default:
		err = fmt.Errorf("authenticator: no algorithm %d", alg)
	}
	if err != nil {
		panic(err)
	}
	return p
}

// encode writes canonical CBOR, as CTAP2 asks of authenticators.
func encode(v any) []byte {
	mode, err := cbor.CTAP2EncOptions().EncMode()
	if err != nil {
		panic(err)
	}
	data, err := mode.Marshal(v)
	if err != nil {
		panic(err)
	}
	return data
}

// Create answers a PublicKeyCredentialCreationOptionsJSON as navigator.credentials.create does.
func (p *Passkey) Create(options []byte) json.RawMessage {
	var o struct {
		RP, User  struct{ ID string }
		Challenge string
	}
	mustJSON(options, &o)
	p.RPID = o.RP.ID
	handle, err := base64.RawURLEncoding.DecodeString(o.User.ID)
	if err != nil {
		panic(err)
	}
	p.UserHandle = handle
	data := p.authData(p.Flags | AT)
	data = append(data, make([]byte, 16)...)
	data = binary.BigEndian.AppendUint16(data, uint16(len(p.ID)))
	data = append(append(data, p.ID...), p.cose...)
	return p.message(map[string]any{
		"clientDataJSON":    text(p.clientData("webauthn.create", o.Challenge)),
		"attestationObject": text(encode(map[string]any{"fmt": "none", "attStmt": map[string]any{}, "authData": data})),
		"transports":        []string{"internal", "hybrid"},
	})
}

// Get answers a PublicKeyCredentialRequestOptionsJSON as navigator.credentials.get does.
func (p *Passkey) Get(options []byte) json.RawMessage {
	var o struct{ Challenge string }
	mustJSON(options, &o)
	data, client := p.authData(p.Flags), p.clientData("webauthn.get", o.Challenge)
	sum := sha256.Sum256(client)
	signed := append(data[:len(data):len(data)], sum[:]...)
	var signature []byte
	var err error
	if _, ok := p.key.(ed25519.PrivateKey); ok {
		signature, err = p.key.Sign(rand.Reader, signed, crypto.Hash(0))
	} else {
		digest := sha256.Sum256(signed)
		signature, err = p.key.Sign(rand.Reader, digest[:], crypto.SHA256)
	}
	if err != nil {
		panic(err)
	}
	response := map[string]any{"clientDataJSON": text(client), "authenticatorData": text(data), "signature": text(signature), "userHandle": nil}
	if p.UserHandle != nil {
		response["userHandle"] = text(p.UserHandle)
	}
	return p.message(response)
}

func (p *Passkey) authData(flags byte) []byte {
	sum := sha256.Sum256([]byte(p.RPID))
	return binary.BigEndian.AppendUint32(append(sum[:], flags), p.SignCount)
}

func (p *Passkey) clientData(kind, challenge string) []byte {
	members := map[string]any{"type": kind, "challenge": challenge, "origin": p.Origin, "crossOrigin": false}
	for name, value := range p.ClientData {
		members[name] = value
	}
	return toJSON(members)
}

func (p *Passkey) message(response map[string]any) json.RawMessage {
	return toJSON(map[string]any{
		"id": text(p.ID), "rawId": text(p.ID), "type": "public-key", "authenticatorAttachment": "platform",
		"response": response, "clientExtensionResults": map[string]any{},
	})
}

func text(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func toJSON(v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return data
}

func mustJSON(data []byte, v any) {
	if err := json.Unmarshal(data, v); err != nil {
		panic(err)
	}
}
