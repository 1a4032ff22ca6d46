package breached

import (
	"context"
	"crypto/fips140"
	"crypto/sha1"

	"myauth.internal/kit/password"
	"myauth.internal/kit/password/breached/internal/hashes"
)

var stolen = password.Violation{
	Code:    "common_password",
	Message: "choose another password: this one is in a list of passwords that were stolen elsewhere",
}

// policy asks listed about each password that next accepts. What listed cannot tell is
// accepted, and onError, which may be nil, hears why.
func policy(next password.Policy, listed func(context.Context, hashes.Sum) (bool, error), onError func(context.Context, error)) password.Policy {
	return password.PolicyFunc(func(ctx context.Context, pw string, words ...string) ([]password.Violation, error) {
		broken, err := password.Check(ctx, next, pw, words...)
		if len(broken) > 0 || err != nil {
			return broken, err
		}
		found, err := listed(ctx, sumOf(pw))
		switch {
		case ctx.Err() != nil: // whoever asked has gone: that is no outage
			return nil, ctx.Err()
		case err != nil && onError != nil:
			onError(ctx, err)
		case found:
			return []password.Violation{stolen}, nil
		}
		return nil, nil
	})
}

// sumOf returns what a password is listed under. SHA-1 protects nothing here, so it may be used
// where FIPS 140-3 is enforced.
func sumOf(pw string) (sum hashes.Sum) {
	fips140.WithoutEnforcement(func() { sum = sha1.Sum([]byte(pw)) })
	return sum
}
