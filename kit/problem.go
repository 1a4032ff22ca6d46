package kit

import (
	"fmt"
	"io"
	"time"
)

// Problem is an error as clients see it: problem details (RFC 9457) with a code for programs.
// A pointer to one is an error, which package httpx writes as it is. So a feature, a hook or
// an application's handler can refuse a request in the shape of MyAuth's own routes.
type Problem struct {
	// Type is a URI for the kind of problem: urn:myauth:error: and the code. Empty means
	// about:blank (RFC 9457 section 4.2.1).
	Type string
	// Title names the kind of problem; empty means the status's usual text.
	Title string
	// Status is the HTTP status, 400 to 599.
	Status int
	// Detail says what is wrong with this request, for people.
	Detail string
	// Code says what is wrong, for programs.
	Code string
	// Errors lists the rules that the input breaks, with validation_failed only.
	Errors []FieldError
	// Members are what else the client needs, by name (RFC 9457 section 3.2). They never
	// replace those above. A [Secret] is written out to the client, and nowhere else.
	Members map[string]any
	// RetryAfter is when to try again, rounded up to seconds in the Retry-After header; 0
	// means no such header.
	RetryAfter time.Duration
}

// NewProblem returns a Problem with the type that MyAuth's own problems have.
func NewProblem(status int, code, title, detail string) *Problem {
	return &Problem{Type: "urn:myauth:error:" + code, Title: title, Status: status, Detail: detail, Code: code}
}

// Error names the status, the code and the detail. Members may hold secrets and are left out.
func (p *Problem) Error() string { return fmt.Sprintf("kit: %d %s: %s", p.Status, p.Code, p.Detail) }

// Format writes what Error returns, whatever the verb.
func (p Problem) Format(f fmt.State, _ rune) { io.WriteString(f, p.Error()) }

// malformed is a 400 that says what is wrong with the form of a request.
func malformed(detail string) *Problem {
	return NewProblem(400, "malformed_request", "Malformed request", detail)
}
