package accesstoken_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"myauth.internal/kit/accesstoken"
)

const (
	publishing = 5 * time.Minute
	lifetime   = 24 * time.Hour
)

// instance is one of the programs that share keys.
type instance struct {
	*testing.T
	ring     *accesstoken.Keyring
	rotation *accesstoken.Rotation
	now      time.Time
}

func newInstance(t *testing.T, signing *accesstoken.Key, others ...*accesstoken.Key) *instance {
	t.Helper()
	ring := must(accesstoken.NewKeyring(signing, others...))
	return &instance{t, ring, must(accesstoken.NewRotation(ring, publishing, lifetime)), time.Unix(1700000000, 0)}
}

func (i *instance) rotate(key *accesstoken.Key, want bool) {
	i.Helper()
	if changed, err := i.rotation.Rotate(key, i.now); changed != want || err != nil {
		i.Errorf("changed %v, %v", changed, err)
	}
}

// after lets d pass and compares the ids of the keys, that of the signing one first.
func (i *instance) after(d time.Duration, ids string) (again time.Time) {
	i.Helper()
	i.now = i.now.Add(d)
	before := i.ring.IDs()
	changed, again, err := i.rotation.Advance(i.now)
	if err != nil {
		i.Fatal(err)
	}
	got := i.ring.IDs()
	if changed == slices.Equal(before, got) {
		i.Errorf("changed %v, from %v to %v", changed, before, got)
	}
	if !again.IsZero() && !again.After(i.now) {
		i.Errorf("to be called again at %v, and it is %v", again, i.now)
	}
	slices.Sort(got[1:])
	if s := strings.Join(got, " "); s != ids {
		i.Errorf("after %v the keys are %s, want %s", d, s, ids)
	}
	return again
}

// keysOf makes keys with these ids.
func keysOf(ids string) (keys []*accesstoken.Key) {
	for _, id := range strings.Fields(ids) {
		keys = append(keys, hmacKey(id, []byte(id+string(secret))))
	}
	return keys
}

func TestRotationSteps(t *testing.T) {
	k := keysOf("a b")
	i := newInstance(t, k[0])
	if again := i.after(time.Hour, "a"); !again.IsZero() {
		t.Errorf("again at %v", again)
	}
	i.rotate(k[1], true)
	if again := i.after(0, "a b"); !again.Equal(i.now.Add(publishing)) {
		t.Errorf("again at %v", again)
	}
	i.after(publishing-1, "a b")
	if again := i.after(1, "b a"); !again.Equal(i.now.Add(publishing + lifetime)) {
		t.Errorf("again at %v", again)
	}
	i.after(publishing+lifetime-1, "b a")
	if again := i.after(1, "b"); !again.IsZero() {
		t.Errorf("again at %v", again)
	}
}

// TestRotationAgain: what is told again, or otherwise, while a rotation is under way.
func TestRotationAgain(t *testing.T) {
	k := keysOf("a b c")
	t.Run("the same", func(t *testing.T) {
		i := newInstance(t, k[0])
		i.rotate(k[0], false)
		i.rotate(k[1], true)
		i.after(publishing/2, "a b")
		i.rotate(k[1], false) // which does not begin anew
		i.after(publishing/2, "b a")
		i.rotate(k[1], false)
		i.after(publishing+lifetime, "b")
	})
	t.Run("another", func(t *testing.T) {
		i := newInstance(t, k[0])
		i.rotate(k[1], true)
		i.after(publishing-1, "a b")
		i.rotate(k[2], true) // b may sign elsewhere
		i.after(1, "a b c")
		i.after(publishing-1, "c a b")
		i.after(publishing+lifetime-1, "c a b")
		i.after(1, "c")
	})
	t.Run("back, before it signs", func(t *testing.T) {
		i := newInstance(t, k[0])
		i.rotate(k[1], true)
		i.rotate(k[0], true)
		i.after(2*publishing+lifetime-1, "a b")
		i.after(1, "a")
	})
	t.Run("back, after it signed", func(t *testing.T) {
		i := newInstance(t, k[0])
		i.rotate(k[1], true)
		i.after(publishing, "b a")
		i.rotate(k[0], true)
		i.after(publishing, "a b")
		i.after(lifetime+publishing, "a") // and a stays
		i.after(lifetime+publishing, "a")
	})
	t.Run("two after one another", func(t *testing.T) {
		i := newInstance(t, k[0])
		i.rotate(k[1], true)
		i.after(publishing, "b a")
		i.rotate(k[2], true)
		i.after(publishing, "c a b")
		i.after(lifetime, "c b")
		i.after(publishing, "c")
	})
	t.Run("late", func(t *testing.T) { // a machine that slept
		i := newInstance(t, k[0])
		i.rotate(k[1], true)
		i.after(1000*time.Hour, "b a")
		i.after(publishing+lifetime, "b")
	})
	t.Run("keys that were there verify for ever", func(t *testing.T) {
		i := newInstance(t, k[0], k[2])
		i.rotate(k[1], true)
		i.after(publishing, "b a c")
		i.after(1000*time.Hour, "b c")
		i.rotate(k[2], true)
		i.after(publishing, "c b")
	})
}

