// Command benchratio passes on what go test -bench prints, and ends with one table: what was
// measured, of how many callers, among how many users, beside what, and the target, where
// targets.txt has one. A benchmark comes into the table in one of three ways:
//
//   - It has a sub-benchmark named myauth, and siblings named after what they are: each unit that both report is a row.
//   - It reports a unit and the same of another with its name in front, such as ns/op and bare-ns/op.
//   - It has a target in targets.txt.
//
// Parts of a name such as callers=16 and users=1000 become columns. A ratio above 1 means that
// myauth is better: faster, smaller, or more a second. With -complete a target that
// no benchmark has reported is an error, so that none is lost when a benchmark gets another name.
package main

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"os"
)

func main() {
	complete := flag.Bool("complete", false, "fail if a target was not measured")
	flag.Parse()
	if err := run(os.Stdin, os.Stdout, targetsFile, *complete); err != nil {
		fmt.Fprintln(os.Stderr, "benchratio:", err)
		os.Exit(1)
	}
}

func run(in io.Reader, out io.Writer, targetsText string, complete bool) error {
	targets, err := parseTargets(targetsText)
	if err != nil {
		return err
	}
	var results results
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		fmt.Fprintln(out, lines.Text())
		results.add(lines.Text())
	}
	if err := lines.Err(); err != nil {
		return err
	}
	rows := results.rows(targets)
	if err := print(out, rows); err != nil || !complete {
		return err
	}
	return unmeasured(targets, rows)
}
