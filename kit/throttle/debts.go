package throttle

import "sync"

// maxDebts is how many rows may end during one outage of the shared buckets and be forgotten
// there afterwards.
const maxDebts = 4096

// debts are the rows that ended while the shared buckets did not answer, each with the time in
// microseconds since 1970. They are few, and mostly none.
type debts struct {
	mu    sync.Mutex
	times map[debt]int64
}

type debt struct {
	rule *rule
	text string
}

func (d *debts) add(n *name, now int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.times == nil {
		d.times = map[debt]int64{}
	}
	if len(d.times) >= maxDebts {
		for some := range d.times {
			delete(d.times, some)
			break
		}
	}
	d.times[debt{n.rule, n.text}] = now
}

// of returns when the row of a name ended; zero: it is not owed.
func (d *debts) of(n *name) int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.times[debt{n.rule, n.text}]
}

// settle removes what of returned.
func (d *debts) settle(n *name, owed int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if key := (debt{n.rule, n.text}); owed != 0 && d.times[key] == owed {
		delete(d.times, key)
	}
}
