// Package throttle decides which guesses may be compared, and never locks an owner out.
package throttle
