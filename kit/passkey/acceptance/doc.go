// Package acceptance judges package passkey from outside: over HTTP, over every store, by
// go-webauthn as an oracle, and by a browser with a virtual authenticator. It is a module of its
// own, so that nobody who uses passkeys downloads any of these, and it is never released.
package acceptance
