package main

import (
	"strings"
	"testing"
)

const output = `goos: linux
pkg: example.com/a
BenchmarkVerify/myauth-2         	  300000	      4000 ns/op	     800 B/op	      17 allocs/op
BenchmarkVerify/golang-jwt-2     	  100000	     10000 ns/op	    2400 B/op	      40 allocs/op
BenchmarkVerify/myauth-2         	  300000	      2000 ns/op	     800 B/op	      17 allocs/op
BenchmarkVerify/golang-jwt-2     	  100000	     14000 ns/op	    2400 B/op	      40 allocs/op
BenchmarkAlone-2                 	  100000	     10000 ns/op
BenchmarkSizes/1-2               	  100000	     10000 ns/op
PASS
ok  	example.com/a	1.0s
pkg: example.com/b
BenchmarkVerify/callers=16/myauth 	  100000	     12.5 ns/op
BenchmarkVerify/callers=16/direct 	  100000	     10 ns/op
BenchmarkVerify/callers=16/other-3lib-2 	  100000	     25 ns/op
BenchmarkStore/users=1000/me-2 	  100000	     50 ns/op	      40 bare-ns/op	  1.10 growth	     0.8000 ratio
BenchmarkStore/users=1000/me-2 	  100000	     50 ns/op	      60 bare-ns/op	  1.10 growth	     1.2000 ratio
`

func TestRatios(t *testing.T) {
	var out strings.Builder
	if err := run(strings.NewReader(output), &out); err != nil {
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
		"speed of myauth relative to baseline ns/op ns/op of myauth ratio",
		"example.com/a BenchmarkVerify golang-jwt 12000 3000 4.00",
		"example.com/b BenchmarkVerify/callers=16 direct 10 12 0.80",
		"example.com/b BenchmarkVerify/callers=16 other-3lib 25 12 2.00",
		"example.com/b BenchmarkStore/users=1000/me bare 50 50 1.00",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestNothingToCompare(t *testing.T) {
	var out strings.Builder
	if err := run(strings.NewReader("PASS\n"), &out); err != nil || out.String() != "PASS\n" {
		t.Errorf("got %q, %v; want the output alone", out.String(), err)
	}
}
