package postgres_test

import (
	"bytes"
	"runtime"
	"testing"

	"myauth.internal/drivers/postgres"
)

// A connection has one goroutine, which waits for the end of contexts, until it is closed.
func TestGoroutinesOfAConnection(t *testing.T) {
	store := open(t, schema(t), &postgres.Options{MaxConns: 1})
	lookUp(t, store)()
	if n := watching(); n != 1 {
		t.Errorf("%d goroutines wait for the end of contexts, want one", n)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	for watching() > 0 { // until the test times out
		runtime.Gosched()
	}
}

func watching() int {
	stacks := make([]byte, 1<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	return bytes.Count(stacks, []byte("watchCancel.func1("))
}
