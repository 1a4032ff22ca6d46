package main

import (
	"encoding/base64"
	"encoding/json"
	"html/template"
	"net/http"
	"net/url"
	"slices"

	"rsc.io/qr"

	"myauth.internal/httpx"
	"myauth.internal/httpx/cookie"
	"myauth.internal/kit"
)

// step is a login, or a re-authentication, that waits for its second factor. It is in a cookie, so
// that it is in no page and no address, and no script can read it.
type step struct {
	Token   string
	Methods []string
	Again   bool // a re-authentication
}

const stepCookie = "__Host-notebook_step"

// askSecondFactor keeps what a login said, and goes to the page of the second factor.
func askSecondFactor(w http.ResponseWriter, r *http.Request, due *kit.MFARequired, again bool, wanted string) {
	text, err := json.Marshal(step{string(due.Token), due.Methods, again})
	if err != nil {
		panic(err) // strings
	}
	value := base64.RawURLEncoding.EncodeToString(text)
	cookie.Set(w.Header(), cookie.New(r, stepCookie, value, due.ExpiresIn, false))
	http.Redirect(w, r, "/second-factor?next="+url.QueryEscape(wanted), http.StatusSeeOther)
}

// stepOf returns the step of a browser, without a token if there is none.
func stepOf(r *http.Request) (s step) {
	if text, err := base64.RawURLEncoding.DecodeString(cookie.Get(r, stepCookie)); err == nil {
		_ = json.Unmarshal(text, &s) // what cannot be read is no step
	}
	return s
}

// challenge is the data of the page "secondfactor".
type challenge struct {
	step
	Method string // of the form; the page has links to the others
	// Options are what a passkey is asked for, as JSON, and State goes back with the answer.
	Options string
}

func (a *app) showSecondFactor(w http.ResponseWriter, r *http.Request) {
	a.renderSecondFactor(w, r, nil)
}

// renderSecondFactor shows the form of one method, and what was wrong with the last answer.
func (a *app) renderSecondFactor(w http.ResponseWriter, r *http.Request, wrong error) {
	c := challenge{step: stepOf(r), Method: r.URL.Query().Get("with")}
	if c.Token == "" || len(c.Methods) == 0 {
		done(w, r, "/sign-in", "start-again")
		return
	}
	if !slices.Contains(c.Methods, c.Method) {
		c.Method = c.Methods[0]
	}
	if c.Method == "passkey" {
		route := "POST /login/mfa/begin"
		if c.Again {
			route = "POST /reauthenticate/begin"
		}
		answer, err := a.auth.Call(w, r, route, map[string]any{"mfa_token": c.Token, "method": c.Method})
		if err != nil {
			a.refuseSecondFactor(w, r, err)
			return
		}
		c.Options = string(answer.Body)
	}
	pg := page{Data: c}
	if c.Method != "passkey" {
		pg.On = map[string]string{"invalid_code": "code"}
	}
	a.refuse(w, r, "secondfactor", pg, wrong)
}

func (a *app) secondFactor(w http.ResponseWriter, r *http.Request) {
	s, method := stepOf(r), r.PostFormValue("method")
	body := passkeyAnswer(r)
	if method != "passkey" {
		body = map[string]any{"code": r.PostFormValue("code")}
	}
	body["mfa_token"], body["method"] = s.Token, method
	var err error
	if !s.Again {
		body["remember_device"] = r.PostFormValue("remember") != ""
		err = a.login(w, r, "POST /login/mfa", body, wanted(r))
	} else if _, err = a.auth.Call(w, r, "POST /reauthenticate", body); err == nil {
		forget(w, r, stepCookie)
		next(w, r)
	}
	if err != nil {
		a.refuseSecondFactor(w, r, err)
	}
}

// refuseSecondFactor asks again after a wrong answer. If the step itself is over, the login begins
// anew.
func (a *app) refuseSecondFactor(w http.ResponseWriter, r *http.Request, err error) {
	switch p := httpx.ProblemOf(err); {
	case p.Code == "invalid_code", p.Status == http.StatusUnprocessableEntity:
		a.renderSecondFactor(w, r, err)
	case p.Status == http.StatusUnauthorized:
		forget(w, r, stepCookie)
		done(w, r, "/sign-in", "start-again")
	default:
		a.fail(w, r, p)
	}
}

// factorList is the data of the page "factors".
type factorList struct {
	Factors []struct {
		Type string `json:"type"`
	} `json:"factors"`
	CodesLeft int `json:"recovery_codes_left"`
}

func (a *app) listFactors(w http.ResponseWriter, r *http.Request) {
	var list factorList
	if a.get(w, r, "GET /mfa", &list) {
		a.render(w, r, http.StatusOK, "factors", page{Data: list})
	}
}

// enrolment is the data of the page "enroll". The image is made here, so the secret goes nowhere
// else.
type enrolment struct {
	Secret string `json:"secret"`
	URI    string `json:"uri"`
	State  string `json:"state"`
	Image  template.URL
}

func (a *app) showEnroll(w http.ResponseWriter, r *http.Request) {
	answer, err := a.auth.Call(w, r, "POST /mfa/totp", nil)
	var e enrolment
	if err == nil {
		err = json.Unmarshal(answer.Body, &e)
	}
	if err != nil {
		a.fail(w, r, httpx.ProblemOf(err))
		return
	}
	a.renderEnroll(w, r, e, nil)
}

func (a *app) renderEnroll(w http.ResponseWriter, r *http.Request, e enrolment, wrong error) {
	code, err := qr.Encode(e.URI, qr.M)
	if err != nil {
		a.fail(w, r, httpx.ProblemOf(err))
		return
	}
	code.Scale = 4 // pixels for each square
	e.Image = template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(code.PNG()))
	a.refuse(w, r, "enroll", page{Data: e, On: map[string]string{"invalid_code": "code"}}, wrong)
}

// enroll takes the first code of the app. After a wrong one it shows the same secret again, which
// the form has kept: the app has it already.
func (a *app) enroll(w http.ResponseWriter, r *http.Request) {
	e := enrolment{Secret: r.PostFormValue("secret"), URI: r.PostFormValue("uri"), State: r.PostFormValue("state")}
	answer, err := a.auth.Call(w, r, "POST /mfa/totp/confirm", map[string]any{"state": e.State, "code": r.PostFormValue("code")})
	switch p := httpx.ProblemOf(err); {
	case err == nil:
		a.renderCodes(w, r, answer)
	case p.Code == "invalid_code" || p.Code == "validation_failed":
		a.renderEnroll(w, r, e, err)
	default:
		a.fail(w, r, p)
	}
}

// renderCodes shows recovery codes, if there are new ones. They are nowhere else, so this page is
// no redirect.
func (a *app) renderCodes(w http.ResponseWriter, r *http.Request, answer kit.Answer) {
	var made struct {
		Codes []string `json:"recovery_codes"`
	}
	if err := json.Unmarshal(answer.Body, &made); err != nil || len(made.Codes) == 0 {
		done(w, r, "/account/two-factor", "saved")
		return
	}
	a.render(w, r, http.StatusOK, "codes", page{Data: made.Codes})
}

func (a *app) newRecoveryCodes(w http.ResponseWriter, r *http.Request) {
	answer, err := a.auth.Call(w, r, newCodes.route, nil)
	if err != nil {
		a.refuseAnswer(w, r, newCodes, err)
		return
	}
	a.renderCodes(w, r, answer)
}
