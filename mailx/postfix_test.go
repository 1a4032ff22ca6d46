package mailx

import (
	"cmp"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"myauth.internal/kit"
)

// postfix is a private instance of Postfix, with a port for each of its services. It
// forwards the mails that it accepts to sink, whose mails the test reads.
type postfix struct {
	authority *authority
	ports     map[string]int
	sink      *relay
	arrived   chan delivered
}

// service is one line of master.cf: the daemon that listens, and its parameters.
type service struct {
	daemon  string // empty: smtpd
	options []string
}

// startPostfix starts the machine's Postfix with a private configuration, queue and
// loopback ports. It skips the test where there is no Postfix.
func startPostfix(t *testing.T, services map[string]service) *postfix {
	t.Helper()
	if _, err := exec.LookPath("postfix"); err != nil || os.Getuid() != 0 {
		const message = "needs root, and Postfix: apt-get install postfix"
		if os.Getenv("MYAUTH_TEST_REQUIRE") == "all" {
			t.Fatal(message)
		}
		t.Skip(message)
	}
	p := &postfix{authority: newAuthority(t), ports: map[string]int{}, arrived: make(chan delivered, 16)}
	p.sink = startRelay(t, func(r *relay) {
		r.server.TLSConfig, r.server.EnableSMTPUTF8, r.arrived = nil, true, p.arrived
	})
	dir := postfixDirectory(t)
	p.configure(t, dir, services)

	config := filepath.Join(dir, "config")
	output(t, "postfix", "-c", config, "check")
	daemons := strings.TrimSpace(output(t, "postconf", "-c", config, "-h", "daemon_directory"))
	// It ends with the test, or by itself after 300 s if the test is killed.
	output(t, filepath.Join(daemons, "master"), "-c", config, "-w", "-e", "300")
	t.Cleanup(func() {
		if t.Failed() {
			log, _ := os.ReadFile(filepath.Join(dir, "data", "log"))
			t.Logf("Postfix's log:\n%s", log)
		}
		output(t, "postfix", "-c", config, "abort")
	})
	return p
}

// postfixDirectory returns a directory that Postfix's unprivileged daemons can enter,
// and in which the last of them may still write when the test ends.
func postfixDirectory(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "postfix") //nolint:usetesting // see above
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"config", "queue", "data"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	output(t, "chown", "postfix", filepath.Join(dir, "data"))
	return dir
}

func (p *postfix) configure(t *testing.T, dir string, services map[string]service) {
	t.Helper()
	certificate := p.authority.serverConfig("127.0.0.1", testTime.AddDate(1, 0, 0)).Certificates[0]
	key, err := x509.MarshalPKCS8PrivateKey(certificate.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	write := func(name, content string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("config/tls.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}))+
		string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Certificate[0]})))

	write("config/main.cf", strings.NewReplacer("DIR", dir, "SINK", fmt.Sprint(p.sink.cfg.Port), "DOVECOT", fmt.Sprint(startDovecot(t))).Replace(`compatibility_level = 3.6
queue_directory = DIR/queue
data_directory = DIR/data
maillog_file = DIR/data/log
maillog_file_prefixes = DIR
myhostname = relay.test
mydestination =
alias_maps =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks =
disable_dns_lookups = yes
smtpd_peername_lookup = no
relayhost = [127.0.0.1]:SINK
smtpd_tls_cert_file = DIR/config/tls.pem
smtpd_tls_security_level = encrypt
smtpd_tls_auth_only = yes
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = inet:127.0.0.1:DOVECOT
virtual_alias_domains = unlisted.example
relay_domains = example.com
relay_recipient_maps = inline:{ada@example.com=x}
smtpd_relay_restrictions = permit_sasl_authenticated, reject_unauth_destination
smtpd_reject_unlisted_sender = no
`))
	master := `pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
smtp unix - - n - - smtp
relay unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
anvil unix - - n - 1 anvil
proxymap unix - - n - - proxymap
postlog unix-dgram n - n - 1 postlogd
smtpd pass - - n - - smtpd
tlsproxy unix - - n - 0 tlsproxy
`
	var held []net.Listener // until each has another
	for name, s := range services {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		held = append(held, listener)
		p.ports[name] = configFor(listener).Port
		processes := "-"
		if s.daemon == "" {
			s.daemon = "smtpd"
		} else {
			processes = "1"
		}
		master += fmt.Sprintf("127.0.0.1:%d inet n - n - %s %s\n", p.ports[name], processes, s.daemon)
		for _, option := range s.options {
			master += "  -o { " + option + " }\n"
		}
	}
	for _, listener := range held {
		listener.Close()
	}
	write("config/master.cf", master)
}

func output(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, out)
	}
	return string(out)
}

