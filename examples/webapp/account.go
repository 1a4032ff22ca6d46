package main

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"myauth.internal/httpx"
	"myauth.internal/kit"
)

func (a *app) changeProfile(w http.ResponseWriter, r *http.Request) {
	_, err := a.auth.Call(w, r, "PATCH /me", map[string]any{"username": r.PostFormValue("username")})
	if err != nil {
		a.refuse(w, r, "account", page{}, err)
		return
	}
	done(w, r, "/account", "saved")
}

func (a *app) requestEmailChange(w http.ResponseWriter, r *http.Request) {
	_, err := a.auth.Call(w, r, "POST /email-change", map[string]any{"new_email": r.PostFormValue("new_email")})
	if err != nil {
		a.refuse(w, r, "email", page{}, err)
		return
	}
	done(w, r, "/account", "email-asked")
}

// device is one session of the user.
type device struct {
	ID       string    `json:"id"`
	Device   string    `json:"device"`
	IP       string    `json:"ip"`
	LastUsed time.Time `json:"last_used_at"`
	Created  time.Time `json:"created_at"`
	Current  bool      `json:"current"`
}

func (a *app) listDevices(w http.ResponseWriter, r *http.Request) {
	var list struct {
		Sessions []device `json:"sessions"`
	}
	if a.get(w, r, "GET /sessions", &list) {
		a.render(w, r, http.StatusOK, "devices", page{Data: list.Sessions})
	}
}

func (a *app) signOutElsewhere(w http.ResponseWriter, r *http.Request) {
	if _, err := a.auth.Call(w, r, "POST /sessions/revoke-others", nil); err != nil {
		a.fail(w, r, httpx.ProblemOf(err))
		return
	}
	done(w, r, "/account/devices", "devices")
}

// signOutDevice is no error for a device that is signed out already.
func (a *app) signOutDevice(w http.ResponseWriter, r *http.Request) {
	_, err := a.auth.Call(w, r, "DELETE /sessions/"+url.PathEscape(r.PathValue("id")), nil)
	if p := httpx.ProblemOf(err); err != nil && p.Status != http.StatusNotFound {
		a.fail(w, r, p)
		return
	}
	done(w, r, "/account/devices", "device")
}

// deleteAccount wants the address typed, so that no slip of the hand deletes an account.
func (a *app) deleteAccount(w http.ResponseWriter, r *http.Request) {
	user, _ := httpx.UserFrom(r.Context())
	var err error
	if typed := strings.TrimSpace(r.PostFormValue("email")); kit.EmailKey(typed) != kit.EmailKey(user.Email) {
		err = kit.Invalid("email", "mismatch", "this is not the address of this account")
	} else {
		_, err = a.auth.Call(w, r, "DELETE /me", nil)
	}
	if err != nil {
		a.refuse(w, r, "delete", page{}, err)
		return
	}
	done(w, r, "/sign-in", "deleted")
}
