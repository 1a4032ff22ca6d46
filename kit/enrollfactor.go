package kit

import (
	"context"
	"errors"
	"slices"

	"myauth.internal/kit/accesstoken"
	"myauth.internal/kit/throttle"
)

// EnrollFactor begins the enrolment of a second factor, with what the factor asks of the client
// in request. Nothing is written. claims are those of the user's access token; the caller has
// asked [Service.CheckRecent], here and for ConfirmFactor and RemoveFactor.
//
// Errors: [ErrNotEnrolled] if there is no such factor, [ErrAlreadyEnrolled],
// [ErrEmailNotVerified], [ErrRevokedToken] also when the session of claims has ended, a
// [throttle.LimitError], what the factor returns.
func (s *Service) EnrollFactor(ctx context.Context, claims accesstoken.Claims, name string, request Body) (_ Prompt, err error) {
	u, _, factor, err := s.enrolling(ctx, claims, name)
	if err != nil {
		return Prompt{}, err
	}
	c, err := s.attempt(ctx, throttle.Attempt{Action: throttle.ActionFactorChallenge, EmailKey: EmailKey(u.Email), UserID: u.ID, Device: claims.SessionID}, "")
	if err != nil {
		return Prompt{}, err
	}
	defer c.end(ctx, &err)
	return s.prompt(u, name, claims.SessionID, func() (Prompt, error) { return factor.Enroll(ctx, u, request) })
}

func (s *Service) enrolling(ctx context.Context, claims accesstoken.Claims, name string) (u User, session Token, factor Factor, err error) {
	if factor = s.factors[name]; factor == nil {
		return u, session, nil, ErrNotEnrolled
	}
	u, session, err = s.signedIn(ctx, claims) // a thief may have its access token after the logout
	switch {
	case err != nil:
	case !u.Verified:
		err = ErrEmailNotVerified // a stranger who registered the address could lock its owner out
	case slices.Contains(u.Factors, name):
		err = ErrAlreadyEnrolled
	}
	return u, session, factor, err
}

// Enrolment is the result of [Service.ConfirmFactor].
type Enrolment struct {
	// Tokens has the new access token of the session.
	Tokens TokenPair
	// RecoveryCodes are shown once; none if the account had another factor: see
	// [Service.NewRecoveryCodes].
	RecoveryCodes []Secret
}

