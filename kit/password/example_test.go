package password_test

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"myauth.internal/kit/password"
)

// A Hasher alone, for an application that stores its accounts itself.
func ExampleHasher() {
	ctx := context.Background()
	h, err := password.NewHasher(&password.Options{Cost: 4}) // for a fast example only: leave the default
	if err != nil {
		panic(err)
	}
	stored, err := h.Hash(ctx, "correct horse battery 1A")
	if err != nil {
		panic(err)
	}
	fmt.Println(stored[:7])
	match, err := h.Verify(ctx, stored, "correct horse battery 1A")
	fmt.Println(match.OK, match.NeedsRehash, err)
	match, err = h.Verify(ctx, stored, "correct horse battery 1B")
	fmt.Println(match.OK, err)

	// More than bcrypt reads: condensed first, in a format that passlib reads too.
	long, err := h.Hash(ctx, strings.Repeat("correct horse ", 8))
	fmt.Println(long[:15], err)
	// Output:
	// $2b$04$
	// true false <nil>
	// false <nil>
	// $bcrypt-sha256$ <nil>
}

// A hash that passlib made is accepted, and one of another cost is to be renewed.
func ExampleHasher_Verify() {
	h, err := password.NewHasher(&password.Options{Cost: 5}) // for a fast example only
	if err != nil {
		panic(err)
	}
	stored := "$2b$04$/zABIeZSmVmflWBJiFc6uuqE7JhsH/KrEclgYn7UeIk0CJnX3jeLS"
	match, err := h.Verify(context.Background(), stored, "pässwörd 😀")
	fmt.Println(match.OK, match.NeedsRehash, err)
	// Output: true true <nil>
}

// Every rule that a password breaks, for a form that shows them all at once.
func ExampleRules() {
	ctx := context.Background()
	broken, _ := password.Strict.Check(ctx, "password") // never an error
	for _, v := range broken {
		fmt.Println(v.Code)
	}
	broken, _ = password.LengthOnly.Check(ctx, "a quiet evening by the sea")
	fmt.Println(broken)
	// At least 12 characters. NIST SP 800-63B-4 asks for 15 where the password is all that
	// there is.
	long := password.Rules{MinLength: 12, LengthOnly: true}
	broken, _ = long.Check(ctx, "by the sea!")
	fmt.Println(broken)
	// Output:
	// missing_uppercase
	// missing_digit
	// missing_special
	// common_password
	// []
	// [{too_short use at least 12 characters}]
}

// breaches stands for a service that knows leaked passwords.
type breaches struct{ leaked map[string]bool }

func (b breaches) Contain(_ context.Context, pw string) (bool, error) {
	if b.leaked == nil {
		return false, errors.New("the breach service is down")
	}
	return b.leaked[pw], nil
}

// A policy that asks a service for leaked passwords, after the usual rules. What to do while
// it is down is the policy's decision: this one accepts no new password then. (In an
// application the error wraps kit.ErrUnavailable, so that the client may try again; return
// nil, nil instead to let the password pass.)
func ExamplePolicyFunc() {
	policy := func(service breaches) password.Policy {
		return password.PolicyFunc(func(ctx context.Context, pw string, words ...string) ([]password.Violation, error) {
			if broken, err := password.LengthOnly.Check(ctx, pw, words...); len(broken) > 0 || err != nil {
				return broken, err
			}
			leaked, err := service.Contain(ctx, pw)
			if err != nil {
				return nil, fmt.Errorf("asking whether a password has leaked: %w", err)
			}
			if leaked {
				return []password.Violation{{Code: "leaked_password", Message: "choose a password that has not leaked elsewhere"}}, nil
			}
			return nil, nil
		})
	}
	ctx := context.Background()
	up := policy(breaches{leaked: map[string]bool{"Engine#1843!": true}})
	fmt.Println(password.Check(ctx, up, "Engine#1843!", "ada@example.com"))
	fmt.Println(password.Check(ctx, up, "a quiet evening by the sea", "ada@example.com"))
	fmt.Println(password.Check(ctx, policy(breaches{}), "a quiet evening by the sea", "ada@example.com"))
	// Output:
	// [{leaked_password choose a password that has not leaked elsewhere}] <nil>
	// [] <nil>
	// [] asking whether a password has leaked: the breach service is down
}
