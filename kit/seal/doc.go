// Package seal encrypts what a store keeps and the application must be able to read again,
// such as the secret of a second factor. A copy of the database is then of no use without the
// data keys, and a row that is put in another's place does not open.
//
//	keys, err := seal.Parse(os.Getenv("MYAUTH_DATA_KEY"))
//	row.Secret = keys.Seal(secret, "totp", row.ID, row.UserID)
//	secret, outdated, err := keys.Open(row.Secret, "totp", row.ID, row.UserID)
//
// Data keys stand apart from the keys that sign access tokens: those retire in days, and what
// is sealed lives for years. A [Keyring] has one data key that seals and any number that open.
// To replace a key, put the new one in front of it and restart; of several instances each must
// have it behind the old one before the first has it in front. What was sealed before still
// opens, and Open says that it is outdated, so that the program seals it anew when it next
// writes that row. Once nothing is outdated any more, take the old key out.
//
// # Form
//
// What Seal returns is 49 bytes longer than the plaintext:
//
//	1 byte    the version of this form, 1
//	8 bytes   the key ID
//	24 bytes  the nonce, random
//	n bytes   the ciphertext, as long as the plaintext
//	16 bytes  the tag
//
// The last three are XAES-256-GCM (c2sp.org/XAES-256-GCM), which is AES-256-GCM (NIST SP
// 800-38D) under a key that is derived from the data key and the first half of the nonce. Its
// additional data are the first 9 bytes, and then each text of the context behind its length
// as 8 bytes, big endian: no two contexts have the same bytes.
//
// The key ID and the key of XAES-256-GCM are HKDF-SHA-256 (RFC 5869) of the data key, without
// salt, with the info "myauth seal 1 key id" (8 bytes) and "myauth seal 1 XAES-256-GCM" (32
// bytes).
//
// # Why it is safe
//
// With a random nonce of 96 bits, one key of AES-GCM must not seal more than 2^32 times (SP
// 800-38D, section 8.3), because a nonce that comes twice gives the key of the tag away. The
// nonces here have 192 bits, and 2^80 messages under one key are as safe as that, so nobody has
// to count.
//
// The key ID says which key to use; it is public, and tells nothing about the key but whether a
// guess at it is right, which a guess at 256 random bits is not. Keys print as their IDs under
// every verb of package fmt. No error has a part of a key, of the plaintext or of what was
// sealed, other than a key ID.
package seal
