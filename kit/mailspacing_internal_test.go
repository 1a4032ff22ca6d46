package kit

import (
	"fmt"
	"testing"
	"time"
)

// TestCrowdsFreeNoMailbox: while a hundred thousand mailboxes have mails, one that has had
// its own waits as long as ever; a new one waits no longer than its gap; and the table is
// as large as at first.
func TestCrowdsFreeNoMailbox(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	m := newMailSpacing()
	size := len(m.entries)
	sent := 0
	for minute := range 60 {
		for second := range 6 {
			at := now.Add(time.Duration(minute)*time.Minute + time.Duration(second)*10*time.Second)
			for i := range 5000 {
				m.allow(MailPasswordReset, fmt.Sprintf("crowd%d@example.com", (minute*6+second)*5000+i), at)
			}
			if m.allow(MailPasswordReset, "victim@example.com", at) {
				sent++
			}
		}
	}
	// At most a minute's gap an entry, so at most one a minute; an exact count would be 10.
	if sent > 60 {
		t.Errorf("a mailbox had %d mails in an hour of crowds", sent)
	}
	if len(m.entries) != size {
		t.Errorf("the table has %d entries, and had %d", len(m.entries), size)
	}
	end := now.Add(time.Hour)
	late := 0
	for i := range 1000 {
		if !m.allow(MailPasswordReset, fmt.Sprintf("new%d@example.com", i), end.Add(mailLongGap)) {
			late++
		}
	}
	if late > 0 {
		t.Errorf("%d of 1000 new mailboxes have to wait when the crowd has gone for ten minutes", late)
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
