//go:build js

package main

import (
	"context"
	"fmt"
	"syscall/js"
	"time"

	"myauth.internal/kit"
)

// mailbox is a [kit.Mailer] that delivers to the page: its list of mails is where they
// are kept, and nothing leaves the browser. So it shows tokens, which no other Mailer
// may.
type mailbox struct{ page js.Value }

var _ kit.Mailer = mailbox{}

// Send hands the mail to the page. An exception there is an error here, and the mail
// queue tries again; it would end the program otherwise.
func (b mailbox) Send(ctx context.Context, m kit.Mail) (err error) {
	if err := ctx.Err(); err != nil {
		return err
	}
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("mailbox: the page did not take the mail: %v", v)
		}
	}()
	b.page.Call("mail", map[string]any{
		"kind":       string(m.Kind),
		"to":         m.To,
		"username":   m.Username,
		"link":       string(m.Link),
		"token":      string(m.Token),
		"validUntil": m.ValidUntil.UTC().Format(time.RFC3339),
	})
	return nil
}
