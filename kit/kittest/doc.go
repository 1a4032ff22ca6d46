// Package kittest has what tests of an application with MyAuth need: a [Clock] that
// stands still, a [Mailer] that keeps what it is given, and [Faults], which make
// any store fail in the ways that real ones do.
package kittest
