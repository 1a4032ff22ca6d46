package kit

import (
	"fmt"
	"io"
)

// What features and routes pass on may hold a secret in any field. So these types print as
// their names, and in structured logs, which call MarshalText, too.

// Format writes only the type's name, whatever the verb: a body may hold a password.
func (Body) Format(f fmt.State, _ rune) { io.WriteString(f, "kit.Body") }

// MarshalText returns what Format writes, for structured logs.
func (Body) MarshalText() ([]byte, error) { return []byte("kit.Body"), nil }

// Format writes only the type's name, whatever the verb: its body may hold a password.
func (Request) Format(f fmt.State, _ rune) { io.WriteString(f, "kit.Request") }

// MarshalText returns what Format writes, for structured logs.
func (Request) MarshalText() ([]byte, error) { return []byte("kit.Request"), nil }

// Format writes only the type's name, whatever the verb: its body may hold a token.
func (Answer) Format(f fmt.State, _ rune) { io.WriteString(f, "kit.Answer") }

// MarshalText returns what Format writes, for structured logs.
func (Answer) MarshalText() ([]byte, error) { return []byte("kit.Answer"), nil }

// Format writes only the type's name, whatever the verb: its value may be a token.
func (Cookie) Format(f fmt.State, _ rune) { io.WriteString(f, "kit.Cookie") }

// MarshalText returns what Format writes, for structured logs.
func (Cookie) MarshalText() ([]byte, error) { return []byte("kit.Cookie"), nil }

// Format writes only the type's name, whatever the verb: it may show the secret of a second factor.
func (Prompt) Format(f fmt.State, _ rune) { io.WriteString(f, "kit.Prompt") }

// MarshalText returns what Format writes, for structured logs.
func (Prompt) MarshalText() ([]byte, error) { return []byte("kit.Prompt"), nil }

// Format writes only the type's name, whatever the verb: its data may be a factor's secret.
func (Proof) Format(f fmt.State, _ rune) { io.WriteString(f, "kit.Proof") }

// MarshalText returns what Format writes, for structured logs.
func (Proof) MarshalText() ([]byte, error) { return []byte("kit.Proof"), nil }

// Format writes only the type's name, whatever the verb: its data may be a code.
func (State) Format(f fmt.State, _ rune) { io.WriteString(f, "kit.State") }

// MarshalText returns what Format writes, for structured logs.
func (State) MarshalText() ([]byte, error) { return []byte("kit.State"), nil }
