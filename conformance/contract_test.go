package conformance

import (
	"go/parser"
	gotoken "go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// comments returns the comments of files of package kit, each on one line.
func comments(t *testing.T, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, file := range files {
		parsed, err := parser.ParseFile(gotoken.NewFileSet(), file, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, group := range parsed.Comments {
			all = append(all, strings.Join(strings.Fields(group.Text()), " "))
		}
	}
	return all
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
	"Stores are where", "All three are", "A driver's method", "With tokens elsewhere", "stores := ", "Tokens has what", "sessions, and",
	"Credentials has what", "second factors", "UserLister is an", "The rules of UserStore", "A page begins", "So a walk goes on", "Who gets another address", "OwnedTokenStore is an", "A wrapper that embeds",
	"None", "an empty slice", // which are quoted together
}

// TestEverySentenceHasACase reads the contracts in kit/store.go. Each clause must be quoted
// by a case of its store, and each quote must be in a comment of package kit word by word,
// so that a contract cannot change without the suite.
func TestEverySentenceHasACase(t *testing.T) {
	users, tokens := userRules(), append(tokenRules(), credentialRules()...)
	quoted := func(rules []rule, clause string) bool {
		return slices.ContainsFunc(rules, func(r rule) bool {
			return strings.Contains(clause, strings.TrimRight(r.quote, ".")) || strings.Contains(r.quote, clause)
		})
	}
	ofUsers, ofTokens := false, false // whose comment it is
	for _, comment := range comments(t, "../kit/store.go") {
		switch first, _, _ := strings.Cut(comment, " "); first {
		case "UserStore", "Pinger":
			ofUsers, ofTokens = true, true // the rules for every method are those of tokens too
		case "UserLister":
			ofUsers, ofTokens = true, false
		case "TokenStore", "OwnedTokenStore":
			ofUsers, ofTokens = false, true
		default: // a method's
			ofTokens = !ofUsers
		}
		for _, clause := range clauses.Split(comment, -1) {
			clause = strings.TrimSpace(strings.TrimPrefix(clause, "- "))
			if clause == "" || slices.ContainsFunc(narrative, func(begin string) bool { return strings.HasPrefix(clause, begin) }) {
				continue
			}
			aboutUser := ofUsers && strings.Contains(clause, "User") // its fields
			if ofUsers && !quoted(users, clause) || ofTokens && !aboutUser && !quoted(tokens, clause) {
				t.Errorf("kit/store.go says %q, which no case quotes: if a sentence was reworded, reword it in contract.go; if it is new, it needs a case; if it is no rule of a store, list it in narrative", clause)
			}
		}
	}
	everything := strings.Join(comments(t, "../kit/*.go"), "\n")
	for _, r := range allRules() {
		if !strings.Contains(everything, r.quote) {
			t.Errorf("%s quotes %q, which no comment of package kit says: reword the quote", r.id, r.quote)
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
	form := regexp.MustCompile(`^(users|tokens|credentials|together)(/[a-z]+(-[a-z]+)*){1,2}$`)
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
