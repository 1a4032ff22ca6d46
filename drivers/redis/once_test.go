package redis

import (
	"bufio"
	"context"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/redis/go-redis/v9"
)

// While a cluster moves a slot a script is sent again. When the answer to that one is lost
// it may have had its effect, so it is not sent a third time, whatever the client's
// MaxRetries.
func TestALostAnswerAfterTryAgain(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var scripts atomic.Int64
	answer := func(conn net.Conn) {
		defer conn.Close()
		lines := bufio.NewScanner(conn)
		for lines.Scan() {
			var reply string
			switch strings.ToLower(lines.Text()) {
			case "hello":
				reply = "-ERR unknown command 'hello'\r\n"
			case "evalsha":
				if scripts.Add(1) > 1 {
					return
				}
				reply = "-TRYAGAIN Multiple keys request during rehashing of slot\r\n"
			}
			if _, err := io.WriteString(conn, reply); err != nil {
				return
			}
		}
	}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go answer(conn)
		}
	}()
	client := redis.NewClusterClient(&redis.ClusterOptions{
		MaxRetries: 3, DisableIdentity: true, DisableRoutingPolicies: true,
		ClusterSlots: func(context.Context) ([]redis.ClusterSlot, error) {
			return []redis.ClusterSlot{{End: 16383, Nodes: []redis.ClusterNode{{Addr: l.Addr().String()}}}}, nil
		},
	})
	defer client.Close()
	store, err := newStore(client, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := store.write(t.Context(), everyCommand, []string{"key"}).Err(); err == nil || redis.IsTryAgainError(err) {
		t.Errorf("the answer was lost, and the error is %v", err)
	}
	if n := scripts.Load(); n != 2 {
		t.Errorf("the script was sent %d times, want 2: after TRYAGAIN once more", n)
	}
}
