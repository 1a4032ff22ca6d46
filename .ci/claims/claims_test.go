package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const document = `Words about 1 | 2.

| claim | what holds | tests |
|---|---|---|
| 1 | passwords | ` + "`kit.TestA`, `httpx/surface.TestB/a case`" + ` |
| 2 | logins | ` + "`kit.TestC`" + ` |
`

func TestClaimsAndWhatIsMissing(t *testing.T) {
	all, err := claims(document)
	if err != nil || len(all) != 2 || len(all[0].tests) != 2 {
		t.Fatalf("got %v, %v", all, err)
	}
	passed := map[string]bool{"myauth.internal/kit.TestA": true, "myauth.internal/httpx/surface.TestB/a_case": true}
	if got := missing(all, passed); len(got) != 1 || !strings.Contains(got[0], "kit.TestC") {
		t.Errorf("missing: %q, want TestC alone", got)
	}
	for name, broken := range map[string]string{
		"no table":       "nothing",
		"a number twice": strings.Replace(document, "| 2 |", "| 1 |", 1),
		"no test":        strings.Replace(document, "`kit.TestC`", "none", 1),
	} {
		if _, err := claims(broken); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestReport(t *testing.T) {
	in := `{"Action":"output","Package":"p","Test":"TestGood","Output":"=== RUN   TestGood\n"}
{"Action":"output","Package":"p","Test":"TestGood","Output":"quiet\n"}
{"Action":"pass","Package":"p","Test":"TestGood"}
{"Action":"output","Package":"p","Test":"TestBad","Output":"loud\n"}
{"Action":"fail","Package":"p","Test":"TestBad"}
{"Action":"output","Package":"p","Test":"TestAway","Output":"=== RUN   TestAway\n"}
{"Action":"output","Package":"p","Test":"TestAway","Output":"    a_test.go:1: not tried: no server\n"}
{"Action":"skip","Package":"p","Test":"TestAway"}
{"Action":"output","Package":"p","Test":"TestAway2","Output":"    a_test.go:9: also not tried: no server\n"}
{"Action":"skip","Package":"p","Test":"TestAway2"}
{"Action":"output","Package":"p","Test":"TestStuck","Output":"stuck\n"}
{"Action":"output","Package":"p","Output":"FAIL\tp\t0.1s\n"}
{"Action":"fail","Package":"p"}
go: something of its own
`
	record := filepath.Join(t.TempDir(), "record")
	var out strings.Builder
	if err := report(strings.NewReader(in), &out, record); err != nil {
		t.Fatal(err)
	}
	if got, want := out.String(), "loud\nskipped: TestAway: a_test.go:1: not tried: no server\nFAIL\tp\t0.1s\nstuck\ngo: something of its own\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if passed, err := os.ReadFile(record); err != nil || string(passed) != "p.TestGood\n" {
		t.Errorf("recorded %q, %v", passed, err)
	}
}

func TestParseMutants(t *testing.T) {
	all, err := parseMutants("# a comment\nmutant: no hash\nfile: a.go\ntest: kit.TestA\n-\told()\n+\tnew()\n\n\nmutant: b\nfile: b.go\ntest: kit.TestB\n-x\n")
	if err != nil || len(all) != 2 || all[0].old != "\told()\n" || all[0].new != "\tnew()\n" || all[1].new != "" {
		t.Fatalf("got %+v, %v", all, err)
	}
	if got, err := all[0].apply("{\n\told()\n}\n"); err != nil || got != "{\n\tnew()\n}\n" {
		t.Errorf("applied: %q, %v", got, err)
	}
	for _, source := range []string{"{}\n", "\told()\n\told()\n"} {
		if _, err := all[0].apply(source); err == nil {
			t.Errorf("%q: no error", source)
		}
	}
	for _, bad := range []string{"mutant: a\n", "what: a\n", "mutant: a\nmutant: b\n"} {
		if _, err := parseMutants(bad); err == nil {
			t.Errorf("%q: no error", bad)
		}
	}
}
