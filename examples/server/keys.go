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
	if ephemeral = isHMAC(s.algorithm) && s.secret == ""; ephemeral {
		secret := make([]byte, 64)
		rand.Read(secret) // never fails: see its documentation
		s.secret = string(secret)
	}
	key, err := s.signingKey(s.secret)
	if err != nil {
		return nil, false, err
	}
	if keys, err = accesstoken.NewKeyring(key); err != nil {
		return nil, false, s.bad("MYAUTH_JWT_ALGORITHM", err)
	}
	return keys, ephemeral, nil
}

// signingKey makes the key from the secret or, with an algorithm of that kind, from the file of
// the private key.
func (s *settings) signingKey(secret string) (*accesstoken.Key, error) {
	if !isHMAC(s.algorithm) {
		key, err := readKey(s.algorithm, s.keyFile)
		if err != nil {
			return nil, s.bad("MYAUTH_JWT_PRIVATE_KEY_FILE", err)
		}
		return key, nil
	}
	key, err := accesstoken.NewKey(s.algorithm, "", []byte(secret))
	if err != nil {
		return nil, s.bad("MYAUTH_JWT_SECRET", err)
	}
	return key, nil
}

// keyInFile reports whether the signing key came from a file, which may have another one later.
func (s *settings) keyInFile() bool {
	return !isHMAC(s.algorithm) || s.fromFile["MYAUTH_JWT_SECRET"] != ""
}

// rereadKey returns the signing key that its file has now.
func (s *settings) rereadKey() (*accesstoken.Key, error) {
	secret := ""
	if path := s.fromFile["MYAUTH_JWT_SECRET"]; path != "" {
		var err error
		if secret, err = readSecret(path); err != nil {
			return nil, s.bad("MYAUTH_JWT_SECRET", err)
		}
	}
	return s.signingKey(secret)
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
