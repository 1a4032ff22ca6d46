package conformance

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"myauth.internal/kit"
)

// wireServer is the server of a fake that is far away. A request is the number of
// an operation, which it runs, and the answer is a head, a byte for each record that
// was found, and an end: what matters is what becomes of the two on the way.
type wireServer struct {
	listener net.Listener

	mu    sync.Mutex
	next  uint64
	tasks map[uint64]func() (records int)
	conns []net.Conn
}

func newWireServer(tb testing.TB) *wireServer {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	s := &wireServer{listener: l, tasks: map[uint64]func() int{}}
	var done sync.WaitGroup
	done.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			s.conns = append(s.conns, conn)
			s.mu.Unlock()
			done.Go(func() { s.serve(conn) })
		}
	})
	tb.Cleanup(func() {
		_ = l.Close()
		s.mu.Lock()
		for _, conn := range s.conns {
			_ = conn.Close()
		}
		s.mu.Unlock()
		done.Wait()
	})
	return s
}

func (s *wireServer) serve(conn net.Conn) {
	defer conn.Close()
	var number [8]byte
	for {
		if _, err := io.ReadFull(conn, number[:]); err != nil {
			return
		}
		s.mu.Lock()
		task := s.tasks[binary.BigEndian.Uint64(number[:])]
		s.mu.Unlock()
		if _, err := conn.Write([]byte("h" + strings.Repeat("r", task()) + "e")); err != nil {
			return
		}
	}
}

// add gives a task its number.
func (s *wireServer) add(task func() (records int)) uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next++
	s.tasks[s.next] = task
	return s.next
}

// wire is the client's end: one connection, made anew after a fault. A flaw changes
// what it does about faults.
type wire struct {
	server *wireServer
	dial   func(ctx context.Context, network, address string) (net.Conn, error)
	turn   chan struct{} // holds a token while the connection is free
	conn   net.Conn

	// fault returns the error of an operation whose outcome is not known, or that
	// could not be sent.
	fault    func(err error, sent bool) error
	again    bool // repeats what had no answer
	patient  bool // waits for the answer whatever becomes of the context
	stubborn bool // never connects a second time
	polite   bool // tells the server, over another connection, that it no longer waits for an answer
	dogged   bool // goes on connecting whatever becomes of the context
	timed    bool // waits until the context's deadline, and knows no other end of it
	later    bool // sends what could not be sent with the next operation
	raw      bool // tries until its context ends, and then returns its last error as it is
	spoilt   bool // refuses writes once an answer was lost
	refuses  atomic.Bool
	grudge   time.Duration // refuses everything for so long after an answer was lost
	until    time.Time     // of the grudge
	waiting  []uint64
	ends     func(err error) bool // takes this error in the middle of an answer for its end
	dialed   bool
}

func newWire(s *wireServer, dial func(context.Context, string, string) (net.Conn, error)) *wire {
	w := &wire{server: s, dial: dial, turn: make(chan struct{}, 1)}
	w.turn <- struct{}{}
	w.fault = func(err error, _ bool) error { return fmt.Errorf("wire: %w: %w", kit.ErrUnavailable, err) }
	return w
}

// do lets the server run an operation that finds no records.
func (w *wire) do(ctx context.Context, operation func() error) error {
	if w.refuses.Load() {
		return w.fault(errors.New("no more writes"), false)
	}
	_, err := w.run(ctx, func() (int, error) { return 0, operation() })
	return err
}

