package main

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestReadmeListsTheSettings: the tables of settings in README.md beside the server are settingsTable
// and providerTable.
func TestReadmeListsTheSettings(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, rows := range [][]setting{settingsTable, ofEachProvider()} {
		var want strings.Builder
		for _, row := range rows {
			option, preset := "", row.otherwise
			if row.option != "" {
				option = "`" + row.option + "`"
			}
			if row.preset != "" {
				preset = "`" + row.preset + "`"
			}
			fmt.Fprintf(&want, "| `%s` | %s | %s | %s |\n", row.name, option, preset, row.meaning)
		}
		if !strings.Contains(string(text), want.String()) {
			t.Errorf("examples/server/README.md lacks this table:\n%s", want.String())
		}
	}
}

// TestReadmeListsTheRoutes: the table of routes in README.md has the routes of the OpenAPI
// document, those of second factors too, and no other. "…/x" is below the route in front of it.
func TestReadmeListsTheRoutes(t *testing.T) {
	routes := map[string]bool{}
	for file, prefix := range map[string]string{
		"httpx/openapi.json": "", "httpx/account.openapi.json": "/auth", "httpx/sessions.openapi.json": "/auth", "kit/mfa.openapi.json": "/auth",
		"kit/passkey/passkey.openapi.json": "/auth", "kit/provider/provider.openapi.json": "/auth",
		"httpx/admin/admin.openapi.json": "/auth", "kit/invitation/invitation.openapi.json": "/auth",
	} {
		text, err := os.ReadFile("../../" + file)
		if err != nil {
			t.Fatal(err)
		}
		var document struct {
			Paths map[string]map[string]json.RawMessage
		}
		if err := json.Unmarshal(text, &document); err != nil || len(document.Paths) == 0 {
			t.Fatalf("%s has no routes: %v", file, err)
		}
		for path, methods := range document.Paths {
			for method := range methods {
				routes[strings.ToUpper(method)+" "+prefix+path] = true
			}
		}
	}
	for _, row := range regexp.MustCompile("(?m)^\\| (`[A-Z]+ /auth/[^|]*) \\|").FindAllStringSubmatch(readme(t), -1) {
		before := ""
		for _, m := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(row[1], -1) {
			route := m[1]
			if below, ok := strings.CutPrefix(route, "…"); ok {
				route = before + below
			} else {
				before = route
			}
			if !routes[route] {
				t.Errorf("README.md lists %s, which there is not, or twice", route)
			}
			delete(routes, route)
		}
	}
	for route := range routes {
		t.Errorf("README.md does not list %s", route)
	}
}

// flat is code without its indentation.
func flat(code string) string {
	return regexp.MustCompile(`(?m)^[\t ]+`).ReplaceAllString(code, "")
}
