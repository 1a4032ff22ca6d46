package kit

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
	"unicode/utf8"

	"myauth.internal/kit/internal/maillink"
	"myauth.internal/kit/password"
	"myauth.internal/kit/seal"
	"myauth.internal/kit/throttle"
)

// Options are the optional settings of a [Service]. The zero value, and nil, mean the
// defaults. [New] returns an error that names a field that is out of bounds.
type Options struct {
	// JWTIssuer and JWTAudience are the iss and aud of access tokens (RFC 9068);
	// default "myauth".
	JWTIssuer, JWTAudience string
	// ClientID is the client_id of access tokens (RFC 9068 section 2.2), the name of the
	// client with which users log in. Default JWTAudience.
	ClientID string
	// AccessTokenTTL is the lifetime of access tokens, 1 s to 24 h; default 30 minutes. So
	// long a stateless check may accept a token whose session has ended.
	AccessTokenTTL time.Duration
	// RefreshTokenTTL is the idle lifetime of a session, which starts anew with each
	// refresh: 1 s to 10 years, default 7 days.
	RefreshTokenTTL time.Duration
	// SessionMaxAge is the absolute lifetime of a session, however often it is refreshed:
	// 1 s to 100 years, default 30 days. Negative: none.
	SessionMaxAge time.Duration
	// RefreshGrace is how long after a rotation a session is not rotated again. Within it the
	// replaced token and its successor are both answered with the successor, so that neither
	// a lost response nor tabs that refresh at once log a user out. At most 5 minutes, default
	// 10 s. Negative: each use rotates, exactly one use of each token succeeds, and any other
	// ends the session, also the repetition of a call whose answer was lost.
	RefreshGrace time.Duration
	// PasswordResetTTL is the lifetime of reset tokens, 1 s to 24 h; default 15 minutes.
	// Strangers can bring a mailbox to its limit of one mail in 10 minutes (see
	// package throttle). With a shorter lifetime its owner may then have no working
	// link, and no way to get one.
	PasswordResetTTL time.Duration
	// EmailVerificationTTL is the lifetime of verification tokens, 1 s to 30
	// days; default 24 hours.
	EmailVerificationTTL time.Duration
	// BcryptCost is 10 to 16, default 12. A stored hash of another cost is replaced at the
	// next login.
	//
	// At most GOMAXPROCS-1 hashes are computed at once, as it stands at New, and one at least. A
	// program that calls runtime.GOMAXPROCS(runtime.GOMAXPROCS(0)+1) before New hashes on all
	// processors: twice the logins on two, and on one requests no longer wait some 40 ms for a
	// hash. Go then no longer follows a CPU limit that changes. See [password.Options].
	BcryptCost int
	// InsecureFastHash allows a BcryptCost down to 4, for tests only: tens of thousands of
	// guesses a second can be made against such a hash.
	InsecureFastHash bool
	// Features are what the Service has beside its core: see [Feature].
	Features []Feature
	// DataKeys seal what features must be able to read again, such as the secret of a second
	// factor. They are apart from the signing keys, because such secrets live for years.
	DataKeys *seal.Keyring
	// RecentLogin is how long after a login the user may do what could take the account away:
	// 1 s to 24 h, default 10 minutes. See [Service.CheckRecent].
	RecentLogin time.Duration
	// Claims adds claims of the application to each access token, under names that are not
	// registered: see [accesstoken.Claims]. It is called within each login and refresh. An
	// error fails it as an internal error.
	Claims func(context.Context, User) (map[string]any, error)
	// Locale returns the language of mails to a user, as a tag of BCP 47; empty means that of
	// the Mailer. The zero User is somebody who may have no account. nil: empty.
	Locale func(User) string
	// PasswordPolicy says which new passwords are accepted; default [password.Strict]. What
	// no policy can allow is refused before it is asked: see [password.Check]. The words that
	// a password must be more than are the user's address, the user name, JWTIssuer and
	// PublicURL. An error of the policy is returned as it is, so a policy that asks another
	// server decides whether its outage is one of the Service (an error that wraps
	// [ErrUnavailable]) or lets every password pass. Package kit/password/breached has two that
	// refuse stolen passwords.
	PasswordPolicy password.Policy
	// Registration says who may make an account: default [RegistrationOpen].
	Registration RegistrationMode
	// RequireVerifiedEmail makes the login of a user whose address is not verified return
	// [ErrEmailNotVerified], after the right password only.
	RequireVerifiedEmail bool
	// ConcealAccounts makes package httpx answer every registration the same, whether or not
	// the address is taken; the owner of a taken address gets a mail. Login then returns
	// [ErrInvalidCredentials] for an account whose address is not verified, also with the
	// right password, and mails the verification link again. Otherwise a registration and a
	// login would tell whether the address was free. It needs RequireVerifiedEmail.
	ConcealAccounts bool
	// Mailer sends the mails. Without one, requests for a reset or a verification mail return
	// [ErrEmailNotConfigured], and nothing else is mailed.
	Mailer Mailer
	// MailDelay bounds how long after a request the work for its mail begins, so that the time
	// of the answer does not depend on the account. A timer of half of it to the whole, at
	// random, starts with the first request and covers those that follow until it ends. 1 ms
	// to 10 s, default 100 ms.
	MailDelay time.Duration
	// WithoutMails are the kinds of mail that are not sent, such as [MailNewDevice]. Those with
	// a link that proves something cannot be left out.
	WithoutMails []MailKind
	// PublicURL is the http or https URL of the pages to which links in mails lead, without
	// user, query and fragment: letters and digits of ASCII, and -._~:/%@[]. No header of a
	// request changes the links. Package httpx has the pages. Required with a Mailer.
	PublicURL string
	// Limiter is asked before each attempt that could be a guess, and before each mail that
	// strangers can cause. Default: [throttle.New], which counts in the memory of this Service.
	// Several instances should share one: see [throttle.Options]. A limiter of the
	// application's own decides on everything that [throttle.Attempt] lists, mails included.
	Limiter throttle.Limiter
	// InsecureUnlimited is no limiter by default, for tests only: strangers may guess as fast
	// as the server hashes, and fill any mailbox.
	InsecureUnlimited bool
	// Hooks are called on registration and login.
	Hooks Hooks
	// OnEvent receives the audit stream, synchronously; nil logs it to Logger.
	OnEvent func(context.Context, Event)
	// Logger receives what no caller is told: outages of stores, panics, tokens that could
	// not be deleted, and the events when OnEvent is nil. Default slog.Default().
	Logger *slog.Logger
	// StoreTimeout bounds each call of a store, 10 ms to 1 minute; default 2 s. A call that
	// takes longer returns [ErrUnavailable].
	StoreTimeout time.Duration
	// Now is the clock of the Service; default time.Now.
	Now func() time.Time
}

