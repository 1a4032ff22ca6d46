package totp_test

import (
	"fmt"
	"os"

	"myauth.internal/kit"
	"myauth.internal/kit/seal"
	"myauth.internal/kit/totp"
)

// The three lines that add it.
func options(opts *kit.Options) (_ *kit.Options, err error) {
	if opts.DataKeys, err = seal.Parse(os.Getenv("DATA_KEY")); err != nil { // openssl rand -base64 32
		return nil, err
	}
	opts.Features = append(opts.Features, totp.New(nil))
	return opts, nil
}

// Without a data key the program does not start.
func Example() {
	_, err := options(&kit.Options{})
	fmt.Println(err != nil)
	// Output: true
}
