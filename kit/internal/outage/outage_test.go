package outage

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"
)

// watched is a Watch with its log and its clock.
type watched struct {
	*Watch
	log bytes.Buffer
	now time.Time
}

func watch() *watched {
	w := &watched{now: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)}
	w.Watch = New("users", slog.New(slog.NewTextHandler(&w.log, nil)), func() time.Time { return w.now })
	return w
}

// want counts the beginnings and ends of outages in the log.
func (w *watched) want(t *testing.T, begins, ends int) {
	t.Helper()
	text := w.log.String()
	if b, e := strings.Count(text, "store is unavailable"), strings.Count(text, "available again"); b != begins || e != ends {
		t.Errorf("%d beginnings and %d ends are in the log, want %d and %d:\n%s", b, e, begins, ends, text)
	}
}

// TestStoreThatComesAndGoes does not fill the log, and is in it again if it stays away.
func TestStoreThatComesAndGoes(t *testing.T) {
	w := watch()
	for range 100 {
		w.Failed(t.Context(), errors.New("down"))
		w.Answered(t.Context(), w.Failures())
		w.now = w.now.Add(90 * time.Millisecond)
	}
	w.want(t, 1, 1)
	w.Failed(t.Context(), errors.New("down"))
	w.now = w.now.Add(2 * time.Second)
	w.Failed(t.Context(), errors.New("down"))
	w.now = w.now.Add(2 * time.Second)
	w.Answered(t.Context(), w.Failures())
	w.want(t, 2, 2)
	if text := w.log.String(); !strings.Contains(text, "after=4s failed_calls=2") {
		t.Errorf("the outage that stayed is logged as\n%s", text)
	}
	if n := w.Failures(); n != 102 {
		t.Errorf("%d failures, want 102", n)
	}
}

// TestAnswersFromBeforeAnOutageDoNotEndIt: a call was under way when another failed.
func TestAnswersFromBeforeAnOutageDoNotEndIt(t *testing.T) {
	w := watch()
	before := w.Failures()
	w.Failed(t.Context(), errors.New("down"))
	w.Answered(t.Context(), before)
	w.want(t, 1, 0)
	w.Answered(t.Context(), w.Failures())
	w.want(t, 1, 1)
}
