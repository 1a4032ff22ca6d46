package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"myauth.internal/kit/accesstoken"
	"myauth.internal/kit/provider"
	"myauth.internal/mailx"
)

// checkMail goes as far as the relay does with a mail, and sends none.
func (x *examination) checkMail(ctx context.Context) []finding {
	s := &x.settings
	if s.smtp == nil {
		return []finding{x.risky("set it to the URL of your mail relay", "MYAUTH_SMTP_URL is not set, so mails are printed to the log, with links that open accounts")}
	}
	mailer, err := newMailer(s, x.logger, io.Discard)
	if err != nil {
		return []finding{problem("", "%v", err)}
	}
	relay, ok := mailer.(*mailx.Mailer)
	if !ok {
		return nil // never: there is an URL
	}
	if err := relay.Check(ctx); err != nil {
		return []finding{problem("correct MYAUTH_SMTP_URL, or the relay", "%v", err)}
	}
	found := []finding{fine("%s lets the server in; no mail was sent", s.smtp.Host)}
	if strings.Contains(s.mail.From, "@localhost") && x.exposed {
		found = append(found, problem("set it to an address of your domain", "MYAUTH_MAIL_FROM is %s, which other relays refuse", s.mail.From))
	}
	return found
}

// checkProviders asks each provider what a sign-in begins with, all at once.
func (x *examination) checkProviders(ctx context.Context) []finding {
	features, err := newProviders(&x.settings, x.public)
	if err != nil {
		return []finding{problem("", "%v", err)}
	}
	if len(features) == 0 {
		return nil
	}
	feature, ok := features[0].(*provider.Feature)
	if !ok {
		return nil // never: newProviders makes one
	}
	found := make([]finding, len(x.settings.providers.list))
	var wait sync.WaitGroup
	for i, c := range x.settings.providers.list {
		wait.Go(func() {
			if err := feature.Check(ctx, c.Name); err != nil {
				found[i] = problem("see that the issuer is right and can be reached from here", "%s: %v", c.Name, err)
			} else if c.Name == "github" {
				found[i] = fine("github: it has nothing to ask before a sign-in")
			} else {
				found[i] = fine("%s: it answers", c.Name)
			}
		})
	}
	wait.Wait()
	return found
}

// checkPublic asks the API and a page at the public URL, as people and other servers do.
func (x *examination) checkPublic(ctx context.Context) (found []finding) {
	s := &x.settings
	u, err := url.Parse(x.public)
	if err != nil || u.Port() == "0" {
		return []finding{warning("set MYAUTH_PUBLIC_URL", "where the server is reached is not known before its start")}
	}
	api := originOf(u) + cmp.Or(s.api.PublicPrefix, s.api.Prefix)
	set, err := fetch(ctx, api+"/.well-known/jwks.json")
	switch {
	case err != nil:
		return []finding{unreachable(api, err)}
	case set.status != http.StatusOK:
		return []finding{problem("see that the proxy passes it on, and that MYAUTH_PUBLIC_PREFIX is what it has", "%s answers %d: MyAuth is not there", api, set.status)}
	}
	keys, err := parseKeySet(set.body)
	if err != nil {
		return []finding{problem("see what else answers there", "%s is not MyAuth: its key set is not readable", api)}
	}
	found = append(found, x.checkSameKeys(api, keys))
	found = append(found, checkClock(set.date, time.Now())...)
	found = append(found, checkCertificate(set.tls, time.Now())...)
	if page, err := fetch(ctx, x.public+"/reset-password"); err != nil {
		found = append(found, unreachable(x.public+"/reset-password", err))
	} else if page.status != http.StatusOK {
		found = append(found, problem("let the proxy pass the pages on, or serve a page of your own there", "%s/reset-password answers %d, and links in mails lead there", x.public, page.status))
	}
	return found
}

