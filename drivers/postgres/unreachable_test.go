package postgres_test

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"myauth.internal/drivers/postgres"
	"myauth.internal/kit"
)

// In a switchover there may be no server that takes writes: that is an outage, also
// by the words that lib/pq has for it, which have no code.
func TestNoServerTakesWrites(t *testing.T) {
	dataSource := with(t, schema(t), "target_session_attrs", "read-write")
	dataSource = with(t, dataSource, "default_transaction_read_only", "on")
	store, err := postgres.Open(t.Context(), dataSource, nil)
	if err == nil {
		store.Close()
	}
	if !errors.Is(err, kit.ErrUnavailable) {
		t.Errorf("got %v, want kit.ErrUnavailable", err)
	}
}

// silence is a network that swallows everything once it is told to: what is written,
// what would be read, and attempts to connect.
type silence struct{ on atomic.Bool }

func (s *silence) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if s.on.Load() {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	nc, err := new(net.Dialer).DialContext(ctx, network, address)
	return &silentConn{nc, s}, err
}

type silentConn struct {
	net.Conn
	s *silence
}

func (c *silentConn) Write(b []byte) (int, error) {
	if c.s.on.Load() {
		return len(b), nil // the answer never comes
	}
	return c.Conn.Write(b)
}

// lib/pq cancels a statement over a connection of its own, and waits for that: so
// this must end as well when nobody answers.
func TestACallEndsWhenNothingCanBeConnected(t *testing.T) {
	network := new(silence)
	store, err := postgres.Open(t.Context(), schema(t), &postgres.Options{Dial: network.dial, MaxConns: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	if _, err := store.Users().ByID(t.Context(), "nobody"); !errors.Is(err, kit.ErrNotFound) {
		t.Fatal(err)
	}
	network.on.Store(true)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	answer := make(chan error, 1)
	go func() {
		_, err := store.Users().ByID(ctx, "nobody")
		answer <- err
	}()
	late := time.NewTimer(4 * time.Second) // it took more than five
	defer late.Stop()
	select {
	case err := <-answer:
		if !errors.Is(err, kit.ErrUnavailable) && !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	case <-late.C:
		t.Error("no answer 4 s after the end of the context")
	}
}
