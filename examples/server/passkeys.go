package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"

	"myauth.internal/kit"
	"myauth.internal/kit/passkey"
)

// passkeySettings are those of passkeys. Empty: from the public URL.
type passkeySettings struct {
	off     bool
	rpID    string
	origins []string
}

func setRPID(s *settings, v string) error {
	if _, err := passkey.New(v, nil); err != nil {
		return errors.New("it must be a domain in lower case, such as example.com or localhost, and no IP address")
	}
	s.passkeys.rpID = v
	return nil
}

// setOrigins checks each origin alone. That it belongs to the RP ID shows when that is known.
func setOrigins(s *settings, v string) error {
	for item := range strings.SplitSeq(v, ",") {
		item = strings.TrimSpace(item)
		u, err := url.Parse(item)
		if err == nil && !strings.HasPrefix(item, "android:") {
			_, err = passkey.New(u.Hostname(), &passkey.Options{Origins: []string{item}})
		}
		if err != nil {
			return fmt.Errorf("%s is not an origin: write for example https://app.example.com, in lower case and without a slash at the end; only localhost does without TLS", shown(item))
		}
		s.passkeys.origins = append(s.passkeys.origins, item)
	}
	return nil
}

// newPasskeys returns the feature, or nothing. A public URL without a domain or without TLS,
// where no browser has passkeys, is no reason not to start: nobody has asked for them by name.
func newPasskeys(s *settings, publicURL string, logger *slog.Logger) ([]kit.Feature, error) {
	if s.passkeys.off {
		return nil, nil
	}
	rpID, origins := s.passkeys.rpID, s.passkeys.origins
	if u, err := url.Parse(publicURL); err == nil {
		if rpID == "" {
			rpID = strings.ToLower(u.Hostname())
		}
		if origins == nil {
			origins = []string{originOf(u)}
		}
	}
	feature, err := passkey.New(rpID, &passkey.Options{Origins: origins})
	switch {
	case err == nil:
		return []kit.Feature{feature}, nil
	case s.passkeys.origins != nil:
		return nil, s.bad("MYAUTH_PASSKEY_ORIGINS", err)
	case s.passkeys.rpID != "":
		return nil, s.bad("MYAUTH_PASSKEY_RP_ID", err)
	}
	logger.Warn("passkeys are off, because browsers have them for a domain with TLS and for localhost only: set MYAUTH_PUBLIC_URL to such a URL, or MYAUTH_PASSKEYS=off", "public_url", publicURL)
	return nil, nil
}

// originOf returns the origin of a URL as browsers write it.
func originOf(u *url.URL) string {
	host := strings.ToLower(u.Host)
	switch u.Scheme {
	case "https":
		host = strings.TrimSuffix(host, ":443")
	case "http":
		host = strings.TrimSuffix(host, ":80")
	}
	return u.Scheme + "://" + host
}
