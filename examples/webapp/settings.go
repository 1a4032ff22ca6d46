package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strconv"
	"strings"
)

// settings come from the environment. They have the names that examples/server uses.
type settings struct {
	addr      string
	database  string // path of the SQLite file
	publicURL string // as browsers see the application, without a slash at its end
	smtpURL   string
	mailFrom  string
	// adminEmail is the address of the first administrator.
	adminEmail string
}

var settingsTable = []struct{ name, preset, meaning string }{
	{"MYAUTH_ADDR", "127.0.0.1:8080", "listen address; port 0 picks a free one"},
	{"MYAUTH_STORE", "sqlite:webapp.db", "the file of accounts and notes; its secrets are beside it, in a file that ends in .keys"},
	{"MYAUTH_PUBLIC_URL", "", "where browsers find the application; default http://localhost and the port. Everywhere but on localhost it must be https, by a proxy in front"},
	{"MYAUTH_SMTP_URL", "", "smtp://user:pass@host:587, smtps://user:pass@host:465, or smtp://host:25?tls=none for a local relay; default: mails are not sent, and stand at /mailbox"},
	{"MYAUTH_MAIL_FROM", productName + " <no-reply@localhost>", "sender of the mails"},
	{"MYAUTH_PROVIDERS", "", "sign-in with google, github, microsoft, or any OpenID Connect provider, names with commas; for each NAME MYAUTH_PROVIDER_NAME_CLIENT_ID, _CLIENT_SECRET and, but for those three, _ISSUER; _LABEL, what people call it, and _EMAIL_DOMAINS, for whose addresses its word counts, may be left out"},
	{"MYAUTH_ADMIN_EMAIL", "", "whoever confirms this address becomes the administrator, with the pages at /admin, while there is none"},
	{"MYAUTH_MAILBOX", "", "on: the page /mailbox also where others than this machine could open it; for tests only"},
}

func printHelp(w io.Writer) {
	fmt.Fprint(w, "A small complete web application with accounts.\n\nSettings come from the environment:\n\n")
	for _, s := range settingsTable {
		preset := ""
		if s.preset != "" {
			preset = " (default: " + s.preset + ")"
		}
		fmt.Fprintf(w, "  %s%s\n        %s\n", s.name, preset, s.meaning)
	}
}

func parseSettings(getenv func(string) string) (*settings, error) {
	value := map[string]string{}
	for _, s := range settingsTable {
		if value[s.name] = getenv(s.name); value[s.name] == "" {
			value[s.name] = s.preset
		}
	}
	s := &settings{
		addr: value["MYAUTH_ADDR"], smtpURL: value["MYAUTH_SMTP_URL"], mailFrom: value["MYAUTH_MAIL_FROM"],
		adminEmail: value["MYAUTH_ADMIN_EMAIL"],
		publicURL:  strings.TrimRight(value["MYAUTH_PUBLIC_URL"], "/"),
	}
	var ok bool
	if s.database, ok = strings.CutPrefix(value["MYAUTH_STORE"], "sqlite:"); !ok || strings.ContainsAny(s.database, "?#%") {
		return nil, errors.New("MYAUTH_STORE must be sqlite: and a path without ?, # and %")
	}
	host, _, err := net.SplitHostPort(s.addr)
	ip := net.ParseIP(host)
	local := err == nil && (host == "localhost" || ip != nil && ip.IsLoopback())
	private := local // a proxy on this machine may open it to others
	if s.publicURL != "" {
		u, err := url.Parse(s.publicURL)
		if err != nil || u.Host == "" || u.Path != "" || u.Scheme != "https" && (u.Scheme != "http" || u.Hostname() != "localhost") {
			return nil, errors.New("MYAUTH_PUBLIC_URL must be such as https://notes.example.com, without a path; only on localhost it may be http")
		}
		private = local && u.Hostname() == "localhost"
	}
	switch {
	case !private && s.smtpURL == "" && value["MYAUTH_MAILBOX"] != "on":
		return nil, errors.New("other machines can open the application, by MYAUTH_ADDR or MYAUTH_PUBLIC_URL, and whoever can open /mailbox can take over each account: set MYAUTH_SMTP_URL, or MYAUTH_MAILBOX=on if this is a test")
	case !local && s.publicURL == "":
		return nil, errors.New("MYAUTH_ADDR is open to other machines, so set MYAUTH_PUBLIC_URL to where they find it")
	}
	return s, nil
}

// listening completes the settings by the address of the listener. The URL has a name and not an
// address, because cookies and passkeys belong to names.
func (s *settings) listening(addr *net.TCPAddr) {
	if s.publicURL == "" {
		s.publicURL = "http://localhost:" + strconv.Itoa(addr.Port)
	}
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	rand.Read(b) // never fails: see its documentation
	return b
}
