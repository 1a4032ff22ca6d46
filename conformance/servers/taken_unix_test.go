//go:build unix

package servers

import (
	"net/url"
	"testing"
)

// Who comes late to a port must not take the server that is there for its own: it
// would share it with others, and lose it when they end.
func TestATakenPort(t *testing.T) {
	for name, find := range map[string]func() (starter, error){
		"postgres": func() (starter, error) { return postgresStarter("off") },
		"redis":    redisStarter,
		"mongo":    ferretdbStarter,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			start, err := find()
			if err != nil {
				missing(t, name, err)
			}
			first, err := onFreePort(start)
			if err != nil {
				missing(t, name, err)
			}
			u, err := url.Parse(first)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := start(u.Port()); err == nil {
				t.Error("a start on a port that is taken succeeds")
			}
		})
	}
}
