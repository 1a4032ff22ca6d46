// Package passkey lets users log in with passkeys (WebAuthn Level 3), and answer a second factor
// with one. It is a module of its own, because it reads CBOR with a library that nobody else
// needs. Three lines add it:
//
//	passkeys, err := passkey.New("example.com", nil)
//	…
//	svc, err := kit.New(stores, keys, &kit.Options{Features: []kit.Feature{passkeys}})
//
// The README has the browser's part.
//
// A passkey is a key pair whose private half stays with the user's authenticator, and works for
// one domain only, so nothing that can be phished or stolen from the store opens the account. A
// login with user verification, by PIN, finger or face, is both factors, and no second one is
// asked for. Without it the passkey only answers a second factor that is due, as the method
// "passkey". It never makes one due: it is not in kit.User.Factors.
//
// The address of the account must be verified before the first passkey, because a stranger who
// registered it would otherwise keep a way in. A password reset leaves passkeys as they are.
package passkey
