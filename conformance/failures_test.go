package conformance

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"

	"myauth.internal/kit"
)

// ruleOf returns the rule with that id.
func ruleOf(t *testing.T, id string) rule {
	t.Helper()
	for _, r := range allRules() {
		if r.id == id {
			return r
		}
	}
	t.Fatalf("no rule is called %s", id)
	return rule{}
}

// The first line of a failure says what was asked, what came and what was wanted; the
// second quotes the rule. (The words here are those of the records and errors.)
func TestFirstLines(t *testing.T) {
	for _, c := range []struct {
		name, by  string
		alter     func(f *fake)
		says, not []string
	}{
		{"a taken address", "users/create/unique", func(f *fake) {
			create := f.create
			f.create = func(ctx context.Context, u kit.User) error {
				if err := create(ctx, u); err != nil {
					return errors.New("UNIQUE constraint failed: users.email")
				}
				return nil
			}
		}, []string{"Create", "ann@example.com", "UNIQUE constraint failed", "kit.ErrUserExists"}, nil},
		{"a field that is changed", "users/values/settings-bytes", func(f *fake) {
			f.userIn(func(u *kit.User) { u.Settings = json.RawMessage(strings.ReplaceAll(string(u.Settings), " ", "")) })
		}, []string{"ByID", "Settings", "{ }", "{}"}, nil},
		{"half an update", "users/context/done-during", func(f *fake) {
			update := f.update
			f.update = func(ctx context.Context, u kit.User) error {
				if u.Username = "half"; ctx.Err() == nil && ctx.Err() != nil {
					_ = f.users.Update(context.Background(), u)
					return ctx.Err()
				}
				return update(ctx, u)
			}
		}, []string{"ByID", "user-updated-", "Username", "half"}, []string{"[123 34", "Settings:["}},
		{"an impossible order", "users/concurrent/linearizable", func(f *fake) {
			byID := f.byID
			f.byID = func(ctx context.Context, id string) (kit.User, error) {
				u, err := byID(ctx, id)
				u.Version = 77 + u.Version
				u.Username = strings.ReplaceAll(u.Username, "x", "y")
				return u, err
			}
		}, []string{"read by caller", "Version 7", "order"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := noted(t, fakeConfig(c.alter), ruleOf(t, c.by))
			if len(got.failures) == 0 {
				t.Fatal("no failure")
			}
			first, _, _ := strings.Cut(got.failures[0], "\n")
			for _, part := range append(c.says, c.by) {
				if !strings.Contains(first, part) {
					t.Errorf("the first line does not say %q: %s", part, first)
				}
			}
			for _, part := range c.not {
				if strings.Contains(got.failures[0], part) {
					t.Errorf("the failure says %q: %s", part, got.failures[0])
				}
			}
			checkMessage(t, ruleOf(t, c.by), got.failures[0])
		})
	}
}

// Of a history the first impossible answer is named, not a later one, and no more than a
// dozen calls are listed.
func TestFirstImpossibleAnswer(t *testing.T) {
	h := history{{what: opCreate, begin: 1, end: 2, value: 7}}
	for i := range int64(30) {
		h = append(h, operation{what: opRead, caller: 2, begin: 10 + 2*i, end: 11 + 2*i, value: 7})
	}
	h = append(h,
		operation{what: opUpdate, caller: 3, begin: 99, end: math.MaxInt64, value: 8, answer: errNoAnswer},
		operation{what: opRead, caller: 4, begin: 100, end: 101, value: 5, version: 9},
		operation{what: opRead, caller: 5, begin: 102, end: 103, value: 6, version: 9})
	first, rest, _ := strings.Cut(h.impossible(), "\n")
	if !strings.Contains(first, "caller 4") || !strings.Contains(first, "value 5, Version 9") {
		t.Errorf("the first line is %q, want it to name the read by caller 4", first)
	}
	if lines := strings.Count(rest, "\n"); lines > 13 || strings.Contains(rest, "caller 5") {
		t.Errorf("got %d lines, want at most 13 and nothing after the impossible answer:\n%s", lines, rest)
	}
}
