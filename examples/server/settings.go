package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"myauth.internal/httpx"
	"myauth.internal/kit"
	"myauth.internal/kit/accesstoken"
	"myauth.internal/kit/memstore"
	"myauth.internal/kit/password"
	"myauth.internal/kit/seal"
	"myauth.internal/kit/totp"
	"myauth.internal/mailx"
)

// settings is what the environment asks for, parsed and checked as far as that
// is possible without opening anything but files of secrets.
type settings struct {
	addr       string
	metrics    string // its address; empty: none
	store      storeURL
	tokenStore storeURL
	algorithm  accesstoken.Algorithm
	secret     string // of HS256/384/512; empty: a random one
	keyFile    string // of RS256, ES256 and EdDSA
	smtp       *mailx.Config
	smtpCAFile string
	passkeys   passkeySettings
	providers  providerSettings
	admin      adminSettings
	mail       mailx.Options // TLS is newMailer's, from smtpCAFile
	logFormat  string
	// opts holds what goes to the kit as it is. PublicURL is empty when it is
	// to be derived from the listener.
	opts kit.Options
	api  httpx.Options // the same for httpx
	// fromFile has the paths of the variables that were given as files.
	fromFile map[string]string
}

// setting is one variable. -h, the README and the parser have only the table of them.
type setting struct {
	name string
	// option is the field of kit.Options that it sets, if it is one.
	option string
	// needed is what is wrong when the variable is not set; nil: nothing.
	needed error
	// preset is parsed when the variable is not set; without one, otherwise
	// says what happens then.
	preset, otherwise string
	meaning           string
	// secret lets name+"_FILE" give the value as a file.
	secret bool
	// set parses a value. The bounds of options are not its business but check's.
	set func(*settings, string) error
	// check asks the package whose option it is; with option that is checkService.
	check func(*settings) error
}

