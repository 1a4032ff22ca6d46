package main

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestMigratingShowsCompiledGo: each Go block of MIGRATING.md is part of the
// examples, word for word.
func TestMigratingShowsCompiledGo(t *testing.T) {
	page, err := os.ReadFile("MIGRATING.md")
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile("example_migrate_test.go")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile("(?ms)^ *```go\n(.*?)^ *```$").FindAllStringSubmatch(string(page), -1)
	if len(found) != 3 {
		t.Errorf("%d Go blocks in MIGRATING.md, want 3", len(found))
	}
	for _, block := range found {
		if !strings.Contains(flat(string(source)), flat(block[1])) {
			t.Errorf("this block of MIGRATING.md is not part of example_migrate_test.go:\n%s", block[1])
		}
	}
}

// TestMigratingNamesSettings: each variable that MIGRATING.md names exists.
func TestMigratingNamesSettings(t *testing.T) {
	page, err := os.ReadFile("MIGRATING.md")
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{"MYAUTH_": true}
	for _, row := range settingsTable {
		known[row.name] = true
	}
	for _, name := range regexp.MustCompile(`MYAUTH_[A-Z_]*`).FindAllString(string(page), -1) {
		if !known[name] {
			t.Errorf("MIGRATING.md names %s, which there is not", name)
		}
	}
}
