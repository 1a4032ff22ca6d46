package kit

import (
	"fmt"
	"testing"
	"time"
)

// TestCrowdsFreeNoMailbox: while more mailboxes have mails than the table has room for, one
// that has had its own waits as long as ever; a new one waits no longer than its gap; and
// the table is as large as at first.
func TestCrowdsFreeNoMailbox(t *testing.T) {
	const minutes = 4
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	m := newMailSpacing()
	size := len(m.entries)
	victim, crowd := 0, 0
	for i := range minutes * 2 * size {
		at := now.Add(time.Duration(i) * time.Minute / time.Duration(2*size))
		if m.allow(MailPasswordReset, fmt.Sprint(i, "@example.com"), at) {
			crowd++
		}
		if i%100 == 0 && m.allow(MailPasswordReset, "victim@example.com", at) {
			victim++
		}
	}
	if victim < 1 || victim > minutes {
		t.Errorf("a mailbox had %d mails in %d minutes of crowds, want one a minute at most", victim, minutes)
	}
	if len(m.entries) != size || crowd < size || crowd > minutes*size {
		t.Errorf("the table has %d entries, and had %d; the crowd had %d mails", len(m.entries), size, crowd)
	}
	for i := range 1000 {
		if !m.allow(MailPasswordReset, fmt.Sprint("new", i), now.Add(minutes*time.Minute+mailLongGap)) {
			t.Errorf("new mailbox %d has to wait when the crowd has been gone for ten minutes", i)
		}
	}
}

func TestFewMailboxesDoNotMeet(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	m := newMailSpacing()
	for i := range 2000 {
		if email := fmt.Sprintf("user%d@example.com", i); !m.allow(MailVerification, email, now) || m.allow(MailVerification, email, now.Add(mailGap-1)) {
			t.Errorf("mailbox %d of 2000 waits for another's, or not for its own", i)
		}
	}
}

// TestClocksThatAreSetBack: nothing waits for longer than its gap, and no clock opens
// what has to wait.
func TestClocksThatAreSetBack(t *testing.T) {
	m := newMailSpacing()
	for _, start := range []time.Time{time.Unix(-1, 0), time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)} {
		email := fmt.Sprint(start.Year(), "@example.com")
		if !m.allow(MailVerification, email, start) || m.allow(MailVerification, email, start.Add(-time.Hour)) {
			t.Errorf("at %v: the first mail waits, or the second does not", start)
		}
		if !m.allow(MailVerification, email, start.Add(-time.Hour+mailGap)) {
			t.Errorf("at %v: the second waits for longer than its gap", start)
		}
	}
}
