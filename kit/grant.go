package kit

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"myauth.internal/kit/accesstoken"
	"myauth.internal/kit/internal/opaque"
)

// The prefixes of the tokens of package opaque.
const (
	refreshPrefix     = "myauth_rt_"
	resetPrefix       = "myauth_pr_"
	emailChangePrefix = "myauth_ec_"
	mfaPrefix         = "myauth_mf_"
	devicePrefix      = "myauth_dv_"
)

// TokenPair is the result of a login or a refresh. What changes a session without a refresh, such
// as the enrolment of a second factor, makes an access token only.
type TokenPair struct {
	// AccessToken is a JWT (RFC 9068), valid for ExpiresIn.
	AccessToken Secret
	ExpiresIn   time.Duration
	// RefreshToken replaces the one that was presented. The session ends after
	// RefreshTokenExpiresIn if it is not refreshed before.
	RefreshToken          Secret
	RefreshTokenExpiresIn time.Duration
	// DeviceToken is for [WithDevice] at later logins of this client, 90 days after the last of
	// them; empty for one that has such a token, or cannot keep one.
	DeviceToken Secret
	// User is the account as it was when the tokens were made.
	User User
}

// The methods of RFC 8176 that MyAuth's own logins use.
const (
	amrPassword = "pwd"
	// AMRMultiple says that the login had more than one factor. A [Login] that has it needs
	// no other.
	AMRMultiple = "mfa"
)

// Login is a proof of who a user is, for [Service.Grant].
type Login struct {
	// User is the account as it was read before the proof was checked. If sessions or
	// credentials were ended since, the login is refused. For a proof that was made before, such
	// as a link in a mail, ID and both epochs of that time are enough.
	User User
	// AMR is what was used (RFC 8176), such as "pwd", "otp" or "hwk"; with "mfa" if it was
	// more than one factor.
	AMR []string
	// Spend makes the proof unusable, once, such as a code of a mail: of any number of
	// concurrent calls for one proof one returns nil. Grant calls it when nothing else can
	// refuse any more; its error refuses the login. nil: there is nothing to spend.
	Spend func(context.Context) error

	provedAt time.Time // of a login that was suspended; zero: now
	session  string    // the ID of the session that is re-authenticated; empty: a new one
	device   device    // that the login comes from; zero: see WithDevice
	// remembered: the second factor was given on that device before.
	remembered bool
}

// Grant starts a session, for a login of a feature or of the application's own. Every way to
// log in ends at this door. It reads the account anew, and refuses one that is not active, not
// verified where that is required, or changed since l.User was read; then it asks for a second
// factor if the account has one, unless the device remembers it, and then the hooks and the gates
// of features.
//
// Errors: [ErrAccountDisabled], [ErrEmailNotVerified], [ErrRevokedToken], a [MFARequired], what
// Hooks.BeforeLogin, Extension.Gate and l.Spend return.
func (s *Service) Grant(ctx context.Context, l Login) (TokenPair, error) {
	if err := s.enter(ctx); err != nil {
		return TokenPair{}, err
	}
	u, err := s.users.ByID(ctx, l.User.ID)
	if err != nil {
		return TokenPair{}, revokedIfGone(err)
	}
	if u.Active && (u.SessionEpoch != l.User.SessionEpoch || u.CredentialEpoch != l.User.CredentialEpoch) {
		s.emit(ctx, Event{Kind: EventLoginFailed, UserID: u.ID, SessionID: l.session, Err: ErrRevokedToken})
		return TokenPair{}, ErrRevokedToken
	}
	l.User = u
	return s.grant(ctx, l)
}

// grant is Grant for a user who was read within the call, before the proof was checked. It
// starts a session, or moves the login of the one that is re-authenticated.
func (s *Service) grant(ctx context.Context, l Login) (tokens TokenPair, err error) {
	now := s.now()
	if err = s.rememberedLogin(ctx, &l, now); err == nil {
		err = s.judge(ctx, l, now)
	}
	switch {
	case err != nil:
	case l.session == "":
		tokens, err = s.startSession(ctx, l, now)
	default:
		tokens, err = s.renewLogin(ctx, l, now)
	}
	if err != nil && !errors.Is(err, ErrMFARequired) {
		s.emit(ctx, Event{Kind: EventLoginFailed, UserID: l.User.ID, SessionID: l.session, Err: err})
	}
	return tokens, err
}

