package redis

import (
	"errors"
	"strings"
	"testing"

	"myauth.internal/kit"
)

// said is an error that a server answered.
type said string

func (e said) Error() string { return string(e) }
func (said) RedisError()     {}

// What each answer means, of those too that a test cannot easily get a server to
// give. https://redis.io/docs/latest/develop/reference/protocol-spec/#simple-errors
func TestClassify(t *testing.T) {
	const (
		outage  = "kit.ErrUnavailable"
		fault   = "an error of no kind"
		damaged = "a damaged record"
		newer   = "kit.ErrNewerRecord"
	)
	for text, want := range map[string]string{
		"LOADING Redis is loading the dataset in memory":                                     outage,
		"CLUSTERDOWN Hash slot not served":                                                   outage,
		"CLUSTERDOWN The cluster is down":                                                    outage,
		"TRYAGAIN Multiple keys request during rehashing of slot":                            outage,
		"MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.":   outage,
		"READONLY You can't write against a read only replica.":                              outage,
		"OOM command not allowed when used memory > 'maxmemory'.":                            outage,
		"MISCONF Redis is configured to save RDB snapshots, but it's currently unable to":    outage,
		"NOREPLICAS Not enough good replicas to write.":                                      outage,
		"NOAUTH Authentication required.":                                                    outage,
		"WRONGPASS invalid username-password pair or user is disabled.":                      outage,
		"ERR AUTH <password> called without any password configured for the default user.":   outage,
		"NOPERM User SECRET has no permissions to run the 'evalsha' command":                 outage,
		"ERR The user executing the script can't run this command or subcommand script: f_0": outage,
		"DENIED Redis is running in protected mode because protected mode is enabled":        outage,
		"BUSY Redis is busy running a script.":                                               outage,
		"MOVED 3999 127.0.0.1:6381":                                                          outage,
		"ASK 3999 127.0.0.1:6381":                                                            outage,
		"ERR This instance has cluster support disabled":                                     outage,
		"ERR max number of clients reached":                                                  outage,
		"ERR max number of clients + cluster connections reached":                            outage,
		"MYAUTHDAMAGED user":  damaged,
		"MYAUTHDAMAGED token": damaged,
		"MYAUTHNEWER form":    newer,
		"WRONGTYPE Operation against a key holding the wrong kind of value":            fault,
		"ERR unknown command 'EVALSHA', with args beginning with: 'SECRET'":            fault,
		"ERR Unknown Redis command called from script script: f_0, on @user_script:2.": fault,
		"ERR value is not an integer or out of range":                                  fault,
		"EXECABORT Transaction discarded because of previous errors.":                  fault,
		"": fault,
	} {
		err := classify("create user", said(text))
		got := fault
		switch {
		case errors.Is(err, kit.ErrNewerRecord):
			got = newer
		case errors.Is(err, kit.ErrUnavailable):
			got = outage
		case errors.Is(err, errDamaged):
			got = damaged
		}
		if got != want {
			t.Errorf("%q is %s (%v), want %s", text, got, err, want)
		}
		if errors.Is(err, kit.ErrNotFound) || errors.Is(err, kit.ErrConflict) || errors.Is(err, kit.ErrUserExists) {
			t.Errorf("%q is taken for an answer: %v", text, err)
		}
		if !strings.HasPrefix(err.Error(), "redis: create user: ") || strings.Contains(err.Error(), "SECRET") || strings.Contains(err.Error(), "127.0.0.1") {
			t.Errorf("%q becomes %q", text, err)
		}
	}
}
