package kit

import (
	"cmp"
	"context"
	"slices"
	"time"

	"myauth.internal/kit/accesstoken"
	"myauth.internal/kit/throttle"
)

// Reauthenticate proves again, with the password, that the owner of a session is there: the
// session of claims, and its new access token in the result, then have a recent login: see
// [Service.CheckRecent]. It is judged like a login, by the same function as [Service.Grant]. If the
// account has a second factor, the right password returns a [MFARequired], whose token is for
// [Service.ReauthenticateWithFactor] in this session.
//
// Errors: [ErrInvalidCredentials], a [MFARequired], [ErrRevokedToken] also when the session of
// claims has ended, [ErrAccountDisabled], [ErrEmailNotVerified], a [throttle.LimitError], what
// Hooks.BeforeLogin and Extension.Gate return.
func (s *Service) Reauthenticate(ctx context.Context, claims accesstoken.Claims, password string) (_ TokenPair, err error) {
	u, _, err := s.signedIn(ctx, claims)
	if err != nil {
		return TokenPair{}, err
	}
	c, err := s.attempt(ctx, throttle.Attempt{Action: throttle.ActionReauthenticate, EmailKey: EmailKey(u.Email), UserID: u.ID, Device: claims.SessionID}, password)
	if err != nil {
		return TokenPair{}, err
	}
	defer c.end(ctx, &err)
	matched, _, err := s.compare(ctx, u.PasswordHash, password)
	if err != nil {
		return TokenPair{}, err
	}
	if !matched {
		s.emit(ctx, Event{Kind: EventLoginFailed, UserID: u.ID, SessionID: claims.SessionID, Err: ErrInvalidCredentials})
		return TokenPair{}, ErrInvalidCredentials
	}
	return s.grant(ctx, Login{User: u, AMR: passwordAMR, session: claims.SessionID})
}

// ReauthenticateWithFactor completes [Service.Reauthenticate] with the answer to a second factor.
// After [ErrUnavailable] the answer may have been used up: begin again. Errors: those of
// [Service.LoginWithFactor], and [ErrInvalidToken] for a token that was made for a login or in
// another session.
func (s *Service) ReauthenticateWithFactor(ctx context.Context, claims accesstoken.Claims, token, method, state string, answer Body) (TokenPair, error) {
	if claims.SessionID == "" { // which would be a login
		return TokenPair{}, ErrRevokedToken
	}
	return s.answerFactor(ctx, claims, token, method, state, answer)
}

// renewLogin makes a session one that its user logged in to now.
func (s *Service) renewLogin(ctx context.Context, l Login, now time.Time) (TokenPair, error) {
	session, err := s.liveSession(ctx, accesstoken.Claims{Subject: l.User.ID, SessionID: l.session, Epoch: l.User.SessionEpoch})
	if err != nil {
		return TokenPair{}, err
	}
	ctx = context.WithoutCancel(ctx)
	// First, unlike for a new session: this one has a token, so it must not count as recent
	// before the proof is spent.
	if l.Spend != nil {
		if err := l.Spend(ctx); err != nil {
			return TokenPair{}, err
		}
	}
	tokens, err := s.keepSession(ctx, l.User, session, func(d *sessionData) {
		d.amr = distinct(slices.Concat(d.amr, l.AMR))
		d.authTime = cmp.Or(l.provedAt, now)
	})
	if err == nil {
		s.emit(ctx, Event{Kind: EventReauthenticated, UserID: session.UserID, SessionID: session.SessionID})
	}
	return tokens, err
}
