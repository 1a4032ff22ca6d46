package kit

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"
)

// Factor is a second factor. It only asks and compares: the [Service] keeps what the factor
// knows of a user in one sealed record, uses up each answer once, counts tries, and binds what
// is sent to the client to the user and the login. Methods are called with the user as read
// within the call.
type Factor interface {
	// Enroll begins the enrolment of u, with the body of the request, which may be empty.
	// Nothing is written, so only Options.Limiter bounds how often it is called. Prompt.State
	// reaches Confirm.
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

// Alternate answers a second factor that is due, without being one that makes it due: it is not
// in User.Factors. It keeps its own records. A passkey is one: the account can log in with it
// alone, so it asks nobody for more.
type Alternate interface {
	// Offered reports whether u can answer with it.
	Offered(ctx context.Context, u User) (bool, error)

	// Challenge and Verify are those of a [Factor]. Proof.Spend uses the answer up.
	Challenge(ctx context.Context, u User) (Prompt, error)
	Verify(ctx context.Context, u User, state []byte, answer Body) (Proof, error)
}

// noEnrolment is for what answers like a factor, and is set up elsewhere.
type noEnrolment struct{}

func (noEnrolment) Enroll(context.Context, User, Body) (Prompt, error) {
	return Prompt{}, ErrNotEnrolled
}

func (noEnrolment) Confirm(context.Context, User, []byte, Body) ([]byte, error) {
	return nil, ErrNotEnrolled
}

// alternateFactor is an Alternate in place of a factor. It has no record.
type alternateFactor struct {
	noEnrolment
	Alternate
}

func (f alternateFactor) Challenge(ctx context.Context, u User, _ []byte) (Prompt, error) {
	return f.Alternate.Challenge(ctx, u)
}

func (f alternateFactor) Verify(ctx context.Context, u User, _, state []byte, answer Body) (Proof, error) {
	return f.Alternate.Verify(ctx, u, state, answer)
}

// methodsOf returns what an account whose second factor is due can answer with.
func (s *Service) methodsOf(ctx context.Context, u User) ([]string, error) {
	names := s.factorsOf(u)
	if len(names) == 0 {
		s.opts.Logger.ErrorContext(ctx, "myauth: Options.Features has none of the second factors of an account", "user_id", u.ID, "factors", u.Factors)
	}
	for _, name := range slices.Sorted(maps.Keys(s.alternates)) {
		offered, err := s.alternates[name].Offered(ctx, u)
		if err != nil {
			return nil, err
		}
		if offered {
			names = append(names, name)
		}
	}
	return append(names, recoveryMethod), nil
}

// Prompt is what the client needs for its next request to a [Factor].
type Prompt struct {
	unprinted

	// Show is shown to the client: members of the answer's JSON object, of which a [Secret] is
	// written out. The member "state" is added, if there is a State.
	Show map[string]any
	// State is what the factor must know at the next request, at most 4 KiB. It is sealed, and
	// good for one success, of this user, in this session or login, within 10 minutes.
	State []byte
}

// Proof is a right answer to a [Factor].
type Proof struct {
	unprinted

	// AMR is what was used (RFC 8176), such as "otp" or "sms".
	AMR []string
	// Data is what the factor must know from now on; nil if nothing has changed.
	Data []byte
	// Spend makes the answer to an [Alternate] unusable, once, as Login.Spend does; nil: the
	// state alone is used up.
	Spend func(context.Context) error
}

// EnrolledFactor is a second factor of an account. LastUsedAt is zero before the first login.
type EnrolledFactor struct {
	Name                  string
	CreatedAt, LastUsedAt time.Time
}

// factorType is the type of the records of a factor, whose key is the user's ID.
func factorType(name string) TokenType { return TokenType("factor/" + name) }

// putFactorData stores what a factor knows of a user, sealed, in a record of its own.
func (s *Service) putFactorData(ctx context.Context, u User, name string, at time.Time, data []byte, mayReplace func() error) error {
	t := derivedRecord(factorType(name), u.ID)
	t.UserID, t.Epoch, t.CreatedAt, t.ExpiresAt = u.ID, u.CredentialEpoch, at, never
	t.Data = s.opts.DataKeys.Seal(data, sealContext(t)...)
	return s.putUnique(ctx, t, mayReplace)
}

// factorData returns the record of an enrolled factor, opened. A record that is lost does not
// turn the factor off: the login is refused.
func (s *Service) factorData(ctx context.Context, u User, name string) (Token, []byte, error) {
	id, _ := derivedID(factorType(name), u.ID)
	row, err := s.credentials.ByID(ctx, id)
	if errors.Is(err, ErrNotFound) || err == nil && row.Epoch != u.CredentialEpoch {
		// Recovery codes may be missing, after a crash right after an enrolment: the owner makes
		// new ones.
		if name != recoveryMethod {
			s.opts.Logger.ErrorContext(ctx, "myauth: the record of a second factor is missing", "user_id", u.ID, "factor", name)
		}
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

// prompt seals the state of what a factor begins, bound to the user, the factor and a session
// or login, into the member "state".
func (s *Service) prompt(u User, name, binding string, begin func() (Prompt, error)) (Prompt, error) {
	p, err := begin()
	if err != nil {
		return Prompt{}, err
	}
	show := map[string]any{}
	for name, value := range p.Show {
		if secret, ok := value.(Secret); ok {
			value = string(secret)
		}
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
