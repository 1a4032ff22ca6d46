package main

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestReadmeListsTheSettings: the table of settings in README.md beside the server is settingsTable.
func TestReadmeListsTheSettings(t *testing.T) {
	var want strings.Builder
	for _, row := range settingsTable {
		option, preset := "", row.otherwise
		if row.option != "" {
			option = "`" + row.option + "`"
		}
		if row.preset != "" {
			preset = "`" + row.preset + "`"
		}
		fmt.Fprintf(&want, "| `%s` | %s | %s | %s |\n", row.name, option, preset, row.meaning)
	}
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), want.String()) {
		t.Errorf("examples/server/README.md lacks this table:\n%s", want.String())
	}
}

// TestReadmeListsTheRoutes: the table of routes in README.md has the routes of the
// OpenAPI document, and no other.
func TestReadmeListsTheRoutes(t *testing.T) {
	text, err := os.ReadFile("../../httpx/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	var document struct {
		Paths map[string]map[string]json.RawMessage
	}
	if err := json.Unmarshal(text, &document); err != nil {
		t.Fatal(err)
	}
	routes := map[string]bool{}
	for path, methods := range document.Paths {
		for method := range methods {
			routes[strings.ToUpper(method)+" "+path] = true
		}
	}
	if len(routes) == 0 {
		t.Fatal("no route in the document")
	}
	for _, m := range regexp.MustCompile("(?m)^\\| `([A-Z]+ /auth/\\S+)` \\|").FindAllStringSubmatch(readme(t), -1) {
		if !routes[m[1]] {
			t.Errorf("README.md lists %s, which there is not, or twice", m[1])
		}
		delete(routes, m[1])
	}
	for route := range routes {
		t.Errorf("README.md does not list %s", route)
	}
}

// flat is code without its indentation.
func flat(code string) string {
	return regexp.MustCompile(`(?m)^[\t ]+`).ReplaceAllString(code, "")
}
