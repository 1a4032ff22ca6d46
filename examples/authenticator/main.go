// Command authenticator is an authenticator app for a terminal: it takes the otpauth URI that the
// enrolment of kit/totp shows, and prints it as a QR code, which an app on a phone reads, and the
// code that such an app shows now. It is for trying things out: an app of a second factor belongs
// on another device than the password.
package main

import (
	"flag"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"
	"time"

	"rsc.io/qr"

	"myauth.internal/kit/totp"
)

func main() {
	next := flag.Bool("next", false, "print the next code alone, which servers take already")
	flag.Parse()
	if err := run(os.Stdout, flag.Arg(0), *next, time.Now()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run prints what belongs to a URI.
func run(w io.Writer, uri string, next bool, now time.Time) error {
	u, err := url.Parse(uri)
	if err != nil || u.Scheme != "otpauth" {
		return fmt.Errorf("usage: authenticator [-next] 'otpauth://totp/…'")
	}
	if next {
		now = now.Add(30 * time.Second)
	} else if err := draw(w, uri); err != nil {
		return err
	}
	code, err := totp.Code(u.Query().Get("secret"), now)
	if err == nil {
		_, err = fmt.Fprintln(w, code)
	}
	return err
}

// draw prints a QR code, two rows of it a line, with the margin that readers need. A page would
// show the image that code.PNG returns.
func draw(w io.Writer, text string) error {
	code, err := qr.Encode(text, qr.M)
	if err != nil {
		return err
	}
	const margin = 4
	var b strings.Builder
	for y := -margin; y < code.Size+margin; y += 2 {
		for x := -margin; x < code.Size+margin; x++ {
			// On a dark terminal light is what is printed.
			upper, lower := !code.Black(x, y), !code.Black(x, y+1)
			switch {
			case upper && lower:
				b.WriteRune('█')
			case upper:
				b.WriteRune('▀')
			case lower:
				b.WriteRune('▄')
			default:
				b.WriteByte(' ')
			}
		}
		b.WriteByte('\n')
	}
	_, err = io.WriteString(w, b.String())
	return err
}
