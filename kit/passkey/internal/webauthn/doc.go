// Package webauthn checks the two ceremonies of Web Authentication Level 3: it parses what the
// browser sends, strictly and within bounds, and verifies it. It keeps nothing and asks no store.
//
// Attestation statements are ignored: which make of authenticator holds a key does not matter
// here, that its owner is there does. The algorithms are ES256, EdDSA with Ed25519, and RS256.
//
// Errors say what is wrong for the log and for developers. They quote names of the protocol and
// origins, never the credential.
package webauthn