// settingsTable lists every variable, in the order of the contract.
var settingsTable = []setting{
	{name: "MYAUTH_ADDR", preset: "127.0.0.1:8080",
		meaning: "listen address; port 0 picks a free one",
		set:     address(func(s *settings) *string { return &s.addr })},
	{name: "MYAUTH_STORE", secret: true, preset: "sqlite:myauth.db",
		meaning: "users, credentials and tokens: sqlite:PATH, postgres://…, mongodb://… (with the name of a database), redis://…, or memory:",
		set:     func(s *settings, v string) error { return setStore(&s.store, v) }},
	{name: "MYAUTH_TOKEN_STORE", secret: true, otherwise: "as MYAUTH_STORE",
		meaning: "tokens alone elsewhere, in any of the same",
		set:     func(s *settings, v string) error { return setStore(&s.tokenStore, v) }},
	{name: "MYAUTH_JWT_SECRET", secret: true, otherwise: "a random one for this run",
		meaning: "HMAC secret of random bytes: at least 32, for HS384 48, for HS512 64; with a random one access tokens and the links of verification mails die at restart",
		set:     setSecret},
	{name: "MYAUTH_JWT_ALGORITHM", preset: "HS256",
		meaning: "HS256, HS384 or HS512 with the secret; RS256, ES256 or EdDSA with a private key",
		set:     setAlgorithm},
	{name: "MYAUTH_JWT_PRIVATE_KEY_FILE", otherwise: "none",
		meaning: "path of the private key (PEM) for RS256, ES256 and EdDSA",
		set:     setKeyFile},
	{name: "MYAUTH_JWT_ISSUER", option: "JWTIssuer", preset: "myauth",
		meaning: "iss of access tokens",
		set:     text(func(s *settings) *string { return &s.opts.JWTIssuer })},
	{name: "MYAUTH_JWT_AUDIENCE", option: "JWTAudience", preset: "myauth",
		meaning: "aud of access tokens",
		set:     text(func(s *settings) *string { return &s.opts.JWTAudience })},
	{name: "MYAUTH_ACCESS_TOKEN_TTL", option: "AccessTokenTTL", preset: "30m",
		meaning: "lifetime of access tokens, 1s to 24h",
		set:     duration(func(s *settings) *time.Duration { return &s.opts.AccessTokenTTL })},
	{name: "MYAUTH_REFRESH_TOKEN_TTL", option: "RefreshTokenTTL", preset: "168h",
		meaning: "idle lifetime of a session, 1s to 87600h",
		set:     duration(func(s *settings) *time.Duration { return &s.opts.RefreshTokenTTL })},
	{name: "MYAUTH_SESSION_MAX_AGE", option: "SessionMaxAge", preset: "720h",
		meaning: "absolute lifetime of a session, 1s to 876000h; 0 = none",
		set:     durationOrZero(func(s *settings) *time.Duration { return &s.opts.SessionMaxAge })},
	{name: "MYAUTH_REFRESH_GRACE", option: "RefreshGrace", preset: "10s",
		meaning: "how long after its rotation a replaced refresh token is still answered, and its successor not rotated, at most 5m; 0 = never",
		set:     durationOrZero(func(s *settings) *time.Duration { return &s.opts.RefreshGrace })},
	{name: "MYAUTH_PASSWORD_RESET_TTL", option: "PasswordResetTTL", preset: "15m",
		meaning: "lifetime of password-reset tokens, 1s to 24h",
		set:     duration(func(s *settings) *time.Duration { return &s.opts.PasswordResetTTL })},
	{name: "MYAUTH_EMAIL_VERIFICATION_TTL", option: "EmailVerificationTTL", preset: "24h",
		meaning: "lifetime of email-verification tokens, 1s to 720h",
		set:     duration(func(s *settings) *time.Duration { return &s.opts.EmailVerificationTTL })},
	{name: "MYAUTH_BCRYPT_COST", option: "BcryptCost", preset: "12",
		meaning: "10 to 16; each step doubles the work of a login and of a guess",
		set:     setCost},
	{name: "MYAUTH_INSECURE_FAST_HASH", option: "InsecureFastHash", preset: "false",
		meaning: "allows MYAUTH_BCRYPT_COST down to 4; for tests only",
		set:     boolean(func(s *settings) *bool { return &s.opts.InsecureFastHash })},
	{name: "MYAUTH_PASSWORD_POLICY", option: "PasswordPolicy", preset: "strict",
		meaning: "strict = length, four kinds of characters, no common password, none made of the user's address or name; length = the same without the kinds of characters (NIST 800-63B)",
		set:     setPolicy},
	{name: "MYAUTH_REQUIRE_VERIFIED_EMAIL", option: "RequireVerifiedEmail", preset: "false",
		meaning: "login of an unverified user answers 403 email_not_verified",
		set:     boolean(func(s *settings) *bool { return &s.opts.RequireVerifiedEmail })},
	{name: "MYAUTH_CONCEAL_ACCOUNTS", option: "ConcealAccounts", preset: "false",
		meaning: "register answers the same 202 whether or not the email is taken; needs MYAUTH_REQUIRE_VERIFIED_EMAIL",
		set:     boolean(func(s *settings) *bool { return &s.opts.ConcealAccounts })},
	{name: "MYAUTH_SMTP_URL", secret: true, option: "Mailer", otherwise: "mails are printed to the log",
		meaning: "smtp://user:pass@host:587 (STARTTLS required), smtps://user:pass@host:465, or smtp://host:25?tls=none for a local relay",
		set:     setSMTP},
	{name: "MYAUTH_SMTP_LOCAL_NAME", otherwise: "the domain of MYAUTH_MAIL_FROM",
		meaning: "name in EHLO: a DNS name, or an address such as [192.0.2.1], which is the default where the sender's domain is no full name",
		set:     func(s *settings, v string) error { s.mail.LocalName = v; return nil },
		check:   checkMailx},
	{name: "MYAUTH_SMTP_CA_FILE", otherwise: "the system's authorities",
		meaning: "file of certificates (PEM) whose authorities alone are trusted for the relay",
		set:     func(s *settings, v string) error { s.smtpCAFile = v; return nil }},
	{name: "MYAUTH_SMTP_TIMEOUT", preset: "30s",
		meaning: "longest time for one attempt to send a mail, 1s to 1m",
		set:     duration(func(s *settings) *time.Duration { return &s.mail.Timeout }),
		check:   checkTimeout},
	{name: "MYAUTH_MAIL_FROM", preset: "MyAuth <no-reply@localhost>",
		meaning: "sender of the mails",
		set:     func(s *settings, v string) error { s.mail.From = v; return nil },
		check:   checkMailx},
	{name: "MYAUTH_MAIL_BOUNCE", otherwise: "the address in MYAUTH_MAIL_FROM",
		meaning: "address that gets the reports of undelivered mails",
		set:     func(s *settings, v string) error { s.mail.Bounce = v; return nil },
		check:   checkMailx},
	{name: "MYAUTH_MAIL_TEMPLATES", otherwise: "the built-in texts",
		meaning: "directory of templates that replace the texts of mails, file by file",
		set:     func(s *settings, v string) error { s.mail.Templates = os.DirFS(v); return nil }},
	{name: "MYAUTH_PUBLIC_URL", option: "PublicURL", otherwise: "http://HOST:PORT of the listener, http://localhost:PORT on loopback",
		meaning: "where links in mails lead: PUBLIC_URL/verify-email?token=…, PUBLIC_URL/reset-password?token=… and PUBLIC_URL/change-email?token=…",
		set:     func(s *settings, v string) error { s.opts.PublicURL = strings.TrimRight(v, "/"); return nil }},
	{name: "MYAUTH_PREFIX", preset: "/auth",
		meaning: "path of the API in the requests as they reach the server",
		set:     setPrefix, check: checkService},
	{name: "MYAUTH_PUBLIC_PREFIX", otherwise: "as MYAUTH_PREFIX",
		meaning: "path of the API as clients see it, for the Location header and the OpenAPI document; another one behind a proxy that changes paths",
		set:     func(s *settings, v string) error { s.api.PublicPrefix = v; return nil },
		check:   checkService},
	{name: "MYAUTH_TRUSTED_PROXIES", otherwise: "none",
		meaning: "addresses and prefixes of the proxies whose X-Forwarded-For counts, with commas: 10.0.0.7,fd00::/8",
		set:     setTrustedProxies, check: checkService},
	{name: "MYAUTH_REALM", preset: "MyAuth",
		meaning: "realm in the WWW-Authenticate header",
		set:     func(s *settings, v string) error { s.api.Realm = v; return nil },
		check:   checkService},
	{name: "MYAUTH_LOG_FORMAT", preset: "text",
		meaning: "text or json (log/slog), to stderr",
		set:     setLogFormat},
	{name: "MYAUTH_THROTTLE", option: "InsecureUnlimited", preset: "on",
		meaning: "on: guesses of passwords and codes and the mails to a mailbox are limited, by all instances with one token store together (but for SQLite: each process), and an owner is never locked out; off: strangers can guess as fast as the server answers and fill any mailbox",
		set:     onOff("off", func(s *settings) *bool { return &s.opts.InsecureUnlimited })},
	{name: "MYAUTH_RECENT_LOGIN", option: "RecentLogin", preset: "10m",
		meaning: "how long after a login or re-authentication what could take the account away is allowed, 1s to 24h",
		set:     duration(func(s *settings) *time.Duration { return &s.opts.RecentLogin })},
	{name: "MYAUTH_DATA_KEY", secret: true, option: "DataKeys", otherwise: "no second factor by TOTP, and its routes are not there",
		meaning: "32 random bytes in base64, for what must be readable again, such as the secrets of authenticator apps; several with commas: the first seals, all open",
		set:     setDataKeys},
	{name: "MYAUTH_PASSKEYS", preset: "on",
		meaning: "on or off: users may log in with passkeys",
		set:     onOff("off", func(s *settings) *bool { return &s.passkeys.off })},
	{name: "MYAUTH_PASSKEY_RP_ID", otherwise: "the host of MYAUTH_PUBLIC_URL",
		meaning: "domain that passkeys belong to; one that is changed loses them all",
		set:     setRPID},
	{name: "MYAUTH_PASSKEY_ORIGINS", otherwise: "the origin of MYAUTH_PUBLIC_URL",
		meaning: "origins of the pages that use passkeys, with commas, of that domain or below it: https://app.example.com",
		set:     setOrigins},
	{name: "MYAUTH_PROVIDERS", otherwise: "none",
		meaning: "accounts elsewhere with which users may sign in, with commas: google, github, microsoft, apple, and names of your own for other OpenID Connect providers; each has variables of its own, see below",
		set:     setProviders},
	{name: "MYAUTH_REDIRECTS", otherwise: "the page /sign-in of MYAUTH_PUBLIC_URL",
		meaning: "exact URLs, with commas, that a sign-in with a provider may return to; the first is for browsers that come without a sign-in that is known",
		set:     setRedirects},
	{name: "MYAUTH_COOKIES", preset: "off",
		meaning: "on: for pages, the tokens are in cookies that no script can read, and in no body; needs MYAUTH_REFRESH_GRACE",
		set:     onOff("on", func(s *settings) *bool { return &s.api.Cookies })},
	{name: "MYAUTH_ADMIN", preset: "off",
		meaning: "on: users with the role admin manage accounts, by the routes below /admin of the API, and with MYAUTH_COOKIES by pages at /admin",
		set:     onOff("on", func(s *settings) *bool { return &s.admin.on })},
	{name: "MYAUTH_ADMIN_EMAIL", otherwise: "nobody",
		meaning: "address whose account gets the role admin once it is verified, while no account has the role; needs MYAUTH_ADMIN",
		set:     setAdminEmail},
	{name: "MYAUTH_REGISTRATION", option: "Registration", preset: "open",
		meaning: "open: everybody may make an account; invited: who has an invitation, which needs MYAUTH_ADMIN; closed: nobody, but with server users create or import",
		set:     setRegistration},
	{name: "MYAUTH_METRICS_ADDR", otherwise: "no metrics",
		meaning: "a second listen address, for the monitoring alone: GET /metrics in the text format of Prometheus, and GET /healthz",
		set:     address(func(s *settings) *string { return &s.metrics })},
}

