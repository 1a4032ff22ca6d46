package invitation

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"

	"myauth.internal/kit"
	"myauth.internal/kit/internal/opaque"
	"myauth.internal/kit/throttle"
)

// serveAccept is POST /invitations/accept.
func (i *invitations) serveAccept(ctx context.Context, r kit.Request) (kit.Answer, error) {
	var form kit.Submission
	if err := r.Body.Decode([]kit.Field{
		{Name: "token", Text: &form.Token}, {Name: "username", Text: &form.Username, Empty: true}, {Name: "password", Text: (*string)(&form.Password), Empty: true},
	}, nil); err != nil {
		return kit.Answer{}, err
	}
	u, err := i.accept(ctx, form)
	if err != nil {
		return kit.Answer{}, err
	}
	body, err := u.AppendJSON(nil)
	return kit.Answer{Status: 201, Body: body}, err
}

// address returns the address of the account that a token leads to now.
func (i *invitations) address(ctx context.Context, text string) (email string, err error) {
	err = i.try(ctx, text, func(v invitation) error {
		email = v.Email
		return nil
	})
	return email, err
}

// accept makes the account of an invitation, once. Whatever refuses it keeps the invitation, but an
// account that is there already.
func (i *invitations) accept(ctx context.Context, form kit.Submission) (u kit.User, err error) {
	err = i.try(ctx, form.Token, func(v invitation) (err error) {
		r := kit.Registration{Email: v.Email, Username: form.Username, Password: form.Password}
		u, err = i.core.CreateInvited(ctx, r, v.Roles, func(ctx context.Context) error {
			// Hashing takes a while, in which the inviter may have lost the role.
			if err := i.check(ctx, v); err != nil && !errors.Is(err, kit.ErrUserExists) {
				return err
			}
			return i.end(ctx, v)
		})
		if err != nil {
			return err
		}
		i.core.Emit(ctx, kit.Event{Kind: EventAccepted, UserID: u.ID, Target: v.ID})
		return nil
	})
	return u, err
}

// try charges a guess, and calls use with the invitation of the token, if it can lead to an account
// now.
func (i *invitations) try(ctx context.Context, text string, use func(invitation) error) error {
	token, ok := opaque.Parse(tokenPrefix, text)
	if !ok {
		return i.refuse(ctx, "", kit.ErrInvalidToken)
	}
	return i.core.Attempt(ctx, throttle.Attempt{Action: ActionAccept}, text, func() error {
		v, err := i.find(ctx, token)
		if err == nil {
			err = i.check(ctx, v)
		}
		if err == nil {
			err = use(v)
		}
		return i.refuse(ctx, v.ID, err)
	})
}

// refuse returns err, and emits an event if err says that a token was refused.
func (i *invitations) refuse(ctx context.Context, id string, err error) error {
	if errors.Is(err, kit.ErrInvalidToken) || errors.Is(err, kit.ErrExpiredToken) || errors.Is(err, kit.ErrRevokedToken) {
		i.core.Emit(ctx, kit.Event{Kind: kit.EventTokenRefused, Target: id, Err: fmt.Errorf("invitation token: %w", err)})
	}
	return err
}

// find returns the invitation of a token, if it has not ended.
func (i *invitations) find(ctx context.Context, token opaque.Token) (invitation, error) {
	row, err := i.core.Credentials().ByID(ctx, token.RowID())
	if errors.Is(err, kit.ErrNotFound) || err == nil && row.Type != "invitation" {
		return invitation{}, kit.ErrInvalidToken
	} else if err != nil {
		return invitation{}, err
	}
	v, err := decode(row)
	switch {
	case err != nil:
		return v, err
	case subtle.ConstantTimeCompare(v.Hash, token.Hash()) != 1:
		return v, kit.ErrInvalidToken
	case !row.RevokedAt.IsZero():
		return v, kit.ErrRevokedToken
	case !i.core.Now().Before(row.ExpiresAt):
		return v, kit.ErrExpiredToken
	}
	return v, nil
}

// check returns kit.ErrRevokedToken for an invitation that is void, because its inviter may not make
// it now. Errors: those of kit.Core.CheckInvited.
func (i *invitations) check(ctx context.Context, v invitation) error {
	inviter, err := i.core.User(ctx, v.row.UserID)
	switch {
	case errors.Is(err, kit.ErrUserNotFound):
		return kit.ErrRevokedToken
	case err != nil:
		return err
	case !v.from(inviter):
		return kit.ErrRevokedToken
	}
	_, err = i.core.CheckInvited(ctx, inviter, kit.Invited{Email: v.Email, Roles: v.Roles})
	if errors.Is(err, kit.ErrRoleNotGrantable) {
		err = kit.ErrRevokedToken
	}
	return err
}
