// Package accesstoken makes and checks access tokens: signed JWTs (RFC 7519) of
// the profile of RFC 9068. It is all that a resource server needs, without the
// Service of package kit, without a store and without a network.
//
// A [Keyring] holds the keys: one that signs, and any number that verify.
// [HMAC] makes one from a single secret, [NewKeyring] from keys of every kind; both
// can be given further keys while the program runs. A [Signer] turns [Claims] into a token, and a
// [Verifier] turns it back, or refuses it:
//
//	keys, err := accesstoken.HMAC(secret)
//	verifier, err := accesstoken.NewVerifier(keys, "myauth", "myauth", nil)
//	claims, err := verifier.Verify(token)
//
// # Why it is safe
//
// The token never chooses how it is checked (RFC 8725, section 3.1). Its header may
// name a key of our keyring; the algorithm is the one that this key was made for,
// and the header has to agree. A header with anything but alg, typ and kid is
// refused, so there is nothing to fetch and nothing to override. The form is
// checked before any cryptography: at most [MaxLength] bytes, three parts,
// base64url that has one spelling only, JSON without duplicate members. Tokens for
// other uses have another typ, and best another key: see [Keyring.Derive].
//
// Keys print as their algorithm and key id under every verb of package fmt, and no
// error holds a part of a token or of a key.
package accesstoken
