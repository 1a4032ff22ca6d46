package kittest

import (
	"context"
	"fmt"
	"sync"

	"myauth.internal/kit"
)

// Mailer is a [kit.Mailer] that keeps the mails. It is safe for concurrent use; the zero
// value has none.
type Mailer struct {
	mu      sync.Mutex
	sent    []kit.Mail
	read    int
	err     error
	arrived chan struct{} // closed at the next arrival; nil: nothing waits for it
}

var _ kit.Mailer = (*Mailer)(nil)

// Format writes how many mails there are, whatever the verb: they hold tokens.
func (m *Mailer) Format(f fmt.State, _ rune) { fmt.Fprintf(f, "%d mails", len(m.All())) }

// Fail makes every later call return err, and nil makes them succeed again.
func (m *Mailer) Fail(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.err = err
}

// Next returns the next mail that was not returned yet, and waits for it: mails are
// sent in the background. It returns ctx's error when none comes in time.
func (m *Mailer) Next(ctx context.Context) (kit.Mail, error) {
	for {
		m.mu.Lock()
		if m.read < len(m.sent) {
			s := m.sent[m.read]
			m.read++
			m.mu.Unlock()
			return s, nil
		}
		if m.arrived == nil {
			m.arrived = make(chan struct{})
		}
		arrived := m.arrived
		m.mu.Unlock()
		select {
		case <-arrived:
		case <-ctx.Done():
			return kit.Mail{}, context.Cause(ctx)
		}
	}
}

// All returns every mail so far.
func (m *Mailer) All() []kit.Mail {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]kit.Mail(nil), m.sent...)
}

// Send keeps the mail, whatever its kind.
func (m *Mailer) Send(_ context.Context, mail kit.Mail) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err != nil {
		return m.err
	}
	m.sent = append(m.sent, mail)
	if m.arrived != nil {
		close(m.arrived)
		m.arrived = nil
	}
	return nil
}
