// Package mailx sends the mails of package kit: a [kit.Mailer] that speaks SMTP,
// and one for development that prints.
//
//	cfg, err := mailx.ParseURL(os.Getenv("MYAUTH_SMTP_URL"))
//	mailer, err := mailx.New(cfg, &mailx.Options{From: "Shop <no-reply@shop.example>"})
//	svc, err := kit.New(users, tokens, keys, &kit.Options{Mailer: mailer, PublicURL: "https://shop.example"})
//
// # Transport
//
// A mail goes out over a connection of its own: connect, TLS, AUTH, one
// transaction with exactly one recipient, QUIT. TLS comes first (STARTTLS or
// implicit TLS, at least version 1.2, the certificate verified for the host name):
// a relay that does not offer it, or fails it, gets neither credentials nor mail.
// [InsecurePlaintext] is the one way around that, and has to be asked for.
// Whatever the relay said before the handshake is forgotten after it, so that
// nobody in between can slip in an answer (RFC 3207 section 4.2).
//
// Everything ends when the context does, or after [Options.Timeout], whichever is
// first: the connection is closed under whatever is waiting. Once the relay has
// accepted a mail, nothing that happens afterwards is an error.
//
// # Errors
//
// An error is marked with [kit.Permanent] when only another mail could succeed: the
// relay refuses the recipient or the message for good (5xx), the address is not
// one, or it needs SMTPUTF8 (RFC 6531) and the relay has none. All else is worth a
// retry: network faults, 4xx, and also refused credentials, a refused sender and
// TLS failures, because the operator can mend those while the mail waits.
//
// Errors give the SMTP code and the relay's words, printable, shortened, and without
// anything that looks like an address, a link or a token. Of answers to AUTH they
// give the code alone.
//
// # Message
//
// Each mail is multipart/alternative, text and HTML, in UTF-8 and quoted-printable,
// from the templates described at [Options.Templates] and [Data]. No header takes
// anything from the account but the address in To, which must be a bare address,
// and what a custom subject template takes, which is encoded (RFC 2047) and one line
// always.
package mailx
