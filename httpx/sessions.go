package httpx

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"myauth.internal/kit"
)

// listSessions is GET /sessions.
func (h *Handler) listSessions(ctx context.Context, r kit.Request) (kit.Answer, error) {
	sessions, err := h.svc.Sessions(ctx, r.User.ID)
	if err != nil {
		return kit.Answer{}, ownerError(err)
	}
	current := r.Claims.SessionID
	slices.SortFunc(sessions, func(a, b kit.Session) int {
		switch {
		case a.ID == current:
			return -1
		case b.ID == current:
			return 1
		}
		return cmp.Or(b.LastUsedAt.Compare(a.LastUsedAt), strings.Compare(a.ID, b.ID))
	})
	list := make([]json.RawMessage, 0, len(sessions))
	for _, s := range sessions {
		item, err := s.MarshalJSON()
		if err != nil {
			return kit.Answer{}, err
		}
		list = append(list, fmt.Appendf(item[:len(item)-1], `,"current":%t}`, s.ID == current))
	}
	return kit.JSON(http.StatusOK, map[string]any{"sessions": list})
}

// errNoSession is the answer for every ID that is not in the list, whoever's it is.
var errNoSession = kit.NewProblem(http.StatusNotFound, errNotFound.Code, errNotFound.Title, "There is no such session.")

// endSession is DELETE /sessions/{id}. The ID may be anything: it is compared with those of the
// list, and no store is asked for it.
func (h *Handler) endSession(ctx context.Context, r kit.Request) (kit.Answer, error) {
	sessions, err := h.svc.Sessions(ctx, r.User.ID)
	if err != nil {
		return kit.Answer{}, ownerError(err)
	}
	id := r.PathValue("id")
	if !slices.ContainsFunc(sessions, func(s kit.Session) bool { return s.ID == id }) {
		return kit.Answer{}, errNoSession
	}
	err = h.svc.EndSession(ctx, r.User.ID, id)
	if id == r.Claims.SessionID {
		return signedOut(err)
	}
	return kit.Done(), err
}

// endOtherSessions is POST /sessions/revoke-others.
func (h *Handler) endOtherSessions(ctx context.Context, r kit.Request) (kit.Answer, error) {
	tokens, err := h.svc.EndOtherSessions(ctx, r.Claims)
	return kit.Answer{Tokens: tokens}, ownerError(err)
}
