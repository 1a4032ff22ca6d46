package password

import (
	"errors"
	"fmt"
	"strings"
)

// CheckHash returns nil for a stored hash that [Hasher.Verify] reads, and otherwise an
// error that says what is wrong with it and contains no part of it. These are read, each
// of a cost from 4 to 16:
//
//   - bcrypt strings of $2a$, $2b$ and $2y$;
//   - passlib's $bcrypt-sha256$ of both versions;
//   - Django's bcrypt$$2b$… and bcrypt_sha256$$2b$…;
//   - WordPress's $wp$2y$… (since 6.8). WordPress cuts off the white space around a
//     password and puts a backslash before a quote: the owner of such a password needs
//     a reset.
//
// $2x$ is not: it marks hashes of a bug of crypt_blowfish, under which other passwords
// match as well.
func CheckHash(hash string) error {
	if _, ok := parse(hash); ok {
		return nil
	}
	if hash == "" {
		return errors.New("password: the hash is empty")
	}
	for _, kind := range otherKinds {
		if strings.HasPrefix(hash, kind.prefix) {
			return fmt.Errorf("password: the hash is %s: import the account with an empty hash, and its owner sets a password by a reset", kind.name)
		}
	}
	bare := strings.TrimPrefix(hash, "$bcrypt-sha256$")
	for _, prefix := range prefixes {
		bare = strings.TrimPrefix(bare, prefix)
	}
	if bare == hash && !strings.HasPrefix(hash, "$2") {
		return errors.New("password: the hash is of an unknown kind: bcrypt is read, as passlib, Django and WordPress write it too")
	}
	return fmt.Errorf("password: the hash is not whole, or of a cost out of %d to %d", minCost, maxCost)
}

// otherKinds are the kinds of hashes that imports bring along and that are not read.
var otherKinds = []struct{ prefix, name string }{
	{"$2x$", "of $2x$, a faulty bcrypt that other passwords match as well"},
	{"$2$", "of $2$, the first bcrypt, which is another function"},
	{"$argon2", "Argon2"},
	{"argon2$", "Argon2"},
	{"$scrypt$", "scrypt"},
	{"scrypt$", "scrypt"},
	{"$pbkdf2", "PBKDF2"},
	{"pbkdf2_", "PBKDF2"},
	{"$P$", "phpass, of WordPress before 6.8"},
	{"$H$", "phpass"},
	{"$1$", "MD5-crypt"},
	{"$5$", "SHA-256-crypt"},
	{"$6$", "SHA-512-crypt"},
	{"$y$", "yescrypt"},
	{"{", "of a directory (LDAP)"},
	{"!", "Django's mark of an account without a password"},
}
