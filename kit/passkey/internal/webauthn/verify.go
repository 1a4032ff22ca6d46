package webauthn

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
)

// RP is the relying party: whose credentials are accepted, and from where.
type RP struct {
	// ID is the RP ID, a domain.
	ID string
	// Origins are where the ceremonies may take place, exactly as browsers write them.
	Origins []string
	// AllowCrossOrigin accepts a ceremony in a frame of a page of another origin. If the browser
	// names the page, its origin must be among TopOrigins.
	AllowCrossOrigin bool
	TopOrigins       []string
}

// Credential is what a registration proves.
type Credential struct {
	// ID is the credential ID.
	ID []byte
	// PublicKey is a COSE_Key, for VerifyAssertion. It has at most 2 KiB.
	PublicKey []byte
	// Flags and SignCount are those of the registration.
	Flags     Flags
	SignCount uint32
	// AAGUID says which make of authenticator it is, without proof; zero if it does not say.
	AAGUID [16]byte
}

// VerifyRegistration checks the answer to a challenge (section 7.1). It does not require that
// the user was verified.
func (rp *RP) VerifyRegistration(r Registration, challenge []byte) (Credential, error) {
	if err := rp.checkClientData(r.ClientData, typeCreate, challenge); err != nil {
		return Credential{}, err
	}
	a, err := parseAttestation(r.AttestationObject)
	if err != nil {
		return Credential{}, err
	}
	if err := rp.checkAuthData(a); err != nil {
		return Credential{}, err
	}
	switch {
	case a.flags&flagAT == 0:
		return Credential{}, errors.New("webauthn: the authenticator data has no credential")
	case !bytes.Equal(a.credentialID, r.ID):
		return Credential{}, errors.New("webauthn: id is not that of the authenticator data")
	}
	if err := checkKey(a.publicKey); err != nil {
		return Credential{}, err
	}
	return Credential{
		ID: a.credentialID, PublicKey: a.publicKey, Flags: a.flags, SignCount: a.signCount, AAGUID: a.aaguid,
	}, nil
}

// VerifyAssertion checks the answer to a challenge with the key of a credential (section 7.2). It
// does not require that the user was verified, and the caller compares the sign count.
func (rp *RP) VerifyAssertion(a Assertion, challenge, publicKey []byte) (Flags, uint32, error) {
	if err := rp.checkClientData(a.ClientData, typeGet, challenge); err != nil {
		return 0, 0, err
	}
	data, err := parseAuthData(a.AuthData)
	if err != nil {
		return 0, 0, err
	}
	if err := rp.checkAuthData(data); err != nil {
		return 0, 0, err
	}
	if data.flags&flagAT != 0 {
		return 0, 0, errors.New("webauthn: a login must not bring a new credential")
	}
	key, err := parseKey(publicKey)
	if err != nil {
		return 0, 0, err
	}
	sum := sha256.Sum256(a.ClientData)
	message := append(append(make([]byte, 0, len(a.AuthData)+len(sum)), a.AuthData...), sum[:]...)
	if err := key.verify(message, a.Signature); err != nil {
		return 0, 0, err
	}
	return data.flags, data.signCount, nil
}

// checkAuthData checks what both ceremonies have in common.
func (rp *RP) checkAuthData(a authData) error {
	want := sha256.Sum256([]byte(rp.ID))
	switch {
	case subtle.ConstantTimeCompare(a.rpIDHash, want[:]) != 1:
		return errors.New("webauthn: the credential is of another RP ID")
	case a.flags&flagUP == 0:
		return errors.New("webauthn: nobody was present (the flag UP)")
	case a.flags&flagBS != 0 && a.flags&flagBE == 0:
		return errors.New("webauthn: the key is backed up, and cannot be (the flags BS and BE)")
	}
	return nil
}
