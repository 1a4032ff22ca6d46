package password_test

import (
	"context"
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

// A rule of the application, after the usual ones. Package breached has policies that know
// stolen passwords.
func ExamplePolicyFunc() {
	policy := password.PolicyFunc(func(ctx context.Context, pw string, words ...string) ([]password.Violation, error) {
		broken, err := password.LengthOnly.Check(ctx, pw, words...)
		if strings.HasPrefix(pw, "welcome-") {
			broken = append(broken, password.Violation{Code: "common_password", Message: "choose another password than the one from the help desk"})
		}
		return broken, err
	})
	ctx := context.Background()
	fmt.Println(password.Check(ctx, policy, "welcome-48151623", "ada@example.com"))
	fmt.Println(password.Check(ctx, policy, "a quiet evening by the sea", "ada@example.com"))
	// Output:
	// [{common_password choose another password than the one from the help desk}] <nil>
	// [] <nil>
}