// ConfirmFactor completes an enrolment with the user's answer. The same write that sets
// User.Factors ends every other session of the user, because they were begun without the
// factor. The session of claims lives on with the new access token; if it has ended, nothing is
// enrolled. The first factor of an account comes with ten recovery codes.
//
// Errors: [ErrInvalidCode], [ErrInvalidToken], [ErrExpiredToken] and [ErrRevokedToken] for the
// state, those of [Service.EnrollFactor].
func (s *Service) ConfirmFactor(ctx context.Context, claims accesstoken.Claims, name, state string, answer Body) (_ Enrolment, err error) {
	u, session, factor, err := s.enrolling(ctx, claims, name)
	if err != nil {
		return Enrolment{}, err
	}
	c, err := s.attempt(ctx, throttle.Attempt{Action: throttle.ActionFactor, EmailKey: EmailKey(u.Email), UserID: u.ID, Device: claims.SessionID}, "")
	if err != nil {
		return Enrolment{}, err
	}
	defer c.end(ctx, &err)
	opened, err := s.openState(state, factorState, u.ID, name, claims.SessionID)
	if err != nil {
		return Enrolment{}, err
	}
	data, err := factor.Confirm(ctx, u, opened.data, answer)
	if err != nil {
		return Enrolment{}, err
	}
	ctx = context.WithoutCancel(ctx)
	enrolledAt, credentialEpoch := s.now(), u.CredentialEpoch
	put := func(mayReplace func() error) error {
		return s.putFactorData(ctx, u, name, enrolledAt, data, mayReplace)
	}
	// Of two enrolments at once the one that changes the user below has its record in the end:
	// it writes that again, and from then on the other one finds the factor enrolled, and a
	// removal leaves the record.
	if err := put(func() error { _, _, _, err := s.enrolling(ctx, claims, name); return err }); err != nil {
		return Enrolment{}, err
	}
	if err := s.spendState(ctx, u.ID, opened); err != nil {
		return Enrolment{}, err
	}
	u, changed, err := s.changeUser(ctx, u.ID, func(u *User) error {
		switch {
		case u.SessionEpoch != claims.Epoch || u.CredentialEpoch != credentialEpoch || !u.Active:
			return ErrRevokedToken
		case slices.Contains(u.Factors, name):
			return ErrAlreadyEnrolled
		}
		u.Factors = append(u.Factors, name)
		u.SessionEpoch++
		return nil
	})
	if err == nil && !changed {
		err = ErrAlreadyEnrolled // by another session at the same instant, whose write is equal
	}
	if err != nil {
		return Enrolment{}, err
	}
	s.emit(ctx, Event{Kind: EventFactorEnrolled, UserID: u.ID, SessionID: claims.SessionID})
	s.queueMailWith(ctx, MailFactorEnrolled, u, MailContent{Data: map[string]string{"factor": name}})
	if err := put(always); err != nil {
		return Enrolment{}, err
	}
	var codes []Secret
	if len(u.Factors) == 1 {
		if codes, err = s.putRecoveryCodes(ctx, u); err != nil {
			return Enrolment{}, err
		}
	}
	tokens, err := s.keepSession(ctx, u, session, func(d *sessionData) {
		d.amr = distinct(append(slices.Clone(d.amr), AMRMultiple))
		d.authTime = s.now()
	})
	return Enrolment{tokens, codes}, err
}

// RemoveFactor removes a second factor of the user whose access token has claims, and with the
// last one the recovery codes. Repeating it is no error.
//
// Errors: [ErrNotEnrolled] if there is no such factor, [ErrReauthenticationRequired] if the
// login had no second factor, [ErrRevokedToken].
func (s *Service) RemoveFactor(ctx context.Context, claims accesstoken.Claims, name string) error {
	switch {
	case s.factors[name] == nil:
		return ErrNotEnrolled
	case !slices.Contains(claims.AMR, AMRMultiple):
		return ErrReauthenticationRequired
	}
	if err := s.enter(ctx); err != nil {
		return err
	}
	if _, err := s.liveSession(ctx, claims); err != nil {
		return err
	}
	u, changed, err := s.changeUser(ctx, claims.Subject, func(u *User) error {
		if u.SessionEpoch != claims.Epoch || !u.Active {
			return ErrRevokedToken
		}
		at := slices.Index(u.Factors, name)
		if at < 0 {
			return ErrUnchanged
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
	if err := s.removeFactorRecord(ctx, u.ID, name); err != nil {
		return err
	}
	return s.removeFactorRecord(ctx, u.ID, recoveryMethod)
}

// removeFactorRecord deletes the record of a factor that the user does not have any more. An
// enrolment writes the record before it sets the factor, and again after that. So if a record is
// read and then the user does not have the factor, that version of the record is in no use.
func (s *Service) removeFactorRecord(ctx context.Context, userID, name string) error {
	id, _ := derivedID(factorType(name), userID)
	for range casRounds {
		row, err := s.credentials.ByID(ctx, id)
		if err != nil {
			return ignoreLoss(err) // ErrNotFound: it is gone
		}
		u, err := s.users.ByID(ctx, userID)
		switch {
		case err != nil && !errors.Is(err, ErrNotFound):
			return err
		case hasMethod(u, name):
			return nil // enrolled again
		}
		if err := s.credentials.Delete(ctx, id, row.Version); !errors.Is(err, ErrConflict) {
			return ignoreLoss(err)
		}
	}
	return errContention
}
