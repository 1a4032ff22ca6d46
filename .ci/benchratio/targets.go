package main

import (
	_ "embed"
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
)

//go:embed targets.txt
var targetsFile string

// target is a line of targets.txt.
type target struct {
	line                     string
	pkg, what, callers, unit string // what and callers are patterns of path.Match
	ofRatio, atLeast         bool
	bound                    float64
}

func parseTargets(text string) (targets []*target, err error) {
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) == 0 || fields[0][0] == '#' {
			continue
		}
		if len(fields) != 5 {
			return nil, fmt.Errorf("target %q: want package, name, callers, unit and bound", line)
		}
		t := target{line: strings.Join(fields, " "), pkg: fields[0], what: fields[1], callers: fields[2], unit: fields[3]}
		var bound string
		bound, t.ofRatio = strings.CutPrefix(fields[4], "ratio")
		bound, t.atLeast = strings.CutPrefix(bound, ">=")
		if t.bound, err = strconv.ParseFloat(strings.TrimPrefix(bound, "<="), 64); err != nil {
			return nil, fmt.Errorf("target %q: want a bound such as <=5 or ratio>=0.95", line)
		}
		targets = append(targets, &t)
	}
	return targets, nil
}

// of reports whether the target is of that row: one that compares, if it is of a ratio.
func (t *target) of(r row) bool {
	what, _ := path.Match(t.what, r.what)
	callers, _ := path.Match(t.callers, r.callers)
	return t.pkg == r.pkg && what && callers && t.unit == r.unit && (!t.ofRatio || r.other != "")
}

// verdict is the target's column.
func (t *target) verdict(r row) string {
	value, word, sign := r.ours, "", "≤"
	if t.ofRatio {
		value, word = r.ratio(), "ratio "
	}
	missed := value > t.bound
	if t.atLeast {
		sign, missed = "≥", value < t.bound
	}
	text := word + sign + " " + strconv.FormatFloat(t.bound, 'f', -1, 64)
	if !t.ofRatio {
		text = sign + " " + quantity(t.bound, t.unit)
	}
	if missed {
		text += ", missed"
	}
	return text
}

func unmeasured(targets []*target, rows []row) error {
	var errs []error
	for _, t := range targets {
		if !slices.ContainsFunc(rows, t.of) {
			errs = append(errs, fmt.Errorf("target %q: no benchmark has reported it", t.line))
		}
	}
	return errors.Join(errs...)
}
