// Command benchratio passes on what go test -bench prints, and ends with a table of
// ratios: for each benchmark that has a sub-benchmark named myauth, its speed
// relative to each of its siblings, and for each that reports a baseline of its own
// as a metric, such as bare-ns/op, its speed relative to that. 2.00 means twice as
// fast as the baseline.
package main

import (
	"bufio"
	"fmt"
	"io"
	"maps"
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
	if len(fields) < 4 || !strings.HasPrefix(fields[0], "Benchmark") {
		return
	}
	metrics := map[string]float64{}
	for i := 2; i+1 < len(fields); i += 2 {
		value, err := strconv.ParseFloat(fields[i], 64)
		if err != nil {
			return
		}
		metrics[fields[i+1]] = value
	}
	ns, timed := metrics["ns/op"]
	if !timed {
		return
	}
	compared := false
	for _, unit := range slices.Sorted(maps.Keys(metrics)) {
		if baseline, found := strings.CutSuffix(unit, "-ns/op"); found {
			r.group(withoutProcs(fields[0])).add(baseline, metrics[unit])
			compared = true
		}
	}
	if compared {
		r.group(withoutProcs(fields[0])).add(ours, ns)
	} else if slash := strings.LastIndexByte(fields[0], '/'); slash >= 0 {
		r.group(fields[0][:slash]).add(withoutProcs(fields[0][slash+1:]), ns)
	}
}

// add notes one run of a variant.
func (g *group) add(name string, ns float64) {
	i := slices.IndexFunc(g.variants, func(v *variant) bool { return v.name == name })
	if i < 0 {
		i = len(g.variants)
		g.variants = append(g.variants, &variant{name: name})
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
