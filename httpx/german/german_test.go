package german_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"strings"
	"testing"

	"myauth.internal/httpx/german"
	"myauth.internal/kit/password"
)

// TestEveryTextIsTranslated: a text that the pages have and this package has not would be a word
// of English on a German page, and one that the pages have no more is dead.
func TestEveryTextIsTranslated(t *testing.T) {
	texts := slices.Concat(pageTexts(t, "../pagehtml.go"), pageTexts(t, "../../kit/provider/pages.go"), pageTexts(t, "../../kit/invitation/page.go"))
	for _, p := range []string{"", "a", "aB1\x00", "Password1!", "ada@example.com", strings.Repeat("Aa1!", 40)} {
		broken, err := password.Strict.Check(t.Context(), p, "ada@example.com")
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range broken {
			text := b.Message
			for _, n := range []string{"8", "128"} {
				text = strings.Replace(text, " "+n+" ", " %d ", 1)
			}
			texts = append(texts, text)
		}
	}
	texts = append(texts, "type the same password twice", "choose a password", "type your name", "use at most 64 characters for your name", "use no control characters in your name")
	have := german.Pages().Texts
	for _, text := range texts {
		if have[text] == "" {
			t.Errorf("not translated: %q", text)
		}
	}
	for text := range have {
		if !slices.Contains(texts, text) {
			t.Errorf("no page says: %q", text)
		}
	}
}

// pageTexts returns the texts for people in the source of pages: what has a space or begins with a
// capital, and is no markup.
func pageTexts(t *testing.T, path string) (texts []string) {
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		if _, ok := n.(*ast.ImportSpec); ok {
			return false
		}
		literal, ok := n.(*ast.BasicLit)
		if !ok || literal.Kind != token.STRING {
			return true
		}
		text, err := strconv.Unquote(literal.Value)
		if err != nil {
			t.Fatal(err)
		}
		first := strings.TrimLeft(text, " ")
		if first != "" && 'A' <= first[0] && first[0] <= 'Z' && !strings.ContainsAny(text, `<>=`) {
			texts = append(texts, text)
		}
		return true
	})
	if len(texts) < 8 {
		t.Fatalf("found %d texts only in %s", len(texts), path)
	}
	return texts
}