// Postfix with the restrictions that people use: it accepts what it should, and a
// refused mail is kept unless the recipient is at fault. By default Postfix reports
// a refused client, name and sender at RCPT (smtpd_delay_reject).
func TestPostfix(t *testing.T) {
	only := func(options ...string) service { return service{options: options} }
	services := map[string]service{
		"submission": {},
		"implicit":   only("smtpd_tls_wrappermode = yes"),
		"clear":      only("smtpd_tls_security_level = none"),
		"LOGIN":      only("smtpd_sasl_mechanism_filter = login"),
		"no UTF8":    only("smtputf8_enable = no"),
		"pause":      {daemon: "postscreen", options: []string{"postscreen_greet_action = enforce", "postscreen_greet_wait = 1s", "postscreen_access_list ="}},
		"limit":      only("smtpd_client_connection_rate_limit = 1", "smtpd_client_event_limit_exceptions ="),
		"helo":       only("smtpd_helo_required = yes", "smtpd_helo_restrictions = reject_invalid_helo_hostname, reject_non_fqdn_helo_hostname"),
		"sender":     only("smtpd_sender_restrictions = reject_non_fqdn_sender"),
		"unlisted":   only("smtpd_reject_unlisted_sender = yes"),
		"owner":      only("smtpd_sender_login_maps = inline:{no-reply@shop.example=another}", "smtpd_sender_restrictions = reject_authenticated_sender_login_mismatch"),
		"domain":     only("smtpd_sender_restrictions = check_sender_access static:{550 5.1.8 Domain not found}"),
		"client":     only("smtpd_client_restrictions = reject"),
		"leaving":    only("smtpd_recipient_restrictions = check_recipient_access static:{421 4.3.2 Going down}"),
		"content":    only("smtpd_end_of_data_restrictions = reject"),
		"size":       only("message_size_limit = 1000"),
	}
	p := startPostfix(t, services)

	for _, test := range []struct {
		service        string
		from, to, name string // empty: no-reply@shop.example, ada@example.com, the default
		password       kit.Secret
		err            string // empty: the mail arrives
		permanent      bool
	}{
		{service: "submission"},
		{service: "submission", to: "eve@elsewhere.example", password: testPassword},
		{service: "submission", to: "zoë@bücher.example", password: testPassword},
		{service: "implicit", to: "eve@elsewhere.example", password: testPassword},
		{service: "LOGIN", to: "eve@elsewhere.example", password: testPassword},
		{service: "pause"},
		{service: "limit"},
		{service: "helo"},
		{service: "helo", from: "no-reply@localhost"}, // so the name is an address
		{service: "no UTF8", from: "Läden <no-reply@läden.example>", to: "zoe@bücher.example", password: testPassword},

		{service: "submission", to: "nobody@example.com", err: "RCPT: 550 5.1.1", permanent: true},
		{service: "no UTF8", to: "zoë@example.com", err: "MAIL: the local part of an address is not ASCII, and the relay does not offer SMTPUTF8", permanent: true},

		{service: "clear", password: testPassword, err: "the relay does not offer STARTTLS"},
		{service: "limit", err: "STARTTLS: 421 4.7.0"},
		{service: "submission", password: "wrong", err: "AUTH: 535 5.7.8"},
		{service: "submission", to: "eve@elsewhere.example", err: "RCPT: 554 5.7.1 [address] Relay access denied"},
		{service: "helo", name: "localhost", err: "RCPT: 504 5.5.2 <localhost>: Helo command rejected"},
		{service: "sender", from: "no-reply@localhost", err: "RCPT: 504 5.5.2 [address] Sender address rejected"},
		{service: "unlisted", from: "no-reply@unlisted.example", err: "RCPT: 550 5.1.7 [address] Sender address rejected"},
		{service: "owner", password: testPassword, err: "RCPT: 553 5.7.1 [address] Sender address rejected"},
		{service: "domain", err: "RCPT: 550 5.1.8 [address] Sender address rejected"},
		{service: "client", err: "RCPT: 554 5.7.1 <unknown[127.0.0.1]>: Client host rejected"},
		{service: "leaving", err: "RCPT: 421 4.3.2"},
		{service: "content", err: "message: 554 5.7.1"},
		{service: "size", err: "message: 552 5.3.4"},
	} {
		t.Run(test.service+"/"+test.err, func(t *testing.T) {
			from, to := cmp.Or(test.from, "Shop <no-reply@shop.example>"), cmp.Or(test.to, "ada@example.com")
			cfg := Config{Host: "127.0.0.1", Port: p.ports[test.service]}
			if test.service == "implicit" {
				cfg.Security = ImplicitTLS
			}
			if test.password != "" {
				cfg.Username, cfg.Password = testUser, test.password
			}
			m := newMailer(t, cfg, &Options{From: from, LocalName: test.name, TLS: p.authority.clientConfig(), Timeout: 10 * time.Second}, nil)
			err := m.Send(t.Context(), sample(to))
			t.Log(err)
			if test.err != "" {
				if err == nil || !strings.Contains(err.Error(), test.err) || isPermanent(err) != test.permanent {
					t.Errorf("got %v, permanent %v; want %q, %v", err, isPermanent(err), test.err, test.permanent)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			sent, _ := mailbox(to)
			select {
			case got := <-p.arrived:
				_, text, _, err := readMessage(got.data)
				if err != nil || !slices.Equal(got.to, []string{sent}) || !strings.Contains(text, "\n"+string(sample("").Link)+"\n") {
					t.Errorf("%v: to %q arrived\n%s", err, got.to, got.data)
				}
			case <-time.After(20 * time.Second):
				t.Error("the mail does not arrive")
			}
		})
	}
	if got := len(p.arrived); got > 0 {
		t.Errorf("%d mails arrived that were refused", got)
	}
}
