// Package totp is the second factor of authenticator apps: codes of 6 digits that change every 30
// seconds (TOTP, RFC 6238, with SHA-1). Every such app can do it: Google Authenticator, Aegis,
// 1Password, Microsoft Authenticator, the password manager of a phone.
//
//	keys, err := seal.Parse(os.Getenv("DATA_KEY")) // 32 random bytes in base64
//	opts.DataKeys = keys
//	opts.Features = append(opts.Features, totp.New(nil))
//
// The routes below /mfa and /login/mfa then serve it, and recovery codes with it: README.md beside
// this file has each flow as a command.
//
// # What is promised
//
//   - A code is accepted in its step, the one before and the one after, and each step once: of any
//     number of uses of one code, over any number of logins and instances, one succeeds. A step
//     that is not above the last one is refused, also when the clock was set back. The code that
//     confirmed the enrolment is no login.
//   - The secret has 160 random bits. It is shown once, at the enrolment, and until that is
//     confirmed nothing is written. Then it is sealed under the data keys for its user and record.
//   - Codes are compared in constant time, and the Service counts wrong ones: five for each
//     login, and a hundred in a row for an account over all of them.
//
// Servers and phones must agree on the time to within 30 seconds. Where the server's clock is
// wrong, nobody logs in by a code; recovery codes work.
package totp
