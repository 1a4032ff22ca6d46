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
func ExamplePolicy() {
	for _, v := range password.Strict.Check("password") {
		fmt.Println(v.Code)
	}
	fmt.Println(password.Strict.Check("Engine#1843!") == nil)
	fmt.Println(password.LengthOnly.Check("a quiet evening by the sea") == nil)
	// Output:
	// missing_uppercase
	// missing_digit
	// missing_special
	// common_password
	// true
	// true
}
