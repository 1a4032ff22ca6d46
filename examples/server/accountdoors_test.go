package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestNoOtherAccountDoor: outside package kit only these functions make accounts. Each is a door of
// kit.TestAccountDoors: a new one belongs into that table, or leads through one of its doors, and then
// comes into this list. Those of strangers are closed by kit.Options.Registration; that they say so over
// HTTP is tested by TestRegistrationClosed of httpx/surface and kit/provider/acceptance.
func TestNoOtherAccountDoor(t *testing.T) {
	allowed := map[string]string{
		"httpx/routes.go register":                     "Register",
		"kit/provider/arrive.go take":                  "Register",
		"kit/invitation/accept.go accept":              "CreateInvited",
		"kit/transfer/store.go store":                  "Import", // for the application and its administrators, as the next
		"examples/server/createuser.go createUser":     "CreateUser",
		"examples/server/transfer.go importFrom":       "Import",
		"kit/provider/acceptance/openid/openid.go New": "Register", // of a client, at a provider
		"examples/wasm/hooks/plugin/plugin.go compile": "Import",   // of WebAssembly
	}
	seen := map[string]bool{}
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		name = filepath.ToSlash(name)
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (strings.HasPrefix(entry.Name(), ".") && name != "." || name == "conformance" || name == "kit/kittest" || name == "drivers"):
			return fs.SkipDir // tests, tools of maintainers, and stores, which are below all doors
		case entry.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") || filepath.ToSlash(filepath.Dir(name)) == "kit":
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, name, text, 0)
		if err != nil {
			return err
		}
		for _, decl := range file.Decls {
			ast.Inspect(decl, func(n ast.Node) bool {
				s, ok := n.(*ast.SelectorExpr)
				if !ok || !makesAccounts(s) {
					return true
				}
				in := name + " "
				if f, ok := decl.(*ast.FuncDecl); ok {
					in += f.Name.Name
				}
				if seen[in] = true; allowed[in] != s.Sel.Name {
					t.Errorf("%s: %s uses %s: is it a door that the table does not have?", set.Position(n.Pos()), in, s.Sel.Name)
				}
				return true
			})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for in := range allowed {
		if !seen[in] {
			t.Errorf("%s makes no accounts", in)
		}
	}
}

// makesAccounts reports whether a name is that of what makes an account: of the Service or the Core, or
// of a store of users.
func makesAccounts(s *ast.SelectorExpr) bool {
	if s.Sel.Name == "Create" {
		switch of := s.X.(type) {
		case *ast.SelectorExpr:
			return of.Sel.Name == "Users"
		case *ast.CallExpr:
			f, ok := of.Fun.(*ast.SelectorExpr)
			return ok && f.Sel.Name == "Users"
		}
		return false
	}
	return slices.Contains([]string{"Register", "CreateInvited", "CreateUser", "Import"}, s.Sel.Name)
}
