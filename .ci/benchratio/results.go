package main

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// results are the benchmarks of a run, in the order in which they came.
type results struct {
	pkg  string // of the lines that come
	list []*result
}

// result is what one benchmark reported: the values of each unit, one a run.
type result struct {
	pkg     string
	name    string // without Benchmark and the number of processors
	metrics map[string][]float64
}

// add takes one line of output; most are not results, and are passed over.
func (r *results) add(line string) {
	fields := strings.Fields(line)
	if len(fields) == 2 && fields[0] == "pkg:" {
		r.pkg = strings.TrimPrefix(fields[1], "myauth.internal/")
		if strings.HasPrefix(r.pkg, "ci/") { // the directory has a dot, which a module's path must not have there
			r.pkg = "." + r.pkg
		}
		return
	}
	if len(fields) < 4 || !strings.HasPrefix(fields[0], "Benchmark") {
		return
	}
	found := r.result(strings.TrimPrefix(withoutProcs(fields[0]), "Benchmark"))
	for i := 2; i+1 < len(fields); i += 2 {
		if value, err := strconv.ParseFloat(fields[i], 64); err == nil {
			found.metrics[fields[i+1]] = append(found.metrics[fields[i+1]], value)
		}
	}
}

func (r *results) result(name string) *result {
	for _, found := range r.list {
		if found.pkg == r.pkg && found.name == name {
			return found
		}
	}
	r.list = append(r.list, &result{r.pkg, name, map[string][]float64{}})
	return r.list[len(r.list)-1]
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

// row is one line of the table.
type row struct {
	pkg, what, callers, users string
	unit                      string
	ours                      float64
	other                     string // empty when nothing is compared
	others                    float64
	target                    *target // or nil
}

// ratio is above 1 when ours is better.
func (r row) ratio() float64 {
	if strings.HasSuffix(r.unit, "/s") {
		return r.ours / r.others
	}
	return r.others / r.ours
}

// ours is the name of the sub-benchmark that the others are baselines for.
const ours = "myauth"

// uncompared are units that go beside others. The ratio is that of the table.
var uncompared = []string{"B/op", "allocs/op", "ratio"}

func (r *results) rows(targets []*target) (rows []row) {
	for _, mine := range r.list {
		parent, last := cut(mine.name)
		name := mine.name
		if last == ours {
			name = parent
		}
		like := columns(mine.pkg, name)
		begin := len(rows)
		for _, unit := range slices.Sorted(maps.Keys(mine.metrics)) {
			if slices.Contains(uncompared, unit) {
				continue
			}
			like.unit, like.ours = unit, median(mine.metrics[unit])
			compared := false
			add := func(other string, values []float64) {
				found := like
				found.other, found.others = other, median(values)
				rows, compared = append(rows, found), true
			}
			for _, sibling := range r.list {
				of, other := cut(sibling.name)
				if last == ours && sibling.pkg == mine.pkg && of == parent && other != ours && sibling.metrics[unit] != nil {
					add(other, sibling.metrics[unit])
				}
			}
			for _, longer := range slices.Sorted(maps.Keys(mine.metrics)) {
				if other, found := strings.CutSuffix(longer, "-"+unit); found {
					add(other, mine.metrics[longer])
				}
			}
			if !compared && slices.ContainsFunc(targets, func(t *target) bool { return t.of(like) }) {
				rows = append(rows, like)
			}
		}
		for i := begin; i < len(rows); i++ {
			if t := slices.IndexFunc(targets, func(t *target) bool { return t.of(rows[i]) }); t >= 0 {
				rows[i].target = targets[t]
			}
		}
	}
	return rows
}

// cut returns what is before the last slash of a name, and what is behind it.
func cut(name string) (parent, last string) {
	slash := strings.LastIndexByte(name, '/')
	if slash < 0 {
		return "", name
	}
	return name[:slash], name[slash+1:]
}

// columns takes the callers and users out of a name.
func columns(pkg, name string) row {
	r := row{pkg: pkg}
	var rest []string
	for part := range strings.SplitSeq(name, "/") {
		if n, found := strings.CutPrefix(part, "callers="); found {
			r.callers = n
		} else if n, found := strings.CutPrefix(part, "users="); found {
			r.users = n
		} else {
			rest = append(rest, part)
		}
	}
	r.what = strings.Join(rest, "/")
	return r
}

// median of at least one value; with -count several runs come together.
func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}
