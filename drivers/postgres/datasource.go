package postgres

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/lib/pq"
)

// parse reads a data source: a URL or a key=value string. Its errors show no value,
// since any part of it may be a password, or half of one.
func parse(dataSource string) (pq.Config, error) {
	cfg, err := pq.NewConfig(listHosts(dataSource))
	if err != nil {
		return pq.Config{}, cleanError(err)
	}
	if err := translate(&cfg); err != nil {
		return pq.Config{}, err
	}
	if err := secure(&cfg); err != nil {
		return pq.Config{}, err
	}
	if cfg.ConnectTimeout == 0 {
		cfg.ConnectTimeout = connectTimeout
	}
	// Arguments go with the text in one message, which is safe behind a pooler.
	cfg.BinaryParameters = true
	return cfg, nil
}

// hostList matches a URL whose hosts package net/url cannot read: several of them, or a
// socket. Its groups are what comes before the hosts, the hosts, and what comes after.
var hostList = regexp.MustCompile(`^(postgres(?:ql)?://(?:[^/?#]*@)?)((?i:%2f)[^/?#@]*|[^/?#@]*,[^/?#@]*)(.*)$`)

// listHosts writes such hosts as lib/pq can read them.
// https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-URIS
func listHosts(dataSource string) string {
	parts := hostList.FindStringSubmatch(dataSource)
	if parts == nil || strings.Contains(parts[2], ",") && strings.Count(parts[2], ":") < 2 {
		return dataSource // with one port for all, which lib/pq can read
	}
	var hosts, ports []string
	for address := range strings.SplitSeq(parts[2], ",") {
		host, port, err := net.SplitHostPort(address)
		if err != nil {
			host, port = strings.Trim(address, "[]"), "5432"
		}
		if host, err = url.PathUnescape(host); err != nil {
			return dataSource
		}
		hosts, ports = append(hosts, host), append(ports, port)
	}
	separator := "?"
	if strings.Contains(parts[3], "?") {
		separator = "&"
	}
	query := url.Values{"host": {strings.Join(hosts, ",")}, "port": {strings.Join(ports, ",")}}
	return parts[1] + parts[3] + separator + query.Encode()
}

// wrongValue begins an error of lib/pq, which names one of its own settings.
var wrongValue = regexp.MustCompile(`^pq: wrong value for "(\w+)"`)

// cleanError returns what is wrong with a data source, without quoting it.
func cleanError(err error) error {
	if _, err := pq.NewConfig("user=x"); err != nil {
		return fmt.Errorf("postgres: the environment: %w", err)
	}
	if errors.As(err, new(*url.Error)) {
		return errors.New("postgres: this is not a URL of the form postgres://user:password@host:port/database: percent-encode the special characters of the password")
	}
	setting := "a setting"
	if found := wrongValue.FindStringSubmatch(err.Error()); found != nil {
		setting = "the setting " + found[1]
	}
	return fmt.Errorf("postgres: %s of the connection is unknown or has a wrong value: see the documentation of lib/pq", setting)
}

// needless are parameters of other clients that change nothing here.
var needless = []string{
	"pgbouncer", "supa", "sslcompression", "keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count",
}

// translate deals with the parameters of other clients. It leaves those that lib/pq does
// not know to the server, as settings of the session, search_path for example, and the
// server names those that it does not know either; but not those that ask for security,
// since the server has the password by then.
func translate(cfg *pq.Config) error {
	for _, name := range needless {
		delete(cfg.Runtime, name)
	}
	gss, binding := cfg.Runtime["gssencmode"], cfg.Runtime["channel_binding"]
	delete(cfg.Runtime, "gssencmode")
	delete(cfg.Runtime, "channel_binding")
	for name := range cfg.Runtime {
		if strings.HasPrefix(name, "ssl") || strings.HasPrefix(name, "require") || name == "uselibpqcompat" {
			return fmt.Errorf("postgres: drop the parameter %s from the URL, which this driver does not know: write sslmode=verify-full, or sslmode=require to check no certificate", name)
		}
	}
	switch {
	case cfg.TargetSessionAttrs == pq.TargetSessionAttrsPreferStandby:
		return errors.New("postgres: drop target_session_attrs=prefer-standby from the URL: a store needs a server that takes writes")
	case gss == "require":
		return errors.New("postgres: drop gssencmode=require from the URL: this driver encrypts by TLS only")
	case binding == "require" && cfg.SSLMode == pq.SSLModeDisable:
		return errors.New("postgres: drop channel_binding=require or sslmode=disable from the URL: the first needs TLS")
	case binding == "require":
		// Lib/pq cannot bind the login to the channel, which keeps a machine in between
		// from using it. The server's certificate does so too.
		cfg.SSLMode = pq.SSLModeVerifyFull
	}
	return nil
}

// secure chooses the sslmode where the data source, the service file and the
// environment have none: TLS with the server's certificate and name checked, except
// for a server on this machine, which may do without TLS.
func secure(cfg *pq.Config) error {
	here, sockets := 0, 0
	servers := servers(cfg)
	for _, s := range servers {
		if isSocket(s) {
			sockets++
		}
		if isSocket(s) || isLoopback(s) {
			here++
		}
	}
	switch {
	case sockets > 0 && sockets < len(servers):
		// Lib/pq goes by the first of them, and would have the network without TLS.
		return errors.New("postgres: the hosts are sockets and servers on the network: name one kind")
	case cfg.SSLMode != "":
	case here == len(servers) && cfg.SSLNegotiation != pq.SSLNegotiationDirect:
		cfg.SSLMode = pq.SSLModePrefer
	default:
		cfg.SSLMode = pq.SSLModeVerifyFull
	}
	return nil
}

func servers(cfg *pq.Config) []pq.ConfigMultihost {
	return append([]pq.ConfigMultihost{{Host: cfg.Host, Hostaddr: cfg.Hostaddr, Port: cfg.Port}}, cfg.Multi...)
}

func isSocket(s pq.ConfigMultihost) bool {
	return s.Hostaddr == netip.Addr{} && (filepath.IsAbs(s.Host) || strings.HasPrefix(s.Host, "@"))
}

// isLoopback reports whether a host is this machine, as its name or address says. A name
// such as db.localhost, or one with a dot at its end, is asked of a name server.
func isLoopback(s pq.ConfigMultihost) bool {
	if s.Hostaddr.IsValid() {
		return s.Hostaddr.IsLoopback()
	}
	addr, err := netip.ParseAddr(s.Host)
	return strings.EqualFold(s.Host, "localhost") || err == nil && addr.IsLoopback()
}
