package kit

import (
	"fmt"
	"io"
)

const redacted = "[redacted]"

// Secret is a string that must not be logged: a password, its hash, a token, or a link
// that holds one. It prints as [redacted] under every verb of package fmt, in structured
// logs and in JSON; string(s) is its value. Package fmt does not call methods on the
// unexported fields of a struct, so a struct with a Secret in such a field needs a Format
// method of its own.
type Secret string

// Format writes [redacted], whatever the verb.
func (Secret) Format(f fmt.State, _ rune) { io.WriteString(f, redacted) }

// MarshalText returns [redacted].
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }
