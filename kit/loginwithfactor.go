package kit

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"myauth.internal/kit/accesstoken"
	"myauth.internal/kit/internal/opaque"
	"myauth.internal/kit/throttle"
)

// mfaType is the type of the record of a login between its first factor and its second.
const mfaType TokenType = "mfa"

const (
	challengeTTL     = 10 * time.Minute
	challengeTries   = 5
	challengePrompts = 5
)

// MFARequired is the answer to a login or a re-authentication whose first factor was right, when
// the account has a second. It matches [ErrMFARequired]. A login has no session yet.
type MFARequired struct {
	// Token is for [Service.LoginWithFactor], or, in the session that is re-authenticated, for
	// [Service.ReauthenticateWithFactor]: for 10 minutes and 5 answers.
	Token Secret
	// Methods are the names of the account's factors, of what else answers (see [Alternate]), and
	// "recovery_code", which every account with one had.
	Methods []string
	// ExpiresIn is how long Token is valid.
	ExpiresIn time.Duration
}

// Error is that of ErrMFARequired.
func (e *MFARequired) Error() string { return ErrMFARequired.Error() }

// Is reports whether target is [ErrMFARequired].
func (e *MFARequired) Is(target error) bool { return target == ErrMFARequired }

// challenge stores a login whose second factor is due, and returns a [MFARequired].
func (s *Service) challenge(ctx context.Context, l Login, now time.Time) error {
	methods, err := s.methodsOf(ctx, l.User)
	if err != nil {
		return err
	}
	token := opaque.New(now)
	row := Token{
		ID:         token.RowID(),
		Type:       mfaType,
		UserID:     l.User.ID,
		Epoch:      l.User.SessionEpoch,
		SecretHash: token.Hash(),
		Data:       sessionData{amr: l.AMR, authTime: now, session: l.session, device: l.device.row.ID}.encode(),
		CreatedAt:  now,
		ExpiresAt:  now.Add(challengeTTL),
		Version:    1,
	}
	if err := s.createAndSpend(ctx, row, l.Spend); err != nil {
		return err
	}
	s.emit(ctx, Event{Kind: EventFactorRequired, UserID: l.User.ID, SessionID: l.session})
	return &MFARequired{Token: Secret(token.Encode(mfaPrefix)), Methods: methods, ExpiresIn: challengeTTL}
}

// pendingLogin is a login between two factors, as read within the call.
type pendingLogin struct {
	row    Token
	data   sessionData
	user   User
	factor Factor
	record Token // of the factor; without an ID for an alternate
	known  []byte
}

// pendingLogin returns the login of a token, if one of its account's factors has that name, and
// if it was begun in the session of claims, or, with the zero claims, in none.
func (s *Service) pendingLogin(ctx context.Context, claims accesstoken.Claims, token, name string) (l pendingLogin, err error) {
	if err := s.enter(ctx); err != nil {
		return l, err
	}
	defer func() { err = s.refuseToken(ctx, "second factor", l.row.UserID, err) }()
	presented, ok := opaque.Parse(mfaPrefix, token)
	if !ok {
		return l, ErrInvalidToken
	}
	if l.row, err = s.tokenRow(ctx, presented, mfaType); err != nil {
		return l, err
	}
	if !sameHash(presented.Hash(), l.row.SecretHash) {
		return l, ErrInvalidToken
	}
	if err := s.checkRow(l.row, s.now()); err != nil {
		return l, err
	}
	if l.user, err = s.liveUser(ctx, l.row.UserID, l.row.Epoch); err != nil {
		return l, err
	}
	if l.data, err = decodeSession(l.row.Data); err != nil {
		return l, fmt.Errorf("kit: the data of a login between two factors: %w", err)
	}
	if l.data.session != claims.SessionID {
		return l, ErrInvalidToken
	}
	if claims.SessionID != "" {
		if _, err := s.liveSession(ctx, claims); err != nil {
			return l, err
		}
	}
	if alternate := s.alternates[name]; alternate != nil {
		l.factor = alternateFactor{Alternate: alternate}
		return l, nil
	}
	if l.factor = s.factorOf(l.user, name); l.factor == nil {
		return l, ErrNotEnrolled
	}
	l.record, l.known, err = s.factorData(ctx, l.user, name)
	return l, err
}

// ChallengeFactor asks the factor called method for what a login of [MFARequired] needs first:
// a message is sent, or a key gets what it must sign. At most five times a login. claims are
// those of the session that is re-authenticated, and zero for a login.
//
// Errors: [ErrInvalidToken], [ErrExpiredToken], [ErrRevokedToken] (also for the sixth),
// [ErrAccountDisabled], [ErrNotEnrolled], a [throttle.LimitError], what the factor returns.
func (s *Service) ChallengeFactor(ctx context.Context, claims accesstoken.Claims, token, method string) (_ Prompt, err error) {
	l, err := s.pendingLogin(ctx, claims, token, method)
	if err != nil {
		return Prompt{}, err
	}
	c, err := s.attempt(ctx, throttle.Attempt{Action: throttle.ActionFactorChallenge, EmailKey: EmailKey(l.user.Email), UserID: l.user.ID, Device: claims.SessionID}, "")
	if err != nil {
		return Prompt{}, err
	}
	defer c.end(ctx, &err)
	if err := s.count(ctx, &l, func(d *sessionData) bool {
		d.prompts++
		return d.prompts <= challengePrompts && d.tries < challengeTries
	}); err != nil {
		return Prompt{}, err
	}
	return s.prompt(l.user, method, l.row.ID, func() (Prompt, error) { return l.factor.Challenge(ctx, l.user, l.known) })
}

