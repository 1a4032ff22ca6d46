package kit

import (
	"context"
	"errors"
	"slices"
	"time"

	"myauth.internal/kit/accesstoken"
)

// EnrolledFactor is a second factor of an account.
type EnrolledFactor struct {
	Name string
	FactorStatus
}

// factorsOf returns the names of the account's factors that this Service has.
func (s *Service) factorsOf(u User) []string {
	names := []string{}
	for _, name := range u.Factors {
		if s.factors[name] != nil {
			names = append(names, name)
		}
	}
	return names
}

// Factors lists the second factors of a user. Errors: what a factor returns.
func (s *Service) Factors(ctx context.Context, u User) ([]EnrolledFactor, error) {
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	list := []EnrolledFactor{}
	for _, name := range s.factorsOf(u) {
		status, err := s.factors[name].Status(ctx, u)
		if err != nil {
			return nil, err
		}
		list = append(list, EnrolledFactor{name, status})
	}
	return list, nil
}

// EnrollFactor begins the enrolment of a second factor, with what the factor asks of the client
// in request. Nothing is written. The caller, whose
// claims are those of the user's access token, has asked [Service.CheckRecent].
//
// Errors: [ErrNotEnrolled] if there is no such factor, [ErrAlreadyEnrolled],
// [ErrEmailNotVerified], a [LimitError], what the factor returns.
func (s *Service) EnrollFactor(ctx context.Context, claims accesstoken.Claims, name string, request Body) (_ Prompt, err error) {
	u, factor, err := s.enrolling(ctx, claims, name)
	if err != nil {
		return Prompt{}, err
	}
	c, err := s.attempt(ctx, ActionFactorChallenge, u.Email, u.ID, "")
	if err != nil {
		return Prompt{}, err
	}
	defer func() { c.end(ctx, err) }()
	return s.prompt(u, name, claims.SessionID, func() (Prompt, error) { return factor.Enroll(ctx, u, request) })
}

func (s *Service) enrolling(ctx context.Context, claims accesstoken.Claims, name string) (User, Factor, error) {
	factor := s.factors[name]
	if factor == nil {
		return User{}, nil, ErrNotEnrolled
	}
	if err := s.enter(ctx); err != nil {
		return User{}, nil, err
	}
	u, err := s.liveUser(ctx, claims.Subject, claims.Epoch)
	switch {
	case err != nil:
		return User{}, nil, err
	case !u.Verified:
		return User{}, nil, ErrEmailNotVerified // whoever registered somebody else's address could lock the owner out
	case slices.Contains(u.Factors, name):
		return User{}, nil, ErrAlreadyEnrolled
	}
	return u, factor, nil
}

// prompt seals the state of what a factor begins, bound to the user, the factor and a session
// or login, into the member "state".
func (s *Service) prompt(u User, name, binding string, begin func() (Prompt, error)) (Prompt, error) {
	p, err := begin()
	if err != nil {
		return Prompt{}, err
	}
	show := map[string]any{}
	for name, value := range p.Show {
		show[name] = value
	}
	if p.State != nil {
		state, err := s.sealState(factorState, s.now().Add(stateTTL), p.State, u.ID, name, binding)
		if err != nil {
			return Prompt{}, err
		}
		show["state"] = state
	}
	return Prompt{Show: show}, nil
}

// ConfirmFactor completes an enrolment with the user's answer. The same write that sets
// User.Factors ends every other session of the user, because they were begun without the
// factor. The session of claims lives on with the new access token.
//
// Errors: [ErrInvalidCode], [ErrInvalidToken], [ErrExpiredToken] and [ErrRevokedToken] for the
// state, those of [Service.EnrollFactor].
func (s *Service) ConfirmFactor(ctx context.Context, claims accesstoken.Claims, name, state string, answer Body) (_ TokenPair, err error) {
	u, factor, err := s.enrolling(ctx, claims, name)
	if err != nil {
		return TokenPair{}, err
	}
	c, err := s.attempt(ctx, ActionFactor, u.Email, u.ID, "")
	if err != nil {
		return TokenPair{}, err
	}
	defer func() { c.end(ctx, err) }()
	opened, err := s.openState(state, factorState, u.ID, name, claims.SessionID)
	if err != nil {
		return TokenPair{}, err
	}
	if err := factor.Confirm(ctx, u, opened.data, answer); err != nil {
		return TokenPair{}, err
	}
	ctx = context.WithoutCancel(ctx)
	if err := s.spendState(ctx, u.ID, opened); err != nil {
		return TokenPair{}, err
	}
	u, changed, err := s.changeUser(ctx, u.ID, func(u *User) error {
		switch {
		case u.SessionEpoch != claims.Epoch || !u.Active:
			return ErrRevokedToken
		case slices.Contains(u.Factors, name):
			return ErrAlreadyEnrolled
		}
		u.Factors = append(u.Factors, name)
		u.SessionEpoch++
		return nil
	})
	if err != nil {
		return TokenPair{}, err
	}
	if changed {
		s.emit(ctx, Event{Kind: EventFactorEnrolled, UserID: u.ID, SessionID: claims.SessionID})
		s.queueMailWith(ctx, MailFactorEnrolled, u, MailContent{Data: map[string]string{"factor": name}})
	}
	return s.keepSession(ctx, u, claims.SessionID, func(d *sessionData) {
		d.amr = distinct(append(slices.Clone(d.amr), AMRMultiple))
		d.authTime = s.now()
	})
}

