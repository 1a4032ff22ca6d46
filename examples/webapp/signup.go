package main

import (
	"net/http"
	"net/mail"
	"net/url"

	"myauth.internal/httpx"
)

func (a *app) showSignUp(w http.ResponseWriter, r *http.Request) {
	a.render(w, r, http.StatusOK, "signup", page{Title: "Sign up"})
}

func (a *app) signUp(w http.ResponseWriter, r *http.Request) {
	_, err := a.auth.Call(w, r, "POST /register", map[string]any{
		"email": r.PostFormValue("email"), "username": r.PostFormValue("username"), "password": r.PostFormValue("password"),
	})
	if err != nil {
		a.refuse(w, r, "signup", page{Title: "Sign up", On: map[string]string{"user_already_exists": "email"}}, err)
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
	a.render(w, r, status, "checkmail", page{Title: "Check your mail", Data: m})
}

// sendVerification sends the mail again that confirms an address.
func (a *app) sendVerification(w http.ResponseWriter, r *http.Request) {
	_, err := a.auth.Call(w, r, "POST /verify-email-request", map[string]any{"email": r.PostFormValue("email")})
	if err != nil {
		a.refuse(w, r, "checkmail", page{Title: "Check your mail", Data: mailSent{}}, err)
		return
	}
	checkMail(w, r, "verification", "mail-sent")
}

// question is the data of the page "confirm": a text and a button. Opening a link only asks,
// because mail scanners open links too. The form goes to the page's own address, which has the
// token, so the token is nowhere in the page.
type question struct {
	Text, Button string
	Danger       bool
	Back         string // where "Cancel" leads; empty: there is no such link
}

func (a *app) ask(w http.ResponseWriter, r *http.Request, title string, q question) {
	a.render(w, r, http.StatusOK, "confirm", page{Title: title, Data: q})
}

// answerLink calls a route with the token of a link in a mail.
func (a *app) answerLink(w http.ResponseWriter, r *http.Request, route, title, notice string) {
	if _, err := a.auth.Call(w, r, route, map[string]any{"token": r.URL.Query().Get("token")}); err != nil {
		a.renderProblem(w, r, title, err)
		return
	}
	done(w, r, "/sign-in", notice)
}

// renderProblem says why a link of a mail, or a button, did nothing. If it may work the next time,
// the button is still there.
func (a *app) renderProblem(w http.ResponseWriter, r *http.Request, title string, err error) {
	p := httpx.ProblemOf(err)
	q := question{}
	if p.Status == http.StatusTooManyRequests || p.Status >= 500 {
		q.Button = "Try again"
	}
	a.refuse(w, r, "confirm", page{Title: title, Data: q}, err)
}

const verifyTitle, denyTitle = "Confirm your e-mail address", "Didn’t sign up?"

func (a *app) showVerifyEmail(w http.ResponseWriter, r *http.Request) {
	a.ask(w, r, verifyTitle, question{
		Text:   "Somebody, hopefully you, signed up with your e-mail address. If it was not you, close this page and use the other link in the mail.",
		Button: "Yes, this is my address",
	})
}

func (a *app) verifyEmail(w http.ResponseWriter, r *http.Request) {
	a.answerLink(w, r, "POST /verify-email", verifyTitle, "verified")
}

func (a *app) showDenyEmail(w http.ResponseWriter, r *http.Request) {
	a.ask(w, r, denyTitle, question{
		Text:   "Somebody signed up with your e-mail address. If it was not you, we delete the account.",
		Button: "It was not me: delete the account", Danger: true,
	})
}

func (a *app) denyEmail(w http.ResponseWriter, r *http.Request) {
	a.answerLink(w, r, "POST /verify-email/deny", denyTitle, "denied")
}
