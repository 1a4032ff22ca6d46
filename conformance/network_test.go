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
	for _, orderly := range []bool{false, true} {
		for _, size := range []int{1, 51, 101, 102} {
			n := NewNetwork(t)
			server := newWireServer(t)
			number := server.add(func() int { return 100 })
			conn, err := net.Dial("tcp", n.Address(server.listener.Addr().String()))
			if err != nil {
				t.Fatal(err)
			}
			stop := n.endAfter(size, orderly)
			if _, err := conn.Write([]byte{0, 0, 0, 0, 0, 0, 0, byte(number)}); err != nil {
				t.Fatal(err)
			}
			got := make([]byte, size)
			if _, err := io.ReadFull(conn, got); err != nil {
				t.Errorf("endAfter(%d, %v): got error %v before that", size, orderly, err)
			}
			if _, err := conn.Read(got); errors.Is(err, io.EOF) != orderly || err == nil {
				t.Errorf("endAfter(%d, %v): got error %v behind that", size, orderly, err)
			}
			if !stop() {
				t.Errorf("endAfter(%d, %v): got false from stop", size, orderly)
			}
			_ = conn.Close()
		}
	}
}
