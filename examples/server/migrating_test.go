package main

import (
	"os"
	"regexp"
	"testing"
)

// TestMigratingNamesSettings: each variable that MIGRATING.md names exists.
func TestMigratingNamesSettings(t *testing.T) {
	page, err := os.ReadFile("MIGRATING.md")
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{"MYAUTH_": true}
	for _, row := range settingsTable {
		known[row.name] = true
		known[row.name+fileSuffix] = row.secret
	}
	for _, name := range regexp.MustCompile(`MYAUTH_[A-Z_]*`).FindAllString(string(page), -1) {
		if !known[name] {
			t.Errorf("MIGRATING.md names %s, which there is not", name)
		}
	}
}
