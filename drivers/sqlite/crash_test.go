package sqlite_test

import (
	"bufio"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
)

// Each round starts a process that creates users without end, one after another or many at once, kills it after a
// random number of them, and looks for every one that it was told of. The number of
// rounds is MYAUTH_TEST_CRASH_ROUNDS, 5 by default. A kill leaves what the operating
// system has already taken; that synchronous is full, which a power cut would need,
// is TestOpenSettings.
func TestAcknowledgedWritesSurviveKill(t *testing.T) {
	rounds := 5
	if s := os.Getenv("MYAUTH_TEST_CRASH_ROUNDS"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatal("MYAUTH_TEST_CRASH_ROUNDS:", err)
		}
		rounds = n
	}
	for _, part := range []string{"register", "together"} {
		t.Run(part, func(t *testing.T) { survivesKill(t, part, rounds) })
	}
}

func survivesKill(t *testing.T, part string, rounds int) {
	path := tempFile(t)
	acknowledged := []string{}
	for range rounds {
		cmd := process(t, part, path)
		output, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(output)
		for left := rand.IntN(200); lines.Scan(); left-- {
			acknowledged = append(acknowledged, lines.Text())
			if left == 0 {
				if err := cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
		cmd.Wait() // it was killed
		users := open(t, path).Users()
		for _, id := range acknowledged {
			if _, err := users.ByID(t.Context(), id); err != nil {
				t.Fatalf("user %s of %d: %v", id, len(acknowledged), err)
			}
		}
		var check string
		if err := rawDB(t, path).QueryRowContext(t.Context(), "PRAGMA integrity_check").Scan(&check); err != nil || check != "ok" {
			t.Fatalf("integrity check: %s, %v", check, err)
		}
	}
	if len(acknowledged) < rounds {
		t.Errorf("%d users in %d rounds: the test is worth nothing", len(acknowledged), rounds)
	}
}
