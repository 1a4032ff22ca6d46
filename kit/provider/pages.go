package provider

import (
	"context"
	"net/url"

	"myauth.internal/kit"
)

// pages are for applications that have none of their own.
func (p *providers) pages() []kit.Page {
	return []kit.Page{{
		Path: "/sign-in", Open: p.openSignIn,
		Title: "Sign in", Ask: "Sign in with an account that you have elsewhere:",
		DoneTitle: "The sign-in worked",
		Done:      "An application would now exchange the code in the address of this page for tokens. This page is where browsers go that came from no application.",
		Problems:  signInProblems,
	}, {
		Path: confirmPage, Submit: p.submitConfirm,
		Title: "Finish signing in", Ask: "Someone, hopefully you, has just signed in with an account elsewhere, and gave this email address. If that was you, please confirm it.",
		Button: "Confirm email address", Aside: "If it wasn't you, close this page: nothing changes. Otherwise someone else could use the account together with you.",
		DoneTitle: "Your email address is confirmed", Done: "You can close this page and sign in.",
		Problems: map[string]string{
			"revoked_token":       "This link has already been used. You can sign in.",
			"link_required":       "There is already an account with your email address. If you began in another browser, open this link there. Otherwise sign in as you did before; then you can link your provider in your account's settings.",
			"registration_closed": closedProblem,
			"expired_token":       "This link is too old. Please sign in with your provider again: we'll send you a new email.",
		},
	}}
}

const closedProblem = "You don't have an account here with this provider, and new ones can't be made at the moment. If you have one, sign in to it as you did before; then you can link your provider in your account's settings."

// signInProblems are by the parameter error of the target. Whatever else is in it is shown as
// provider_unavailable.
var signInProblems = map[string]string{
	providerDenied:        "You weren't signed in, because you cancelled, or because your provider refused. You can try again, or choose another way.",
	invalidState:          "You weren't signed in: it took too long, or was begun in another browser, or you came back to an old page. Please begin again.",
	providerUnavailable:   "You weren't signed in, because something went wrong between us and your provider. Please try again in a moment, or choose another way.",
	"link_required":       "There is already an account with your email address. Sign in to it as you did before. Then you can link your provider in your account's settings, and sign in with it from then on.",
	"email_unverified":    "You're almost there: we sent you an email. Follow the link in it within an hour to finish.",
	emailNotConfigured:    "Your provider doesn't say that your email address is yours, and we can't send you an email to find out. Please choose another way.",
	"registration_closed": closedProblem,
	"account_disabled":    "This account is disabled.",
	"validation_failed":   "The address of this page isn't right. Go back to where you came from, and try again. For whoever made that link:",
}

// openSignIn shows the providers. What a page wants of the login is passed on to each.
func (p *providers) openSignIn(_ context.Context, from kit.Source) (kit.PageView, error) {
	if from.QueryValue("code") != "" {
		return kit.PageView{Done: true}, nil
	}
	redirectTo, challenge := from.QueryValue("redirect_to"), from.QueryValue("code_challenge")
	if _, err := p.want(redirectTo, challenge); err != nil {
		return kit.PageView{}, err
	}
	query := url.Values{}
	for name, value := range map[string]string{"redirect_to": redirectTo, "code_challenge": challenge} {
		if value != "" {
			query.Set(name, value)
		}
	}
	view := kit.PageView{Code: from.QueryValue("error")}
	if view.Code != "" && signInProblems[view.Code] == "" {
		view.Code = providerUnavailable
	}
	for _, c := range p.clients {
		u := p.baseURL + "/providers/" + c.Name + "/start"
		if len(query) > 0 {
			u += "?" + query.Encode()
		}
		view.Links = append(view.Links, kit.PageLink{Label: c.Label, URL: u})
	}
	return view, nil
}
