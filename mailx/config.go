package mailx

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"unicode"

	"myauth.internal/kit"
)

// Config says how to reach the relay. It prints without its password under every
// verb of package fmt.
type Config struct {
	// Host is the relay's DNS name or IP address. The certificate must be
	// valid for it.
	Host string
	// Port is the relay's TCP port. 0: 587 for [STARTTLS], 465 for
	// [ImplicitTLS], 25 for [InsecurePlaintext].
	Port int
	// Security is how the connection is protected; [STARTTLS] unless set.
	Security Security
	// Username and Password log in at the relay. Both empty: no AUTH. With
	// [AuthXOAUTH2] and [AuthOAuthBearer] the Password is an access token,
	// unless Options.Token supplies it.
	Username string
	Password kit.Secret
	// Auth is the one SASL mechanism to use. Empty: the first of PLAIN and LOGIN
	// that the relay offers, or of OAUTHBEARER and XOAUTH2 when Options.Token
	// is set.
	Auth Auth
}

// Security is how the connection to the relay is protected.
type Security int

const (
	// STARTTLS begins in clear and insists on turning to TLS before anything
	// else (RFC 3207).
	STARTTLS Security = iota
	// ImplicitTLS speaks TLS from the first byte (RFC 8314).
	ImplicitTLS
	// InsecurePlaintext sends mails, the tokens in them, and the credentials if
	// there are any, in clear. It is for relays on the same machine or the same
	// trusted network.
	InsecurePlaintext
)

// defaultPorts are indexed by Security.
var defaultPorts = [...]int{587, 465, 25}

// Auth is the name of a SASL mechanism.
type Auth string

// The mechanisms of this package.
const (
	AuthPlain       Auth = "PLAIN"       // RFC 4616
	AuthLogin       Auth = "LOGIN"       // obsolete, and all that some relays have
	AuthXOAUTH2     Auth = "XOAUTH2"     // Google's and Microsoft's
	AuthOAuthBearer Auth = "OAUTHBEARER" // RFC 7628
)

func (a Auth) usesToken() bool { return a == AuthXOAUTH2 || a == AuthOAuthBearer }

// ParseURL reads a Config from one line, the form of MYAUTH_SMTP_URL:
//
//	smtp://user:password@host:587      STARTTLS, required; 587 is the default
//	smtps://user:password@host:465     implicit TLS; 465 is the default
//	smtp://host:25?tls=none            in clear, for local relays; 25 is the default
//
// Special characters in user and password are percent-encoded (@ as %40, / as %2F). The
// query auth=plain, login, xoauth2 or oauthbearer names the one mechanism to use.
// Anything else is an error: other schemes and parameters, a path, a fragment.
//
// No error quotes any part of raw, because the pieces of a password that was not encoded
// turn up in the place of host, port, path or query.
func ParseURL(raw string) (Config, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Opaque != "" || u.Host == "" || strings.HasSuffix(u.Host, ":") {
		return Config{}, errors.New("mailx: not a URL of the form smtp://user:password@host:port, or special characters in user or password are not percent-encoded")
	}
	if u.Path != "" && u.Path != "/" || u.Fragment != "" || strings.HasSuffix(raw, "#") {
		return Config{}, errors.New("mailx: the SMTP URL must have neither path nor fragment; in user and password write / as %2F and # as %23")
	}
	c := Config{Host: u.Hostname(), Username: u.User.Username()}
	switch u.Scheme {
	case "smtp":
	case "smtps":
		c.Security = ImplicitTLS
	default:
		return Config{}, errors.New("mailx: the scheme of the SMTP URL must be smtp or smtps")
	}
	if u.User != nil && c.Username == "" {
		return Config{}, errors.New("mailx: the SMTP URL has an @ and no user before it")
	}
	if password, given := u.User.Password(); given {
		c.Password = kit.Secret(password)
	}
	if u.Port() != "" {
		if c.Port, err = strconv.Atoi(u.Port()); err != nil || c.Port == 0 {
			c.Port = -1 // which check refuses
		}
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return Config{}, errors.New("mailx: the query of the SMTP URL cannot be read")
	}
	for key, values := range query {
		switch {
		case key == "tls" && len(values) == 1 && values[0] == "none" && c.Security == STARTTLS:
			c.Security = InsecurePlaintext
		case key == "auth" && len(values) == 1 && values[0] != "":
			c.Auth = Auth(strings.ToUpper(values[0]))
		default:
			return Config{}, errors.New("mailx: the SMTP URL takes auth=plain, login, xoauth2 or oauthbearer, and under smtp:// tls=none (without it TLS is required), each once")
		}
	}
	return c.check()
}

// check returns c with its defaults, or what is wrong with it. It quotes no value:
// where the password was not percent-encoded, any field may hold part of it.
func (c Config) check() (Config, error) {
	if !isHost(c.Host) {
		return c, errors.New("mailx: Config.Host must be a DNS name or an IP address")
	}
	if c.Security < STARTTLS || c.Security > InsecurePlaintext {
		return c, errors.New("mailx: Config.Security must be STARTTLS, ImplicitTLS or InsecurePlaintext")
	}
	if c.Port == 0 {
		c.Port = defaultPorts[c.Security]
	}
	if c.Port < 1 || c.Port > 65535 {
		return c, errors.New("mailx: Config.Port must be 1 to 65535")
	}
	if c.Security == STARTTLS && c.Port == defaultPorts[ImplicitTLS] {
		// Both sides would wait for the other to begin.
		return c, errors.New("mailx: port 465 speaks TLS from the first byte: use smtps:// or Config.Security ImplicitTLS")
	}
	switch c.Auth {
	case "", AuthPlain, AuthLogin, AuthXOAUTH2, AuthOAuthBearer:
	default:
		return c, errors.New("mailx: Config.Auth must be PLAIN, LOGIN, XOAUTH2, OAUTHBEARER or empty")
	}
	if c.Username == "" && (c.Password != "" || c.Auth != "") {
		return c, errors.New("mailx: Config.Username is required with Password or Auth")
	}
	if strings.ContainsFunc(c.Username+string(c.Password), unicode.IsControl) {
		return c, errors.New("mailx: Config.Username and Password must not contain control characters")
	}
	return c, nil
}

func (c Config) address() string { return net.JoinHostPort(c.Host, strconv.Itoa(c.Port)) }

// Format writes c without its password, whatever the verb.
func (c Config) Format(f fmt.State, _ rune) {
	security := map[Security]string{STARTTLS: "STARTTLS", ImplicitTLS: "implicit TLS", InsecurePlaintext: "insecure plaintext"}
	fmt.Fprintf(f, "{%s over %s, user %q, auth %q}", c.address(), security[c.Security], c.Username, string(c.Auth))
}

// isHost accepts what can be dialed and stand in a certificate, and nothing with
// spaces, slashes or an @.
func isHost(host string) bool {
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	return host != "" && len(host) <= 253 && strings.Trim(strings.ToLower(host), "-._0123456789abcdefghijklmnopqrstuvwxyz") == ""
}