// settingError is one bad setting. Its text is one line and holds no secret.
type settingError struct {
	name    string
	problem error
}

func (e *settingError) Error() string {
	// Errors that were joined have a line each.
	return e.name + ": " + strings.ReplaceAll(e.problem.Error(), "\n", "; ")
}

func (e *settingError) Unwrap() error { return e.problem }

// bad is the error of one variable, under the name by which it was given.
func (s *settings) bad(name string, problem error) error {
	if s.fromFile[name] != "" {
		name += fileSuffix
	}
	return &settingError{name, problem}
}

// parseSettings reads every variable of the table through lookup, which is
// os.LookupEnv but for the tests. A variable that is set but empty counts as not
// set. The error joins one settingError for each bad variable, in their order.
func parseSettings(lookup func(string) (string, bool)) (settings, error) {
	var s settings
	problems := map[string]error{}
	s.parse(settingsTable, lookup, problems)
	s.parse(s.providers.rows(), lookup, problems)
	if s.tokenStore == (storeURL{}) {
		s.tokenStore = s.store
	}
	s.checkTogether(problems)
	s.checkProviders(problems)
	var errs []error
	for _, row := range s.rows() {
		if err := problems[row.name]; err != nil {
			errs = append(errs, s.bad(row.name, err))
		}
	}
	if len(errs) == 0 && s.opts.PublicURL != "" {
		return s, s.checkPublicURL(s.opts.PublicURL)
	}
	return s, errors.Join(errs...)
}

