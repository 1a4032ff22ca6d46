package postgres_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http/httptest"
	"strings"
	"testing"

	"myauth.internal/drivers/postgres"
	"myauth.internal/kit"
)

// Whoever stands between and answers in the server's place hears no password: neither
// without TLS nor with a certificate of its own.
func TestSomebodyInBetween(t *testing.T) {
	certificates := httptest.NewTLSServer(nil)
	defer certificates.Close()
	for answer, advice := range map[string]string{"N": "sslmode=disable", "S": "sslrootcert"} {
		heard := make(chan string, 1)
		dial := func(context.Context, string, string) (net.Conn, error) {
			client, between := net.Pipe()
			go func() {
				defer between.Close()
				request := make([]byte, 8) // SSLRequest
				if _, err := io.ReadFull(between, request); err != nil {
					heard <- err.Error()
					return
				}
				if _, err := io.WriteString(between, answer); err != nil {
					heard <- err.Error()
					return
				}
				var from io.Reader = between
				if answer == "S" {
					from = tls.Server(between, &tls.Config{Certificates: certificates.TLS.Certificates})
				}
				all, _ := io.ReadAll(from) // until it hangs up
				heard <- string(all)
			}()
			return client, nil
		}
		store, err := postgres.Open(t.Context(), "postgres://u:s3cret@db.example.com/app", &postgres.Options{Dial: dial})
		if err == nil {
			store.Close()
		}
		if !errors.Is(err, kit.ErrUnavailable) || !strings.Contains(err.Error(), advice) {
			t.Errorf("answered %s: %v, want %q", answer, err, advice)
		}
		if text := <-heard; text != "" {
			t.Errorf("answered %s: somebody in between heard %q", answer, text)
		}
	}
}
