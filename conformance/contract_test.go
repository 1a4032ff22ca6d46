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

// narrative are the clauses of the contracts that are no rules of a store.
var narrative = []string{
	"UserStore keeps users",
	"The package conformance proves an implementation",
	"every sentence of this comment has a case there, named after its rule",
	"Every method",
	"A store needs no time limit",
	"every call of a [Service] has a deadline",
	"may return an error that wraps [ErrUnavailable] once in a while for a passing reason, such as a deadlock that the database ended, a failover or a full pool", // what it may
	"The caller then does not know whether a write has happened",
	"A [Service] never passes others",
	"A store need not compare them", "it may leave them out of what it writes, or refuse the Update with some other error",
	"TokenStore keeps refresh and reset tokens",
	"The rules of [UserStore] for every method apply here word for word, and so do those for values, times, durability and reads after writes",
	"Pinger is an optional interface of stores",
	"[Service.Ready] uses it",
	"None", // and what follows is the rule
	"an empty slice, no error",
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
				if clause == "" || slices.Contains(narrative, clause) {
					continue
				}
				if c.name == "UserStore, for tokens" && strings.Contains(clause, "User") {
					continue // it speaks of the fields of a User
				}
				quoted := slices.ContainsFunc(c.rules, func(r rule) bool {
					return strings.Contains(clause, strings.TrimRight(r.quote, ".")) || strings.Contains(r.quote, clause)
				})
				if !quoted {
					t.Errorf("%s: no case quotes %q", c.name, clause)
				}
			}
		}
	}
	for _, r := range allRules() {
		if !strings.Contains(everything, r.quote) {
			t.Errorf("%s quotes what the contracts do not say: %q", r.id, r.quote)
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