// LoginWithFactor completes a login with the answer to a second factor, or with a recovery code:
// the method "recovery_code". state is the member "state" of what ChallengeFactor returned, or
// empty. See [RememberDevice].
//
// Errors: [ErrInvalidCode], [ErrInvalidToken], [ErrExpiredToken], [ErrRevokedToken] (also
// after five answers), [ErrNotEnrolled], a [throttle.LimitError], those of [Service.Grant], what the
// factor returns.
func (s *Service) LoginWithFactor(ctx context.Context, token, method, state string, answer Body) (TokenPair, error) {
	return s.answerFactor(ctx, accesstoken.Claims{}, token, method, state, answer)
}

// answerFactor completes a login, or the re-authentication of the session of claims.
func (s *Service) answerFactor(ctx context.Context, claims accesstoken.Claims, token, method, state string, answer Body) (_ TokenPair, err error) {
	l, err := s.pendingLogin(ctx, claims, token, method)
	if err != nil {
		return TokenPair{}, err
	}
	known, err := s.deviceByID(ctx, l.user, l.data.device)
	if err != nil {
		return TokenPair{}, err
	}
	c, err := s.attempt(ctx, throttle.Attempt{Action: throttle.ActionFactor, EmailKey: EmailKey(l.user.Email), UserID: l.user.ID, Device: cmp.Or(claims.SessionID, known.row.ID)}, "")
	if err != nil {
		return TokenPair{}, err
	}
	defer c.end(ctx, &err)
	if err := s.count(ctx, &l, func(d *sessionData) bool { d.tries++; return d.tries <= challengeTries }); err != nil {
		return TokenPair{}, err
	}
	var opened openState
	if state != "" {
		if opened, err = s.openState(state, factorState, l.user.ID, method, l.row.ID); err != nil {
			return TokenPair{}, err
		}
	}
	proof, err := l.factor.Verify(ctx, l.user, l.known, opened.data, answer)
	if errors.Is(err, ErrInvalidCode) {
		s.emit(ctx, Event{Kind: EventFactorFailed, UserID: l.user.ID, SessionID: claims.SessionID, Err: fmt.Errorf("%s: %w", method, err)})
	}
	if err != nil {
		return TokenPair{}, err
	}
	return s.grant(ctx, Login{
		User:    l.user,
		AMR:     distinct(slices.Concat(l.data.amr, proof.AMR, []string{AMRMultiple})),
		Spend:   func(ctx context.Context) error { return s.spendAnswer(ctx, l, proof, opened, answer) },
		session: claims.SessionID,
		device:  known,
	})
}

// spendAnswer uses up the login between two factors, the state, and the answer.
func (s *Service) spendAnswer(ctx context.Context, l pendingLogin, proof Proof, opened openState, answer Body) error {
	_, err := s.changeRecord(ctx, s.tokens, l.row, func(t *Token) error {
		if !t.RevokedAt.IsZero() {
			return ErrRevokedToken
		}
		t.RevokedAt = s.now()
		return nil
	})
	if err != nil {
		return revokedIfGone(err)
	}
	if opened.nonce != "" {
		if err := s.spendState(ctx, l.user.ID, opened); err != nil {
			return err
		}
	}
	if l.record.ID == "" {
		if proof.Spend == nil {
			return nil
		}
		return proof.Spend(ctx)
	}
	_, err = s.changeRecord(ctx, s.credentials, l.record, func(t *Token) error {
		if t.Version != l.record.Version { // another login was first
			known, err := s.openData(*t)
			if err != nil {
				return err
			}
			if proof, err = l.factor.Verify(ctx, l.user, known, opened.data, answer); err != nil {
				return err
			}
			l.known = known
		}
		known := l.known
		if proof.Data != nil {
			known = proof.Data
		}
		t.Data = s.opts.DataKeys.Seal(known, sealContext(*t)...) // under the first key
		t.RotatedAt = s.now()
		return nil
	})
	if errors.Is(err, ErrNotFound) {
		return ErrInvalidCode // the factor was removed
	}
	if _, recovered := l.factor.(recoveryFactor); recovered && err == nil {
		s.recoveryCodeUsed(ctx, l)
	}
	return err
}

// count changes a counter of a pending login before what it counts, so that parallel calls never
// share one. It refuses when more returns false.
func (s *Service) count(ctx context.Context, l *pendingLogin, more func(*sessionData) bool) error {
	row, err := s.changeRecord(ctx, s.tokens, l.row, func(t *Token) error {
		d, err := decodeSession(t.Data)
		switch {
		case err != nil:
			return err
		case !t.RevokedAt.IsZero(), !more(&d):
			return ErrRevokedToken
		}
		t.Data = d.encode()
		return nil
	})
	if err != nil {
		return revokedIfGone(err)
	}
	l.row = row
	return nil
}
