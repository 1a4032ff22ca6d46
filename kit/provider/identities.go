package provider

import (
	"context"
	"errors"
	"slices"

	"myauth.internal/kit"
)

// link adds an identity to an account whose owner is signed in. One that is the owner's already
// is no error. Errors: errAlreadyLinked, kit.ErrEmailNotVerified, errTooMany.
func (p *providers) link(ctx context.Context, u kit.User, c client, a assertion) (identity, error) {
	if !u.Verified {
		// A stranger who registered the address would keep a way in after its owner comes.
		return identity{}, kit.ErrEmailNotVerified
	}
	ctx = context.WithoutCancel(ctx)
	for range rounds {
		k, err := p.find(ctx, a)
		switch {
		case err == nil && k.row.UserID != u.ID:
			return identity{}, errAlreadyLinked
		case err == nil:
			k, err = p.change(ctx, k, func(row *kit.Token, r *record) error { p.hear(ctx, row, r, c, a); return nil })
			if errors.Is(err, kit.ErrNotFound) {
				continue // it was removed
			}
			return k, err
		case !errors.Is(err, kit.ErrNotFound):
			return identity{}, err
		}
		if err := p.room(ctx, u); err != nil {
			return identity{}, err
		}
		k = p.newIdentity(ctx, u, c, a)
		if err := p.core.Create(ctx, k.row); errors.Is(err, kit.ErrConflict) {
			continue // perhaps by another call of the same user
		} else if err != nil {
			return identity{}, err
		}
		p.core.Emit(ctx, kit.Event{Kind: EventLinked, UserID: u.ID})
		p.notify(ctx, MailLinked, u, c)
		return k, nil
	}
	return identity{}, errContention
}

// room refuses another identity for an account that has as many as it may.
func (p *providers) room(ctx context.Context, u kit.User) error {
	list, err := p.list(ctx, u)
	if err == nil && len(list) >= maxIdentities {
		err = errTooMany
	}
	return err
}

// notify tells the owner of an account.
func (p *providers) notify(ctx context.Context, kind kit.MailKind, u kit.User, c client) {
	p.core.Mail(ctx, kind, u, kit.MailContent{Data: map[string]string{"provider": c.Label}})
}

// serveIdentities is GET /identities.
func (p *providers) serveIdentities(ctx context.Context, r kit.Request) (kit.Answer, error) {
	list, err := p.list(ctx, r.User)
	if err != nil {
		return kit.Answer{}, err
	}
	all := make([]shown, len(list))
	for i, k := range list {
		all[i] = p.show(k)
	}
	return kit.JSON(200, map[string]any{"identities": all})
}

// serveUnlink is DELETE /identities/{id}. An identity of another account is the same as none. Of calls
// at once one removes it, and the others answer 404.
func (p *providers) serveUnlink(ctx context.Context, r kit.Request) (kit.Answer, error) {
	list, err := p.list(ctx, r.User)
	if err != nil {
		return kit.Answer{}, err
	}
	i := slices.IndexFunc(list, func(k identity) bool { return k.ID == r.PathValue("id") })
	if i < 0 {
		return kit.Answer{}, errNotFound
	}
	k := list[i]
	if err := p.core.RemoveWayIn(ctx, k.row); errors.Is(err, kit.ErrNotFound) {
		return kit.Answer{}, errNotFound
	} else if err != nil {
		return kit.Answer{}, err
	}
	p.core.Emit(ctx, kit.Event{Kind: EventUnlinked, UserID: r.User.ID, SessionID: r.Claims.SessionID})
	p.core.Mail(ctx, MailUnlinked, r.User, kit.MailContent{Data: map[string]string{"provider": p.label(k.Provider)}})
	return kit.Done(), nil
}

// waysIn returns the identities of u whose provider this Service can ask.
func (p *providers) waysIn(ctx context.Context, u kit.User) (rows []kit.Token, err error) {
	list, err := p.list(ctx, u)
	for _, k := range list {
		if _, err := p.clientNamed(k.Provider); err == nil {
			rows = append(rows, k.row)
		}
	}
	return rows, err
}
