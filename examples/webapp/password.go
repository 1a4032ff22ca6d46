package main

import (
	"net/http"

	"myauth.internal/httpx"
)

// forgotPassword answers the same whether or not there is such an account.
func (a *app) forgotPassword(w http.ResponseWriter, r *http.Request) {
	_, err := a.auth.Call(w, r, "POST /password-reset-request", map[string]any{"email": r.PostFormValue("email")})
	if err != nil {
		a.refuse(w, r, "forgot", page{}, err)
		return
	}
	checkMail(w, r, "reset", "")
}

func (a *app) resetPassword(w http.ResponseWriter, r *http.Request) {
	_, err := a.auth.Call(w, r, "POST /password-reset", map[string]any{
		"token": r.URL.Query().Get("token"), "new_password": r.PostFormValue("new_password"),
	})
	if err != nil {
		linkDead := httpx.ProblemOf(err).Status == http.StatusUnauthorized
		a.refuse(w, r, "reset", page{Data: linkDead}, err)
		return
	}
	done(w, r, "/sign-in", "password-reset")
}

func (a *app) changePassword(w http.ResponseWriter, r *http.Request) {
	_, err := a.auth.Call(w, r, "POST /password-change", map[string]any{
		"current_password": r.PostFormValue("current_password"), "new_password": r.PostFormValue("new_password"),
	})
	if err != nil {
		a.refuse(w, r, "password", page{On: map[string]string{"invalid_credentials": "current_password"}}, err)
		return
	}
	done(w, r, "/account", "password-changed")
}
