package mailx

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
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
	var refusal *sasl.OAuthBearerError
	switch {
	case ctx.Err() != nil:
		// The connection was closed for that reason; the rest is its echo.
		return &failure{stage + ": " + ctx.Err().Error(), ctx.Err()}
	case errors.As(err, &answer):
		return judge(stage, answer)
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

// judge turns an answer of the relay into an error, permanent if it is final and
// about this mail. 530 is about us: the relay wants AUTH first.
func judge(stage string, answer *smtp.SMTPError) error {
	text := fmt.Sprintf("%s: %d", stage, answer.Code)
	if e := answer.EnhancedCode; e[0] > 0 {
		text += fmt.Sprintf(" %d.%d.%d", e[0], e[1], e[2])
	}
	// An answer to AUTH can echo the credentials, in any shape; so can what
	// else is said there, above.
	if words := presentable(answer.Message); words != "" && stage != stageAuth {
		text += " " + words
	}
	err := &failure{text, nil}
	aboutMail := stage == stageRcpt || stage == stageData || stage == stageMessage
	if aboutMail && answer.Code/100 == 5 && answer.Code != 530 {
		return kit.Permanent(err)
	}
	return err
}

const (
	// maxWord is less than any token of the kit has characters, so that not even
	// a filter's verdict on the link in the message gets one into a log.
	maxWord = 32
	maxText = 200 // bytes
)

// presentable returns foreign text as one short printable line, with addresses and
// long words replaced.
func presentable(s string) string {
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) || r == utf8.RuneError {
			return ' '
		}
		return r
	}, s)
	words := strings.Fields(s)
	for i, w := range words {
		if strings.Contains(w, "@") {
			words[i] = "[address]"
		} else if len(w) > maxWord {
			words[i] = "[...]"
		}
	}
	s = strings.Join(words, " ")
	if len(s) > maxText {
		n := maxText
		for !utf8.RuneStart(s[n]) {
			n--
		}
		s = s[:n] + "..."
	}
	return s
}
