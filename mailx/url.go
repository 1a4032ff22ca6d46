package mailx

import (
	"errors"
	"net/url"
	"strconv"
	"strings"

	"myauth.internal/kit"
)

// ParseURL reads a Config from one line, the form of MYAUTH_SMTP_URL:
//
//	smtp://user:password@host:587      STARTTLS, required; 587 is the default
//	smtps://user:password@host:465     implicit TLS; 465 is the default
//	smtp://host:25?tls=none            in clear, for local relays; 25 is the default
//
// A user and password log in; what is special in a URL is percent-encoded in them
// (@ as %40, / as %2F). The query auth=plain, login, xoauth2 or oauthbearer names the
// one mechanism to use. Anything else is refused: other schemes and parameters, a
// path, a fragment.
//
// No error quotes any part of raw: where a password was not encoded, its pieces
// turn up in the place of host, port, path or query.
func ParseURL(raw string) (Config, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Opaque != "" || u.Host == "" {
		return Config{}, errors.New("mailx: not a URL of the form smtp://user:password@host:port, or special characters in user or password are not percent-encoded")
	}
	var c Config
	switch u.Scheme {
	case "smtp":
	case "smtps":
		c.Security = ImplicitTLS
	default:
		return Config{}, errors.New("mailx: the scheme of the SMTP URL must be smtp or smtps")
	}
	if (u.Path != "" && u.Path != "/") || u.Fragment != "" || strings.HasSuffix(raw, "#") {
		return Config{}, errors.New("mailx: the SMTP URL must have neither path nor fragment; in user and password write / as %2F and # as %23")
	}
	if err := c.setQuery(u.RawQuery); err != nil {
		return Config{}, err
	}
	c.Host = u.Hostname()
	if c.Port, err = parsePort(u); err != nil {
		return Config{}, err
	}
	if u.User != nil {
		password, _ := u.User.Password()
		c.Username, c.Password = u.User.Username(), kit.Secret(password)
		if c.Username == "" {
			return Config{}, errors.New("mailx: the SMTP URL has an @ and no user before it")
		}
	}
	return c.check()
}

func parsePort(u *url.URL) (int, error) {
	if u.Port() == "" {
		if strings.HasSuffix(u.Host, ":") {
			return 0, errors.New("mailx: the SMTP URL has a colon and no port after it")
		}
		return 0, nil
	}
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	if err != nil || port == 0 {
		return 0, errors.New("mailx: the port of the SMTP URL must be 1 to 65535")
	}
	return int(port), nil
}

func (c *Config) setQuery(raw string) error {
	query, err := url.ParseQuery(raw)
	if err != nil {
		return errors.New("mailx: the query of the SMTP URL cannot be read")
	}
	for key, values := range query {
		if len(values) != 1 {
			return errors.New("mailx: a parameter of the SMTP URL stands there twice")
		}
		switch key {
		case "tls":
			if values[0] != "none" || c.Security == ImplicitTLS {
				return errors.New("mailx: the parameter tls of the SMTP URL can only be none, and only under smtp://; without it TLS is required")
			}
			c.Security = InsecurePlaintext
		case "auth":
			c.Auth = Auth(strings.ToUpper(values[0]))
			if c.Auth == "" {
				return errors.New("mailx: the parameter auth of the SMTP URL must be plain, login, xoauth2 or oauthbearer")
			}
		default:
			return errors.New("mailx: the SMTP URL has an unknown parameter; there are tls and auth")
		}
	}
	return nil
}
