package spacing

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
	m := New()
	size := len(m.entries)
	victim, crowd := 0, 0
	for i := range minutes * 2 * size {
		at := now.Add(time.Duration(i) * time.Minute / time.Duration(2*size))
		if m.Allow("reset", fmt.Sprint(i, "@example.com"), at) {
			crowd++
		}
		if i%100 == 0 && m.Allow("reset", "victim@example.com", at) {
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
		if !m.Allow("reset", fmt.Sprint("new", i), now.Add(minutes*time.Minute+longGap)) {
			t.Errorf("new mailbox %d has to wait when the crowd has been gone for ten minutes", i)
		}
	}
}

func TestFewMailboxesDoNotMeet(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	m := New()
	for i := range 2000 {
		if email := fmt.Sprintf("user%d@example.com", i); !m.Allow("verification", email, now) || m.Allow("verification", email, now.Add(gap-1)) {
			t.Errorf("mailbox %d of 2000 waits for another's, or not for its own", i)
		}
	}
}

// TestClocksThatAreSetBack: nothing waits for longer than its gap, and no clock opens
// what has to wait.
func TestClocksThatAreSetBack(t *testing.T) {
	m := New()
	for _, start := range []time.Time{time.Unix(-1, 0), time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)} {
		email := fmt.Sprint(start.Year(), "@example.com")
		if !m.Allow("verification", email, start) || m.Allow("verification", email, start.Add(-time.Hour)) {
			t.Errorf("at %v: the first mail waits, or the second does not", start)
		}
		if !m.Allow("verification", email, start.Add(-time.Hour+gap)) {
			t.Errorf("at %v: the second waits for longer than its gap", start)
		}
	}
}

func TestForget(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	m := New()
	for _, kind := range []string{"verification", "reset"} {
		for _, email := range []string{"a@example.com", "b@example.com"} {
			m.Allow(kind, email, now)
		}
	}
	m.Forget("verification", "a@example.com")
	m.Forget("verification", "unknown@example.com")
	for name, want := range map[[2]string]bool{
		{"verification", "a@example.com"}: true, {"reset", "a@example.com"}: false, {"verification", "b@example.com"}: false,
	} {
		if got := m.Allow(name[0], name[1], now.Add(time.Second)); got != want {
			t.Errorf("%s: allowed %v", name, got)
		}
	}
}
