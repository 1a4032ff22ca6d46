// Command claims holds the security claims of SECURITY.md against their tests.
//
//	go test -json ./... | claims report RECORD     prints the output of go test without
//	                                               -json, and records the tests that passed
//	claims check SECURITY.md RECORD...             fails for a claim without a test, and for
//	                                               a named test that did not run and pass
//	claims mutants MUTANTS [WORD]                  breaks the code in each way that the file
//	                                               lists, or whose name has WORD, and fails
//	                                               where the named test does not notice
//
// It runs at the root of the repository.
package main

import (
	"fmt"
	"os"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "claims:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	switch {
	case len(args) == 2 && args[0] == "report":
		return report(os.Stdin, os.Stdout, args[1])
	case len(args) > 2 && args[0] == "check":
		return check(args[1], args[2:])
	case len(args) >= 2 && len(args) <= 3 && args[0] == "mutants":
		return runMutants(os.Stdout, args[1], append(args[2:], "")[0])
	}
	return fmt.Errorf("usage: report RECORD, check SECURITY.md RECORD..., or mutants MUTANTS [WORD]")
}