// TestRotationOfInstances: one instance hears of the next key when the other is about to sign
// with it, and of the way back as late. What either signs the other verifies, until it is over.
func TestRotationOfInstances(t *testing.T) {
	const lifetime, step = 20 * time.Minute, 30 * time.Second
	k := keysOf("a b")
	one, two := newInstance(t, k[0]), newInstance(t, k[0])
	for _, i := range []*instance{one, two} {
		i.rotation = must(accesstoken.NewRotation(i.ring, publishing, lifetime))
	}
	type signed struct {
		token string
		at    time.Time
	}
	var tokens []signed
	for n := range 2 * int((4*publishing+lifetime)/step) {
		for _, i := range []*instance{one, two} {
			if _, _, err := i.rotation.Advance(i.now); err != nil {
				t.Fatal(err)
			}
		}
		plan := map[time.Duration]func(){
			0:                              func() { one.rotate(k[1], true) },
			publishing:                     func() { two.rotate(k[1], true) },
			publishing + publishing/2:      func() { one.rotate(k[0], true) }, // two does not sign with b yet
			2*publishing + publishing/2:    func() { two.rotate(k[0], true) },
			4*publishing + lifetime + step: func() { one.rotate(k[1], true); two.rotate(k[1], true) },
		}
		if act := plan[time.Duration(n)*step]; act != nil {
			act()
		}
		for _, i := range []*instance{one, two} {
			tokens = append(tokens, signed{must(i.ring.Sign("test", nil)), i.now})
		}
		tokens = slices.DeleteFunc(tokens, func(s signed) bool { return one.now.Sub(s.at) > lifetime })
		for _, s := range tokens {
			for name, i := range map[string]*instance{"one": one, "two": two} {
				if _, err := i.ring.Verify("test", s.token); err != nil {
					t.Fatalf("after %v, %s refuses a token of %v ago: %v", time.Duration(n)*step, name, one.now.Sub(s.at), err)
				}
			}
		}
		one.now, two.now = one.now.Add(step), two.now.Add(step)
	}
}

func TestRotationRefuses(t *testing.T) {
	k := keysOf("a b")
	ring := must(accesstoken.NewKeyring(k[0]))
	ed := must(accesstoken.NewKey(accesstoken.EdDSA, "ed", edKey()))
	public := must(accesstoken.NewKey(accesstoken.EdDSA, "ed", edKey().Public()))
	newErr := func(_ *accesstoken.Rotation, err error) error { return err }
	rotation := must(accesstoken.NewRotation(ring, publishing, lifetime))
	rotateErr := func(key *accesstoken.Key) error {
		_, err := rotation.Rotate(key, time.Unix(0, 0))
		return err
	}
	for name, err := range map[string]error{
		"no keyring":                newErr(accesstoken.NewRotation(nil, 0, 0)),
		"it cannot sign":            newErr(accesstoken.NewRotation(must(accesstoken.NewKeyring(nil, public)), 0, 0)),
		"negative publishing":       newErr(accesstoken.NewRotation(ring, -1, 0)),
		"negative lifetime":         newErr(accesstoken.NewRotation(ring, 0, -1)),
		"no key":                    rotateErr(nil),
		"a zero key":                rotateErr(new(accesstoken.Key)),
		"a public key":              rotateErr(public),
		"another secret":            rotateErr(hmacKey("a", otherSecret)),
		"another algorithm":         rotateErr(must(accesstoken.NewKey(accesstoken.HS384, "a", []byte("a"+string(secret)+string(secret))))),
		"another kind, the same id": rotateErr(must(accesstoken.NewKey(accesstoken.EdDSA, "a", edKey()))),
	} {
		if err == nil || !strings.HasPrefix(err.Error(), "accesstoken: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got := fmt.Sprint(ring.IDs()); got != "[a]" {
		t.Errorf("an error changed the keys: %s", got)
	}
	// The public part was there; now the private one signs.
	i := newInstance(t, k[0], public)
	i.rotate(ed, true)
	i.after(publishing, "ed a")
}

// TestRotationConcurrently: many who tell it of one key, and advance it, while tokens are made.
func TestRotationConcurrently(t *testing.T) {
	k := keysOf("a b")
	i := newInstance(t, k[0])
	var group sync.WaitGroup
	start := make(chan struct{})
	changes := make(chan bool, 16)
	for n := range 16 {
		group.Go(func() {
			<-start
			changed, err := i.rotation.Rotate(k[1], i.now)
			if err != nil {
				t.Error(err)
			}
			changes <- changed
			token := must(i.ring.Sign("test", nil))
			if _, _, err := i.rotation.Advance(i.now.Add(time.Duration(n) * time.Minute)); err != nil {
				t.Error(err)
			}
			if _, err := i.ring.Verify("test", token); err != nil {
				t.Error(err)
			}
		})
	}
	close(start)
	group.Wait()
	close(changes)
	n := 0
	for changed := range changes {
		if changed {
			n++
		}
	}
	if n != 1 {
		t.Errorf("%d of 16 changed it", n)
	}
	i.after(15*time.Minute, "b a")
}
