package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
)

// event is a line of go test -json; see go doc test2json.
type event struct {
	Action, Package, Test, Output string
	ImportPath                    string // of build output
}

// report turns the events into what go test prints without -json: the lines of the
// packages, and those of the tests that failed. It writes the tests that passed to the
// file record, one "package.Test" a line.
func report(in io.Reader, out io.Writer, record string) error {
	var passed strings.Builder
	pending := map[string]*strings.Builder{} // the output of tests that have not ended
	reasons := map[string]bool{}             // why tests were skipped, each printed once
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var e event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil || e.Action == "" {
			fmt.Fprintln(out, lines.Text()) // go test itself speaks
			continue
		}
		test := e.Package + "." + e.Test
		switch {
		case e.Action == "build-output", e.Action == "output" && e.Test == "" && e.Output != "PASS\n":
			fmt.Fprint(out, e.Output)
		case e.Action == "output" && e.Test != "":
			if pending[test] == nil {
				pending[test] = &strings.Builder{}
			}
			pending[test].WriteString(e.Output)
		case e.Action == "pass" && e.Test != "":
			fmt.Fprintln(&passed, test)
			delete(pending, test)
		case e.Action == "skip" && e.Test != "":
			printReasons(out, reasons, e, pending[test])
			delete(pending, test)
		case e.Action == "fail" && e.Test != "":
			fmt.Fprint(out, pending[test])
			delete(pending, test)
		case e.Action == "fail":
			// The tests that a panic or a time limit ended have no last event.
			for name, output := range pending {
				if strings.HasPrefix(name, e.Package+".") {
					fmt.Fprint(out, output)
					delete(pending, name)
				}
			}
		}
	}
	if err := lines.Err(); err != nil {
		return err
	}
	return os.WriteFile(record, []byte(passed.String()), 0o600)
}

// printReasons prints why a test was skipped, unless another test of the package was for
// the same reason: what stands behind the last colon of a line.
func printReasons(out io.Writer, seen map[string]bool, e event, output fmt.Stringer) {
	for line := range strings.Lines(output.String()) {
		if strings.HasPrefix(line, "=== ") || strings.HasPrefix(strings.TrimSpace(line), "--- ") {
			continue
		}
		reason := e.Package + line[strings.LastIndex(line, ": ")+1:]
		if !seen[reason] {
			seen[reason] = true
			fmt.Fprintf(out, "skipped: %s: %s", e.Test, strings.TrimLeft(line, " \t"))
		}
	}
}
