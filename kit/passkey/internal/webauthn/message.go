package webauthn

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"

	"myauth.internal/kit/ijson"
)

// What a browser sends is far below these bounds.
const (
	maxCredentialID = 1023 // section 4, Credential ID
	maxClientData   = 8 << 10
	maxAttestation  = 32 << 10
	maxAuthData     = 8 << 10
	maxSignature    = 1 << 10
	maxUserHandle   = 64
	maxDepth        = 16 // of JSON
	maxTransports   = 8
)

// Registration is the answer of navigator.credentials.create, from RegistrationResponseJSON.
type Registration struct {
	// ID is the credential ID that the message names.
	ID []byte
	// ClientData and AttestationObject are as the browser made them.
	ClientData, AttestationObject []byte
	// Transports are hints how the browser reaches the authenticator. Nothing signs them.
	Transports []string
}

// Assertion is the answer of navigator.credentials.get, from AuthenticationResponseJSON.
type Assertion struct {
	ID                              []byte
	ClientData, AuthData, Signature []byte
	// UserHandle is nil if the authenticator did not send one.
	UserHandle []byte
}

// ParseRegistration reads a RegistrationResponseJSON. Members that are not needed are ignored.
func ParseRegistration(text []byte) (r Registration, err error) {
	id, response, err := parseCredential(text)
	if err != nil {
		return r, err
	}
	r.ID = id
	if r.ClientData, err = bytesOf(response, "clientDataJSON", maxClientData); err != nil {
		return r, err
	}
	if r.AttestationObject, err = bytesOf(response, "attestationObject", maxAttestation); err != nil {
		return r, err
	}
	if value := response["transports"]; value != nil && ijson.Kind(value) != 'n' {
		list, err := ijson.Strings(value)
		if err != nil {
			return r, errors.New("webauthn: transports must be a list of strings")
		}
		for _, t := range list {
			if isToken(t) && len(r.Transports) < maxTransports && !slices.Contains(r.Transports, t) {
				r.Transports = append(r.Transports, t)
			}
		}
	}
	return r, nil
}

// isToken reports whether t looks like the value of an enumeration, such as "smart-card".
// Values that are not known yet are kept, as section 5.8.4 asks.
func isToken(t string) bool {
	if len(t) == 0 || len(t) > 32 {
		return false
	}
	for _, c := range []byte(t) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return true
}

// ParseAssertion reads an AuthenticationResponseJSON. Members that are not needed are ignored.
func ParseAssertion(text []byte) (a Assertion, err error) {
	id, response, err := parseCredential(text)
	if err != nil {
		return a, err
	}
	a.ID = id
	if a.ClientData, err = bytesOf(response, "clientDataJSON", maxClientData); err != nil {
		return a, err
	}
	if a.AuthData, err = bytesOf(response, "authenticatorData", maxAuthData); err != nil {
		return a, err
	}
	if a.Signature, err = bytesOf(response, "signature", maxSignature); err != nil {
		return a, err
	}
	if value := response["userHandle"]; value != nil && ijson.Kind(value) != 'n' {
		a.UserHandle, err = bytesOf(response, "userHandle", maxUserHandle)
	}
	return a, err
}

// parseCredential reads what both messages have in common.
func parseCredential(text []byte) (id []byte, response map[string][]byte, err error) {
	top, err := membersOf(text)
	if err != nil {
		return nil, nil, fmt.Errorf("webauthn: the credential: %w", err)
	}
	if kind, err := stringOf(top, "type"); err != nil || kind != "public-key" {
		return nil, nil, errors.New(`webauthn: type must be "public-key"`)
	}
	if id, err = bytesOf(top, "id", maxCredentialID); err != nil {
		return nil, nil, err
	}
	if top["rawId"] != nil && string(top["rawId"]) != string(top["id"]) {
		return nil, nil, errors.New("webauthn: rawId must equal id")
	}
	if response, err = membersOf(top["response"]); err != nil {
		return nil, nil, fmt.Errorf("webauthn: response: %w", err)
	}
	return id, response, nil
}

// membersOf reads a JSON object.
func membersOf(text []byte) (map[string][]byte, error) {
	members := map[string][]byte{}
	err := ijson.Object(text, maxDepth, func(name, value []byte) error {
		members[string(name)] = value
		return nil
	})
	return members, err
}

func stringOf(members map[string][]byte, name string) (string, error) {
	if members[name] == nil {
		return "", fmt.Errorf("webauthn: %s is missing", name)
	}
	text, err := ijson.String(members[name])
	if err != nil {
		return "", fmt.Errorf("webauthn: %s must be a string", name)
	}
	return text, nil
}

// base64URL is without padding, as WebAuthn has it (section 3), and accepts one text for each
// value.
var base64URL = base64.RawURLEncoding.Strict()

// bytesOf reads a member in base64url of 1 to most bytes.
func bytesOf(members map[string][]byte, name string, most int) ([]byte, error) {
	text, err := stringOf(members, name)
	if err != nil {
		return nil, err
	}
	if len(text) == 0 || len(text) > base64URL.EncodedLen(most) {
		return nil, fmt.Errorf("webauthn: %s must have 1 to %d bytes", name, most)
	}
	for _, c := range []byte(text) {
		if c == '\r' || c == '\n' { // which the decoder would skip
			return nil, fmt.Errorf("webauthn: %s must be base64url without padding", name)
		}
	}
	data, err := base64URL.DecodeString(text)
	if err != nil {
		return nil, fmt.Errorf("webauthn: %s must be base64url without padding", name)
	}
	return data, nil
}
