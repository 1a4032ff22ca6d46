package mailx

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
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

// String names s for messages.
func (s Security) String() string {
	switch s {
	case STARTTLS:
		return "STARTTLS"
	case ImplicitTLS:
		return "implicit TLS"
	case InsecurePlaintext:
		return "insecure plaintext"
	}
	return "Security(" + strconv.Itoa(int(s)) + ")"
}

func (s Security) defaultPort() int {
	switch s {
	case ImplicitTLS:
		return 465
	case InsecurePlaintext:
		return 25
	}
	return 587
}

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
		c.Port = c.Security.defaultPort()
	}
	if c.Port < 1 || c.Port > 65535 {
		return c, errors.New("mailx: Config.Port must be 1 to 65535")
	}
	if c.Security == STARTTLS && c.Port == ImplicitTLS.defaultPort() {
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
	if strings.ContainsFunc(c.Username, unicode.IsControl) || strings.ContainsFunc(string(c.Password), unicode.IsControl) {
		return c, errors.New("mailx: Config.Username and Password must not contain control characters")
	}
	return c, nil
}

func (c Config) address() string { return net.JoinHostPort(c.Host, strconv.Itoa(c.Port)) }

// Format writes c without its password, whatever the verb.
func (c Config) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "{%s over %s, user %q, auth %q}", c.address(), c.Security, c.Username, string(c.Auth))
}

const hostCharacters = "-._0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

// isHost accepts what can be dialed and stand in a certificate, and nothing with
// spaces, slashes or an @.
func isHost(host string) bool {
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	return host != "" && len(host) <= 253 && strings.Trim(host, hostCharacters) == ""
}
