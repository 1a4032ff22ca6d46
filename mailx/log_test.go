package mailx

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
)

// One write a mail, never two at once, also with many workers.
func TestLogWritesWholeMails(t *testing.T) {
	var out pieces
	l, err := NewLog(&out, nil)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	start := make(chan struct{})
	for range 16 {
		wg.Go(func() {
			<-start
			for _, k := range builtinKinds() {
				if err := l.Send(t.Context(), sampleOf(k)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	close(start)
	wg.Wait()
	if len(out) != 16*len(builtinKinds()) {
		t.Errorf("%d writes for %d mails", len(out), 16*len(builtinKinds()))
	}
	for _, p := range out {
		if !strings.HasPrefix(p, "--- mail, printed and not sent ---\n  To: ada@example.com\n  Subject: ") || !strings.HasSuffix(p, "\n--- end of mail ---\n") {
			t.Errorf("printed %q", p)
		}
	}
}

// pieces keeps writes apart. It has no lock: the Log has.
type pieces []string

func (p *pieces) Write(b []byte) (int, error) {
	*p = append(*p, string(b))
	return len(b), nil
}

func TestLogRefusals(t *testing.T) {
	l, err := NewLog(failing{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Send(t.Context(), sample("ada@example.com")); !errors.Is(err, io.ErrClosedPipe) || isPermanent(err) {
		t.Errorf("got %v, want the writer's error", err)
	}
	if err := l.Send(t.Context(), sample("ada@example.com\nx")); !isPermanent(err) {
		t.Errorf("got %v, want a permanent error", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := l.Send(ctx, sample("ada@example.com")); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }
