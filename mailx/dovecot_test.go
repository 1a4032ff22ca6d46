package mailx

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/emersion/go-sasl"
)

// startDovecot serves Dovecot's authentication protocol (version 1.1), by which
// Postfix checks testUser and testPassword, and returns its port.
func startDovecot(t *testing.T) int {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				serveDovecot(conn)
			}()
		}
	}()
	return configFor(listener).Port
}

func serveDovecot(conn net.Conn) {
	fmt.Fprint(conn, "VERSION\t1\t1\nMECH\tPLAIN\tplaintext\nMECH\tLOGIN\tplaintext\nSPID\t1\nCUID\t1\nCOOKIE\t00\nDONE\n")
	check := func(user, password string) error {
		if user != testUser || password != string(testPassword) {
			return sasl.ErrUnexpectedClientResponse
		}
		return nil
	}
	var server sasl.Server
	for lines := bufio.NewScanner(conn); lines.Scan(); {
		fields := strings.Split(lines.Text(), "\t")
		var response []byte // nil: none
		switch fields[0] {
		case "AUTH":
			server = sasl.NewPlainServer(func(_, user, password string) error { return check(user, password) })
			if fields[2] == sasl.Login {
				server = &loginServer{check: check}
			}
			if initial, ok := strings.CutPrefix(fields[len(fields)-1], "resp="); ok {
				response, _ = base64.StdEncoding.DecodeString(initial)
			}
		case "CONT":
			response, _ = base64.StdEncoding.DecodeString(fields[2])
		default:
			continue
		}
		switch challenge, done, err := server.Next(response); {
		case err != nil:
			fmt.Fprintf(conn, "FAIL\t%s\n", fields[1])
		case done:
			fmt.Fprintf(conn, "OK\t%s\tuser=%s\n", fields[1], testUser)
		default:
			fmt.Fprintf(conn, "CONT\t%s\t%s\n", fields[1], base64.StdEncoding.EncodeToString(challenge))
		}
	}
}
