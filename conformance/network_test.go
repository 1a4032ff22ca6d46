package conformance

import (
	"errors"
	"io"
	"net"
	"testing"
)

// An answer ends behind the byte that was asked for: with the end of the stream, or
// with an error.
func TestAnswersEndInTheMiddle(t *testing.T) {
	for name, c := range map[string]struct {
		limit   func(n *Network, size int) (stop func() bool)
		orderly bool
	}{
		"ResetAfter": {(*Network).ResetAfter, false},
		"CloseAfter": {(*Network).CloseAfter, true},
	} {
		for _, size := range []int{1, 51, 101, 102} {
			n := NewNetwork(t)
			server := newWireServer(t)
			number := server.add(func() int { return 100 })
			conn, err := net.Dial("tcp", n.Address(server.listener.Addr().String()))
			if err != nil {
				t.Fatal(err)
			}
			stop := c.limit(n, size)
			if _, err := conn.Write([]byte{0, 0, 0, 0, 0, 0, 0, byte(number)}); err != nil {
				t.Fatal(err)
			}
			got := make([]byte, size)
			if _, err := io.ReadFull(conn, got); err != nil {
				t.Errorf("%s(%d): got error %v before that", name, size, err)
			}
			if _, err := conn.Read(got); errors.Is(err, io.EOF) != c.orderly || err == nil {
				t.Errorf("%s(%d): got error %v behind that", name, size, err)
			}
			if !stop() {
				t.Errorf("%s(%d): got false from stop", name, size)
			}
			_ = conn.Close()
		}
	}
}
