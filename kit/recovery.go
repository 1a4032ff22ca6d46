package kit

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"myauth.internal/kit/accesstoken"
)

// recoveryMethod is the name of recovery codes among the methods of a second step. They are kept,
// counted and used up as a factor's data are, and yet they are no factor: User.Factors never has
// the name, and an account without a factor has none.
const recoveryMethod = "recovery_code"

const (
	recoveryCodes  = 10
	recoveryDigits = 25 // of 5 bits
	recoveryGroup  = 5
	// recoveryAlphabet is Crockford's base32: no letter looks like a digit.
	recoveryAlphabet = "0123456789abcdefghjkmnpqrstvwxyz"
)

// recoveryFactor compares recovery codes. Its data are the hashes of those that are left: with 125
// random bits, a plain hash is enough.
type recoveryFactor struct{ noEnrolment }

// recoveryHash is a hash of a code, however it is typed.
func recoveryHash(code string) []byte {
	code = strings.Map(func(r rune) rune {
		switch r {
		case 'o':
			return '0'
		case 'i', 'l':
			return '1'
		case '-', ' ', '\t', '\u00a0':
			return -1
		}
		return r
	}, strings.ToLower(code))
	sum := sha256.Sum256([]byte("recovery code\x00" + code))
	return sum[:]
}

// newRecoveryCodes returns codes in groups, and the data with their hashes.
func newRecoveryCodes() (codes []Secret, data []byte, err error) {
	var hashes [][]byte
	for range recoveryCodes {
		random := make([]byte, recoveryDigits)
		rand.Read(random) // never fails: see its documentation
		var code strings.Builder
		for i, b := range random {
			if i > 0 && i%recoveryGroup == 0 {
				code.WriteByte('-')
			}
			code.WriteByte(recoveryAlphabet[b%32])
		}
		codes = append(codes, Secret(code.String()))
		hashes = append(hashes, recoveryHash(code.String()))
	}
	data, err = json.Marshal(hashes)
	return codes, data, err
}

// Challenge has nothing to ask for.
func (recoveryFactor) Challenge(context.Context, User, []byte) (Prompt, error) { return Prompt{}, nil }

// Verify uses one code up.
func (recoveryFactor) Verify(_ context.Context, _ User, data, _ []byte, answer Body) (Proof, error) {
	code, err := answer.One(Field{Name: "code"})
	if err != nil {
		return Proof{}, err
	}
	var left [][]byte
	if err := json.Unmarshal(data, &left); err != nil {
		return Proof{}, err
	}
	hash, used := recoveryHash(code), -1
	for i, known := range left {
		if sameHash(known, hash) {
			used = i
		}
	}
	if used < 0 {
		return Proof{}, ErrInvalidCode
	}
	data, err = json.Marshal(slices.Delete(left, used, used+1))
	return Proof{AMR: []string{recoveryMethod}, Data: data}, err
}

// factorOf returns what checks a method of the second step for u, or nil. Recovery codes are for
// accounts with a factor.
func (s *Service) factorOf(u User, method string) Factor {
	switch {
	case !hasMethod(u, method) || len(s.factors) == 0:
		return nil
	case method == recoveryMethod:
		return recoveryFactor{}
	}
	return s.factors[method] // nil: this Service does not have it
}

// hasMethod reports whether u has a factor, or may have recovery codes.
func hasMethod(u User, method string) bool {
	return slices.Contains(u.Factors, method) || method == recoveryMethod && len(u.Factors) > 0
}

// RecoveryCodesLeft returns how many recovery codes a user has.
func (s *Service) RecoveryCodesLeft(ctx context.Context, u User) (int, error) {
	if err := s.enter(ctx); err != nil {
		return 0, err
	}
	if s.factorOf(u, recoveryMethod) == nil {
		return 0, nil
	}
	_, data, err := s.factorData(ctx, u, recoveryMethod)
	if errors.Is(err, ErrNotEnrolled) {
		return 0, nil
	} else if err != nil {
		return 0, err
	}
	var left [][]byte
	err = json.Unmarshal(data, &left)
	return len(left), err
}

// NewRecoveryCodes makes ten recovery codes for the user whose access token has claims, in place
// of those from before. Each stands for the second factor of one login or re-authentication, as
// the method "recovery_code". They are shown once: the store has only hashes. The caller has asked
// [Service.CheckRecent].
//
// Errors: [ErrNotEnrolled] if the account has no second factor, [ErrReauthenticationRequired] if
// the login had none, [ErrRevokedToken].
func (s *Service) NewRecoveryCodes(ctx context.Context, claims accesstoken.Claims) ([]Secret, error) {
	u, _, err := s.signedIn(ctx, claims)
	switch {
	case err != nil:
		return nil, err
	case s.factorOf(u, recoveryMethod) == nil:
		return nil, ErrNotEnrolled
	case !slices.Contains(claims.AMR, AMRMultiple):
		return nil, ErrReauthenticationRequired
	}
	ctx = context.WithoutCancel(ctx)
	codes, err := s.putRecoveryCodes(ctx, u)
	if err != nil {
		return nil, err
	}
	s.emit(ctx, Event{Kind: EventRecoveryCodesMade, UserID: u.ID, SessionID: claims.SessionID})
	s.queueMail(ctx, MailRecoveryCodesMade, u)
	return codes, nil
}

// putRecoveryCodes gives u ten new codes. If the last factor is removed meanwhile, they go with it.
func (s *Service) putRecoveryCodes(ctx context.Context, u User) ([]Secret, error) {
	codes, data, err := newRecoveryCodes()
	if err != nil {
		return nil, err
	}
	if err := s.putFactorData(ctx, u, recoveryMethod, s.now(), data, always); err != nil {
		return nil, err
	}
	return codes, s.removeFactorRecord(ctx, u.ID, recoveryMethod)
}

// recoveryCodeUsed tells the owner that a code was used, perhaps by a thief of the list.
func (s *Service) recoveryCodeUsed(ctx context.Context, l pendingLogin) {
	s.emit(ctx, Event{Kind: EventRecoveryCodeUsed, UserID: l.user.ID, SessionID: l.data.session})
	s.queueMail(ctx, MailRecoveryCodeUsed, l.user)
}
