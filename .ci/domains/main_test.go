package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"myauth.internal/kit"
	"myauth.internal/kit/accesstoken"
	"myauth.internal/kit/memstore"
)

func TestTablesAreCurrent(t *testing.T) {
	var now bytes.Buffer
	write(&now)
	committed, err := os.ReadFile("../../kit/internal/address/domaintables.go")
	if err != nil {
		t.Fatal(err)
	}
	if now.String() != string(committed) {
		t.Error("kit/internal/address/domaintables.go is not what this program writes: go run . > ../../kit/internal/address/domaintables.go")
	}
}

// TestAgainstUTS46 holds what kit makes of each character in a domain against
// golang.org/x/net/idna: what is accepted is what UTS #46 leaves alone, and what is
// proposed is what it maps to.
func TestAgainstUTS46(t *testing.T) {
	check := checker(t)
	accepted, proposed := 0, 0
	for r := rune(0x80); r <= unicode.MaxRune; r++ {
		if !unicode.In(r, unicode.L, unicode.M, unicode.N) {
			continue
		}
		domain := "a" + string(r) + "b.example"
		want, err := profile.ToUnicode(domain)
		switch proposal, ok := check(domain); {
		case ok:
			accepted++
			if err != nil || want != domain {
				t.Errorf("%U is accepted, and is %q, %v to UTS #46", r, want, err)
			}
		case proposal != "":
			proposed++
			// Capitals that UTS #46 allows in no domain may be proposed in lower case.
			if err == nil && want != proposal {
				t.Errorf("%U: proposed is %q, and it is %q to UTS #46", r, proposal, want)
			}
		case candidate(r) && want == domain && err == nil && !leftover(r):
			t.Errorf("%U is refused, and is as UTS #46 has it", r)
		}
		// Taken apart, every character that is accepted is told from its composed form.
		apart := norm.NFD.String(domain)
		if _, ok := check(domain); ok && apart != domain {
			if _, ok := check(apart); ok {
				t.Errorf("%U is accepted in two spellings", r)
			}
		}
	}
	if accepted < 130_000 || proposed < 1_200 {
		t.Errorf("%d characters are accepted, and for %d another is proposed", accepted, proposed)
	}
}

// checker returns what kit says of a domain: whether it is accepted, and what is
// proposed instead.
func checker(t *testing.T) func(domain string) (proposal string, ok bool) {
	t.Helper()
	store := memstore.New()
	keys, err := accesstoken.HMAC([]byte("a secret for tests, 32 bytes or more"))
	if err != nil {
		t.Fatal(err)
	}
	svc, err := kit.New(store.Stores(), keys, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { svc.Close(context.Background()) })
	return func(domain string) (string, bool) {
		err := svc.ValidateRegistration(t.Context(), kit.Registration{Email: "x@" + domain, Username: "x", Password: "Correct-Horse-9"})
		var invalid *kit.ValidationError
		if !errors.As(err, &invalid) {
			return "", err == nil
		}
		_, proposal, _ := strings.Cut(invalid.Fields[0].Message, "canonical spelling: ")
		return proposal, false
	}
}
