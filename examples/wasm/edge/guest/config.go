//go:build wasip1

package main

import (
	"errors"
	"fmt"

	"myauth.internal/kit/accesstoken"
	"myauth.internal/kit/ijson"
)

// newVerifier reads the configuration: issuer, audience, and one of hmac_secret and
// jwks. A name that it does not know is an error, since it is a name misspelt. No
// error holds a value.
func newVerifier(text []byte) (*accesstoken.Verifier, error) {
	issuer, audience := "myauth", "myauth"
	var secret string
	var keySet []byte
	err := ijson.Object(text, ijson.MaxDepth, func(name, value []byte) (err error) {
		switch string(name) {
		case "issuer":
			issuer, err = ijson.String(value)
		case "audience":
			audience, err = ijson.String(value)
		case "hmac_secret":
			secret, err = ijson.String(value)
		case "jwks":
			keySet = value
		default:
			err = errors.New("it is none of issuer, audience, hmac_secret and jwks")
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("the configuration is a JSON object with issuer, audience, and hmac_secret or jwks: %w", err)
	}
	if (secret == "") == (keySet == nil) {
		return nil, errors.New("the configuration needs one of hmac_secret and jwks")
	}
	var keys *accesstoken.Keyring
	if keySet != nil {
		var public []*accesstoken.Key
		if public, err = accesstoken.ParseJWKS(keySet); err == nil {
			keys, err = accesstoken.NewKeyring(nil, public...)
		}
	} else {
		keys, err = accesstoken.HMAC([]byte(secret))
	}
	if err != nil {
		return nil, err
	}
	return accesstoken.NewVerifier(keys, issuer, audience, nil)
}
