package main

import (
	"strings"
	"testing"
)

const output = `goos: linux
pkg: myauth.internal/ci/a
BenchmarkVerify/myauth-2         	  300000	      4000 ns/op	     800 B/op	      17 allocs/op
BenchmarkVerify/golang-jwt-2     	  100000	     10000 ns/op	    2400 B/op	      40 allocs/op
BenchmarkVerify/myauth-2         	  300000	      2000 ns/op	     800 B/op	      17 allocs/op
BenchmarkVerify/golang-jwt-2     	  100000	     14000 ns/op	    2400 B/op	      40 allocs/op
BenchmarkAlone-2                 	  100000	     10000 ns/op
BenchmarkSizes/1-2               	  100000	     10000 ns/op
PASS
ok  	example.com/a	1.0s
pkg: myauth.internal/b
BenchmarkVerify/callers=16/myauth 	  100000	     12.5 ns/op	   50.0 logins/s
BenchmarkVerify/callers=16/direct 	  100000	     10 ns/op	   100.0 logins/s
BenchmarkVerify/callers=16/other-3lib-2 	  100000	     25000 ns/op
BenchmarkStore/users=1000/callers=1/me-2 	  100000	     50 ns/op	      40 bare-ns/op	  1.10 growth	     0.8000 ratio
BenchmarkStore/users=1000/callers=1/me-2 	  100000	     50 ns/op	      60 bare-ns/op	  1.10 growth	     1.2000 ratio
BenchmarkStart-2 	  10	     5000000 ns/op	      30.00 MB	  9.0 MB-later
BenchmarkStart/other-2 	  10	     5000000 ns/op	      30.00 MB
`

const someTargets = `
# a comment
b Verify       16 logins/s ratio>=0.5
b Verify       *  ns/op    ratio>=1
b Start        *  MB       <=25.5
b Store/*      16 ns/op    ratio>=1
`

func TestTable(t *testing.T) {
	var out strings.Builder
	if err := run(strings.NewReader(output), &out, someTargets, false); err != nil {
		t.Fatal(err)
	}
	table, found := strings.CutPrefix(out.String(), output)
	if !found {
		t.Fatalf("the output of go test is not passed on as it is:\n%s", out.String())
	}
	var got []string
	for line := range strings.Lines(table) {
		if line := strings.Join(strings.Fields(line), " "); line != "" {
			got = append(got, line)
		}
	}
	want := []string{
		"what unit callers users myauth the other ratio target",
		".ci/a Verify ns/op - - 3.00 µs 12.0 µs golang-jwt 4.00 -",
		"b Verify logins/s 16 - 50.0 100 direct 0.50 ratio ≥ 0.5",
		"b Verify ns/op 16 - 12.5 ns 10.0 ns direct 0.80 ratio ≥ 1, missed",
		"b Verify ns/op 16 - 12.5 ns 25.0 µs other-3lib 2000.00 ratio ≥ 1",
		"b Store/me ns/op 1 1000 50.0 ns 50.0 ns bare 1.00 -",
		"b Start MB - - 30.0 - - ≤ 25.5, missed",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestNothingToCompare(t *testing.T) {
	var out strings.Builder
	if err := run(strings.NewReader("PASS\n"), &out, "", true); err != nil || out.String() != "PASS\n" {
		t.Errorf("got %q, %v; want the output alone", out.String(), err)
	}
}

// A target that no benchmark reports any more is named.
func TestComplete(t *testing.T) {
	err := run(strings.NewReader(output), new(strings.Builder), someTargets, true)
	if err == nil || strings.Count(err.Error(), "target") != 1 || !strings.Contains(err.Error(), "b Store/* 16 ns/op ratio>=1") {
		t.Errorf("got %v, want an error of one target", err)
	}
}

func TestTargets(t *testing.T) {
	if _, err := parseTargets(targetsFile); err != nil {
		t.Error(err)
	}
	for _, text := range []string{"b Start * MB", "b Start * MB much", "b Start * MB ratio", "b Start * MB <=1 2"} {
		if _, err := parseTargets(text); err == nil {
			t.Errorf("%q is taken for a target", text)
		}
	}
}
