// Package password decides which passwords are accepted, and hashes and checks them.
//
// A [Policy] says which new passwords are accepted; [Rules] is the usual one. A [Hasher] makes
// bcrypt strings that other software reads as well, and checks passwords against them:
//
//	h, err := password.NewHasher(nil)
//	stored, err := h.Hash(ctx, "correct horse battery 1A")
//	match, err := h.Verify(ctx, stored, "correct horse battery 1A")
//
// # Formats
//
// Up to 72 bytes a password becomes a plain bcrypt string. bcrypt reads no further,
// and C implementations stop at a NUL; what is longer or has one is condensed first,
// in passlib's published bcrypt_sha256 format, so that every byte counts. The bcrypt
// hashes of passlib, Django, WordPress and others are checked too, so accounts of other
// systems can be taken over: see [CheckHash].
//
// # Why it is safe
//
// Every refusal is the same answer after the same work: for a wrong password, an account
// that does not exist, a hash that is empty, corrupt, of an unknown kind or of an absurd
// cost, and a password that bcrypt would cut off. A mismatch with a hash of a lower cost
// than the configured one does the missing rounds as well. Digests are compared in
// constant time.
//
// Hashing is slow on purpose, so a bounded number of hashes is computed at a time, a
// bounded number of calls waits, and others get [ErrBusy]. A call whose context ends
// stops waiting or computing at once.
//
// No error and no printed value contains a password or a hash.
//
// # WebAssembly
//
// WebAssembly has one thread, so a hash lets everything else run after every 128 rounds, some
// eight milliseconds: other goroutines, and in a browser the page. How often depends on
// the number of rounds alone, and tells no more than the time of a hash. Under JavaScript
// the event loop must be free, as for everything that waits: a function that [syscall/js.FuncOf]
// wraps must start a goroutine, and hash there. If it hashes itself, Go ends the program with
// "all goroutines are asleep".
package password
