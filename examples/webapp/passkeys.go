package main

import (
	"encoding/json"
	"net/http"
	"net/url"
	"time"

	"myauth.internal/httpx"
	"myauth.internal/kit"
)

// static/passkeys.js asks the browser for a passkey and puts the answer into the hidden fields of a
// form, which then is sent like every other one.
func passkeyAnswer(r *http.Request) map[string]any {
	answer := map[string]any{"state": r.PostFormValue("state")}
	if credential := json.RawMessage(r.PostFormValue("credential")); json.Valid(credential) {
		answer["credential"] = credential
	}
	return answer
}

// byPasskey reports whether a form is one of these.
func byPasskey(r *http.Request) bool { return r.PostFormValue("state") != "" }

// passkeyItem is one of the list.
type passkeyItem struct {
	ID       string     `json:"id"`
	Name     string     `json:"name"`
	Created  time.Time  `json:"created_at"`
	LastUsed *time.Time `json:"last_used_at"`
	BackedUp bool       `json:"backed_up"`
}

// passkeysOf returns the passkeys of the user, or shows why it cannot.
func (a *app) passkeysOf(w http.ResponseWriter, r *http.Request) ([]passkeyItem, bool) {
	var list struct {
		Passkeys []passkeyItem `json:"passkeys"`
	}
	ok := a.get(w, r, "GET /passkeys", &list)
	return list.Passkeys, ok
}

func (a *app) listPasskeys(w http.ResponseWriter, r *http.Request) {
	if list, ok := a.passkeysOf(w, r); ok {
		a.render(w, r, http.StatusOK, "passkeys", page{Data: list})
	}
}

func (a *app) showAddPasskey(w http.ResponseWriter, r *http.Request) { a.renderAddPasskey(w, r, nil) }

// renderAddPasskey shows the form with new options: they are good for five minutes, and once.
func (a *app) renderAddPasskey(w http.ResponseWriter, r *http.Request, wrong error) {
	answer, err := a.auth.Call(w, r, "POST /passkeys/options", nil)
	if err != nil {
		a.fail(w, r, httpx.ProblemOf(err))
		return
	}
	a.refuse(w, r, "addpasskey", page{Data: string(answer.Body)}, wrong)
}

func (a *app) addPasskey(w http.ResponseWriter, r *http.Request) {
	body := passkeyAnswer(r)
	body["name"] = r.PostFormValue("name")
	if _, err := a.auth.Call(w, r, "POST /passkeys", body); err != nil {
		a.renderAddPasskey(w, r, err)
		return
	}
	done(w, r, "/account/passkeys", "passkey-added")
}

func (a *app) showPasskey(w http.ResponseWriter, r *http.Request) {
	list, ok := a.passkeysOf(w, r)
	if !ok {
		return
	}
	for _, k := range list {
		if k.ID == r.PathValue("id") {
			a.render(w, r, http.StatusOK, "passkey", page{Data: k})
			return
		}
	}
	a.fail(w, r, kit.Problem{Status: http.StatusNotFound, Code: "not_found"})
}

func (a *app) renamePasskey(w http.ResponseWriter, r *http.Request) {
	_, err := a.auth.Call(w, r, "PATCH /passkeys/"+url.PathEscape(r.PathValue("id")), map[string]any{"name": r.PostFormValue("name")})
	if err != nil {
		a.refuse(w, r, "passkey", page{Data: passkeyItem{}}, err)
		return
	}
	done(w, r, "/account/passkeys", "saved")
}
