package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// mutant is one way to break the code, and the test that must notice.
type mutant struct {
	name     string
	file     string // relative to the root
	test     string // "kit.TestLogin", "httpx/surface.TestLogin"
	old, new string
	line     int // in the file of mutants
}

// parseMutants reads mutants that blank lines separate. Each is a name after "mutant:",
// a file after "file:", a test after "test:", and lines that begin with "-" and "+": the
// text that is taken away, which the file has once, and what stands in its place.
// Lines that begin with "#" are comments.
func parseMutants(text string) ([]mutant, error) {
	var all []mutant
	var m mutant
	end := func() error {
		if m == (mutant{}) {
			return nil
		}
		if m.name == "" || m.file == "" || m.test == "" || m.old == "" {
			return fmt.Errorf("line %d: a mutant has a name, a file, a test and a line that it takes away", m.line)
		}
		all = append(all, m)
		m = mutant{}
		return nil
	}
	number := 0
	for line := range strings.Lines(text) {
		number++
		line = strings.TrimSuffix(line, "\n")
		switch {
		case strings.HasPrefix(line, "#"):
			continue
		case line == "":
			if err := end(); err != nil {
				return nil, err
			}
			continue
		case strings.HasPrefix(line, "-"):
			m.old += line[1:] + "\n"
		case strings.HasPrefix(line, "+"):
			m.new += line[1:] + "\n"
		default:
			key, value, _ := strings.Cut(line, ": ")
			field := map[string]*string{"mutant": &m.name, "file": &m.file, "test": &m.test}[key]
			if field == nil || *field != "" {
				return nil, fmt.Errorf("line %d: want mutant:, file:, test:, - or +", number)
			}
			*field = strings.TrimSpace(value)
		}
		if m.line == 0 {
			m.line = number
		}
	}
	return all, end()
}

// apply returns the source with the mutant in it.
func (m mutant) apply(source string) (string, error) {
	if n := strings.Count(source, m.old); n != 1 {
		return "", fmt.Errorf("%s has the text of the mutant %d times: it must have it once", m.file, n)
	}
	return strings.Replace(source, m.old, m.new, 1), nil
}

// runMutants tries each mutant whose name has the word. The tree stays as it is: the go
// command is told to read the broken file in place of the right one.
func runMutants(out io.Writer, file, word string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	all, err := parseMutants(string(text))
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	survived, tried := 0, 0
	for _, m := range all {
		if !strings.Contains(m.name, word) {
			continue
		}
		tried++
		started := time.Now()
		verdict := "noticed"
		if err := m.try(); err != nil {
			survived++
			verdict = "NOT NOTICED: " + err.Error()
		}
		fmt.Fprintf(out, "%-60s %s (%s, %.0f s)\n", m.name, verdict, m.test, time.Since(started).Seconds())
	}
	switch {
	case tried == 0:
		return fmt.Errorf("%s has no mutant with %q in its name", file, word)
	case survived > 0:
		return fmt.Errorf("%d of %d mutants were not noticed", survived, tried)
	}
	fmt.Fprintf(out, "%d mutants, each noticed by the test that it names\n", tried)
	return nil
}

// try returns nil when the test passes on the code as it is and fails on the mutant.
func (m mutant) try() error {
	source, err := os.ReadFile(m.file)
	if err != nil {
		return err
	}
	broken, err := m.apply(string(source))
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "mutant")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	replacement := filepath.Join(dir, filepath.Base(m.file))
	if err := os.WriteFile(replacement, []byte(broken), 0o600); err != nil {
		return err
	}
	original, err := filepath.Abs(m.file)
	if err != nil {
		return err
	}
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": {original: replacement}})
	if err != nil {
		return err
	}
	overlayFile := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(overlayFile, overlay, 0o600); err != nil {
		return err
	}
	if output, err := m.runTest(); err != nil || !ran(output, "PASS") {
		return fmt.Errorf("its test does not pass without it:\n%s", output)
	}
	switch output, err := m.runTest("-overlay", overlayFile); {
	case err == nil:
		return errors.New("the test passes all the same")
	case !ran(output, "FAIL") && !bytes.Contains(output, []byte("panic: ")):
		return fmt.Errorf("the test did not run:\n%s", output)
	}
	return nil
}

// ran reports whether a test ended so, and not only the building of it.
func ran(output []byte, verdict string) bool {
	return bytes.Contains(output, []byte("--- "+verdict+": Test"))
}

func (m mutant) runTest(flags ...string) ([]byte, error) {
	dot := strings.LastIndex(m.test, ".")
	dir, name := m.test[:dot], m.test[dot+1:]
	var pattern []string
	for _, part := range strings.Split(name, "/") {
		pattern = append(pattern, "^"+part+"$")
	}
	args := append([]string{"test", "-count=1", "-v", "-timeout=5m", "-run", strings.Join(pattern, "/")}, flags...)
	cmd := exec.Command("go", append(args, ".")...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off")
	return cmd.CombinedOutput()
}
