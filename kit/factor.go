package kit

import (
	"context"
	"errors"
	"slices"
	"time"

	"myauth.internal/kit/accesstoken"
)

// Factor is a second factor. It only asks and compares: the [Service] keeps what the factor
// knows of a user in one sealed record, uses up each answer once, counts tries, and binds what
// is sent to the client to the user and the login. Methods are called with the user as read
// within the call.
type Factor interface {
	// Enroll begins the enrolment of u, with the body of the request, which may be empty.
	// Nothing is written. Prompt.State reaches Confirm.
	Enroll(ctx context.Context, u User, request Body) (Prompt, error)

	// Confirm checks what the user answers, and returns what the factor must know of the user
	// from now on, at most 4 KiB. A wrong answer is [ErrInvalidCode].
	Confirm(ctx context.Context, u User, state []byte, answer Body) (data []byte, err error)

	// Challenge begins the second step of a login of u: it sends a message, or makes what a
	// key must sign. Prompt.State reaches Verify. A factor that needs nothing first returns
	// the zero Prompt.
	Challenge(ctx context.Context, u User, data []byte) (Prompt, error)

	// Verify checks the answer of a login. state is nil unless the client sent one that
	// Challenge made for this login. A wrong answer is [ErrInvalidCode]. If the data was
	// changed by another login meanwhile, Verify is called again with the new data: so a
	// factor that writes into Proof.Data what was used refuses a second use.
	Verify(ctx context.Context, u User, data, state []byte, answer Body) (Proof, error)
}

// Prompt is what the client needs for its next request to a [Factor].
type Prompt struct {
	// Show is shown to the client: members of the answer's JSON object. The member "state" is
	// added, if there is a State.
	Show map[string]any
	// State is what the factor must know at the next request, at most 4 KiB. It is sealed, and
	// good for one success, of this user, in this session or login, within 10 minutes.
	State []byte
}

// Proof is a right answer to a [Factor].
type Proof struct {
	// AMR is what was used (RFC 8176), such as "otp" or "sms".
	AMR []string
	// Data is what the factor must know from now on; nil if nothing has changed.
	Data []byte
}

// EnrolledFactor is a second factor of an account. LastUsedAt is zero before the first login.
type EnrolledFactor struct {
	Name                  string
	CreatedAt, LastUsedAt time.Time
}

// factorType is the type of the records of a factor, whose key is the user's ID.
func factorType(name string) TokenType { return TokenType("factor/" + name) }

// factorRow returns a new record of a factor of a user.
func factorRow(u User, name string) Token {
	t := derivedRecord(factorType(name), u.ID)
	t.UserID, t.Epoch, t.ExpiresAt = u.ID, u.CredentialEpoch, never
	return t
}

// factorData returns the record of an enrolled factor, opened. A record that is lost does not
// turn the factor off: the login is refused.
func (s *Service) factorData(ctx context.Context, u User, name string) (Token, []byte, error) {
	id, _ := derivedID(factorType(name), u.ID)
	row, err := s.credentials.ByID(ctx, id)
	if errors.Is(err, ErrNotFound) || err == nil && row.Epoch != u.CredentialEpoch {
		s.opts.Logger.ErrorContext(ctx, "myauth: the record of a second factor is missing", "user_id", u.ID, "factor", name)
		return Token{}, nil, ErrNotEnrolled
	} else if err != nil {
		return Token{}, nil, err
	}
	data, err := s.openData(row)
	return row, data, err
}

func (s *Service) openData(row Token) ([]byte, error) {
	data, _, err := s.opts.DataKeys.Open(row.Data, sealContext(row)...)
	return data, err
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

// Factors lists the second factors of a user.
func (s *Service) Factors(ctx context.Context, u User) ([]EnrolledFactor, error) {
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	list := []EnrolledFactor{}
	for _, name := range s.factorsOf(u) {
		row, _, err := s.factorData(ctx, u, name)
		if err != nil && !errors.Is(err, ErrNotEnrolled) {
			return nil, err
		}
		list = append(list, EnrolledFactor{name, row.CreatedAt, row.RotatedAt})
	}
	return list, nil
}

// EnrollFactor begins the enrolment of a second factor, with what the factor asks of the client
// in request. Nothing is written. claims are those of the user's access token; the caller has
// asked [Service.CheckRecent], here and for ConfirmFactor and RemoveFactor.
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
	defer c.end(ctx, &err)
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
	defer c.end(ctx, &err)
	opened, err := s.openState(state, factorState, u.ID, name, claims.SessionID)
	if err != nil {
		return TokenPair{}, err
	}
	data, err := factor.Confirm(ctx, u, opened.data, answer)
	if err != nil {
		return TokenPair{}, err
	}
	ctx = context.WithoutCancel(ctx)
	enrolledAt, credentialEpoch := s.now(), u.CredentialEpoch
	put := func(mayReplace func() error) error {
		row := factorRow(u, name)
		row.CreatedAt, row.Data = enrolledAt, s.opts.DataKeys.Seal(data, sealContext(row)...)
		return s.putUnique(ctx, row, mayReplace)
	}
	// Of two enrolments at once the one that changes the user below has its record in the end:
	// it writes that again, and from then on the other one finds the factor enrolled, and a
	// removal leaves the record.
	if err := put(func() error { _, _, err := s.enrolling(ctx, claims, name); return err }); err != nil {
		return TokenPair{}, err
	}
	if err := s.spendState(ctx, u.ID, opened); err != nil {
		return TokenPair{}, err
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
	if err != nil {
		return TokenPair{}, err
	}
	if changed {
		s.emit(ctx, Event{Kind: EventFactorEnrolled, UserID: u.ID, SessionID: claims.SessionID})
		s.queueMailWith(ctx, MailFactorEnrolled, u, MailContent{Data: map[string]string{"factor": name}})
	}
	if err := put(always); err != nil {
		return TokenPair{}, err
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
// login had no second factor, [ErrRevokedToken].
func (s *Service) RemoveFactor(ctx context.Context, claims accesstoken.Claims, name string) error {
	switch {
	case s.factors[name] == nil:
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
	return s.removeFactorRecord(ctx, u.ID, name)
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
		case slices.Contains(u.Factors, name):
			return nil // enrolled again
		}
		if err := s.credentials.Delete(ctx, id, row.Version); !errors.Is(err, ErrConflict) {
			return ignoreLoss(err)
		}
	}
	return errContention
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
	var data sessionData
	kept, err = s.changeRecord(ctx, s.tokens, kept, func(t *Token) (err error) {
		if t.ID == "" || !t.RevokedAt.IsZero() {
			return ErrRevokedToken
		}
		if data, err = decodeSession(t.Data); err != nil {
			return err
		}
		change(&data)
		t.Data, t.Epoch = data.encode(), u.SessionEpoch
		return nil
	})
	if err != nil {
		return TokenPair{}, revokedIfGone(err)
	}
	return s.issueAccess(ctx, u, kept, data, s.now())
}
