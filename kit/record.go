package kit

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"time"

	"myauth.internal/kit/accesstoken"
	"myauth.internal/kit/internal/opaque"
)

// never is the ExpiresAt of records that do not expire.
var never = time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)

// onceType is the type of the records of what was used up.
const onceType TokenType = "once"

// derivedRecord returns a record whose ID is a hash of its type and key. So a second record of
// that key conflicts with it: Create is the unique constraint. Salt and Version are random,
// because the rest of a second record is equal: by Salt a call knows its own Create, and a
// call that saw an earlier record cannot remove a later one.
func derivedRecord(kind TokenType, key string) Token {
	id, sum := derivedID(kind, key)
	var version [8]byte
	rand.Read(version[:])
	return Token{
		ID:         id,
		Type:       kind,
		SecretHash: sum,
		Salt:       opaque.NewSalt(),
		Version:    int64(binary.BigEndian.Uint64(version[:]) >> 2), // room to count
	}
}

func derivedID(kind TokenType, key string) (id string, sum []byte) {
	h := sha256.New()
	h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(kind))))
	h.Write([]byte(kind))
	h.Write([]byte(key))
	sum = h.Sum(nil)
	return opaque.DerivedRowID(sum), sum
}

// createUnique stores a derived record among the credentials, whose user must be there. It returns
// [ErrConflict] if the key has a live record.
func (s *Service) createUnique(ctx context.Context, t Token) error {
	if err := s.place(ctx, t); err != nil {
		return err
	}
	return s.owned(ctx, t)
}

// place stores a record among the credentials, or returns [ErrConflict] if the key has a live
// one. One that is void must not hold its key for ever, so the call that finds it removes it.
func (s *Service) place(ctx context.Context, t Token) error {
	for range casRounds {
		err := s.credentials.Create(ctx, t)
		if err == nil {
			return nil
		}
		if !errors.Is(err, ErrConflict) && !errors.Is(err, ErrUnavailable) {
			return err
		}
		stored, readErr := s.credentials.ByID(ctx, t.ID)
		switch {
		case errors.Is(readErr, ErrNotFound) && errors.Is(err, ErrConflict):
			continue // another call removed it
		case errors.Is(readErr, ErrNotFound):
			return err
		case readErr != nil:
			return readErr
		case sameCredential(stored, t):
			return nil
		}
		if live, err := s.live(ctx, stored); err != nil {
			return err
		} else if live {
			return ErrConflict
		}
		if err := ignoreLoss(s.credentials.Delete(ctx, stored.ID, stored.Version)); err != nil {
			return err
		}
	}
	return errContention
}

// sameCredential reports whether a stored record is t, maybe as an earlier call stored it. The ID of a
// device is random, so it needs no Salt.
func sameCredential(stored, t Token) bool {
	if stored.UserID != t.UserID || stored.Type != t.Type {
		return false
	}
	return sameHash(stored.Salt, t.Salt) || len(stored.Salt) == 0 && len(t.Salt) == 0 && sameHash(stored.SecretHash, t.SecretHash)
}

// owned removes a record that was stored while its user was deleted or the user's credentials
// were voided: no other call would find it.
func (s *Service) owned(ctx context.Context, t Token) error {
	if live, err := s.live(ctx, t); err != nil || live {
		return err
	}
	if err := ignoreLoss(s.credentials.Delete(ctx, t.ID, t.Version)); err != nil {
		return err
	}
	return ErrRevokedToken
}

// ignoreLoss returns nil for the loss of a compare-and-swap to another call.
func ignoreLoss(err error) error {
	if errors.Is(err, ErrNotFound) || errors.Is(err, ErrConflict) {
		return nil
	}
	return err
}

// putUnique stores a derived record, in place of the same user's if mayReplace, which is asked
// after that was read, returns nil.
func (s *Service) putUnique(ctx context.Context, t Token, mayReplace func() error) error {
	for range casRounds {
		err := s.createUnique(ctx, t)
		if !errors.Is(err, ErrConflict) {
			return err
		}
		stored, err := s.credentials.ByID(ctx, t.ID)
		switch {
		case errors.Is(err, ErrNotFound):
			continue
		case err != nil:
			return err
		case stored.UserID != t.UserID:
			return ErrConflict
		}
		_, err = s.changeRecord(ctx, s.credentials, stored, func(old *Token) error {
			if err := mayReplace(); err != nil {
				return err
			}
			version := old.Version
			*old = t.Clone()
			old.Version = version
			return nil
		})
		if !errors.Is(err, ErrNotFound) {
			return err
		}
	}
	return errContention
}

func always() error { return nil }

// live reports whether a credential is neither expired nor revoked, and, if it has a user, the
// user exists and has its epoch.
func (s *Service) live(ctx context.Context, t Token) (bool, error) {
	if !t.RevokedAt.IsZero() || !s.now().Before(t.ExpiresAt) {
		return false, nil
	}
	if t.UserID == "" || t.Type == onceType {
		return true, nil // whatever became of the user
	}
	u, err := s.users.ByID(ctx, t.UserID)
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return err == nil && u.CredentialEpoch == t.Epoch, err
}

// once uses up a key until a time: of any number of calls one returns nil, and the others
// [ErrConflict]. The record stays a little longer, for the clocks of other instances.
func (s *Service) once(ctx context.Context, userID, kind, key string, until time.Time) error {
	t := derivedRecord(onceType, onceKey(kind, key))
	t.UserID = userID
	t.CreatedAt, t.ExpiresAt = s.now(), storable(until).Add(accesstoken.ClockSkew)
	return s.createUnique(ctx, t)
}

func onceKey(kind, key string) string { return kind + "\x00" + key }

// used reports whether once has used a key up.
func (s *Service) used(ctx context.Context, kind, key string) (bool, error) {
	id, _ := derivedID(onceType, onceKey(kind, key))
	_, err := s.credentials.ByID(ctx, id)
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// changeRecord changes a stored record: change, compare and swap, and read again after losing.
// change may refuse with an error, and may be called more than once; with [ErrUnchanged]
// nothing is written. Each write has a new Salt, and keeps the one before it as
// PreviousHash, so when an answer is lost the record tells whether it has this write, also
// under one other. Under more of them the outcome stays unknown.
//
// The Salt of a session is that of its rotation. So the change of a session must come to the
// same when it is made twice.
func (s *Service) changeRecord(ctx context.Context, store guardedTokens, t Token, change func(*Token) error) (Token, error) {
	marked := t.Type != RefreshToken
	for range casRounds {
		want := t.Clone()
		if err := change(&want); errors.Is(err, ErrUnchanged) {
			return t, nil
		} else if err != nil {
			return Token{}, err
		}
		if marked {
			want.Salt, want.PreviousHash = opaque.NewSalt(), t.Salt
		}
		err := store.Update(ctx, want)
		want.Version++
		if err == nil {
			return want, nil
		}
		if !errors.Is(err, ErrConflict) && !errors.Is(err, ErrUnavailable) {
			return Token{}, err
		}
		stored, readErr := store.ByID(ctx, t.ID)
		switch {
		case readErr != nil:
			return Token{}, readErr
		case stored.UserID != t.UserID:
			return Token{}, ErrNotFound // t is gone, and another user has a record of its key
		case marked && (sameHash(stored.Salt, want.Salt) || sameHash(stored.PreviousHash, want.Salt)):
			return stored, nil
		case errors.Is(err, ErrUnavailable) && (stored.Version == t.Version || marked && stored.Version != want.Version):
			return Token{}, err // the write may still happen, or be among others
		}
		t = stored
	}
	return Token{}, errContention
}
