// Package mailx sends the mails of package kit: a [kit.Mailer] that speaks SMTP,
// and one for development that prints.
//
//	cfg, err := mailx.ParseURL(os.Getenv("MYAUTH_SMTP_URL"))
//	mailer, err := mailx.New(cfg, &mailx.Options{From: "Shop <no-reply@shop.example>"})
//	svc, err := kit.New(stores, keys, &kit.Options{Mailer: mailer, PublicURL: "https://shop.example"})
//
// # Transport
//
// The Mailer opens one connection for each mail: connect, TLS, AUTH, one transaction
// with exactly one recipient, QUIT. TLS (STARTTLS or implicit TLS, at least version 1.2,
// the certificate verified for the host name) comes before credentials and mail, and a
// relay without it gets neither, unless [InsecurePlaintext] is set. What the relay said
// before the handshake is forgotten, so that an attacker in between cannot inject an
// answer (RFC 3207 section 4.2).
//
// When the context ends, or after [Options.Timeout], the Mailer closes the
// connection, and Send returns. Once the relay has accepted a mail, nothing that
// happens afterwards is an error.
//
// # Errors
//
// An error is marked with [kit.Permanent] when no retry can help this recipient: the
// relay refuses it with an enhanced status code that blames the mailbox (RFC 3463:
// 5.1.1 to 5.1.4, 5.1.6, 5.1.10, 5.2.1 to 5.2.4), To is not an email address, or its
// local part needs SMTPUTF8 (RFC 6531) and the relay does not offer it.
//
// Every other error is worth a retry: network faults, 4xx, TLS failures, refused
// credentials, and a refused sender, client, EHLO name or message, because the operator
// can correct those while the mail waits. Relays such as Postfix report them at RCPT, so
// the stage does not tell whose fault it is. A 5xx without one of the codes above is
// retried too, and its error says that the relay does not blame the recipient.
//
// Errors hold the SMTP code and the relay's words, printable, shortened, and without
// anything that looks like an address, a link or a token; after AUTH the code alone.
//
// # Message
//
// Each mail is multipart/alternative, text and HTML in UTF-8, from the templates
// described at [Options.Templates] and [Data], in the language of [kit.Mail.Locale] if there are
// any for it. A kind without templates is rendered from Subject and Text of the [kit.Mail], where
// each paragraph of Text becomes one of HTML, and a link that is a paragraph becomes a link. A mail
// without these is an error that no retry helps. A part in ASCII is sent as it is, so
// that no link is folded; any other is in quoted-printable. International domains
// are written as A-labels (RFC 5890). Headers hold nothing from the account except
// the address in To, which must be a bare address, and what a subject
// template takes from [Data]: the subject is always one line, encoded where it has
// to be (RFC 2047).
package mailx
