package main

import (
	"errors"
	"log/slog"
	"net/http"
	"net/url"

	"myauth.internal/httpx"
	"myauth.internal/httpx/cookie"
	"myauth.internal/kit"
)

func (a *app) showSignIn(w http.ResponseWriter, r *http.Request) {
	if _, _, err := a.auth.Identify(w, r); err == nil {
		next(w, r)
		return
	}
	a.render(w, r, http.StatusOK, "signin", page{})
}

// signIn is the button of either form: the password's, or the passkey's.
func (a *app) signIn(w http.ResponseWriter, r *http.Request) {
	route, body := "POST /login", map[string]any{"email": r.PostFormValue("email"), "password": r.PostFormValue("password")}
	if byPasskey(r) {
		route, body = "POST /login/passkey", passkeyAnswer(r)
	}
	err := a.login(w, r, route, body, wanted(r))
	switch p := httpx.ProblemOf(err); {
	case err == nil:
	case p.Code == "email_not_verified":
		a.renderCheckYourMail(w, r, p.Status, mailSent{Email: r.PostFormValue("email")})
	case p.Code == "invalid_credentials" && !byPasskey(r):
		pg := page{Form: formOf(r), Problem: "The email address or the password is wrong."}
		a.render(w, r, p.Status, "signin", pg)
	default:
		a.refuse(w, r, "signin", page{}, err)
	}
}

// login calls a route that signs in, and goes to what was wanted, or to the second factor. An error
// is for the caller's page to show. The session that the browser had before ends; and if it was
// another user's, what that one wanted is not done to this one.
func (a *app) login(w http.ResponseWriter, r *http.Request, route string, body map[string]any, wanted string) error {
	_, before, _ := a.auth.Identify(w, r) // nobody: it is empty
	answer, err := a.auth.Call(w, r, route, body)
	var due *kit.MFARequired
	switch {
	case errors.As(err, &due):
		askSecondFactor(w, r, due, false, wanted)
		return nil
	case err != nil:
		return err
	}
	if before.SessionID != "" {
		if err := a.svc.EndSession(r.Context(), before.Subject, before.SessionID); err != nil {
			slog.WarnContext(r.Context(), "the session before a login is still there", "user_id", before.Subject, "err", err)
		}
		if before.Subject != answer.Tokens.User.ID {
			wanted = "/"
		}
	}
	forget(w, r, nextCookie)
	forget(w, r, stepCookie)
	http.Redirect(w, r, wanted, http.StatusSeeOther)
	return nil
}

// forget removes a cookie.
func forget(w http.ResponseWriter, r *http.Request, name string) {
	if cookie.Sent(r, name) {
		cookie.Set(w.Header(), cookie.New(r, name, "", -1, false))
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

// reauthenticate is the button of either form again. A passkey says by itself whose it is, so it
// makes a new login.
func (a *app) reauthenticate(w http.ResponseWriter, r *http.Request) {
	var err error
	var due *kit.MFARequired
	if byPasskey(r) {
		err = a.login(w, r, "POST /login/passkey", passkeyAnswer(r), wanted(r))
	} else if _, err = a.auth.Call(w, r, "POST /reauthenticate", map[string]any{"password": r.PostFormValue("password")}); err == nil {
		next(w, r)
	} else if errors.As(err, &due) {
		askSecondFactor(w, r, due, true, wanted(r))
		return
	}
	if err != nil {
		a.refuse(w, r, "reauthenticate", page{On: map[string]string{"invalid_credentials": "password"}}, err)
	}
}
