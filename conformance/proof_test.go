package conformance

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write the golden table of flaws and the README's copy of it")

// allFlaws are the broken stores by which the suite proves itself.
func allFlaws() []flaw {
	return slices.Concat(userFlaws, flawsOfEveryMethod(userKind), tokenFlaws, flawsOfEveryMethod(tokenKind), flawsOfNetworks(userKind), flawsOfNetworks(tokenKind), flawsOfHistories(userKind), flawsOfHistories(tokenKind), remainsFlaws, staleFlaws(userKind), staleFlaws(tokenKind), flawsTogether, serviceFlaws, serviceAccountFlaws, serviceNetworkFlaws, serviceUseFlaws)
}

// rulesFor returns the rules that a flaw can break: those of its store.
func rulesFor(f flaw) []rule {
	kind, _, _ := strings.Cut(f.by, "/")
	switch kind {
	case "users":
		return userRules()
	case "tokens":
		return tokenRules()
	case "service":
		return slices.Concat(serviceRules(), serviceNetworkRules())
	}
	return togetherRules()
}

const goldenFile = "testdata/flaws.golden"

// TestFlawsAreCaught runs the suite against every broken store. The case that
// names the broken rule has to catch it. Which other cases do is in the golden
// file, as far as they do so in every run: cases in which callers meet, long ones,
// and those that break the network, are tried only where they name the flaw.
func TestFlawsAreCaught(t *testing.T) {
	flaws := allFlaws()
	if len(flaws) < 60 {
		t.Fatalf("%d flaws, want at least 60", len(flaws))
	}
	names := map[string]bool{}
	table := make([]string, len(flaws))
	t.Run("flaws", func(t *testing.T) {
		for i, f := range flaws {
			if names[f.name] {
				t.Errorf("two flaws are called %q", f.name)
			}
			names[f.name] = true
			t.Run(f.name, func(t *testing.T) {
				t.Parallel()
				caught := catch(t, f)
				if !slices.Contains(caught, f.by) {
					t.Fatalf("not caught by %s; caught by %q", f.by, caught)
				}
				slices.Sort(caught)
				caught = slices.DeleteFunc(caught, func(id string) bool { return id == f.by })
				table[i] = fmt.Sprintf("%s\n\t%s\n", f.name, strings.Join(append([]string{f.by}, caught...), "\n\t"))
			})
		}
	})
	if t.Failed() {
		return
	}
	compareGolden(t, goldenFile, strings.Join(table, ""))
}

// catch returns the ids of the rules that the flaw was caught by.
func catch(t *testing.T, f flaw) []string {
	cfg, err := fakeConfig(f.alter).check()
	if err != nil {
		t.Fatal(err)
	}
	var caught []string
	for _, r := range rulesFor(f) {
		named := r.id == f.by
		if !named && (r.racy || r.long || f.racy || f.hangs != "" || slices.Contains(r.needs, Networking)) {
			continue
		}
		if r.long && testing.Short() {
			caught = append(caught, r.id) // as it would be; -short leaves it out
			continue
		}
		tries := 1
		if f.racy {
			tries = 20 // one run in which the callers miss each other proves nothing
		}
		cfg := cfg
		if f.hangs != "" {
			cfg.Timeout = 300 * time.Millisecond
		}
		if named && strings.Contains(r.id, "/network/") {
			cfg.Soon = 300 * time.Millisecond // as often as there are calls that hang
		}
		if strings.HasSuffix(r.id, "/done-while-stalled") {
			cfg.Soon = 200 * time.Millisecond
			if !named && !strings.Contains(f.by, "context/") {
				continue // each run takes the time that calls hang
			}
		}
		for range tries {
			out := execute(t, cfg, r)
			if out.skipped != "" {
				t.Errorf("%s was skipped: %s", r.id, out.skipped)
			}
			if len(out.failures) > 0 && (f.hangs == "" || hangs(out.failures, f.hangs)) {
				caught = append(caught, r.id)
				checkMessage(t, r, out.failures[0])
				break
			}
		}
	}
	return caught
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
	if !strings.HasPrefix(message, r.id+": ") || !strings.Contains(message, fmt.Sprintf("%q", r.quote)) {
		t.Errorf("the failure of %s does not name and quote its rule: %s", r.id, message)
	}
}

// compareGolden compares a text with the one in a file, or writes it there under
// -update.
func compareGolden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		gotLines, wantLines := strings.Split(got, "\n"), strings.Split(string(want), "\n")
		for i, line := range gotLines {
			if i >= len(wantLines) || line != wantLines[i] {
				t.Fatalf("%s: line %d is now %q; see whether that is right, then run the test with -update", file, i+1, line)
			}
		}
		t.Fatalf("%s has more lines than the %d of now; see whether that is right, then run the test with -update", file, len(gotLines))
	}
}
