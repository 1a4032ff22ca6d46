package seal_test

import (
	"errors"
	"fmt"

	"myauth.internal/kit/seal"
)

// A secret is sealed for its row and its user: in the row of another user it does not open.
func Example() {
	keys, err := seal.Parse("SbXTYFhPFcURsEqGRx1gGMdvb8nYCpBRDFpXVRtXZhs=") // from a secret manager
	if err != nil {
		panic(err)
	}
	stored := keys.Seal([]byte("JBSWY3DPEHPK3PXP"), "totp", "row-1", "ada")

	secret, outdated, err := keys.Open(stored, "totp", "row-1", "ada")
	fmt.Println(string(secret), outdated, err)
	_, _, err = keys.Open(stored, "totp", "row-2", "eve")
	fmt.Println(errors.Is(err, seal.ErrInvalid))
	// Output:
	// JBSWY3DPEHPK3PXP false <nil>
	// true
}

// A new key comes in front of the old one. What the old one has sealed opens, and is to be
// sealed anew.
func ExampleKeyring_Open() {
	const october, november = "SbXTYFhPFcURsEqGRx1gGMdvb8nYCpBRDFpXVRtXZhs=", "y3wZ7p7RrKQ5Yb0M1zv1nq1dZ3o2Zb4D7l1mQbVb1Gs="
	keys, err := seal.Parse(october)
	if err != nil {
		panic(err)
	}
	stored := keys.Seal([]byte("JBSWY3DPEHPK3PXP"), "totp", "row-1", "ada")

	if keys, err = seal.Parse(november + "," + october); err != nil {
		panic(err)
	}
	secret, outdated, err := keys.Open(stored, "totp", "row-1", "ada")
	fmt.Println(string(secret), outdated, err)
	if outdated {
		stored = keys.Seal(secret, "totp", "row-1", "ada")
	}
	if keys, err = seal.Parse(november); err != nil {
		panic(err)
	}
	secret, outdated, err = keys.Open(stored, "totp", "row-1", "ada")
	fmt.Println(string(secret), outdated, err)
	fmt.Println(keys)
	// Output:
	// JBSWY3DPEHPK3PXP true <nil>
	// JBSWY3DPEHPK3PXP false <nil>
	// data keys [aa4094aa820d5e53]
}