// checkPublicURL checks what else asks something of the URL that browsers see, which without
// MYAUTH_PUBLIC_URL is known after the listener.
func (s *settings) checkPublicURL(publicURL string) error {
	if u, err := url.Parse(publicURL); s.api.Cookies && (err != nil || u.Scheme != "https" && !strings.EqualFold(u.Hostname(), "localhost")) {
		return s.bad("MYAUTH_PUBLIC_URL", fmt.Errorf("it is %s, and browsers keep the cookies of MYAUTH_COOKIES with https, or with http on localhost: set it to such a URL, or MYAUTH_COOKIES=off", shown(publicURL)))
	}
	_, err := newProviders(s, publicURL)
	return err
}

// rows are the table and the variables of the providers.
func (s *settings) rows() []setting { return slices.Concat(settingsTable, s.providers.rows()) }

// parse reads the variables of rows.
func (s *settings) parse(rows []setting, lookup func(string) (string, bool), problems map[string]error) {
	for _, row := range rows {
		value, path, err := row.value(lookup)
		if path != "" {
			if s.fromFile == nil {
				s.fromFile = map[string]string{}
			}
			s.fromFile[row.name] = path
		}
		if value == "" {
			value = row.preset
		}
		if err == nil && value == "" {
			err = row.needed
		}
		if err == nil && value != "" {
			err = row.set(s, value)
		}
		if err == nil && value != row.preset {
			err = row.checkAlone(value)
		}
		if err != nil {
			problems[row.name] = err
		}
	}
}