// RemoveFactor removes a second factor of the user whose access token has claims. Repeating it
// is no error.
//
// Errors: [ErrNotEnrolled] if there is no such factor, [ErrReauthenticationRequired] if the
// login had no second factor, what the factor returns.
func (s *Service) RemoveFactor(ctx context.Context, claims accesstoken.Claims, name string) error {
	factor := s.factors[name]
	switch {
	case factor == nil:
		return ErrNotEnrolled
	case !slices.Contains(claims.AMR, AMRMultiple):
		return ErrReauthenticationRequired
	}
	u, changed, err := s.changeUser(ctx, claims.Subject, func(u *User) error {
		if u.SessionEpoch != claims.Epoch || !u.Active {
			return ErrRevokedToken
		}
		at := slices.Index(u.Factors, name)
		if at < 0 {
			return errUnchanged
		}
		u.Factors = slices.Delete(u.Factors, at, at+1)
		return nil
	})
	if err != nil {
		return err
	}
	ctx = context.WithoutCancel(ctx)
	if changed {
		s.emit(ctx, Event{Kind: EventFactorRemoved, UserID: u.ID, SessionID: claims.SessionID})
		s.queueMailWith(ctx, MailFactorRemoved, u, MailContent{Data: map[string]string{"factor": name}})
	}
	return factor.Remove(ctx, u)
}

// CheckRecent returns nil if a login is recent enough for what could take the account away:
// at most Options.RecentLogin ago, and with a second factor if the account has one.
// Otherwise it returns [ErrReauthenticationRequired].
func (s *Service) CheckRecent(u User, claims accesstoken.Claims) error {
	ago := s.now().Sub(claims.AuthTime)
	if claims.AuthTime.IsZero() || ago > s.opts.RecentLogin || ago < -accesstoken.ClockSkew || factorDue(u, claims.AMR) {
		return ErrReauthenticationRequired
	}
	return nil
}

// RecentLogin returns Options.RecentLogin, for HTTP layers.
func (s *Service) RecentLogin() time.Duration { return s.opts.RecentLogin }

// keepSession lets one session live on after a change that raised the epoch of u, and makes an
// access token for it.
func (s *Service) keepSession(ctx context.Context, u User, sessionID string, change func(*sessionData)) (TokenPair, error) {
	var kept Token
	err := s.eachSession(ctx, u.ID, func(t Token) error {
		if t.SessionID == sessionID {
			kept = t
		}
		return nil
	})
	if err != nil {
		return TokenPair{}, err
	}
	for range casRounds {
		if kept.ID == "" || !kept.RevokedAt.IsZero() {
			return TokenPair{}, ErrRevokedToken
		}
		data, err := decodeSession(kept.Data)
		if err != nil {
			return TokenPair{}, err
		}
		change(&data)
		kept.Data, kept.Epoch = data.encode(), u.SessionEpoch
		err = s.tokens.Update(ctx, kept)
		if err == nil {
			return s.issueAccess(ctx, u, kept, data, s.now())
		}
		if !errors.Is(err, ErrConflict) && !errors.Is(err, ErrUnavailable) {
			return TokenPair{}, revokedIfGone(err)
		}
		// A refresh was first, or the answer was lost: the same change again is harmless.
		stored, readErr := s.tokens.ByID(ctx, kept.ID)
		switch {
		case readErr != nil:
			return TokenPair{}, revokedIfGone(readErr)
		case errors.Is(err, ErrUnavailable) && stored.Version == kept.Version:
			return TokenPair{}, err
		}
		kept = stored
	}
	return TokenPair{}, errContention
}
