package kit

import (
	"bytes"
	"sync"
	"time"
)

// maxUnconfirmed bounds the memory of an outage under load; past it the oldest are
// forgotten.
const maxUnconfirmed = 4096

// unconfirmed remembers the rotations of which this process cannot say whether they
// happened: the write was not answered, and no look at the record has settled it. The
// client was told to try again. When it does so after the grace, and the rotation turns
// out to have happened, it is no thief, and its grace begins then.
type unconfirmed struct {
	mu    sync.Mutex
	byID  map[string]*doubt
	order []*doubt // oldest first, with those that are settled by now
}

type doubt struct {
	id        string
	presented []byte    // the hash of the secret that was to be replaced
	since     time.Time // of the first answer to it; zero before that
}

func (u *unconfirmed) add(id string, presented []byte) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.byID == nil {
		u.byID = map[string]*doubt{}
	}
	d := &doubt{id: id, presented: presented}
	u.byID[id] = d
	u.order = append(u.order, d)
	for len(u.order) > maxUnconfirmed {
		if oldest := u.order[0]; u.byID[oldest.id] == oldest {
			delete(u.byID, oldest.id)
		}
		u.order[0] = nil
		u.order = u.order[1:]
	}
}

// settle forgets what is known by now.
func (u *unconfirmed) settle(id string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.byID, id)
}

// excuses reports whether the presented token may still be answered: at the first
// try after the rotation in doubt, and for the grace behind it, if there is one.
func (u *unconfirmed) excuses(id string, presented []byte, now time.Time, grace time.Duration) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	d := u.byID[id]
	if d == nil || !bytes.Equal(d.presented, presented) {
		return false
	}
	if d.since.IsZero() {
		d.since = now
		if grace < 0 {
			delete(u.byID, id)
		}
		return true
	}
	if now.Sub(d.since).Abs() <= grace {
		return true
	}
	delete(u.byID, id)
	return false
}
