package main

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"

	"myauth.internal/httpx"
	"myauth.internal/httpx/cookie"
	"myauth.internal/kit"
)

func (a *app) showSignIn(w http.ResponseWriter, r *http.Request) {
	if _, err := a.auth.Identify(w, r); err == nil {
		next(w, r)
		return
	}
	a.render(w, r, http.StatusOK, "signin", page{})
}

// signIn is the button of either form: the password's, or the passkey's.
func (a *app) signIn(w http.ResponseWriter, r *http.Request) {
	var err error
	if byPasskey(r) {
		_, err = a.auth.Call(w, r, "POST /login/passkey", passkeyAnswer(r))
	} else {
		_, err = a.auth.Call(w, r, "POST /login", map[string]any{
			"email": r.PostFormValue("email"), "password": r.PostFormValue("password"),
		})
	}
	var due *kit.MFARequired
	switch p := httpx.ProblemOf(err); {
	case err == nil:
		next(w, r)
	case errors.As(err, &due):
		askSecondFactor(w, r, due, false, wanted(r))
	case p.Code == "email_not_verified":
		a.renderCheckYourMail(w, r, p.Status, mailSent{Email: r.PostFormValue("email")})
	case p.Code == "invalid_credentials" && !byPasskey(r):
		pg := page{Form: formOf(r), Problem: "The email address or the password is wrong."}
		a.render(w, r, p.Status, "signin", pg)
	default:
		a.refuse(w, r, "signin", page{}, err)
	}
}

// wanted is where the user wanted to go, within this application.
func wanted(r *http.Request) string { return cookie.Next(r.URL.Query().Get("next")) }

// next goes there.
func next(w http.ResponseWriter, r *http.Request) {
	http.Redirect(w, r, wanted(r), http.StatusSeeOther)
}

// signOut also works when the session has ended, or its access token.
func (a *app) signOut(w http.ResponseWriter, r *http.Request) {
	if _, err := a.auth.Call(w, r, "POST /logout", nil); err != nil {
		a.fail(w, r, httpx.ProblemOf(err))
		return
	}
	done(w, r, "/sign-in", "signed-out")
}

// recently lets users through who signed in a short time ago. Others prove first that they are
// still there, and come back. So it stands in front of a form, too, and not only of its button.
func (a *app) recently(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, _ := httpx.UserFrom(r.Context())
		claims, _ := httpx.ClaimsFrom(r.Context())
		if err := a.svc.CheckRecent(user, claims); err != nil {
			http.Redirect(w, r, "/confirm-it-is-you?next="+url.QueryEscape(r.URL.Path), http.StatusSeeOther)
			return
		}
		h.ServeHTTP(w, r)
	})
}

// reauthenticate is the button of either form again.
func (a *app) reauthenticate(w http.ResponseWriter, r *http.Request) {
	if byPasskey(r) {
		a.signInAgain(w, r)
		return
	}
	_, err := a.auth.Call(w, r, "POST /reauthenticate", map[string]any{"password": r.PostFormValue("password")})
	var due *kit.MFARequired
	switch {
	case err == nil:
		next(w, r)
	case errors.As(err, &due):
		askSecondFactor(w, r, due, true, wanted(r))
	default:
		a.refuse(w, r, "reauthenticate", page{On: map[string]string{"invalid_credentials": "password"}}, err)
	}
}

// signInAgain is a new login, because a passkey says by itself whose it is. The session from before
// ends. If the passkey is of another account, what was wanted is not done to that one.
func (a *app) signInAgain(w http.ResponseWriter, r *http.Request) {
	before, _ := httpx.ClaimsFrom(r.Context())
	var now struct {
		User struct {
			ID string `json:"id"`
		} `json:"user"`
	}
	answer, err := a.auth.Call(w, r, "POST /login/passkey", passkeyAnswer(r))
	if err == nil {
		err = errors.Join(json.Unmarshal(answer.Body, &now), a.svc.EndSession(r.Context(), before.Subject, before.SessionID))
	}
	switch {
	case err != nil:
		a.refuse(w, r, "reauthenticate", page{}, err)
	case now.User.ID != before.Subject:
		http.Redirect(w, r, "/", http.StatusSeeOther)
	default:
		next(w, r)
	}
}
