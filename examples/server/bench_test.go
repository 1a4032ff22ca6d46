package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"

	"myauth.internal/drivers/sqlite"
	"myauth.internal/kit"
	"myauth.internal/kit/accesstoken"
)

func listen(b *testing.B, handler http.Handler) (addr string) {
	b.Helper()
	server := httptest.NewUnstartedServer(nil)
	server.Config = newServer(handler, slog.New(slog.DiscardHandler))
	server.Start()
	b.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

// caller is a keep-alive connection that sends one request again and again. It
// does less than an http.Client, so that the server's work is what is measured.
type caller struct {
	conn     net.Conn
	in       *bufio.Reader
	request  []byte
	response []byte
}

// newSQLiteService is a Service on a new SQLite file, which logs nothing.
func newSQLiteService(b *testing.B, opts kit.Options) (*kit.Service, *sqlite.Store, *accesstoken.Keyring) {
	b.Helper()
	store, err := sqlite.Open(b.Context(), filepath.Join(b.TempDir(), "auth.db"), nil)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { store.Close() })
	keys, err := accesstoken.HMAC([]byte(testSecret))
	if err != nil {
		b.Fatal(err)
	}
	opts.Logger = slog.New(slog.DiscardHandler)
	svc, err := kit.New(store.Stores(), keys, &opts)
	if err != nil {
		b.Fatal(err)
	}
	return svc, store, keys
}

// dial makes a caller and returns the first response's body.
func dial(addr string, request string) (*caller, string, error) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, "", err
	}
	c := &caller{conn: conn, in: bufio.NewReaderSize(conn, 16<<10), request: []byte(request)}
	if _, err := conn.Write(c.request); err != nil {
		return nil, "", err
	}
	// The length of every response is that of the first.
	var raw bytes.Buffer
	res, err := http.ReadResponse(bufio.NewReader(io.TeeReader(c.in, &raw)), nil)
	if err != nil {
		return nil, "", err
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, "", err
	}
	if res.StatusCode != 200 {
		return nil, "", fmt.Errorf("status %d: %s", res.StatusCode, body)
	}
	c.response = make([]byte, raw.Len())
	return c, string(body), nil
}

func (c *caller) call() error {
	if _, err := c.conn.Write(c.request); err != nil {
		return err
	}
	if _, err := io.ReadFull(c.in, c.response); err != nil {
		return err
	}
	if !bytes.HasPrefix(c.response, []byte("HTTP/1.1 200 ")) {
		return fmt.Errorf("%.40q", c.response)
	}
	return nil
}
