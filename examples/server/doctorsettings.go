package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"myauth.internal/mailx"
)

// checkSettings says which settings are wrong or risky.
func (x *examination) checkSettings(context.Context) (found []finding) {
	if x.problem != nil {
		for line := range strings.SplitSeq(x.problem.Error(), "\n") {
			found = append(found, problem("", "%s", line))
		}
		return append(found, warning("correct the settings, and run it again", "the rest was not checked"))
	}
	for _, name := range unknownSettings(x.environ, x.settings.rows()) {
		found = append(found, warning("correct its name: server -h lists those that there are", "there is no setting %s, so it has no effect", name))
	}
	found = append(found, x.checkURLs()...)
	found = append(found, x.checkProtection()...)
	found = append(found, x.checkProxies()...)
	if !slices.ContainsFunc(found, func(f finding) bool { return f.Status != "ok" }) {
		found = append(found, fine("nothing is wrong or risky"))
	}
	return found
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

// checkURLs looks at what other machines are told.
func (x *examination) checkURLs() (found []finding) {
	s := &x.settings
	host, _, _ := net.SplitHostPort(s.addr) // setAddr has checked it
	u, err := url.Parse(x.public)
	if err != nil {
		return nil // the start says it
	}
	switch {
	case s.opts.PublicURL == "" && !isLoopback(host):
		found = append(found, problem("set it to where people reach the server, such as https://app.example.com", "MYAUTH_PUBLIC_URL is not set, so links in mails lead to %s", x.public))
	case u.Scheme != "https" && x.exposed:
		found = append(found, problem("put a proxy with TLS in front of the server, and write https", "MYAUTH_PUBLIC_URL is %s: passwords and tokens cross the network in clear", x.public))
	case s.api.Cookies && u.Scheme != "https":
		found = append(found, warning("use https for anything else", "MYAUTH_COOKIES without https is for trying it on this machine"))
	}
	if addr, set := x.lookup("MYAUTH_METRICS_ADDR"); set && addr != "" {
		if host, _, err := net.SplitHostPort(addr); err == nil && !isLoopback(host) {
			found = append(found, warning("see that only your monitoring reaches it", "MYAUTH_METRICS_ADDR listens on the network"))
		}
	}
	return found
}

// checkProtection looks at what keeps strangers out.
func (x *examination) checkProtection() (found []finding) {
	s := &x.settings
	if s.opts.InsecureUnlimited {
		found = append(found, x.risky("set MYAUTH_THROTTLE=on", "MYAUTH_THROTTLE is off: strangers may guess passwords as fast as the server answers"))
	}
	if s.opts.BcryptCost < 10 {
		found = append(found, x.risky("unset MYAUTH_BCRYPT_COST and MYAUTH_INSECURE_FAST_HASH", "MYAUTH_BCRYPT_COST is %d: hashes of a stolen database are guessed in no time", s.opts.BcryptCost))
	}
	if s.opts.SessionMaxAge < 0 {
		found = append(found, warning("set it to 720h, for example", "MYAUTH_SESSION_MAX_AGE is 0: a stolen session that is used never ends"))
	}
	if s.secret != "" && distinct(s.secret) < 12 {
		found = append(found, problem("write the output of: openssl rand -base64 48", "MYAUTH_JWT_SECRET repeats few characters, so it can be guessed, and every token be forged"))
	}
	if s.opts.DataKeys == nil {
		more := ""
		if !s.passkeys.off {
			more = "; passkeys work without it"
		}
		found = append(found, warning("set MYAUTH_DATA_KEY to the output of: openssl rand -base64 32", "MYAUTH_DATA_KEY is not set, so there are no second factors%s", more))
	}
	if features, err := newPasskeys(s, x.public, slog.New(slog.DiscardHandler)); err == nil && len(features) == 0 && !s.passkeys.off {
		found = append(found, warning("set MYAUTH_PUBLIC_URL to a domain with https, or MYAUTH_PASSKEYS=off", "passkeys are off, because browsers have none at %s", x.public))
	}
	for name, store := range map[string]storeURL{"MYAUTH_STORE": s.store, "MYAUTH_TOKEN_STORE": s.tokenStore} {
		if store.scheme == "memory" && (name == "MYAUTH_STORE" || s.store.scheme != "memory") {
			found = append(found, x.risky("choose a store that lasts, such as sqlite:myauth.db", "%s is memory: what is in it is lost at the end of the server", name))
		}
	}
	if s.smtp != nil && s.smtp.Security == mailx.InsecurePlaintext && !isLoopback(s.smtp.Host) {
		found = append(found, x.risky("leave ?tls=none out of MYAUTH_SMTP_URL", "links that open accounts go to the mail relay in clear"))
	}
	return found
}

// distinct is how many different bytes a text has.
func distinct(text string) int {
	seen := map[byte]bool{}
	for i := range len(text) {
		seen[text[i]] = true
	}
	return len(seen)
}

// checkProxies looks at whose word on the address of a client counts.
func (x *examination) checkProxies() (found []finding) {
	s := &x.settings
	for _, prefix := range s.api.TrustedProxies {
		if public := prefix.Addr(); prefix.Bits() < 8 || !private(public) && prefix.Bits() < public.BitLen()-8 {
			found = append(found, warning("name the proxies alone", "MYAUTH_TRUSTED_PROXIES has %v, which is many addresses", prefix))
		}
	}
	if u, err := url.Parse(x.public); err == nil && u.Scheme == "https" && len(s.api.TrustedProxies) == 0 {
		found = append(found, problem("write its address into MYAUTH_TRUSTED_PROXIES", "MYAUTH_PUBLIC_URL has https, so there is a proxy, and MYAUTH_TRUSTED_PROXIES does not name it: all clients count as one"))
	}
	return found
}

func private(a netip.Addr) bool { return a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() }

// checkFiles looks at who may read the files with secrets.
func (x *examination) checkFiles(context.Context) (found []finding) {
	if runtime.GOOS == "windows" {
		return nil // its modes say nothing
	}
	s := &x.settings
	files := map[string]string{}
	for name, path := range s.fromFile {
		files[name+fileSuffix] = path
	}
	if s.keyFile != "" {
		files["MYAUTH_JWT_PRIVATE_KEY_FILE"] = s.keyFile
	}
	for name, store := range map[string]storeURL{"MYAUTH_STORE": s.store, "MYAUTH_TOKEN_STORE": s.tokenStore} {
		if store.scheme == "sqlite" && (name == "MYAUTH_STORE" || s.tokenStore != s.store) {
			files[name] = store.rest
		}
	}
	n := 0
	for _, row := range x.settings.rows() {
		for _, name := range []string{row.name, row.name + fileSuffix} {
			path, has := files[name]
			info, err := os.Stat(path)
			if !has || err != nil {
				continue
			}
			n++
			switch mode := info.Mode().Perm(); {
			case mode&0o002 != 0:
				found = append(found, problem("chmod o-rwx "+path, "%s: every user of this machine may change %s", name, path))
			case mode&0o004 != 0:
				found = append(found, warning("chmod o-rwx "+path, "%s: every user of this machine may read %s", name, path))
			}
		}
	}
	if n > 0 && len(found) == 0 {
		found = append(found, fine("only their owner or group may read the files with secrets and accounts"))
	}
	return found
}

// checkKeys loads the keys that sign tokens.
func (x *examination) checkKeys(context.Context) (found []finding) {
	s := &x.settings
	keys, ephemeral, err := openKeys(s)
	if err != nil {
		var setting *settingError
		if errors.As(err, &setting) {
			err = errors.New(strings.TrimPrefix(setting.Error(), "accesstoken: "))
		}
		return []finding{problem("", "%v", err)}
	}
	x.keys = keys
	if ephemeral {
		return []finding{x.risky("write the output of openssl rand -base64 48 into it", "MYAUTH_JWT_SECRET is not set, so each start makes another one: tokens end at a restart, and two servers refuse each other's")}
	}
	path := s.keyFile
	if isHMAC(s.algorithm) {
		path = s.fromFile["MYAUTH_JWT_SECRET"]
	}
	if info, err := os.Stat(path); path != "" && err == nil {
		const year = 365 * 24 * time.Hour
		if age := time.Since(info.ModTime()); age > year {
			return []finding{warning("replace it, as README.md says below SIGHUP", "the %s key in %s is %d days old", s.algorithm, path, age/(24*time.Hour))}
		}
		return []finding{fine("%s signs with the key in %s, of %s", s.algorithm, path, info.ModTime().UTC().Format(time.DateOnly))}
	}
	return []finding{fine("%s signs; the key is in the environment, so its age is not known", s.algorithm)}
}
