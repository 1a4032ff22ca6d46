package main

import (
	"net/http"
	"net/mail"
	"net/url"

	"myauth.internal/httpx"
)

func (a *app) signUp(w http.ResponseWriter, r *http.Request) {
	_, err := a.auth.Call(w, r, "POST /register", map[string]any{
		"email": r.PostFormValue("email"), "username": r.PostFormValue("username"), "password": r.PostFormValue("password"),
	})
	if err != nil {
		a.refuse(w, r, "signup", page{On: map[string]string{"user_already_exists": "email"}}, err)
		return
	}
	checkMail(w, r, "verification", "")
}

// checkMail redirects to the page that says which mail to look for.
func checkMail(w http.ResponseWriter, r *http.Request, kind, notice string) {
	query := url.Values{"for": {kind}, "email": {r.PostFormValue("email")}}
	if notice != "" {
		query.Set("done", notice)
	}
	http.Redirect(w, r, "/check-your-mail?"+query.Encode(), http.StatusSeeOther)
}

// mailSent is the data of the page "checkmail".
type mailSent struct {
	Reset bool // a link to a new password; otherwise one that confirms the address
	Email string
}

func (a *app) showCheckYourMail(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	a.renderCheckYourMail(w, r, http.StatusOK, mailSent{Reset: query.Get("for") == "reset", Email: query.Get("email")})
}

func (a *app) renderCheckYourMail(w http.ResponseWriter, r *http.Request, status int, m mailSent) {
	if address, err := mail.ParseAddress(m.Email); err != nil || address.Name != "" {
		m.Email = "" // the address of the page may come from anybody
	}
	a.render(w, r, status, "checkmail", page{Data: m})
}

// sendVerification sends the mail again that confirms an address.
func (a *app) sendVerification(w http.ResponseWriter, r *http.Request) {
	_, err := a.auth.Call(w, r, "POST /verify-email-request", map[string]any{"email": r.PostFormValue("email")})
	if err != nil {
		a.refuse(w, r, "checkmail", page{Data: mailSent{}}, err)
		return
	}
	checkMail(w, r, "verification", "mail-sent")
}

// acceptInvitation makes the account of somebody whom an administrator has invited.
func (a *app) acceptInvitation(w http.ResponseWriter, r *http.Request) {
	_, err := a.auth.Call(w, r, "POST /invitations/accept", map[string]any{
		"token": r.URL.Query().Get("token"), "username": r.PostFormValue("username"), "password": r.PostFormValue("password"),
	})
	if err != nil {
		linkDead := httpx.ProblemOf(err).Status == http.StatusUnauthorized
		a.refuse(w, r, "invitation", page{Data: linkDead}, err)
		return
	}
	done(w, r, "/sign-in", "accepted")
}
