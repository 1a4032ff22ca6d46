package mailx

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"myauth.internal/kit"
)

// failure is an error of a delivery: text that is safe to log, and what callers may
// look for with [errors.Is].
type failure struct {
	text  string
	cause error // a context's or the network's; never the relay's answer
}

func (f *failure) Error() string { return "mailx: " + f.text }
func (f *failure) Unwrap() error { return f.cause }

// failed makes the error of a stage out of what go-smtp returned.
func failed(ctx context.Context, stage string, err error) error {
	var answer *smtp.SMTPError
	var bare *textproto.Error
	var refusal *sasl.OAuthBearerError
	switch {
	case ctx.Err() != nil:
		// The connection was closed for that reason.
		return &failure{stage + ": " + ctx.Err().Error(), ctx.Err()}
	case errors.As(err, &answer):
		return refused(stage, answer)
	case errors.As(err, &bare):
		return refused(stage, &smtp.SMTPError{Code: bare.Code, Message: bare.Msg})
	case errors.As(err, &refusal):
		return &failure{stage + ": the relay refuses the access token", nil}
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return &failure{stage + ": the relay closed the connection", err}
	case stage == stageAuth && !errors.As(err, new(net.Error)):
		return &failure{stage + ": the relay does not keep to the protocol", nil}
	default:
		return &failure{stage + ": " + presentable(strings.TrimPrefix(err.Error(), "smtp: ")), err}
	}
}

// aboutRecipient lists the enhanced status codes (RFC 3463 section 3, RFC 7505) with
// which a relay refuses the recipient itself. Every other refusal is about the
// sender, the client, its name or credentials, or the content that all mails share,
// even at RCPT, where Postfix reports earlier faults too (smtpd_delay_reject). A refusal
// without a code may be either: "550 relay not permitted" looks like "550 no such user".
var aboutRecipient = []smtp.EnhancedCode{
	{5, 1, 1},  // no such mailbox
	{5, 1, 2},  // no such domain
	{5, 1, 3},  // not an address
	{5, 1, 4},  // ambiguous
	{5, 1, 6},  // moved, and nothing forwards
	{5, 1, 10}, // the domain takes no mail (null MX)
	{5, 2, 1},  // mailbox disabled
	{5, 2, 2},  // mailbox full
	{5, 2, 3},  // message too long for the mailbox
	{5, 2, 4},  // mailing list cannot be expanded
}

// refused makes the error of a relay's answer: permanent if it refuses the recipient
// for good. Other refusals the operator can mend while the mail waits, and the text
// says what to check.
func refused(stage string, answer *smtp.SMTPError) error {
	text := fmt.Sprintf("%s: %d", stage, answer.Code)
	code, words := enhancedCode(answer)
	if code[0] > 0 {
		text += fmt.Sprintf(" %d.%d.%d", code[0], code[1], code[2])
	}
	if stage == stageAuth {
		// The words can echo the credentials, in any shape.
		return &failure{text, nil}
	}
	if words = presentable(words); words != "" {
		text += " " + words
	}
	if answer.Code/100 != 5 {
		return &failure{text, nil}
	}
	if slices.Contains([]string{stageRcpt, stageData, stageMessage}, stage) && slices.Contains(aboutRecipient, code) {
		return kit.Permanent(&failure{text, nil})
	}
	return &failure{text + notBlamed, nil}
}

// notBlamed ends the text of a final refusal that does not end the mail.
const notBlamed = "; the relay does not blame the recipient: check the sender, the name in EHLO, the credentials and the relay's rules"

// codeInFront is an enhanced status code where go-smtp does not find one: without
// any words after it, or with a number sign.
var codeInFront = regexp.MustCompile(`^#?([245])\.(\d{1,3})\.(\d{1,3})(?:\s+|$)`)

func enhancedCode(answer *smtp.SMTPError) (code smtp.EnhancedCode, words string) {
	match := codeInFront.FindStringSubmatch(answer.Message)
	if answer.EnhancedCode != (smtp.EnhancedCode{}) || match == nil {
		return answer.EnhancedCode, answer.Message
	}
	for i := range code {
		code[i], _ = strconv.Atoi(match[i+1])
	}
	return code, answer.Message[len(match[0]):]
}

const (
	// maxWord is shorter than every token of the kit, so that no token gets into a log
	// even if a spam filter quotes the link in the message.
	maxWord = 32
	maxText = 200 // bytes
)

// presentable returns foreign text as one short printable line, with addresses and
// long words replaced.
func presentable(s string) string {
	words := strings.FieldsFunc(s, func(r rune) bool { return r == ' ' || r == utf8.RuneError || !unicode.IsPrint(r) })
	for i, w := range words {
		if strings.Contains(w, "@") {
			words[i] = "[address]"
		} else if len(w) > maxWord {
			words[i] = "[...]"
		}
	}
	s = strings.Join(words, " ")
	if len(s) > maxText {
		s = strings.ToValidUTF8(s[:maxText], "") + "..."
	}
	return s
}
