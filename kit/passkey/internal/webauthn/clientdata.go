package webauthn

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"slices"

	"myauth.internal/kit/ijson"
)

// The values of the member type of the client data.
const (
	typeCreate = "webauthn.create"
	typeGet    = "webauthn.get"
)

// clientData is what the browser says of a ceremony (section 5.8.1). The authenticator signs
// its hash.
type clientData struct {
	kind, challenge, origin string
	crossOrigin             bool
	topOrigin               string
}

func parseClientData(text []byte) (c clientData, err error) {
	if len(text) > maxClientData {
		return c, errors.New("webauthn: the client data is too long")
	}
	members, err := membersOf(text)
	if err != nil {
		return c, fmt.Errorf("webauthn: the client data: %w", err)
	}
	if c.kind, err = stringOf(members, "type"); err != nil {
		return c, err
	}
	if c.challenge, err = stringOf(members, "challenge"); err != nil {
		return c, err
	}
	if c.origin, err = stringOf(members, "origin"); err != nil {
		return c, err
	}
	if value := members["crossOrigin"]; value != nil {
		switch ijson.Kind(value) {
		case 't':
			c.crossOrigin = value[0] == 't'
		default:
			return c, errors.New("webauthn: crossOrigin must be true or false")
		}
	}
	if members["topOrigin"] != nil {
		if c.topOrigin, err = stringOf(members, "topOrigin"); err != nil {
			return c, err
		}
		if c.topOrigin == "" || !c.crossOrigin {
			return c, errors.New("webauthn: topOrigin goes with crossOrigin only")
		}
	}
	return c, nil
}

// checkClientData verifies the client data of a ceremony (sections 7.1 and 7.2).
func (rp *RP) checkClientData(text []byte, kind string, challenge []byte) error {
	c, err := parseClientData(text)
	if err != nil {
		return err
	}
	switch {
	case c.kind != kind:
		return fmt.Errorf("webauthn: the type of the client data must be %s", kind)
	case len(challenge) == 0 || subtle.ConstantTimeCompare([]byte(c.challenge), []byte(base64URL.EncodeToString(challenge))) != 1:
		return errors.New("webauthn: the challenge is another one")
	case !slices.Contains(rp.Origins, c.origin):
		return fmt.Errorf("webauthn: the origin %.100q is not among the allowed ones", c.origin)
	case c.crossOrigin && !rp.AllowCrossOrigin:
		return errors.New("webauthn: crossOrigin is true, and frames of other origins are not allowed")
	case c.topOrigin != "" && !slices.Contains(rp.TopOrigins, c.topOrigin):
		return fmt.Errorf("webauthn: the page of the origin %.100q may not frame this one", c.topOrigin)
	}
	return nil
}
