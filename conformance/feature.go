package conformance

import (
	"context"
	"testing"

	"myauth.internal/kit"
)

// Feature says how [RunFeature] tries a [kit.Feature].
type Feature struct {
	// New returns the feature, set up as an application would. It is called for each Service.
	New func() kit.Feature
	// Options returns what a Service needs for it, such as DataKeys, and further features; nil:
	// nothing. The suite sets the clock, the mailer, the log, and what makes hashes cheap.
	Options func() kit.Options
	// Scenarios are uses of the feature. Each should write something.
	Scenarios []Scenario
	// Open are the public routes that write whatever a stranger sends, such as "POST /guest":
	// something else must bound what they keep.
	Open []string
}

// Scenario is one use of a feature, such as an enrolment, or a login by it.
type Scenario struct {
	Name string
	// Prepare makes everything ready, for one try of many with an account of its own.
	Prepare func(s *Scene) Use
}

// Use is a prepared scenario.
type Use struct {
	// Call uses the feature through a Service. It is called again with the same arguments,
	// as by a client that got no answer, and by many goroutines at once.
	Call func(ctx context.Context, svc *kit.Service) error
	// Already are the errors of a repeated Call that mean: this was done, or used up, by
	// an earlier one. If there are any, at most one Call may succeed, also when it is repeated
	// a day later.
	Already []error
	// Whole returns an error unless the state, as svc shows it, is that before Call or that
	// after it. It must be so after each Call, whatever came of it.
	Whole func(ctx context.Context, svc *kit.Service) error
}

// RunFeature tests that a feature keeps its state whole over these stores. Each store call of
// each scenario is cut, hung, and loses its answer in turn. At each the process ends, the client
// leaves, another call does the same, or the account is deleted. Then a second Service goes on.
// Of cfg only New is used. The feature must
//
//   - be attached to two Services alike, or refuse the second, and be refused twice in one;
//   - describe exactly its routes, and answer them with errors that clients can be told;
//   - write nothing for a stranger's nonsense, nor for a GET;
//   - leave no half state after an interruption, a repetition, or 16 calls at once;
//   - let nobody in by its gate because a store was away, nor start a session but by Grant;
//   - own its records: each belongs to an account and goes with it, and a token expires;
//   - put no secret into events, logs and errors.
func RunFeature(t *testing.T, cfg Config, f Feature) {
	t.Helper()
	cfg, err := cfg.check()
	if err != nil || f.New == nil || len(f.Scenarios) == 0 {
		t.Fatalf("conformance: RunFeature needs Config.New, Feature.New and Scenarios: %v", err)
	}
	for _, c := range f.cases() {
		t.Run(c.name, func(t *testing.T) { c.run(t, cfg) })
	}
}

type featureCase struct {
	name string
	run  func(tb testing.TB, cfg Config)
}

func (f Feature) cases() []featureCase {
	cases := []featureCase{{"attach", f.attach}, {"routes", f.routes}, {"gate", f.gate}}
	for _, sc := range f.Scenarios {
		for _, c := range []struct {
			name string
			run  func(w *world, sc Scenario)
		}{{"again", (*world).again}, {"interrupted", (*world).interrupted}, {"at-once", (*world).atOnce}} {
			cases = append(cases, featureCase{sc.Name + "/" + c.name, func(tb testing.TB, cfg Config) {
				c.run(f.world(tb, cfg, f.New(), f.New()), sc)
			}})
		}
	}
	return cases
}