// run lets the server run the operation, and returns how many records of its answer
// have come.
func (w *wire) run(ctx context.Context, operation func() (records int, err error)) (records int, err error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	if w.patient {
		ctx = context.WithoutCancel(ctx)
	}
	select {
	case <-w.turn:
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	defer func() { w.turn <- struct{}{} }()
	if time.Now().Before(w.until) {
		return 0, w.fault(errors.New("not yet again"), false)
	}
	var result error
	number := w.server.add(func() (records int) { records, result = operation(); return records })
	for len(w.waiting) > 0 {
		if _, _, err := w.exchange(ctx, w.waiting[0]); err != nil {
			break
		}
		w.waiting = w.waiting[1:]
	}
	sent, records, err := w.exchange(ctx, number)
	for last := err; err != nil && w.raw; {
		if ctx.Err() != nil {
			return 0, last
		}
		last = err
		select { // the network is a real one, and so is the pause
		case <-time.After(time.Millisecond):
		case <-ctx.Done():
			return 0, last
		}
		sent, records, err = w.exchange(ctx, number)
	}
	if err != nil && sent {
		w.until = time.Now().Add(w.grudge)
	}
	if err != nil && sent && w.spoilt {
		w.refuses.Store(true)
	}
	if err != nil && w.later {
		w.waiting = append(w.waiting, number)
	}
	if err != nil && sent && w.again && ctx.Err() == nil {
		sent, records, err = w.exchange(ctx, number)
	}
	switch {
	case err == nil:
		return records, result
	case ctx.Err() != nil:
		return 0, ctx.Err()
	default:
		return 0, w.fault(err, sent)
	}
}

func (w *wire) exchange(ctx context.Context, number uint64) (sent bool, records int, err error) {
	if w.conn == nil {
		if w.stubborn && w.dialed {
			return false, 0, net.ErrClosed
		}
		dialing := ctx
		if w.dogged {
			dialing = context.WithoutCancel(ctx)
		}
		if w.conn, err = w.dial(dialing, "tcp", w.server.listener.Addr().String()); err != nil {
			return false, 0, err
		}
		w.dialed = true
	}
	conn := w.conn
	stop := func() bool { return true }
	if w.timed {
		deadline, _ := ctx.Deadline() // the zero Time is none
		_ = conn.SetDeadline(deadline)
	} else {
		stop = context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	}
	_, err = conn.Write(binary.BigEndian.AppendUint64(nil, number))
	if err == nil {
		sent = true
		records, err = w.read(conn)
	}
	if err != nil && w.polite {
		if other, err := w.dial(context.WithoutCancel(ctx), "tcp", w.server.listener.Addr().String()); err == nil {
			_ = other.Close()
		}
	}
	if !stop() || err != nil {
		_ = conn.Close() // of no use any more, though the answer may be there
		w.conn = nil
	}
	return sent, records, err
}

// read reads an answer and returns how many records were in it.
func (w *wire) read(conn net.Conn) (records int, err error) {
	next := make([]byte, 1)
	if _, err := io.ReadFull(conn, next); err != nil {
		return 0, err
	}
	for {
		_, err := io.ReadFull(conn, next)
		switch {
		case err != nil && w.ends != nil && w.ends(err):
			return records, nil
		case err != nil:
			return 0, err
		case next[0] == 'e':
			return records, nil
		}
		records++
	}
}

// answered returns what the server's operation does, once there is an answer: until
// then it is the server's.
func answered[T any](ctx context.Context, w *wire, operation func() (T, error)) (T, error) {
	var value T
	var all int
	records, err := w.run(ctx, func() (int, error) {
		var err error
		value, err = operation()
		all = recordsIn(value, err)
		return all, err
	})
	if err != nil {
		var none T
		return none, err
	}
	switch list := any(&value).(type) {
	case *[]kit.Token:
		*list = (*list)[:records]
	case *[]kit.User:
		*list = (*list)[:records]
	default:
		if records < all {
			return value, kit.ErrNotFound
		}
	}
	return value, nil
}

// recordsIn counts the records in what an operation returned.
func recordsIn(value any, err error) int {
	if err != nil {
		return 0
	}
	switch v := value.(type) {
	case []kit.Token:
		return len(v)
	case []kit.User:
		return len(v)
	case kit.User, kit.Token:
		return 1
	}
	return 0 // a number of records is none of them
}

// overWire lets every method of f go through w.
func (f *fake) overWire(w *wire) {
	f.wire = w
	create, byID, byEmail, update, remove := f.create, f.byID, f.byEmail, f.update, f.remove
	far := context.Background() // the server knows nothing of the caller's context
	f.create = func(ctx context.Context, u kit.User) error {
		return w.do(ctx, func() error { return create(far, u) })
	}
	f.byID = func(ctx context.Context, id string) (kit.User, error) {
		return answered(ctx, w, func() (kit.User, error) { return byID(far, id) })
	}
	f.byEmail = func(ctx context.Context, email string) (kit.User, error) {
		return answered(ctx, w, func() (kit.User, error) { return byEmail(far, email) })
	}
	f.update = func(ctx context.Context, u kit.User) error {
		return w.do(ctx, func() error { return update(far, u) })
	}
	f.remove = func(ctx context.Context, id string) error {
		return w.do(ctx, func() error { return remove(far, id) })
	}
	list, listAll := f.list, f.listAll
	f.list = func(ctx context.Context, prefix, after string, limit int) ([]kit.User, error) {
		return answered(ctx, w, func() ([]kit.User, error) { return list(far, prefix, after, limit) })
	}
	f.listAll = func(ctx context.Context, after string, limit int) ([]kit.User, error) {
		return answered(ctx, w, func() ([]kit.User, error) { return listAll(far, after, limit) })
	}
	createToken, tokenByID, updateToken, removeToken, byUser, deleteExpired := f.createToken, f.tokenByID, f.updateToken, f.removeToken, f.byUser, f.deleteExpired
	f.createToken = func(ctx context.Context, t kit.Token) error {
		return w.do(ctx, func() error { return createToken(far, t) })
	}
	f.tokenByID = func(ctx context.Context, id string) (kit.Token, error) {
		return answered(ctx, w, func() (kit.Token, error) { return tokenByID(far, id) })
	}
	f.updateToken = func(ctx context.Context, t kit.Token) error {
		return w.do(ctx, func() error { return updateToken(far, t) })
	}
	f.removeToken = func(ctx context.Context, at idAt) error {
		return w.do(ctx, func() error { return removeToken(far, at) })
	}
	f.byUser = func(ctx context.Context, userID, after string, limit int) ([]kit.Token, error) {
		return answered(ctx, w, func() ([]kit.Token, error) { return byUser(far, userID, after, limit) })
	}
	f.deleteExpired = func(ctx context.Context, before time.Time, limit int) (int, error) {
		return answered(ctx, w, func() (int, error) { return deleteExpired(far, before, limit) })
	}
	ping := f.ping
	f.ping = func(ctx context.Context) error {
		if err := ping(ctx); err != nil {
			return err
		}
		return w.do(ctx, func() error { return nil })
	}
	f.pingTokens = f.ping
}