// withDefaults returns o with every unset field filled in, or an error that names a field
// that is out of bounds.
func (o *Options) withDefaults() (Options, error) {
	var c Options
	if o != nil {
		c = *o
	}
	if c.JWTIssuer == "" {
		c.JWTIssuer = "myauth"
	}
	if c.JWTAudience == "" {
		c.JWTAudience = "myauth"
	}
	if c.ClientID == "" {
		c.ClientID = c.JWTAudience
	}
	if !utf8.ValidString(c.ClientID) {
		return c, errors.New("kit: Options.ClientID must be UTF-8")
	}
	const day = 24 * time.Hour
	for _, d := range []struct {
		name            string
		value           *time.Duration
		preset          time.Duration
		min, max        time.Duration
		negativeMeansNo bool
	}{
		{"AccessTokenTTL", &c.AccessTokenTTL, 30 * time.Minute, time.Second, day, false},
		{"RefreshTokenTTL", &c.RefreshTokenTTL, 7 * day, time.Second, 3650 * day, false},
		{"SessionMaxAge", &c.SessionMaxAge, 30 * day, time.Second, 36500 * day, true},
		{"RefreshGrace", &c.RefreshGrace, 10 * time.Second, 0, 5 * time.Minute, true},
		{"PasswordResetTTL", &c.PasswordResetTTL, 15 * time.Minute, time.Second, day, false},
		{"EmailVerificationTTL", &c.EmailVerificationTTL, day, time.Second, 30 * day, false},
		{"RecentLogin", &c.RecentLogin, 10 * time.Minute, time.Second, day, false},
		{"MailDelay", &c.MailDelay, 100 * time.Millisecond, time.Millisecond, 10 * time.Second, false},
		{"StoreTimeout", &c.StoreTimeout, 2 * time.Second, 10 * time.Millisecond, time.Minute, false},
	} {
		switch {
		case *d.value == 0:
			*d.value = d.preset
		case *d.value < 0 && d.negativeMeansNo:
			*d.value = -1
		case *d.value < d.min || *d.value > d.max:
			return c, fmt.Errorf("kit: Options.%s is %v: it must be between %v and %v", d.name, *d.value, d.min, d.max)
		}
	}
	if c.BcryptCost == 0 {
		c.BcryptCost = password.DefaultCost
	}
	minCost := 10
	if c.InsecureFastHash {
		minCost = 4
	}
	if c.BcryptCost < minCost || c.BcryptCost > 16 {
		return c, fmt.Errorf("kit: Options.BcryptCost is %d: it must be between %d and 16 (lower only with InsecureFastHash, for tests)", c.BcryptCost, minCost)
	}
	switch c.Registration {
	case "":
		c.Registration = RegistrationOpen
	case RegistrationOpen, RegistrationInvited, RegistrationClosed:
	default:
		return c, fmt.Errorf("kit: Options.Registration is %q: it must be open, invited or closed", c.Registration)
	}
	if c.ConcealAccounts && !c.RequireVerifiedEmail {
		return c, errors.New("kit: Options.ConcealAccounts needs Options.RequireVerifiedEmail: otherwise a login right after a registration tells whether the address was free")
	}
	for _, kind := range c.WithoutMails {
		if kind == MailVerification || kind == MailPasswordReset || kind == MailEmailChange {
			return c, fmt.Errorf("kit: Options.WithoutMails has %q: without it nobody can prove who they are", kind)
		}
	}
	if c.PublicURL == "" && c.Mailer != nil {
		return c, errors.New("kit: Options.PublicURL is required with a Mailer: it is where the links in mails lead")
	}
	if c.PublicURL != "" {
		base, err := maillink.CheckBase(c.PublicURL)
		if err != nil {
			return c, fmt.Errorf("kit: Options.PublicURL %w", err)
		}
		c.PublicURL = base
	}
	if c.Limiter == nil && !c.InsecureUnlimited {
		c.Limiter = throttle.New(nil)
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return c, nil
}
