// Package accesstoken makes and checks access tokens: signed JWTs (RFC 7519) of
// the profile of RFC 9068. A resource server needs nothing else of MyAuth: no
// Service, no store and no network.
//
// A [Key] is for one algorithm: [NewKey] makes one, and [ParsePEM] and [ParseJWKS]
// read them. A [Keyring] has the key that signs and those that verify, and its keys
// can be replaced while the program runs. A [Signer] turns [Claims] into a token, and
// a [Verifier] turns a token into Claims, or refuses it:
//
//	keys, err := accesstoken.HMAC(secret)
//	verifier, err := accesstoken.NewVerifier(keys, "myauth", "myauth", nil)
//	claims, err := verifier.Verify(token)
//
// # Why it is safe
//
// The token never chooses how it is checked (RFC 8725, section 3.1). Its header names
// a key of the keyring; the algorithm is the one that this key was made for, and the
// header has to agree. A header with anything but alg, typ and kid is refused, so
// there is nothing to fetch and nothing to override. The form is checked before any
// cryptography: at most [MaxLength] bytes, three parts, base64url that has one
// spelling only, JSON without duplicate members. Tokens for other uses have another
// typ and another key: see [Keyring.Sign].
//
// Keys print as their algorithm and key id under every verb of package fmt, and no
// error contains a part of a token or of a key.
package accesstoken
