package passkey

import (
	"context"
	"errors"

	"myauth.internal/kit"
)

// serveList is GET /passkeys.
func (p *passkeys) serveList(ctx context.Context, r kit.Request) (kit.Answer, error) {
	list, err := p.list(ctx, r.User)
	if err != nil {
		return kit.Answer{}, err
	}
	all := make([]shown, len(list))
	for i, k := range list {
		all[i] = k.show()
	}
	return kit.JSON(200, map[string]any{"passkeys": all})
}

// own returns the passkey of a request. That of another account is the same as none.
func (p *passkeys) own(ctx context.Context, r kit.Request) (passkey, error) {
	id, err := base64URL.DecodeString(r.PathValue("id"))
	if err != nil {
		return passkey{}, errNotFound
	}
	k, err := p.find(ctx, id)
	if errors.Is(err, kit.ErrNotFound) || err == nil && k.row.UserID != r.User.ID {
		err = errNotFound
	}
	return k, err
}

// serveRename is PATCH /passkeys/{id}.
func (p *passkeys) serveRename(ctx context.Context, r kit.Request) (kit.Answer, error) {
	name, err := r.Body.One(kit.Field{Name: "name", Empty: true})
	if err == nil {
		name, err = checkName(name, "")
	}
	if err != nil {
		return kit.Answer{}, err
	}
	k, err := p.own(ctx, r)
	if err != nil {
		return kit.Answer{}, err
	}
	k, err = p.change(ctx, k, func(_ *kit.Token, r *record) error { r.Name = name; return nil })
	if err != nil {
		return kit.Answer{}, goneIsNotFound(err)
	}
	return kit.JSON(200, k.show())
}

func goneIsNotFound(err error) error {
	if errors.Is(err, kit.ErrNotFound) {
		return errNotFound
	}
	return err
}

// serveRemove is DELETE /passkeys/{id}. Of calls at once one removes a passkey, and the others
// answer 404.
func (p *passkeys) serveRemove(ctx context.Context, r kit.Request) (kit.Answer, error) {
	k, err := p.own(ctx, r)
	if err != nil {
		return kit.Answer{}, err
	}
	remove := p.core.Revoke
	if k.UserVerified {
		remove = p.core.RemoveWayIn
	}
	if err := remove(ctx, k.row); err != nil {
		return kit.Answer{}, goneIsNotFound(err)
	}
	p.core.Emit(ctx, kit.Event{Kind: EventRemoved, UserID: r.User.ID, SessionID: r.Claims.SessionID})
	p.core.Mail(ctx, MailRemoved, r.User, kit.MailContent{Data: map[string]string{"name": k.Name}})
	return kit.Done(), nil
}

// waysIn returns the passkeys of u that log in alone.
func (p *passkeys) waysIn(ctx context.Context, u kit.User) (rows []kit.Token, err error) {
	list, err := p.list(ctx, u)
	for _, k := range list {
		if k.UserVerified {
			rows = append(rows, k.row)
		}
	}
	return rows, err
}