// checkTogether finds what single variables cannot tell, where the variables
// concerned are not wrong already.
func (s *settings) checkTogether(problems map[string]error) {
	const (
		cost, conceal              = "MYAUTH_BCRYPT_COST", "MYAUTH_CONCEAL_ACCOUNTS"
		algorithm, secret, keyFile = "MYAUTH_JWT_ALGORITHM", "MYAUTH_JWT_SECRET", "MYAUTH_JWT_PRIVATE_KEY_FILE"
	)
	found := map[string]error{}
	if s.opts.BcryptCost < 10 && !s.opts.InsecureFastHash {
		found[cost] = fmt.Errorf("%d is too low: write 10 to 16 (lower only with MYAUTH_INSECURE_FAST_HASH=1, for tests)", s.opts.BcryptCost)
	}
	if s.opts.ConcealAccounts && !s.opts.RequireVerifiedEmail && problems["MYAUTH_REQUIRE_VERIFIED_EMAIL"] == nil {
		found[conceal] = errors.New("set MYAUTH_REQUIRE_VERIFIED_EMAIL=true as well: without it, a login right after a registration tells whether the address was free")
	}
	if s.api.Cookies && s.opts.RefreshGrace < 0 && problems["MYAUTH_REFRESH_GRACE"] == nil {
		found["MYAUTH_COOKIES"] = errors.New("pages that load at once renew one session: do not set MYAUTH_REFRESH_GRACE to 0")
	}
	if s.admin.email != "" && !s.admin.on && problems["MYAUTH_ADMIN"] == nil {
		found["MYAUTH_ADMIN_EMAIL"] = errors.New("set MYAUTH_ADMIN=on as well: without it, nothing gives the role")
	}
	if s.opts.Registration == kit.RegistrationInvited && !s.admin.on && problems["MYAUTH_ADMIN"] == nil {
		found["MYAUTH_REGISTRATION"] = errors.New("set MYAUTH_ADMIN=on as well: without it, nobody can invite; or set this one to closed")
	}
	if sameListener(s.addr, s.metrics) && problems["MYAUTH_ADDR"] == nil {
		found["MYAUTH_METRICS_ADDR"] = errors.New("it is where the server itself listens, which is public: choose another port than that of MYAUTH_ADDR")
	}
	// Where no proxy changes paths, the API hides pages below its own path.
	if u, err := url.Parse(s.opts.PublicURL); err == nil && (s.api.PublicPrefix == "" || strings.TrimSuffix(s.api.PublicPrefix, "/") == s.api.Prefix) &&
		strings.HasPrefix(u.Path+"/", s.api.Prefix+"/") && problems["MYAUTH_PREFIX"] == nil {
		found["MYAUTH_PUBLIC_URL"] = errors.New("its path is the API's, which would answer the links in mails: write the URL without it, or set MYAUTH_PUBLIC_PREFIX if a proxy changes paths")
	}
	if u, err := url.Parse(s.opts.PublicURL); err == nil && found["MYAUTH_PUBLIC_URL"] == nil {
		if err := checkPrefix(s.api.Prefix, strings.TrimSuffix(u.Path, "/")+"/"); err != nil {
			found["MYAUTH_PREFIX"] = err
		}
	}
	if problems[algorithm] == nil {
		hmac := isHMAC(s.algorithm)
		switch {
		case hmac && s.keyFile != "":
			found[keyFile] = fmt.Errorf("%s does not sign with a private key: unset this one, or set MYAUTH_JWT_ALGORITHM to RS256, ES256 or EdDSA", s.algorithm)
		case !hmac && s.keyFile == "":
			found[keyFile] = fmt.Errorf("%s signs with a private key: write the path of its PEM file", s.algorithm)
		}
		switch {
		case s.secret == "":
		case !hmac:
			found[secret] = fmt.Errorf("%s does not sign with a secret: unset this one, or set MYAUTH_JWT_ALGORITHM to HS256, HS384 or HS512", s.algorithm)
		default:
			if _, err := accesstoken.NewKey(s.algorithm, "", []byte(s.secret)); err != nil {
				found[secret] = fmt.Errorf("%w: write for example the output of: openssl rand -base64 48", err)
			}
		}
	}
	for name, problem := range found {
		if problems[name] == nil {
			problems[name] = problem
		}
	}
}

