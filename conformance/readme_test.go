package conformance

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// TestReadme keeps the tables of README.md equal to the rules and to the golden
// table of flaws.
func TestReadme(t *testing.T) {
	data, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	readme := string(data)
	for name, table := range map[string]string{"rules": rulesTable(), "flaws": flawsTable(t)} {
		begin, end := "<!-- "+name+" -->\n", "<!-- end of "+name+" -->\n"
		before, rest, ok := strings.Cut(readme, begin)
		_, after, ok2 := strings.Cut(rest, end)
		if !ok || !ok2 {
			t.Fatalf("README.md has no %q with an %q", begin, end)
		}
		readme = before + begin + table + end + after
	}
	compareGolden(t, "README.md", readme)
}

func rulesTable() string {
	rules := allRules()
	var b strings.Builder
	fmt.Fprintf(&b, "%d cases:\n\n| case | what the contract says |\n|---|---|\n", len(rules))
	for _, r := range rules {
		needs := ""
		for _, need := range r.needs {
			needs += ", " + string(need)
		}
		if needs != "" {
			needs = " (needs " + needs[2:] + ")"
		}
		fmt.Fprintf(&b, "| `%s`%s | %s |\n", r.id, needs, strings.NewReplacer("[", "`", "]", "`").Replace(r.quote))
	}
	return b.String()
}

func flawsTable(t *testing.T) string {
	data, err := os.ReadFile(goldenFile)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	n, others := 0, 0
	row := ""
	finish := func() {
		if others > 0 {
			row += fmt.Sprintf(" and %d more", others)
		}
		if row != "" {
			b.WriteString(row + " |\n")
		}
		row, others = "", 0
	}
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSuffix(line, "\n")
		id, indented := strings.CutPrefix(line, "\t")
		switch {
		case !indented:
			finish()
			n++
			row = "| " + line + " |"
		case strings.HasSuffix(row, " |"):
			row += " `" + id + "`"
		default:
			others++
		}
	}
	finish()
	return fmt.Sprintf("%d flaws:\n\n| a store that … | is caught by |\n|---|---|\n", n) + b.String()
}
