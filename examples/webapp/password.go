package main

import (
	"net/http"

	"myauth.internal/httpx"
)

func (a *app) showForgotPassword(w http.ResponseWriter, r *http.Request) {
	a.render(w, r, http.StatusOK, "forgot", page{Title: "Forgot your password?"})
}

// forgotPassword answers the same whether or not there is such an account.
func (a *app) forgotPassword(w http.ResponseWriter, r *http.Request) {
	_, err := a.auth.Call(w, r, "POST /password-reset-request", map[string]any{"email": r.PostFormValue("email")})
	if err != nil {
		a.refuse(w, r, "forgot", page{Title: "Forgot your password?"}, err)
		return
	}
	checkMail(w, r, "reset", "")
}

// showResetPassword is where the link of the mail leads. The form goes to the same address.
func (a *app) showResetPassword(w http.ResponseWriter, r *http.Request) {
	a.render(w, r, http.StatusOK, "reset", page{Title: "Choose a new password"})
}

func (a *app) resetPassword(w http.ResponseWriter, r *http.Request) {
	_, err := a.auth.Call(w, r, "POST /password-reset", map[string]any{
		"token": r.URL.Query().Get("token"), "new_password": r.PostFormValue("new_password"),
	})
	if err != nil {
		linkDead := httpx.ProblemOf(err).Status == http.StatusUnauthorized
		a.refuse(w, r, "reset", page{Title: "Choose a new password", Data: linkDead}, err)
		return
	}
	done(w, r, "/sign-in", "password-reset")
}

func (a *app) showPassword(w http.ResponseWriter, r *http.Request) {
	a.render(w, r, http.StatusOK, "password", page{Title: "Change your password"})
}

func (a *app) changePassword(w http.ResponseWriter, r *http.Request) {
	_, err := a.auth.Call(w, r, "POST /password-change", map[string]any{
		"current_password": r.PostFormValue("current_password"), "new_password": r.PostFormValue("new_password"),
	})
	if err != nil {
		on := map[string]string{"invalid_credentials": "current_password"}
		a.refuse(w, r, "password", page{Title: "Change your password", On: on}, err)
		return
	}
	done(w, r, "/account", "password-changed")
}