// unknownSettings returns the names in environ (NAME=value) that look like
// settings and are none of rows: most likely misspelled, and without effect.
func unknownSettings(environ []string, rows []setting) []string {
	known := map[string]bool{}
	for _, row := range rows {
		known[row.name] = true
		known[row.name+fileSuffix] = row.secret || known[row.name+fileSuffix]
	}
	var unknown []string
	for _, entry := range environ {
		name, _, _ := strings.Cut(entry, "=")
		if strings.HasPrefix(name, "MYAUTH_") && !strings.HasPrefix(name, "MYAUTH_TEST_") && !known[name] {
			unknown = append(unknown, name)
		}
	}
	return unknown
}

// shown quotes a value that is no secret, on one line and not at any length.
func shown(value string) string {
	const most = 60
	if len(value) > most {
		return strconv.Quote(value[:most]) + "…"
	}
	return strconv.Quote(value)
}

// address returns a setter that takes what can be listened on.
func address(field func(*settings) *string) func(*settings, string) error {
	return func(s *settings, v string) error {
		_, port, err := net.SplitHostPort(v)
		if err == nil {
			_, err = strconv.ParseUint(port, 10, 16)
		}
		if err != nil {
			return fmt.Errorf("%s is not HOST:PORT: write for example 127.0.0.1:8080, :8080 or [::1]:0, with a port from 0 to 65535", shown(v))
		}
		*field(s) = v
		return nil
	}
}

// setDataKeys turns on what needs them.
func setDataKeys(s *settings, v string) (err error) {
	if s.opts.DataKeys, err = seal.Parse(v); err == nil {
		s.opts.Features = append(s.opts.Features, totp.New(nil))
	}
	return err
}

// setSecret checks nothing: what a secret must be depends on the algorithm, so
// checkTogether does.
func setSecret(s *settings, v string) error {
	s.secret = v
	return nil
}

// checkAlone returns what the package that owns the option of row says about value.
// What depends on other variables is left to checkTogether.
func (row *setting) checkAlone(value string) error {
	check := row.check
	if check == nil && row.option != "" {
		check = checkService
	}
	if check == nil {
		return nil
	}
	var alone settings
	if err := row.set(&alone, value); err != nil {
		return err
	}
	err := check(&alone)
	if err == nil {
		return nil
	}
	return errors.New(fieldOf.ReplaceAllString(err.Error(), ""))
}

// fieldOf is the beginning of an error about an option: the line begins with the name of
// the variable instead.
var fieldOf = regexp.MustCompile(`^(kit|httpx|mailx): Options\.\w+ (is )?`)

// checkService makes a Service and a handler with the options of s, over memory.
func checkService(s *settings) error {
	keys, err := accesstoken.HMAC([]byte(rand.Text() + rand.Text()))
	if err != nil {
		return err
	}
	opts := s.opts
	opts.BcryptCost, opts.InsecureFastHash, opts.RequireVerifiedEmail = 4, true, true
	store := memstore.New()
	svc, err := kit.New(store.Stores(), keys, &opts)
	if err != nil {
		return err
	}
	_, err = httpx.New(svc, &s.api)
	return errors.Join(err, svc.Close(context.Background()))
}

func checkMailx(s *settings) error {
	_, err := mailx.New(mailx.Config{Host: "localhost"}, &s.mail)
	return err
}

// checkTimeout keeps an attempt to send a mail from taking a worker of the queue for long.
func checkTimeout(s *settings) error {
	if s.mail.Timeout < time.Second || s.mail.Timeout > time.Minute {
		return fmt.Errorf("%v is not between 1s and 1m", s.mail.Timeout)
	}
	return nil
}

// text returns a setter that takes any text of one line.
func text(field func(*settings) *string) func(*settings, string) error {
	return func(s *settings, v string) error {
		if !utf8.ValidString(v) || strings.ContainsFunc(v, unicode.IsControl) {
			return fmt.Errorf("%s is not one line of UTF-8", shown(v))
		}
		*field(s) = v
		return nil
	}
}

func setAlgorithm(s *settings, v string) error {
	switch a := accesstoken.Algorithm(v); a {
	case "HS256", "HS384", "HS512", "RS256", "ES256", "EdDSA":
		s.algorithm = a
		return nil
	}
	return fmt.Errorf("%s is not supported: write HS256, HS384, HS512, RS256, ES256 or EdDSA", shown(v))
}

func setKeyFile(s *settings, v string) error {
	if isKeyItself(v) {
		return errKeyItself
	}
	s.keyFile = v
	return nil
}

