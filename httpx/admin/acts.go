package admin

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"myauth.internal/kit"
)

// listSessions is GET /admin/users/{id}/sessions: the last used one first.
func (a *api) listSessions(ctx context.Context, r kit.Request) (kit.Answer, error) {
	u, err := a.target(ctx, r)
	if err != nil {
		return kit.Answer{}, err
	}
	sessions, err := a.core.Service().Sessions(ctx, u.ID)
	if err != nil {
		return kit.Answer{}, err
	}
	slices.SortFunc(sessions, func(a, b kit.Session) int {
		return cmp.Or(b.LastUsedAt.Compare(a.LastUsedAt), strings.Compare(a.ID, b.ID))
	})
	return kit.JSON(200, map[string]any{"sessions": append([]kit.Session{}, sessions...)})
}

// endSessions is DELETE /admin/users/{id}/sessions.
func (a *api) endSessions(ctx context.Context, r kit.Request) (kit.Answer, error) {
	return a.act(ctx, r, a.core.Service().EndAllSessions)
}

// resetFactors is POST /admin/users/{id}/reset-factors.
func (a *api) resetFactors(ctx context.Context, r kit.Request) (kit.Answer, error) {
	return a.act(ctx, r, a.core.Service().ResetFactors)
}

// deleteUser is DELETE /admin/users/{id}.
func (a *api) deleteUser(ctx context.Context, r kit.Request) (kit.Answer, error) {
	return a.act(ctx, r, a.core.Service().DeleteUser)
}

// act answers 204 when do has acted on the user of the request.
func (a *api) act(ctx context.Context, r kit.Request, do func(ctx context.Context, id string) error) (kit.Answer, error) {
	u, err := a.target(ctx, r)
	if err != nil {
		return kit.Answer{}, err
	}
	err = do(ctx, u.ID)
	return a.signedOut(ctx, r, kit.Done()), err
}

// mailReset is POST /admin/users/{id}/password-reset: the mail is that of POST
// /password-reset-request, with its rules.
func (a *api) mailReset(ctx context.Context, r kit.Request) (kit.Answer, error) {
	u, err := a.target(ctx, r)
	if err == nil {
		err = a.core.Service().RequestPasswordReset(ctx, u.Email)
	}
	return kit.Accepted(), err
}

// signedOut says in an answer whether the administrator has acted on the own account, and ended
// the session of the request by it.
func (a *api) signedOut(ctx context.Context, r kit.Request, answer kit.Answer) kit.Answer {
	if r.PathValue("id") == r.User.ID {
		u, err := a.core.User(context.WithoutCancel(ctx), r.User.ID)
		answer.SignedOut = errors.Is(err, kit.ErrUserNotFound) || err == nil && (!u.Active || u.SessionEpoch != r.Claims.Epoch)
	}
	return answer
}
