package kit

import (
	"bytes"
	"sync"
)

// maxUnconfirmed bounds the memory of an outage under load; past it the oldest are
// forgotten.
const maxUnconfirmed = 4096

// unconfirmed remembers the rotations of which this process cannot say whether they
// happened: neither the write nor the look at its outcome was answered. The client
// was told to try again, so when it does after the grace, and the rotation turns out
// to have happened, it is no thief. An entry matters only while the presented token
// is the direct parent of the current one.
type unconfirmed struct {
	mu    sync.Mutex
	byID  map[string][]byte // the hash of the presented secret
	order []string
}

func (u *unconfirmed) add(id string, presented []byte) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.byID == nil {
		u.byID = map[string][]byte{}
	}
	if _, ok := u.byID[id]; !ok {
		u.order = append(u.order, id)
	}
	u.byID[id] = presented
	if len(u.order) > maxUnconfirmed {
		delete(u.byID, u.order[0])
		u.order = append([]string(nil), u.order[1:]...)
	}
}

func (u *unconfirmed) has(id string, presented []byte) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return bytes.Equal(u.byID[id], presented)
}
