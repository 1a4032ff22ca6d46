package provider

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"myauth.internal/kit"
)

// Config is one provider, with what the application has registered there.
type Config struct {
	// Name is how the provider is called in routes: a to z, 0 to 9 and _, at most 20 characters.
	// Label is how people call it. The presets have both.
	Name, Label string
	// Issuer is the issuer of an OpenID Connect provider, exactly as in its ID tokens. Its
	// metadata is below it, at /.well-known/openid-configuration. The presets have their own.
	Issuer string
	// ClientID and ClientSecret are what the provider gave to the application. Without a secret
	// the client is a public one (RFC 6749 section 2.1).
	ClientID     string
	ClientSecret kit.Secret
	// NativeClientIDs are those of the application's native apps, whose ID tokens
	// POST /providers/{name}/token takes. Default: none, and then the route is not there for
	// this provider.
	NativeClientIDs []string
	// Scopes are asked for beside those that the sign-in needs.
	Scopes []string
	// EmailDomains are the domains for whose addresses the word of this provider counts, that the
	// address is its user's: those that it runs itself. "*" is every domain, for a provider that
	// proves each address. For others the owner must follow a link in a mail. The presets know
	// which addresses are their own.
	EmailDomains []string
	// LinkDomains are domains for whose addresses the word of this provider, where it counts, even
	// opens an account that somebody made in another way before. Otherwise its owner must sign in to
	// it first, and link the provider.
	LinkDomains []string
	// KeepTokens keeps the tokens of the provider, for calls of its API: see [Feature.Token]. They
	// are sealed with Options.DataKeys of the Service, which must be set.
	KeepTokens bool
	// AllowPrivate allows http, and addresses of private networks and of this machine, for a
	// provider within them.
	AllowPrivate bool
	// Transport makes the requests to the provider; nil means one that connects to public
	// addresses only. Whatever it is, requests are bounded in time and size, and no redirect is
	// followed.
	Transport http.RoundTripper
}

// checkConfig refuses what no provider can work with.
func checkConfig(c Config) error {
	spaced := func(s string) bool { return strings.TrimSpace(s) != s }
	switch {
	case c.ClientID == "":
		return fmt.Errorf("provider: %s: Config.ClientID is empty", c.Name)
	case spaced(c.ClientID):
		return fmt.Errorf("provider: %s: Config.ClientID has white space around it", c.Name)
	case spaced(string(c.ClientSecret)):
		return fmt.Errorf("provider: %s: Config.ClientSecret has white space around it, perhaps the line break of a file", c.Name)
	case slices.ContainsFunc(c.NativeClientIDs, func(id string) bool { return id == "" || spaced(id) }):
		return fmt.Errorf("provider: %s: Config.NativeClientIDs has one that is empty, or has white space around it", c.Name)
	}
	for field, domains := range map[string][]string{"EmailDomains": c.EmailDomains, "LinkDomains": c.LinkDomains} {
		for _, d := range domains {
			switch {
			case d == "*" && field == "LinkDomains":
				return fmt.Errorf("provider: %s: Config.LinkDomains has *: name each domain, because the provider can open every account of it", c.Name)
			case d == "" || strings.ContainsAny(d, "@/ ") || strings.Contains(d, "*") && d != "*":
				return fmt.Errorf("provider: %s: Config.%s has %q: it must be a domain such as example.com", c.Name, field, d)
			}
		}
	}
	return nil
}

// checkURL refuses what cannot be the URL of a provider. field names the setting.
func checkURL(c Config, field, value string) error {
	u, err := url.Parse(value)
	switch {
	case value == "":
		return fmt.Errorf("provider: %s: %s is empty", c.Name, field)
	case err != nil || !printable(value) || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.Opaque != "":
		return fmt.Errorf("provider: %s: %s must be a URL such as https://id.example.com, without a query", c.Name, field)
	case u.Scheme != "https" && (u.Scheme != "http" || !c.AllowPrivate):
		return fmt.Errorf("provider: %s: %s must begin with https://; http needs AllowPrivate", c.Name, field)
	}
	return nil
}

// Account is what a provider says of one of its users.
type Account struct {
	// Subject is the user's key at the provider, which never changes and is never another
	// user's: 1 to 255 bytes of ASCII.
	Subject string
	// Email is an address of the user, or empty. EmailVerified is the provider's word that it is
	// the user's; whether that counts is for Config.EmailDomains to say.
	Email         string
	EmailVerified bool
	// Name is what the user calls himself there, or empty.
	Name string
}
