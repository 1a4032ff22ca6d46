package throttle

import "sync"

// line is who waits for one shared bucket. While a call for it is under way others come, and the
// next call makes the changes of all of them. So a flood at one address keeps an instance no
// busier than one client that asks again and again, and nobody waits for more than two calls.
type line struct {
	mu      sync.Mutex
	turn    chan struct{} // has a value during a call
	waiting []*visit
}

// visit is one change of the bucket.
type visit struct {
	key    uint64
	change func(b *bucket, key uint64) bool
	// done and err are what became of it. Whoever has the turn may use them.
	done bool
	err  error
}

// visit makes a change, in a call of its own or of another.
func (l *line) visit(key uint64, change func(*bucket, uint64) bool, call func(all []*visit) error) (err error) {
	v := &visit{key: key, change: change}
	l.mu.Lock()
	if l.turn == nil {
		l.turn = make(chan struct{}, 1)
	}
	l.waiting = append(l.waiting, v)
	l.mu.Unlock()

	l.turn <- struct{}{}
	defer func() { <-l.turn }()
	if v.done {
		return v.err
	}
	l.mu.Lock()
	all := l.waiting
	l.waiting = nil
	l.mu.Unlock()
	err = errAway // if call panics
	defer func() {
		for _, v := range all {
			v.done, v.err = true, err
		}
	}()
	err = call(all)
	return err
}
