package main

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// modulePrefix is what package paths have before what the table names.
const modulePrefix = "myauth.internal/"

// claim is a row of the table in SECURITY.md.
type claim struct {
	number int
	tests  []string // as the table has them: "kit.TestLogin", "httpx/surface.TestLogin/form"
}

var (
	claimRow  = regexp.MustCompile(`^\| (\d+) \|.*\|([^|]*)\|$`)
	claimTest = regexp.MustCompile("`([a-z0-9/_-]+\\.(?:Test|Fuzz)[^`]*)`")
)

// claims returns the rows of the table: lines that begin with a claim's number and have
// its tests in the last column.
func claims(document string) ([]claim, error) {
	var all []claim
	for line := range strings.Lines(document) {
		row := claimRow.FindStringSubmatch(strings.TrimSpace(line))
		if row == nil {
			continue
		}
		c := claim{}
		c.number, _ = strconv.Atoi(row[1])
		for _, test := range claimTest.FindAllStringSubmatch(row[2], -1) {
			c.tests = append(c.tests, test[1])
		}
		if len(c.tests) == 0 {
			return nil, fmt.Errorf("claim %d names no test", c.number)
		}
		if len(all) > 0 && c.number <= all[len(all)-1].number {
			return nil, fmt.Errorf("claim %d stands behind claim %d", c.number, all[len(all)-1].number)
		}
		all = append(all, c)
	}
	if len(all) == 0 {
		return nil, errors.New("there is no table of claims")
	}
	return all, nil
}

// missing returns what the claims name and none of the records holds.
func missing(all []claim, passed map[string]bool) []string {
	var lines []string
	for _, c := range all {
		for _, test := range c.tests {
			// Subtests are recorded with the underscores that go test gives them.
			name := modulePrefix + strings.ReplaceAll(test, " ", "_")
			if !passed[name] {
				lines = append(lines, fmt.Sprintf("claim %d: %s did not run and pass", c.number, test))
			}
		}
	}
	return slices.Compact(lines)
}

func check(document string, records []string) error {
	text, err := os.ReadFile(document)
	if err != nil {
		return err
	}
	all, err := claims(string(text))
	if err != nil {
		return fmt.Errorf("%s: %w", document, err)
	}
	passed := map[string]bool{}
	for _, record := range records {
		text, err := os.ReadFile(record)
		if err != nil {
			return err
		}
		for line := range strings.Lines(string(text)) {
			passed[strings.TrimSpace(line)] = true
		}
	}
	if lines := missing(all, passed); len(lines) > 0 {
		return errors.New(strings.Join(lines, "\n"))
	}
	fmt.Printf("%d claims, each with tests that passed\n", len(all))
	return nil
}