// judge returns nil if the proof of a login is all that its account asks for.
func (s *Service) judge(ctx context.Context, l Login, now time.Time) error {
	u := l.User
	switch {
	case !u.Active:
		return ErrAccountDisabled
	case s.opts.RequireVerifiedEmail && !u.Verified:
		return ErrEmailNotVerified
	case factorDue(u, l.AMR) && !l.remembered:
		return s.challenge(ctx, l, now)
	}
	if hook := s.opts.Hooks.BeforeLogin; hook != nil {
		if err := hook(ctx, u); err != nil {
			return err
		}
	}
	for _, gate := range s.gates {
		if err := gate(ctx, u, l); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) startSession(ctx context.Context, l Login, now time.Time) (TokenPair, error) {
	if l.device.row.ID == "" {
		var err error
		if l.device, err = s.presentedDevice(ctx); err != nil {
			return TokenPair{}, err
		}
	}
	u, token := l.User, opaque.New(now)
	device, deviceToken := s.loginDevice(ctx, u, l.device)
	device.remember(ctx, u, l.AMR, now)
	data := sessionData{amr: l.AMR, authTime: cmp.Or(l.provedAt, now), client: ClientOf(ctx), device: device.row.ID, remembered: l.remembered}
	session := Token{
		ID:         token.RowID(),
		Type:       RefreshToken,
		UserID:     u.ID,
		SessionID:  rand.Text(),
		Epoch:      u.SessionEpoch,
		SecretHash: token.Hash(),
		Data:       data.encode(),
		CreatedAt:  now,
		ExpiresAt:  s.sessionExpiry(now, now),
		Version:    1,
	}
	tokens, err := s.issue(ctx, u, session, data, token, now)
	if err != nil {
		return TokenPair{}, err
	}
	if err := s.createAndSpend(ctx, session, l.Spend); err != nil {
		return TokenPair{}, err
	}
	s.emit(ctx, Event{Kind: EventLoggedIn, UserID: u.ID, SessionID: session.SessionID})
	tokens.DeviceToken = s.rememberDevice(ctx, u, device, deviceToken)
	if !slices.Contains(l.AMR, amrPassword) {
		s.clearGuesses(ctx, u.Email) // the owner has another way in
	}
	if hook := s.opts.Hooks.AfterLogin; hook != nil {
		hook(ctx, u)
	}
	return tokens, nil
}

// factorDue reports whether the account has a second factor that methods does not include.
func factorDue(u User, methods []string) bool {
	return len(u.Factors) > 0 && !slices.Contains(methods, AMRMultiple)
}

// createAndSpend stores a row, and then spends the proof that it was made for. In this order a
// proof that is spent has its row, whatever fails. A row whose proof was not spent has a token
// that nobody knows.
func (s *Service) createAndSpend(ctx context.Context, t Token, spend func(context.Context) error) error {
	if err := s.createToken(ctx, t); err != nil || spend == nil {
		return err
	}
	ctx = context.WithoutCancel(ctx)
	err := spend(ctx)
	if err != nil {
		if err := s.tokens.Delete(ctx, t.ID, t.Version); err != nil {
			s.opts.Logger.WarnContext(ctx, "myauth: a session that nobody can use remains until it expires", "user_id", t.UserID, "err", err)
		}
	}
	return err
}

// sessionExpiry returns the end of the idle lifetime from now on, or of the absolute one.
func (s *Service) sessionExpiry(createdAt, now time.Time) time.Time {
	expiry := now.Add(s.opts.RefreshTokenTTL)
	if s.opts.SessionMaxAge > 0 {
		if end := createdAt.Add(s.opts.SessionMaxAge); end.Before(expiry) {
			return end
		}
	}
	return expiry
}

// issue makes the tokens of a session whose current refresh token is token.
func (s *Service) issue(ctx context.Context, u User, session Token, data sessionData, token opaque.Token, now time.Time) (TokenPair, error) {
	tokens, err := s.issueAccess(ctx, u, session, data, now)
	if err != nil {
		return TokenPair{}, err
	}
	tokens.RefreshToken = Secret(token.Encode(refreshPrefix))
	tokens.RefreshTokenExpiresIn = session.ExpiresAt.Sub(now)
	return tokens, nil
}

// issueAccess makes an access token for a session.
func (s *Service) issueAccess(ctx context.Context, u User, session Token, data sessionData, now time.Time) (TokenPair, error) {
	issuedAt := now.Truncate(time.Second)
	// No access token outlives the session's absolute end. Whole seconds, at least one.
	lifetime := s.opts.AccessTokenTTL
	if s.opts.SessionMaxAge > 0 {
		end := session.CreatedAt.Add(s.opts.SessionMaxAge)
		lifetime = min(lifetime, max(end.Sub(issuedAt).Truncate(time.Second), time.Second))
	}
	claims := accesstoken.Claims{
		Subject:   u.ID,
		SessionID: session.SessionID,
		TokenID:   rand.Text(),
		ClientID:  s.opts.ClientID,
		Roles:     u.Roles,
		Epoch:     u.SessionEpoch,
		AMR:       data.amr,
		AuthTime:  data.authTime,
		IssuedAt:  issuedAt,
		ExpiresAt: issuedAt.Add(lifetime),
	}
	if s.opts.Claims != nil {
		extra, err := s.opts.Claims(ctx, u)
		if err == nil && len(extra) > 0 {
			claims.Extra, err = json.Marshal(extra)
		}
		if err != nil {
			return TokenPair{}, fmt.Errorf("kit: Options.Claims: %w", err)
		}
	}
	access, err := s.signer.Sign(claims)
	if err != nil {
		return TokenPair{}, err
	}
	return TokenPair{AccessToken: Secret(access), ExpiresIn: lifetime, User: u}, nil
}

// createToken stores t. When the answer is lost, it looks whether the row is stored: no other
// call knows its ID.
func (s *Service) createToken(ctx context.Context, t Token) error {
	err := s.tokens.Create(ctx, t)
	if errors.Is(err, ErrUnavailable) || errors.Is(err, ErrConflict) {
		stored, readErr := s.tokens.ByID(ctx, t.ID)
		switch {
		case readErr == nil && sameHash(stored.SecretHash, t.SecretHash):
			return nil
		case errors.Is(readErr, ErrUnavailable):
			return readErr
		}
	}
	return err
}

// sameHash compares in constant time.
func sameHash(a, b []byte) bool { return len(a) > 0 && subtle.ConstantTimeCompare(a, b) == 1 }
