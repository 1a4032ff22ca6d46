package accesstoken

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
)

// ParsePEM makes a key from one PEM block: a private key in PKCS#8 ("PRIVATE
// KEY"), PKCS#1 ("RSA PRIVATE KEY") or SEC 1 ("EC PRIVATE KEY"), or a public key
// ("PUBLIC KEY"). The rules for alg and id are those of [NewKey]. Encrypted keys,
// certificates, and text after the block are refused; text before it is ignored, and
// so is the "EC PARAMETERS" block that openssl ecparam writes.
func ParsePEM(alg Algorithm, id string, text []byte) (*Key, error) {
	block, rest := pem.Decode(text)
	if block != nil && block.Type == "EC PARAMETERS" {
		block, rest = pem.Decode(rest)
	}
	if block == nil {
		return nil, errors.New("accesstoken: no PEM block (-----BEGIN …) was found")
	}
	if len(bytes.TrimSpace(rest)) > 0 {
		return nil, errors.New("accesstoken: there is more after the PEM block: give one key alone")
	}
	if block.Type == "ENCRYPTED PRIVATE KEY" || block.Headers["DEK-Info"] != "" {
		return nil, errors.New("accesstoken: the private key is encrypted: decrypt it first, for instance with openssl pkey")
	}
	var key any
	var err error
	switch block.Type {
	case "PRIVATE KEY":
		key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	case "RSA PRIVATE KEY":
		key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	case "EC PRIVATE KEY":
		key, err = x509.ParseECPrivateKey(block.Bytes)
	case "PUBLIC KEY":
		key, err = x509.ParsePKIXPublicKey(block.Bytes)
	default:
		return nil, fmt.Errorf("accesstoken: a PEM block of type %q is not a key that can be used here: "+
			"give PRIVATE KEY, RSA PRIVATE KEY, EC PRIVATE KEY or PUBLIC KEY", block.Type)
	}
	if err != nil {
		return nil, fmt.Errorf("accesstoken: the PEM block %q does not hold such a key: %w", block.Type, err)
	}
	return NewKey(alg, id, key)
}
