// Command benchratio passes on what go test -bench prints, and ends with a table of
// ratios: for each benchmark that has a sub-benchmark named myauth, its speed
// relative to each of its siblings. 2.00 means twice as fast as the baseline.
package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
)

func main() {
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "benchratio:", err)
		os.Exit(1)
	}
}

func run(in io.Reader, out io.Writer) error {
	var results results
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		fmt.Fprintln(out, lines.Text())
		results.add(lines.Text())
	}
	if err := lines.Err(); err != nil {
		return err
	}
	return results.print(out)
}

// results are the nanoseconds per operation of every run of every benchmark, in
// the order in which they came.
type results struct {
	groups []*group
}

// group is one comparison: the sub-benchmarks of one benchmark.
type group struct {
	pkg, name string
	variants  []*variant
}

type variant struct {
	name string
	ns   []float64
}

// ours is the name of the sub-benchmark that the others are baselines for.
const ours = "myauth"

// add takes one line of output; most are not results, and are passed over.
func (r *results) add(line string) {
	fields := strings.Fields(line)
	if len(fields) == 2 && fields[0] == "pkg:" {
		r.groups = append(r.groups, &group{pkg: fields[1]})
		return
	}
	if len(fields) < 4 || !strings.HasPrefix(fields[0], "Benchmark") || fields[3] != "ns/op" {
		return
	}
	ns, err := strconv.ParseFloat(fields[2], 64)
	slash := strings.LastIndexByte(fields[0], '/')
	if err != nil || slash < 0 {
		return
	}
	name, sub := fields[0][:slash], withoutProcs(fields[0][slash+1:])
	g := r.group(name)
	i := slices.IndexFunc(g.variants, func(v *variant) bool { return v.name == sub })
	if i < 0 {
		i = len(g.variants)
		g.variants = append(g.variants, &variant{name: sub})
	}
	g.variants[i].ns = append(g.variants[i].ns, ns)
}

// group returns the comparison of that name in the current package.
func (r *results) group(name string) *group {
	pkg := ""
	if len(r.groups) > 0 {
		pkg = r.groups[len(r.groups)-1].pkg
	}
	for _, g := range r.groups {
		if g.pkg == pkg && g.name == name {
			return g
		}
	}
	g := &group{pkg: pkg, name: name}
	r.groups = append(r.groups, g)
	return g
}

// withoutProcs cuts off the -N that the testing package appends for GOMAXPROCS.
func withoutProcs(name string) string {
	if dash := strings.LastIndexByte(name, '-'); dash >= 0 {
		if _, err := strconv.Atoi(name[dash+1:]); err == nil {
			return name[:dash]
		}
	}
	return name
}

func (r *results) print(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	header := "\nspeed of myauth relative to\tbaseline\tns/op\tns/op of myauth\tratio\n"
	for _, g := range r.groups {
		i := slices.IndexFunc(g.variants, func(v *variant) bool { return v.name == ours })
		if i < 0 {
			continue
		}
		mine := median(g.variants[i].ns)
		for _, v := range g.variants {
			if v.name == ours {
				continue
			}
			base := median(v.ns)
			fmt.Fprintf(w, "%s%s %s\t%s\t%.0f\t%.0f\t%.2f\n", header, g.pkg, g.name, v.name, base, mine, base/mine)
			header = ""
		}
	}
	return w.Flush()
}

// median of at least one value; with -count several runs come together.
func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}
