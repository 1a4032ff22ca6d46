package httpx

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"myauth.internal/kit"
	"myauth.internal/kit/useragent"
)

// session is one session as its owner sees it.
type session struct {
	ID         string   `json:"id"`
	CreatedAt  string   `json:"created_at"`
	LastUsedAt string   `json:"last_used_at"`
	ExpiresAt  string   `json:"expires_at"`
	IP         *string  `json:"ip"` // null: unknown
	UserAgent  string   `json:"user_agent"`
	Device     string   `json:"device"`
	AMR        []string `json:"amr"`
	Current    bool     `json:"current"`
}

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
	list := make([]session, 0, len(sessions))
	for _, s := range sessions {
		item := session{
			ID: s.ID, CreatedAt: jsonTime(s.CreatedAt), LastUsedAt: jsonTime(s.LastUsedAt), ExpiresAt: jsonTime(s.ExpiresAt),
			UserAgent: s.Client.UserAgent, Device: useragent.Name(s.Client.UserAgent),
			AMR: append([]string{}, s.AMR...), Current: s.ID == current,
		}
		if s.Client.IP.IsValid() {
			ip := s.Client.IP.String()
			item.IP = &ip
		}
		list = append(list, item)
	}
	return kit.JSON(http.StatusOK, map[string]any{"sessions": list})
}

// jsonTime is RFC 3339 in UTC with six digits of fraction, as the times of a user are.
func jsonTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000Z07:00") }

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
