package admin

import (
	"net/http"
	"slices"
	"strings"

	"myauth.internal/httpx"
)

// act is something that a button does to an account. Each has a page that asks first; those
// that need no question are also buttons on the page of the account.
type act struct {
	Name         string // in the address
	Title, Text  string
	Danger, Asks bool

	route  string
	body   any
	notice string
	offer  func(account) bool // nil: always
}

var acts = []act{
	{
		Name: "verify", Title: "Mark the address as confirmed", Text: "Do this if you know that the mailbox is the owner’s.",
		route: "PATCH /admin/users/{id}", body: map[string]any{"is_verified": true}, notice: "verified",
		offer: func(a account) bool { return !a.Verified },
	},
	{
		Name: "unverify", Title: "Mark the address as not confirmed", Text: "The owner has to confirm the address again, where that is needed.",
		route: "PATCH /admin/users/{id}", body: map[string]any{"is_verified": false}, notice: "unverified",
		offer: func(a account) bool { return a.Verified },
	},
	{
		Name: "mail-password-reset", Title: "Mail a password reset", Text: "The owner gets a link to choose a new password. Nothing else changes until then.",
		route: "POST /admin/users/{id}/password-reset", notice: "reset-mailed",
		offer: func(a account) bool { return a.Active }, // another gets no mail
	},
	{
		Name: "end-sessions", Title: "Sign out everywhere", Text: "All sessions of the account end at once.",
		route: "DELETE /admin/users/{id}/sessions", notice: "sessions-ended",
	},
	{
		Name: "reset-factors", Title: "Remove the second factors", Danger: true, Asks: true,
		Text:  "The password alone signs in afterwards, so make sure first who asks for this. The account is signed out everywhere, and its owner is told.",
		route: "POST /admin/users/{id}/reset-factors", notice: "factors-reset",
		offer: func(a account) bool { return len(a.Factors) > 0 },
	},
	{
		Name: "enable", Title: "Enable the account", Text: "The owner can sign in again. Old sessions stay ended.",
		route: "PATCH /admin/users/{id}", body: map[string]any{"is_active": true}, notice: "enabled",
		offer: func(a account) bool { return !a.Active },
	},
	{
		Name: "disable", Title: "Disable the account", Danger: true, Asks: true,
		Text:  "Nobody can sign in to it, and it is signed out everywhere at once. You can enable it again.",
		route: "PATCH /admin/users/{id}", body: map[string]any{"is_active": false}, notice: "disabled",
		offer: func(a account) bool { return a.Active },
	},
	{
		Name: "delete", Title: "Delete the account", Danger: true, Asks: true,
		Text:  "The account goes for good, with its sessions, passkeys and all else that belongs to it. This can’t be undone.",
		route: "DELETE /admin/users/{id}", notice: "deleted",
	},
}

// actsFor are those that would change something.
func actsFor(a account) []act {
	return slices.DeleteFunc(slices.Clone(acts), func(act act) bool { return act.offer != nil && !act.offer(a) })
}

// actData is what the page of an act shows.
type actData struct {
	act
	ID      string
	Account *account // nil: it could not be read
}

// askFor asks whether to do an act, and says what was wrong the last time.
func (p *pages) askFor(w http.ResponseWriter, r *http.Request, wrong error) {
	a, ok := actOf(r)
	if !ok {
		p.noSuchPage(w, r)
		return
	}
	v := view{Title: a.Title}
	status := v.refuse(w, r, wrong)
	d := actData{act: a, ID: r.PathValue("id")}
	var found account
	err := p.load(w, r, "GET /admin/"+accountPage(d.ID), &found)
	if err == nil {
		d.Account = &found
	} else if wrong == nil {
		p.fail(w, r, err)
		return
	}
	v.Data = d
	p.render(w, r, status, "act", v)
}

func actOf(r *http.Request) (act, bool) {
	i := slices.IndexFunc(acts, func(a act) bool { return a.Name == r.PathValue("act") })
	if i < 0 {
		return act{}, false
	}
	return acts[i], true
}

// do is the button of an act. An account that is gone already is as deleted as was wanted. Who has
// ended the own session hears on the sign-in what was done.
func (p *pages) do(w http.ResponseWriter, r *http.Request) {
	a, ok := actOf(r)
	if !ok {
		p.noSuchPage(w, r)
		return
	}
	id := r.PathValue("id")
	answer, err := p.auth.Call(w, r, strings.Replace(a.route, "users/{id}", accountPage(id), 1), a.body)
	problem := httpx.ProblemOf(err)
	switch {
	case answer.SignedOut:
		p.signedOut(w, r, a.notice)
	case a.Name == "delete" && (err == nil || problem.Status == http.StatusNotFound):
		done(w, r, "", a.notice)
	case err == nil:
		done(w, r, accountPage(id), a.notice)
	case problem.Status == http.StatusUnauthorized, problem.Status == http.StatusNotFound:
		p.fail(w, r, err)
	default:
		p.askFor(w, r, err)
	}
}
