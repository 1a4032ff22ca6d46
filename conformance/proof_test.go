package conformance

import (
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestMain runs more tests at once than there are processors: most of them wait for a
// network.
func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", "8"); err != nil {
		panic(err)
	}
	m.Run()
}

// allFlaws are the broken stores by which the suite proves itself.
func allFlaws() []flaw {
	return slices.Concat(userFlaws, mapFlaws, elsewhereFlaws, flawsOfMoments(userKind), flawsOfMoments(tokenKind), flawsOfEveryMethod(userKind), tokenFlaws, flawsOfEveryMethod(tokenKind), flawsOfNetworks(userKind), flawsOfNetworks(tokenKind), flawsOfHistories(userKind), flawsOfHistories(tokenKind), remainsFlaws, staleFlaws(userKind), staleFlaws(tokenKind), flawsTogether, serviceFlaws, userListFlaws, ownerFlaws, churnFlaws, credentialFlaws(), newerFlaws(userKind), newerFlaws(tokenKind))
}

// TestFlawsAreCaught runs each flawed store through the case that names the broken
// rule, which must fail. What other cases make of the flaw does not matter: an author
// is sent to the right sentence by the one.
func TestFlawsAreCaught(t *testing.T) {
	t.Parallel()
	testFlaws(t, false)
}

// TestFlawsAreCaughtAlone is the same for the cases that run alone.
func TestFlawsAreCaughtAlone(t *testing.T) { testFlaws(t, true) }

func testFlaws(t *testing.T, alone bool) {
	rules := map[string]rule{}
	for _, r := range allRules() {
		rules[r.id] = r
	}
	names := map[string]bool{}
	for _, f := range allFlaws() {
		if names[f.name] {
			t.Errorf("two flaws are called %q", f.name)
		}
		names[f.name] = true
		r, ok := rules[f.by]
		if !ok {
			t.Errorf("%q is to be caught by %q, which is no case", f.name, f.by)
			continue
		}
		if r.alone != alone {
			continue
		}
		t.Run(f.name, func(t *testing.T) {
			if r.long && testing.Short() {
				t.Skipf("%s: left out by -short", f.by)
			}
			if !alone {
				t.Parallel()
			}
			if !caught(t, f, r) {
				t.Fatalf("not caught by %s", f.by)
			}
			t.Log(f.by) // with -v the proof prints which case catches what
		})
	}
}

// caught reports whether the case fails for the flawed store.
func caught(t *testing.T, f flaw, r rule) bool {
	cfg, err := fakeConfig(f.alter).check()
	if err != nil {
		t.Fatal(err)
	}
	tries := 1
	if f.racy {
		tries = 50 // the first has to do; in ten runs the callers of a busy machine have missed each other
	}
	cfg.listed = fewUsers
	switch {
	case f.hangs != "":
		cfg.timeout = 300 * time.Millisecond
	case strings.Contains(r.id, "/network/"), strings.Contains(r.id, "/context/"):
		cfg.Soon = 200 * time.Millisecond // the flaw makes every call wait as long
	}
	for range tries {
		out := (&suite{cfg: cfg}).execute(t, r)
		if out.skipped != "" {
			t.Errorf("%s was skipped: %s", r.id, out.skipped)
		}
		if len(out.failures) > 0 && (f.hangs == "" || hangs(out.failures, f.hangs)) {
			checkMessage(t, r, out.failures[0])
			return true
		}
	}
	return false
}

// hangs reports whether the watchdog has found the method waiting for a lock of
// the flaw: a slow machine lets it bark as well.
func hangs(failures []string, method string) bool {
	for _, failure := range failures {
		if !strings.Contains(failure, " has not returned within ") {
			continue
		}
		for _, stack := range strings.Split(failure, "\n\n") {
			if strings.Contains(stack, "sync.(*Mutex).Lock") && strings.Contains(stack, method) && strings.Contains(stack, "flaws_") {
				return true
			}
		}
	}
	return false
}

// checkMessage wants a failure to name and quote its rule, and to say what it
// got.
func checkMessage(t *testing.T, r rule, message string) {
	lines := strings.Split(message, "\n")
	if !strings.HasPrefix(lines[0], r.id+": ") || len(lines) < 2 || !strings.Contains(lines[1], fmt.Sprintf("%q", r.quote)) {
		t.Errorf("the failure of %s does not name its case in the first line and quote the contract in the second: %s", r.id, message)
	}
}
