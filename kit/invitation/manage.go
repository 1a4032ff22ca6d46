package invitation

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"myauth.internal/kit"
)

var errNotFound = kit.NewProblem(404, "not_found", "Not found", "There is no such invitation.")

// serveList is GET /admin/invitations.
func (i *invitations) serveList(ctx context.Context, r kit.Request) (kit.Answer, error) {
	open, err := i.open(ctx, r.User)
	if err != nil {
		return kit.Answer{}, err
	}
	all := []shown{}
	for _, v := range open {
		if used, err := i.taken(ctx, v); err != nil {
			return kit.Answer{}, err
		} else if !used {
			all = append(all, v.show())
		}
	}
	return kit.JSON(200, map[string]any{"invitations": all})
}

// open returns the invitations that have not ended, the newest first: of all administrators that
// kit.Service.Administrators knows, and of the one who asks.
func (i *invitations) open(ctx context.Context, asking kit.User) ([]invitation, error) {
	admins, err := i.core.Service().Administrators(ctx)
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(admins, func(u kit.User) bool { return u.ID == asking.ID }) {
		admins = append(admins, asking)
	}
	var all []invitation
	for _, u := range admins {
		rows, err := i.core.List(ctx, u, "")
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			v, err := decode(row)
			if err != nil {
				return nil, err
			}
			if v.from(u) {
				all = append(all, v)
			}
		}
	}
	slices.SortFunc(all, func(a, b invitation) int {
		return cmp.Or(b.row.CreatedAt.Compare(a.row.CreatedAt), cmp.Compare(a.ID, b.ID))
	})
	return all, nil
}

// taken reports whether the owner of the mailbox has an account, so that the invitation leads nowhere.
// That may be the one that it has made, if the acceptance was interrupted at its end.
func (i *invitations) taken(ctx context.Context, v invitation) (bool, error) {
	u, err := i.core.UserByEmail(ctx, v.Email)
	if errors.Is(err, kit.ErrUserNotFound) {
		return false, nil
	}
	return u.Verified, err
}

// serveRevoke is DELETE /admin/invitations/{id}. Once it has answered 204, the invitation makes no
// account; 404 says that it has, or will not.
func (i *invitations) serveRevoke(ctx context.Context, r kit.Request) (kit.Answer, error) {
	open, err := i.open(ctx, r.User)
	if err != nil {
		return kit.Answer{}, err
	}
	n := slices.IndexFunc(open, func(v invitation) bool { return v.ID == r.PathValue("id") })
	if n < 0 {
		return kit.Answer{}, errNotFound
	}
	switch used, err := i.taken(ctx, open[n]); {
	case err != nil:
		return kit.Answer{}, err
	case used:
		return kit.Answer{}, errNotFound
	}
	err = i.end(context.WithoutCancel(ctx), open[n])
	if errors.Is(err, kit.ErrRevokedToken) {
		err = errNotFound
	}
	if err != nil {
		return kit.Answer{}, err
	}
	i.core.Emit(ctx, kit.Event{Kind: EventRevoked, Target: open[n].ID})
	return kit.Done(), nil
}
