package kit

import (
	"context"
	"encoding/json"
	"errors"
	"strings"

	"myauth.internal/kit/internal/opaque"
	"myauth.internal/kit/throttle"
)

// RequestPasswordReset queues a mail with a reset link to the active account with that
// address, if there is one. It does the same work for every address; the mail queue looks up
// the account a moment later. A mailbox gets one such mail a minute, and after five in an hour
// one every ten minutes; a request beyond that has the same answer, and no mail is sent.
//
// Errors: [ErrEmailNotConfigured], a [ValidationError], a [throttle.LimitError].
func (s *Service) RequestPasswordReset(ctx context.Context, email string) error {
	return s.requestMail(ctx, throttle.ActionPasswordResetRequest, MailPasswordReset, email, MailContent{})
}

// ResetPassword sets a new password with a mailed token. The same write ends every session,
// access token and other reset token of the user, and marks the address as verified, because
// the token proves who owns it. If the address was not verified, a stranger may have made the
// account: its credentials are voided, the settings become {} and the username the local part
// of the address; Roles and Private, which no user sets, stay. The second factors of a verified
// account stay on.
//
// It does not log in. A password that the policy refuses does not use up the token. Of any
// number of concurrent uses one succeeds. After [ErrUnavailable] the password may have been
// set. If so, repeating the call returns [ErrRevokedToken], and the new password logs in.
//
// Errors: a [ValidationError] for new_password, [ErrInvalidToken],
// [ErrExpiredToken], [ErrRevokedToken], a [throttle.LimitError].
func (s *Service) ResetPassword(ctx context.Context, token, newPassword string) (err error) {
	if err := s.enter(ctx); err != nil {
		return err
	}
	presented, ok := opaque.Parse(resetPrefix, token)
	if !ok {
		return s.refuseToken(ctx, "password reset", "", ErrInvalidToken)
	}
	c, err := s.attempt(ctx, throttle.Attempt{Action: throttle.ActionPasswordReset}, token)
	if err != nil {
		return err
	}
	defer c.end(ctx, &err)
	// The epoch is checked before the costly hash, and again with each attempt to write.
	row, u, err := s.checkMailed(ctx, presented, PasswordResetToken)
	if err != nil {
		return s.refuseToken(ctx, "password reset", row.UserID, err)
	}
	if err := s.ValidatePassword(ctx, "new_password", newPassword, u.Email, u.Username); err != nil {
		return err
	}
	hash, err := s.hash(ctx, newPassword)
	if err != nil {
		return err
	}
	proved := false // by this token, for the first time
	u, _, err = s.changeUser(ctx, row.UserID, func(u *User) error {
		if u.PasswordHash == hash {
			return ErrUnchanged // this call's write: no other hash has its salt
		}
		if u.SessionEpoch != row.Epoch || !u.Active {
			return ErrRevokedToken
		}
		u.PasswordHash = hash
		u.SessionEpoch++
		if proved = !u.Verified; proved {
			name, _, _ := strings.Cut(u.Email, "@") // at most 64 bytes of no control characters
			u.proveOwner(name, json.RawMessage("{}"))
		}
		return nil
	})
	if errors.Is(err, ErrUserNotFound) {
		err = ErrRevokedToken
	}
	if err != nil {
		return s.refuseToken(ctx, "password reset", row.UserID, err)
	}
	s.clearGuesses(ctx, u.Email)
	s.emit(ctx, Event{Kind: EventPasswordReset, UserID: u.ID})
	if proved {
		s.emit(ctx, Event{Kind: EventEmailVerified, UserID: u.ID})
	}
	s.queueMail(ctx, MailPasswordChanged, u)
	return nil
}

// proveOwner makes an account whose address was never verified that of the owner of the mailbox.
// What the stranger brought who may have made it is void.
func (u *User) proveOwner(username string, settings json.RawMessage) {
	u.Verified = true
	u.Username, u.Settings = username, settings
	u.CredentialEpoch++
	u.Factors = nil
}

// checkMailed returns the row of a mailed token, and the user whom the token may change.
func (s *Service) checkMailed(ctx context.Context, presented opaque.Token, t TokenType) (Token, User, error) {
	row, err := s.tokenRow(ctx, presented, t)
	if err != nil {
		return Token{}, User{}, err
	}
	if !sameHash(presented.Hash(), row.SecretHash) {
		return row, User{}, ErrInvalidToken
	}
	if err := s.checkRow(row, s.now()); err != nil {
		return row, User{}, err
	}
	u, err := s.liveUser(ctx, row.UserID, row.Epoch)
	if errors.Is(err, ErrAccountDisabled) {
		err = ErrRevokedToken
	}
	return row, u, err
}
