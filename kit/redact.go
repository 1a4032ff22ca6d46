package kit

import (
	"fmt"
	"io"
)

// unprinted is in what features and routes pass on, which may hold a secret in any field: a
// password, a token, the secret of a second factor. It keeps such a value out of logs.
type unprinted struct{}

// Format writes no part of the value, whatever the verb.
func (unprinted) Format(f fmt.State, _ rune) { io.WriteString(f, redacted) }

// MarshalText returns what Format writes, for structured logs.
func (unprinted) MarshalText() ([]byte, error) { return []byte(redacted), nil }
