package servers_test

import (
	"testing"

	"myauth.internal/conformance/servers"
)

// testStore gets a server that all tests of the process share, or is skipped with a
// line that says how to get one.
func testStore(t *testing.T) {
	url := servers.Postgres(t) // where the test makes a schema of its own
	_ = url
}

// A test asks for the server that it needs; the first one starts it.
func ExamplePostgres() {
	TestStore := testStore
	_ = TestStore
}