// parseKeySet also takes a set without keys, which a server publishes that signs with a secret.
func parseKeySet(body []byte) ([]*accesstoken.Key, error) {
	var set struct{ Keys *[]json.RawMessage }
	if err := json.Unmarshal(body, &set); err != nil {
		return nil, err
	}
	if set.Keys != nil && len(*set.Keys) == 0 {
		return nil, nil
	}
	return accesstoken.ParseJWKS(body)
}

// checkSameKeys compares the keys of these settings with those of the server that answers.
func (x *examination) checkSameKeys(api string, keys []*accesstoken.Key) finding {
	switch {
	case isHMAC(x.settings.algorithm) && len(keys) > 0:
		return problem("give all servers the same settings", "%s publishes a key, and MYAUTH_JWT_ALGORITHM is %s here", api, x.settings.algorithm)
	case isHMAC(x.settings.algorithm):
		return fine("%s answers; a secret is not published, so whether it has the same one is not checked", api)
	case x.keys == nil:
		return fine("%s answers", api)
	}
	id := x.keys.IDs()[0]
	if !slices.ContainsFunc(keys, func(k *accesstoken.Key) bool { return k.ID() == id }) {
		return problem("give all servers the same key, or send them SIGHUP", "%s publishes other keys than the one here, %s", api, id)
	}
	return fine("%s answers, and publishes the key that signs here", api)
}

// checkClock compares the clock of whoever answers with that of this machine. The one of a
// database does not matter: MyAuth asks its own.
func checkClock(header string, now time.Time) []finding {
	date, err := http.ParseTime(header)
	if err != nil {
		return []finding{warning("compare the clocks yourself", "the answer has no date, so the clocks were not compared")}
	}
	if off := now.Sub(date).Abs(); off > 5*time.Second { // the header has whole seconds
		return []finding{problem("let both machines ask a time server", "the clock there and the one here are %v apart, so tokens end too early or too late", off.Round(time.Second))}
	}
	return nil
}

func checkCertificate(state *tls.ConnectionState, now time.Time) []finding {
	if state == nil || len(state.PeerCertificates) == 0 {
		return nil
	}
	if left := state.PeerCertificates[0].NotAfter.Sub(now); left < 14*24*time.Hour {
		return []finding{warning("renew it", "the certificate of the public URL ends in %d days", left/(24*time.Hour))}
	}
	return nil
}

// unreachable tells a server that is not running yet from one that answers wrongly.
func unreachable(where string, err error) finding {
	var certificate *tls.CertificateVerificationError
	var hostname x509.HostnameError
	var dns *net.DNSError
	switch {
	case errors.As(err, &certificate), errors.As(err, &hostname):
		return problem("correct the certificate of the proxy", "%s cannot be trusted: %v", where, err)
	case errors.As(err, &dns):
		return problem("correct MYAUTH_PUBLIC_URL, or the DNS", "%s is not found: %v", where, err)
	case errors.Is(err, syscall.ECONNREFUSED):
		return warning("start the server, and run it again", "nothing answers at %s, so it was not checked from outside", where)
	}
	return problem("see that people reach it from outside", "%s does not answer: %v", where, err)
}

var errRedirected = errors.New("it redirects elsewhere")

// fetched is an answer. The body has its first 64 KiB.
type fetched struct {
	status int
	date   string
	tls    *tls.ConnectionState
	body   []byte
}

func fetch(ctx context.Context, where string) (fetched, error) {
	ctx, cancel := context.WithTimeout(ctx, checkWithin/3)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, where, nil)
	if err != nil {
		return fetched{}, err
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(req)
	if err != nil {
		var wrapped *url.Error
		if errors.As(err, &wrapped) {
			err = wrapped.Err
		}
		return fetched{}, err
	}
	defer func() { _ = res.Body.Close() }() // it was read
	if res.StatusCode/100 == 3 {
		return fetched{}, fmt.Errorf("%w: %s", errRedirected, shown(res.Header.Get("Location")))
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, 64<<10))
	return fetched{res.StatusCode, res.Header.Get("Date"), res.TLS, body}, err
}
