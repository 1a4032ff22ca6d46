package kit

import (
	"fmt"
	"io"
)

const redacted = "[redacted]"

// Secret is a string that must not be logged: a token, or a link that holds one.
// It prints as [redacted] under every verb of package fmt, in structured logs and
// in JSON; string(s) is the way to its value. In an unexported field of a struct
// package fmt prints it raw, as it does every value there: give such a struct a
// Format method.
type Secret string

// Format writes [redacted], whatever the verb.
func (Secret) Format(f fmt.State, _ rune) { io.WriteString(f, redacted) }

// MarshalText returns [redacted].
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// PasswordHash is a stored password hash. It prints as [redacted] under every
// verb of package fmt and in JSON, so that logging a [User] leaks nothing;
// string(h) is the way to its value. The exception is that of [Secret].
type PasswordHash string

// Format writes [redacted], whatever the verb.
func (PasswordHash) Format(f fmt.State, _ rune) { io.WriteString(f, redacted) }

// MarshalText returns [redacted].
func (PasswordHash) MarshalText() ([]byte, error) { return []byte(redacted), nil }
