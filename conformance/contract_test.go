package conformance

import (
	"go/ast"
	"go/parser"
	gotoken "go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// contractText returns the comments of the two contracts as they stand in
// package kit: that of each interface and its methods, each on one line.
func contractText(t *testing.T, file string, types ...string) map[string][]string {
	t.Helper()
	parsed, err := parser.ParseFile(gotoken.NewFileSet(), file, nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string][]string{}
	oneLine := func(group *ast.CommentGroup) string { return strings.Join(strings.Fields(group.Text()), " ") }
	for _, decl := range parsed.Decls {
		general, ok := decl.(*ast.GenDecl)
		if !ok || general.Tok != gotoken.TYPE {
			continue
		}
		spec := general.Specs[0].(*ast.TypeSpec)
		if !slices.Contains(types, spec.Name.Name) {
			continue
		}
		texts[spec.Name.Name] = append(texts[spec.Name.Name], oneLine(general.Doc))
		for _, method := range spec.Type.(*ast.InterfaceType).Methods.List {
			if method.Doc != nil {
				texts[spec.Name.Name] = append(texts[spec.Name.Name], oneLine(method.Doc))
			}
		}
	}
	return texts
}

// kitComments returns every comment of package kit, each on one line: what the
// Service promises is said at its methods.
func kitComments(t *testing.T) string {
	t.Helper()
	files, err := filepath.Glob("../kit/*.go")
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, file := range files {
		parsed, err := parser.ParseFile(gotoken.NewFileSet(), file, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, group := range parsed.Comments {
			b.WriteString(strings.Join(strings.Fields(group.Text()), " ") + "\n")
		}
	}
	return b.String()
}

// clauses cuts a comment where one rule ends and the next begins.
var clauses = regexp.MustCompile(`[.;:] | - |[.;:]$`)

// narrative are the clauses of the contracts that are no rules of a store, by their first
// words.
var narrative = []string{
	"UserStore keeps", "The package conformance proves", "every sentence of this comment",
	"Every method", "may return an error", "The caller then does not know",
	"A store needs no", "every call of a [Service]", "A [Service] never passes", "A store need not compare", "it may leave them out",
	"TokenStore keeps", "The rules of [UserStore]", "Pinger is an optional", "[Service.Ready] uses",
	"None", "an empty slice", // which are quoted together
}

// TestEverySentenceHasACase reads the contracts in package kit. Each clause must be
// quoted by a case of its store, and each quote must be there word by word, so that
// a contract cannot change without the suite.
func TestEverySentenceHasACase(t *testing.T) {
	texts := contractText(t, "../kit/store.go", "UserStore", "TokenStore", "Pinger")
	everything := kitComments(t)
	for _, c := range []struct {
		name  string
		texts []string
		rules []rule
	}{
		{"UserStore", texts["UserStore"], userRules()},
		{"TokenStore", texts["TokenStore"], tokenRules()},
		{"UserStore, for tokens", texts["UserStore"][:1], tokenRules()},
		{"Pinger", texts["Pinger"], userRules()},
		{"Pinger", texts["Pinger"], tokenRules()},
	} {
		for _, text := range c.texts {
			for _, clause := range clauses.Split(text, -1) {
				clause = strings.TrimSpace(strings.TrimPrefix(clause, "- "))
				if clause == "" || slices.ContainsFunc(narrative, func(begin string) bool { return strings.HasPrefix(clause, begin) }) {
					continue
				}
				if c.name == "UserStore, for tokens" && strings.Contains(clause, "User") {
					continue // it speaks of the fields of a User
				}
				quoted := slices.ContainsFunc(c.rules, func(r rule) bool {
					return strings.Contains(clause, strings.TrimRight(r.quote, ".")) || strings.Contains(r.quote, clause)
				})
				if !quoted {
					t.Errorf("%s says %q, which no case quotes: if a sentence was reworded, reword it in contract.go; if it is new, it needs a case; if it is no rule of a store, list it in narrative", c.name, clause)
				}
			}
		}
	}
	for _, r := range allRules() {
		if !strings.Contains(everything, r.quote) {
			t.Errorf("%s quotes %q, which the contracts do not say: reword it in contract.go", r.id, r.quote)
		}
	}
}

// TestEveryCaseProvesItself wants a flaw for every rule, and an id of its own, in the
// same form, for each. With -v it prints the rules.
func TestEveryCaseProvesItself(t *testing.T) {
	byRule := map[string]int{}
	for _, f := range allFlaws() {
		byRule[f.by]++
	}
	form := regexp.MustCompile(`^(users|tokens|together)(/[a-z]+(-[a-z]+)*){1,2}$`)
	seen := map[string]bool{}
	for _, r := range allRules() {
		if !form.MatchString(r.id) || seen[r.id] {
			t.Errorf("id %q is taken or not of the form store/subject/what", r.id)
		}
		seen[r.id] = true
		t.Logf("%s %s: %s", r.id, r.needs, r.quote)
		if byRule[r.id] == 0 {
			t.Errorf("no flaw is named by %s: nothing shows that it can fail", r.id)
		}
		delete(byRule, r.id)
	}
	for id := range byRule {
		t.Errorf("a flaw is named by %s, which is no rule", id)
	}
}
