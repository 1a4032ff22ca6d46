package main

import (
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestHashOnEveryProcessor counts, by the server's metrics, how many hashes run at once.
func TestHashOnEveryProcessor(t *testing.T) {
	processors := runtime.GOMAXPROCS(0)
	for _, c := range []struct {
		env  string
		want int
	}{
		{"GOMAXPROCS=", processors}, // as if it were not set
		{"GOMAXPROCS=" + strconv.Itoa(processors+3), processors + 2},
	} {
		p, url := startMonitored(t, "MYAUTH_THROTTLE=off", "MYAUTH_BCRYPT_COST=11", c.env)
		var logins sync.WaitGroup
		for range c.want + 2 {
			logins.Go(func() { p.do(401, "POST", "/auth/login", "", credentials) })
		}
		want := fmt.Sprintf("\nmyauth_password_hashes_running %d\n", c.want)
		for end := time.Now().Add(patience); ; {
			if a := p.at(url).do(200, "GET", "/metrics", "", ""); strings.Contains(a.body, want) && strings.Contains(a.body, "\nmyauth_password_hashes_waiting 2\n") {
				break
			}
			if time.Now().After(end) {
				t.Errorf("%s: there were never %d hashes at once", c.env, c.want)
				break
			}
		}
		logins.Wait()
		p.stop()
	}
}
