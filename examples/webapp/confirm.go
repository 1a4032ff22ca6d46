package main

import (
	"net/http"
	"net/url"
	"strings"

	"myauth.internal/httpx"
)

// question is a page with a text and a button. Opening a link of a mail only asks, because mail
// scanners open links too.
type question struct {
	Title, Text, Button string
	Danger              bool   // the button destroys something
	Back                string // where "Cancel" leads; empty: there is no such link
	Again               string // where a link that does not work any more can be asked for

	route        string // what the button calls
	mailed       bool   // with the token of the page's address
	then, notice string // where it goes after that, and what is said there
}

var (
	verifyEmail = question{
		Title:  "Confirm your email address",
		Text:   "Somebody, hopefully you, signed up with your email address. If it was not you, close this page and use the other link in the mail.",
		Button: "Yes, this is my address",
		Again:  "/check-your-mail",
		route:  "POST /verify-email", mailed: true, then: "/sign-in", notice: "verified",
	}
	denyEmail = question{
		Title:  "Didn’t sign up?",
		Text:   "Somebody signed up with your email address. If it was not you, we delete the account.",
		Button: "It was not me: delete the account", Danger: true,
		route: "POST /verify-email/deny", mailed: true, then: "/sign-in", notice: "denied",
	}
	changeEmail = question{
		Title:  "Confirm your new email address",
		Text:   "Somebody, hopefully you, wants to use this address for their account. This signs you out on all devices. If it was not you, close this page: nothing changes.",
		Button: "Yes, this is my new address",
		Again:  "/account/email",
		route:  "POST /email-change/confirm", mailed: true, then: "/sign-in", notice: "email-changed",
	}
	removeFactor = question{
		Title:  "Turn two-step verification off",
		Text:   "Your password alone signs in again. Your recovery codes stop working.",
		Button: "Turn it off", Danger: true, Back: "/account/two-factor",
		route: "DELETE /mfa/totp", then: "/account/two-factor", notice: "factor-removed",
	}
	newCodes = question{
		Title:  "New recovery codes",
		Text:   "You get ten new codes. Those from before stop working.",
		Button: "Make new codes", Back: "/account/two-factor",
		route: "POST /mfa/recovery-codes",
	}
	removePasskey = question{
		Title:  "Remove a passkey",
		Text:   "It does not sign you in any more.",
		Button: "Remove the passkey", Danger: true, Back: "/account/passkeys",
		route: "DELETE /passkeys/{id}", then: "/account/passkeys", notice: "passkey-removed",
	}
	confirmSignIn = question{
		Title:  "Finish signing in",
		Text:   "Somebody, hopefully you, has just signed in with an account elsewhere that has your email address. If it was not you, close this page: nothing changes.",
		Button: "Yes, that was me",
		route:  "POST /providers/confirm",
	}
	linkAccount = question{
		Title:  "Link an account",
		Text:   "You go to the provider now, and come back. Then that account signs you in here, too.",
		Button: "Continue", Back: "/account/linked", // the button is link's
	}
	removeIdentity = question{
		Title:  "Unlink an account",
		Text:   "It does not sign you in any more.",
		Button: "Unlink the account", Danger: true, Back: "/account/linked",
		route: "DELETE /identities/{id}", then: "/account/linked", notice: "unlinked",
	}
)

// ask shows a question. Its form goes to the page's own address, which has the token, so the token
// is nowhere in the page.
func (a *app) ask(q question) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { a.render(w, r, http.StatusOK, "confirm", page{Data: q}) }
}

// answer does what the button of a question is for.
func (a *app) answer(q question) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var body any
		if q.mailed {
			body = map[string]any{"token": r.URL.Query().Get("token")}
		}
		if _, err := a.auth.Call(w, r, strings.Replace(q.route, "{id}", url.PathEscape(r.PathValue("id")), 1), body); err != nil {
			a.refuseAnswer(w, r, q, err)
			return
		}
		done(w, r, q.then, q.notice)
	}
}

// refuseAnswer says why the button did nothing. It is still there if it may work the next time.
func (a *app) refuseAnswer(w http.ResponseWriter, r *http.Request, q question, err error) {
	if status := httpx.ProblemOf(err).Status; status != http.StatusTooManyRequests && status < 500 {
		q.Text, q.Button = "", ""
	}
	a.refuse(w, r, "confirm", page{Data: q}, err)
}