// isKeyItself reports whether v is a private key where its path belongs.
func isKeyItself(v string) bool {
	return strings.ContainsAny(v, "\r\n") || strings.Contains(v, "-----BEGIN")
}

var errKeyItself = errors.New("this looks like the key itself: write the path of the file that holds it")

// duration returns a setter that takes a positive Go duration.
func duration(field func(*settings) *time.Duration) func(*settings, string) error {
	return func(s *settings, v string) error {
		d, err := time.ParseDuration(v)
		if err != nil || d <= 0 {
			return fmt.Errorf("%s is not a duration above zero: write for example 90s, 15m or 168h", shown(v))
		}
		*field(s) = d
		return nil
	}
}

// durationOrZero also takes 0 in the sense of "none" or "never", for which the options
// of kit have a negative value.
func durationOrZero(field func(*settings) *time.Duration) func(*settings, string) error {
	return func(s *settings, v string) error {
		if d, err := time.ParseDuration(v); err == nil && d == 0 {
			*field(s) = -1
			return nil
		}
		if err := duration(field)(s, v); err != nil {
			return fmt.Errorf("%w, or 0", err)
		}
		return nil
	}
}

func setCost(s *settings, v string) error {
	cost, err := strconv.Atoi(v)
	if err != nil || cost < 4 || cost > 16 {
		return fmt.Errorf("%s is not a cost: write a whole number from 10 to 16", shown(v))
	}
	s.opts.BcryptCost = cost
	return nil
}

// onOff sets a field to true for the value whenTrue, "on" or "off", and to false for the other.
func onOff(whenTrue string, field func(*settings) *bool) func(*settings, string) error {
	return func(s *settings, v string) error {
		if v != "on" && v != "off" {
			return fmt.Errorf("%s is neither on nor off", shown(v))
		}
		*field(s) = v == whenTrue
		return nil
	}
}

func boolean(field func(*settings) *bool) func(*settings, string) error {
	return func(s *settings, v string) error {
		b, err := parseBool(v)
		*field(s) = b
		return err
	}
}

func parseBool(v string) (bool, error) {
	b, err := strconv.ParseBool(v)
	if err != nil {
		return false, fmt.Errorf("%s is neither true nor false: write true or false", shown(v))
	}
	return b, nil
}

func setPolicy(s *settings, v string) error {
	switch v {
	case "strict":
		s.opts.PasswordPolicy = password.Strict
	case "length":
		s.opts.PasswordPolicy = password.LengthOnly
	default:
		return fmt.Errorf("%s is not a policy: write strict or length", shown(v))
	}
	return nil
}

func setPrefix(s *settings, v string) error {
	if err := checkPrefix(v, "/"); err != nil {
		return err
	}
	s.api.Prefix = strings.TrimSuffix(v, "/")
	return nil
}

// checkPrefix refuses a prefix of the API that would hide the pages and checks that are at a path.
func checkPrefix(prefix, at string) error {
	below, ok := strings.CutPrefix(prefix, at)
	if !ok {
		return nil
	}
	switch first, _, _ := strings.Cut(below, "/"); first {
	case "", "healthz", "readyz", "verify-email", "reset-password", "change-email", "sign-in", "confirm-sign-in", "accept-invitation", "admin":
		return fmt.Errorf("%s%s is a path of the server itself: write for example %sauth", at, first, at)
	}
	return nil
}

func setTrustedProxies(s *settings, v string) error {
	var proxies []netip.Prefix
	for item := range strings.SplitSeq(v, ",") {
		item = strings.TrimSpace(item)
		prefix, err := netip.ParsePrefix(item)
		if err != nil {
			var addr netip.Addr
			if addr, err = netip.ParseAddr(item); err == nil && addr.Zone() == "" {
				prefix, err = addr.Prefix(addr.BitLen())
			}
		}
		if err != nil || !prefix.IsValid() {
			return fmt.Errorf("%s is not an address or a prefix: write for example 10.0.0.7,192.168.0.0/16,fd00::/8", shown(item))
		}
		proxies = append(proxies, prefix)
	}
	s.api.TrustedProxies = proxies
	return nil
}

func setLogFormat(s *settings, v string) error {
	if v != "text" && v != "json" {
		return fmt.Errorf("%s is not a format: write text or json", shown(v))
	}
	s.logFormat = v
	return nil
}
