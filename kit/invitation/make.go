package invitation

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"myauth.internal/kit"
	"myauth.internal/kit/internal/maillink"
	"myauth.internal/kit/internal/opaque"
	"myauth.internal/kit/throttle"
)

// serveMake is POST /admin/invitations.
func (i *invitations) serveMake(ctx context.Context, r kit.Request) (kit.Answer, error) {
	var to kit.Invited
	var roles json.RawMessage
	if err := r.Body.Decode([]kit.Field{{Name: "email", Text: &to.Email, Empty: true}, {Name: "roles", Any: &roles, Optional: true}}, nil); err != nil {
		return kit.Answer{}, err
	}
	if roles != nil {
		var texts []*string // in which null is nil
		if err := json.Unmarshal(roles, &texts); err != nil || texts == nil {
			return kit.Answer{}, errRoles
		}
		for _, text := range texts {
			if text == nil {
				return kit.Answer{}, errRoles
			}
			to.Roles = append(to.Roles, *text)
		}
	}
	v, err := i.invite(ctx, r.User, to)
	if err != nil {
		return kit.Answer{}, err
	}
	return kit.JSON(201, v.show())
}

var errRoles = kit.Invalid("roles", kit.CodeInvalidType, "must be a list of strings")

// invite makes an invitation, in place of another one to that mailbox, and mails its token.
func (i *invitations) invite(ctx context.Context, inviter kit.User, to kit.Invited) (invitation, error) {
	if !i.core.CanMail(MailInvitation) {
		return invitation{}, kit.ErrEmailNotConfigured
	}
	to, err := i.core.CheckInvited(ctx, inviter, to)
	if err != nil {
		return invitation{}, err
	}
	v := invitation{row: i.core.Credential(inviter, "", kit.EmailKey(to.Email)), record: record{ID: newID(), Email: to.Email, Roles: to.Roles, SessionEpoch: inviter.SessionEpoch}}
	v.row.ExpiresAt = v.row.CreatedAt.Add(i.ttl)
	token, err := v.draw()
	if err != nil {
		return invitation{}, err
	}
	v.row.Data = v.encode()
	ctx = context.WithoutCancel(ctx)
	// If the mailbox has had enough mails, the link of an earlier one must not end: there would be none
	// that works.
	charge := throttle.Attempt{Action: throttle.ActionMail, EmailKey: kit.EmailKey(to.Email), MailKind: string(MailInvitation)}
	if err := i.core.Attempt(ctx, charge, "", func() error { return i.put(ctx, v.row) }); err != nil {
		return invitation{}, err
	}
	i.core.Emit(ctx, kit.Event{Kind: EventMade, Target: v.ID})
	i.core.Mail(ctx, MailInvitation, kit.User{}, kit.MailContent{To: to.Email, Page: pagePath, Token: token, Spaced: true})
	return v, nil
}

const tokenPrefix = "myauth_in_"

// draw gives the record a token, which leads to its row.
func (v *invitation) draw() (kit.Secret, error) {
	text, err := maillink.Draw(func() (string, error) {
		token, ok := opaque.ForRow(v.row.ID)
		if !ok {
			return "", fmt.Errorf("invitation: the ID of its row is %q", v.row.ID)
		}
		v.Hash = token.Hash()
		return token.Encode(tokenPrefix), nil
	})
	return kit.Secret(text), err
}

// put stores an invitation in place of any other to that mailbox, whoever made it.
func (i *invitations) put(ctx context.Context, row kit.Token) error {
	for range rounds {
		err := i.core.Put(ctx, row)
		if !errors.Is(err, kit.ErrConflict) {
			return err
		}
		stored, err := i.core.Credentials().ByID(ctx, row.ID)
		if err == nil && stored.UserID != row.UserID {
			err = i.core.Credentials().Delete(ctx, stored.ID, stored.Version)
		}
		if err != nil && !errors.Is(err, kit.ErrNotFound) && !errors.Is(err, kit.ErrConflict) {
			return err
		}
	}
	return errContention
}

// rounds bounds how often another invitation to the same mailbox may come first.
const rounds = 16

var errContention = fmt.Errorf("invitation: too many invitations to one mailbox at once: %w", kit.ErrUnavailable)
