package mailx

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"myauth.internal/kit"
)

// Log prints mails instead of sending them, for development. It prints the links too, so
// anyone who can read its output can take over the accounts. In production use a
// [Mailer].
type Log struct {
	*composer
	mu sync.Mutex
	w  io.Writer
}

var _ kit.Mailer = (*Log)(nil)

// NewLog returns a Log that prints to w: recipient, subject and the text part, links
// with their tokens included. Of opts it uses From, ProductName, Templates and Kinds. Each
// mail is one call of w.Write, never two at a time.
func NewLog(w io.Writer, opts *Options) (*Log, error) {
	if opts == nil {
		opts = &Options{}
	}
	if w == nil {
		return nil, errors.New("mailx: NewLog needs a writer")
	}
	c, err := newComposer(opts)
	if err != nil {
		return nil, err
	}
	return &Log{composer: c, w: w}, nil
}

// Send implements [kit.Mailer]: see [Mailer.Send].
func (l *Log) Send(ctx context.Context, m kit.Mail) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("mailx: %w", err)
	}
	r, err := l.render(m)
	if err != nil {
		return err
	}
	var b strings.Builder
	b.WriteString("--- mail, printed and not sent ---\n")
	fmt.Fprintf(&b, "  To: %s\n  Subject: %s\n\n", m.To, r.subject)
	for line := range strings.Lines(r.text) {
		b.WriteString(strings.TrimRight("  "+line, " \r\n") + "\n")
	}
	b.WriteString("--- end of mail ---\n")
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, err := io.WriteString(l.w, b.String()); err != nil {
		return fmt.Errorf("mailx: printing a mail: %w", err)
	}
	return nil
}
