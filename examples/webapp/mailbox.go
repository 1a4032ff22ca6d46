package main

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"myauth.internal/kit"
	"myauth.internal/mailx"
)

// mailbox is a [kit.Mailer] for development: it keeps the last mails in memory, for the page
// /mailbox, and sends none. Whoever can open that page can take over each account.
type mailbox struct {
	mu       sync.Mutex
	text     strings.Builder // of the mail that is being written
	composer *mailx.Log
	mails    []keptMail // the oldest first
}

const keptMails = 50

type keptMail struct {
	To, Subject, Text string
	Link, DenyLink    string
	At                time.Time
}

func newMailbox(opts *mailx.Options) (*mailbox, error) {
	b := &mailbox{}
	var err error
	b.composer, err = mailx.NewLog(&b.text, opts)
	return b, err
}

// Send keeps m, with the text that a real mail would have.
func (b *mailbox) Send(ctx context.Context, m kit.Mail) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.text.Reset()
	if err := b.composer.Send(ctx, m); err != nil {
		return err
	}
	kept := keptMail{To: m.To, Link: string(m.Link), DenyLink: string(m.DenyLink), At: m.Now}
	header, text, _ := strings.Cut(b.text.String(), "\n\n")
	_, kept.Subject, _ = strings.Cut(header, "\n  Subject: ")
	text, _, _ = strings.Cut(text, "--- end of mail ---")
	kept.Text = strings.TrimSpace(strings.ReplaceAll("\n"+text, "\n  ", "\n"))
	b.mails = append(b.mails, kept)
	b.mails = b.mails[max(0, len(b.mails)-keptMails):]
	return nil
}

// latest returns the mails, the latest first.
func (b *mailbox) latest() []keptMail {
	b.mu.Lock()
	defer b.mu.Unlock()
	mails := slices.Clone(b.mails)
	slices.Reverse(mails)
	return mails
}

func (a *app) showMailbox(w http.ResponseWriter, r *http.Request) {
	a.render(w, r, http.StatusOK, "mailbox", page{Data: a.mailbox.latest()})
}
