package main

import (
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"
)

// print writes the table, or nothing if no row is there.
func print(out io.Writer, rows []row) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for i, r := range rows {
		if i == 0 {
			fmt.Fprint(w, "\nwhat\tunit\tcallers\tusers\tmyauth\tthe other\t\tratio\ttarget\n")
		}
		fmt.Fprintf(w, "%s %s\t%s\t%s\t%s\t%s\t", r.pkg, r.what, r.unit, orDash(r.callers), orDash(r.users), quantity(r.ours, r.unit))
		if r.other == "" {
			fmt.Fprint(w, "-\t\t-\t")
		} else {
			fmt.Fprintf(w, "%s\t%s\t%.2f\t", quantity(r.others, r.unit), r.other, r.ratio())
		}
		if r.target == nil {
			fmt.Fprint(w, "-\n")
		} else {
			fmt.Fprintln(w, r.target.verdict(r))
		}
	}
	return w.Flush()
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

// quantity writes a value for people: three digits that count, and nanoseconds as what they come to.
func quantity(value float64, unit string) string {
	suffix := ""
	if unit == "ns/op" {
		suffix = " ns"
		for _, longer := range []string{" µs", " ms", " s"} {
			if value < 999.5 {
				break
			}
			value, suffix = value/1000, longer
		}
	}
	digits := 2
	switch {
	case value >= 99.95:
		digits = 0
	case value >= 9.995:
		digits = 1
	}
	return strconv.FormatFloat(value, 'f', digits, 64) + suffix
}
