package admin

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"myauth.internal/httpx"
)

// invited is an invitation as the API shows it.
type invited struct {
	ID        string    `json:"id"`
	Email     string    `json:"email"`
	Roles     []string  `json:"roles"`
	InvitedBy string    `json:"invited_by"`
	Created   time.Time `json:"created_at"`
	Expires   time.Time `json:"expires_at"`
}

// showInvitations lists the invitations, and says what was wrong with the form for a new one.
func (p *pages) showInvitations(w http.ResponseWriter, r *http.Request, wrong error) {
	v := view{Title: "Invitations"}
	status := v.refuse(w, r, wrong)
	var d struct {
		Invitations []invited
		Known       bool // what there is
	}
	err := p.load(w, r, "GET /admin/invitations", &d)
	if d.Known = err == nil; err != nil && wrong == nil {
		if v.Form == nil {
			p.fail(w, r, err)
			return
		}
		status = v.refuse(w, r, err)
		v.Form = visitOf(r).typed
	}
	v.Data = d
	p.render(w, r, status, "invitations", v)
}

// changeInvitations is the button of the form, or one that revokes an invitation.
func (p *pages) changeInvitations(w http.ResponseWriter, r *http.Request) {
	var err error
	notice := "invited"
	if id := r.PostForm.Get("revoke"); id != "" {
		notice = "revoked"
		_, err = p.auth.Call(w, r, "DELETE /admin/invitations/"+url.PathEscape(id), nil)
		if httpx.ProblemOf(err).Status == http.StatusNotFound { // as was wanted
			err = nil
		}
	} else {
		roles := []string{}
		for line := range strings.Lines(r.PostForm.Get("roles")) {
			if role := strings.TrimSpace(line); role != "" {
				roles = append(roles, role)
			}
		}
		_, err = p.auth.Call(w, r, "POST /admin/invitations", map[string]any{"email": r.PostForm.Get("email"), "roles": roles})
	}
	switch {
	case err == nil:
		done(w, r, "invitations", notice)
	case httpx.ProblemOf(err).Status == http.StatusUnauthorized:
		p.fail(w, r, err)
	default:
		p.showInvitations(w, r, err)
	}
}
