package webauthn

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/fxamacker/cbor/v2"
)

// Flags are those of the authenticator data (section 6.1).
type Flags byte

// The flags.
const (
	flagUP Flags = 1 << 0
	flagUV Flags = 1 << 2
	flagBE Flags = 1 << 3
	flagBS Flags = 1 << 4
	flagAT Flags = 1 << 6
	flagED Flags = 1 << 7
)

// UserVerified reports whether the authenticator knows that it was its owner: by PIN,
// fingerprint or face.
func (f Flags) UserVerified() bool { return f&flagUV != 0 }

// BackupEligible reports whether the key can leave the device, as one that is synced.
func (f Flags) BackupEligible() bool { return f&flagBE != 0 }

// BackedUp reports whether the key is on another device too.
func (f Flags) BackedUp() bool { return f&flagBS != 0 }

// authData is what the authenticator says and signs.
type authData struct {
	rpIDHash  []byte
	flags     Flags
	signCount uint32
	// The rest is there with the flag AT only.
	aaguid       [16]byte
	credentialID []byte
	publicKey    []byte // a COSE_Key
}

const authDataHeader = 32 + 1 + 4

var errAuthData = errors.New("webauthn: the authenticator data is cut off or too long")

// parseAuthData reads authenticator data, and leaves no byte of it unread.
func parseAuthData(data []byte) (a authData, err error) {
	if len(data) < authDataHeader || len(data) > maxAuthData {
		return a, errAuthData
	}
	a.rpIDHash, a.flags, a.signCount = data[:32], Flags(data[32]), binary.BigEndian.Uint32(data[33:])
	rest := data[authDataHeader:]
	if a.flags&flagAT != 0 {
		if len(rest) < 16+2 {
			return a, errAuthData
		}
		copy(a.aaguid[:], rest)
		n := int(binary.BigEndian.Uint16(rest[16:]))
		rest = rest[18:]
		if n == 0 || n > maxCredentialID || n > len(rest) {
			return a, fmt.Errorf("webauthn: a credential ID must have 1 to %d bytes", maxCredentialID)
		}
		a.credentialID, rest = rest[:n], rest[n:]
		var key cbor.RawMessage
		after, err := strictCBOR.UnmarshalFirst(rest, &key)
		if err != nil {
			return a, fmt.Errorf("webauthn: the public key: %w", err)
		}
		a.publicKey, rest = rest[:len(rest)-len(after)], after
	}
	if a.flags&flagED != 0 {
		var extensions map[string]cbor.RawMessage
		if rest, err = strictCBOR.UnmarshalFirst(rest, &extensions); err != nil {
			return a, fmt.Errorf("webauthn: the extensions: %w", err)
		}
	}
	if len(rest) > 0 {
		return a, errAuthData
	}
	return a, nil
}

// attestationObject is what the authenticator answers to a registration (section 6.5.4).
type attestationObject struct {
	Format    string                     `cbor:"fmt"`
	Statement map[string]cbor.RawMessage `cbor:"attStmt"` // ignored
	AuthData  []byte                     `cbor:"authData"`
}

func parseAttestation(data []byte) (authData, error) {
	var object attestationObject
	if len(data) > maxAttestation {
		return authData{}, errors.New("webauthn: the attestation object is too long")
	}
	if err := strictCBOR.Unmarshal(data, &object); err != nil {
		return authData{}, fmt.Errorf("webauthn: the attestation object: %w", err)
	}
	if object.Format == "" || object.Statement == nil || object.AuthData == nil {
		return authData{}, errors.New("webauthn: the attestation object must have fmt, attStmt and authData")
	}
	return parseAuthData(object.AuthData)
}

// strictCBOR reads what CTAP2 allows: no key twice, no indefinite lengths, no tags, and little of
// anything.
var strictCBOR = func() cbor.DecMode {
	mode, err := cbor.DecOptions{
		DupMapKey:         cbor.DupMapKeyEnforcedAPF,
		IndefLength:       cbor.IndefLengthForbidden,
		TagsMd:            cbor.TagsForbidden,
		FieldNameMatching: cbor.FieldNameMatchingCaseSensitive,
		MaxNestedLevels:   8,
		MaxArrayElements:  16,
		MaxMapPairs:       32,
	}.DecMode()
	if err != nil {
		panic(err)
	}
	return mode
}()
