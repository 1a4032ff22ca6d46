package main

import (
	"crypto/tls"
	"encoding/pem"
	"io"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"myauth.internal/kit"
)

// The relay's certificate is checked against MYAUTH_SMTP_CA_FILE.
func TestRelayAuthorities(t *testing.T) {
	server := httptest.NewTLSServer(nil) // for its certificate
	defer server.Close()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{ca: "greeting: 554", "": "TLS: tls: failed to verify certificate"} {
		listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: server.TLS.Certificates})
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			if conn, err := listener.Accept(); err == nil {
				io.WriteString(conn, "554 not today\r\n")
				conn.Close()
			}
		}()
		mailer := mailerOf(t, "MYAUTH_SMTP_URL=smtps://"+listener.Addr().String(), "MYAUTH_SMTP_CA_FILE="+file)
		if err := mailer.Send(t.Context(), kit.Mail{Kind: kit.MailPasswordChanged, To: "ada@example.com"}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("with %q: %v, want %q", file, err, want)
		}
		listener.Close()
	}
}

func mailerOf(t *testing.T, lines ...string) kit.Mailer {
	t.Helper()
	s, err := parseSettings(env(lines...))
	if err != nil {
		t.Fatal(err)
	}
	mailer, err := newMailer(&s, slog.New(slog.DiscardHandler), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	return mailer
}

func TestBadMailFiles(t *testing.T) {
	for line, want := range map[string]string{
		"MYAUTH_SMTP_CA_FILE=missing.pem":     "missing.pem",
		"MYAUTH_SMTP_CA_FILE=mail_test.go":    "no certificate",
		"MYAUTH_MAIL_TEMPLATES=no-such-place": "no such file",
		"MYAUTH_MAIL_TEMPLATES=.":             "no template",
	} {
		s, err := parseSettings(env(line, "MYAUTH_SMTP_URL=smtp://relay.example"))
		if err != nil {
			t.Fatal(err)
		}
		name, _, _ := strings.Cut(line, "=")
		if _, err := newMailer(&s, slog.New(slog.DiscardHandler), io.Discard); err == nil || !strings.HasPrefix(err.Error(), name+": ") || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v", line, err)
		}
	}
}
