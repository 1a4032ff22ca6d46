package main

import (
	"crypto/rand"
	"fmt"
	"os"
	"strings"

	"myauth.internal/kit/accesstoken"
)

// openKeys returns the keys that sign access tokens. ephemeral says that they are
// gone after this run.
func openKeys(s *settings) (keys *accesstoken.Keyring, ephemeral bool, err error) {
	var key *accesstoken.Key
	if isHMAC(s.algorithm) {
		secret := []byte(s.secret)
		if ephemeral = len(secret) == 0; ephemeral {
			secret = make([]byte, 64)
			rand.Read(secret) // never fails: see its documentation
		}
		if key, err = accesstoken.NewKey(s.algorithm, "", secret); err != nil {
			return nil, false, s.bad("MYAUTH_JWT_SECRET", err)
		}
	} else if key, err = readKey(s.algorithm, s.keyFile); err != nil {
		return nil, false, s.bad("MYAUTH_JWT_PRIVATE_KEY_FILE", err)
	}
	if keys, err = accesstoken.NewKeyring(key); err != nil {
		return nil, false, s.bad("MYAUTH_JWT_ALGORITHM", err)
	}
	return keys, ephemeral, nil
}

func isHMAC(a accesstoken.Algorithm) bool { return strings.HasPrefix(string(a), "HS") }

// readKey reads a private key, whose name is its thumbprint, so that every instance
// with the same key gives it the same key id.
func readKey(algorithm accesstoken.Algorithm, path string) (*accesstoken.Key, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, unreadable(path, err)
	}
	key, err := accesstoken.ParsePEM(algorithm, "", text)
	if err != nil {
		return nil, fmt.Errorf("%s holds no private key for %s: %w", shown(path), algorithm, err)
	}
	if !key.CanSign() {
		return nil, fmt.Errorf("%s holds a public key: write the path of the private one", shown(path))
	}
	return key, nil
}
