//go:build !wasm

package breached_test

import (
	"os"
	"os/exec"
	"testing"
)

// TestFIPS: where FIPS 140-3 is enforced, SHA-1 is refused but for this. The mode is that of a
// whole program, so the test is run in another.
func TestFIPS(t *testing.T) {
	run := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestListPolicy$")
	run.Env = append(os.Environ(), "GODEBUG=fips140=only")
	if out, err := run.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
