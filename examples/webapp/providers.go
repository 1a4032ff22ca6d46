package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"myauth.internal/httpx"
	"myauth.internal/httpx/cookie"
	"myauth.internal/kit"
	"myauth.internal/kit/provider"
)

// newProviders returns the providers of MYAUTH_PROVIDERS: names with commas.
func newProviders(getenv func(string) string) (list []provider.Provider, err error) {
	for name := range strings.SplitSeq(getenv("MYAUTH_PROVIDERS"), ",") {
		if name = strings.TrimSpace(name); name == "" {
			continue
		}
		prefix := "MYAUTH_PROVIDER_" + strings.ToUpper(name) + "_"
		c := provider.Config{
			Issuer: getenv(prefix + "ISSUER"), ClientID: getenv(prefix + "CLIENT_ID"), ClientSecret: kit.Secret(getenv(prefix + "CLIENT_SECRET")),
			Label: getenv(prefix + "LABEL"), AllowPrivate: getenv(prefix+"ALLOW_PRIVATE") != "",
		}
		if domains := getenv(prefix + "EMAIL_DOMAINS"); domains != "" {
			c.EmailDomains = strings.Split(strings.ReplaceAll(domains, " ", ""), ",")
		}
		if c.ClientID == "" {
			return nil, fmt.Errorf("%sCLIENT_ID is not set: it is what %s gave to this application, whose callback there is PUBLIC_URL/auth/providers/%s/callback", prefix, name, name)
		}
		switch name {
		case "google":
			list = append(list, provider.Google(c))
		case "github":
			list = append(list, provider.GitHub(c))
		case "microsoft":
			list = append(list, provider.Microsoft("common", c))
		default:
			c.Name, c.Label = name, cmp.Or(c.Label, strings.ToUpper(name[:1])+name[1:])
			list = append(list, provider.OpenIDConnect(c))
		}
	}
	return list, nil
}

// The addresses to which a provider login returns.
const (
	signedInPath = "/signed-in"
	linkedPath   = "/account/link-done"
)

// nextCookie keeps where the user wanted to go while the browser is at the provider.
const nextCookie = "__Host-notebook_next"

// leaveToProvider begins a sign-in. It is a link and no form, because the policy of the pages lets
// no form lead elsewhere, not even by a redirect.
func (a *app) leaveToProvider(w http.ResponseWriter, r *http.Request) {
	cookie.Set(w.Header(), cookie.New(r, nextCookie, url.QueryEscape(r.URL.Query().Get("next")), 10*time.Minute, false))
	query := url.Values{"redirect_to": {a.publicURL + signedInPath}}
	http.Redirect(w, r, "/auth/providers/"+url.PathEscape(r.PathValue("name"))+"/start?"+query.Encode(), http.StatusSeeOther)
}

// signedIn is where the browser comes back to. The code is good for the browser alone that began,
// so a link with somebody else's code does nothing.
func (a *app) signedIn(w http.ResponseWriter, r *http.Request) {
	wanted, _ := url.QueryUnescape(cookie.Get(r, nextCookie))
	a.finishSignIn(w, r, "POST /providers/exchange", map[string]any{"code": r.URL.Query().Get("code")}, cookie.Next(wanted))
}

// confirmSignIn is the button of the page to which the mail leads that a provider's word is not
// enough for.
func (a *app) confirmSignIn(w http.ResponseWriter, r *http.Request) {
	a.finishSignIn(w, r, confirmSignIn.route, map[string]any{"token": r.URL.Query().Get("token")}, "/")
}

func (a *app) finishSignIn(w http.ResponseWriter, r *http.Request, route string, body map[string]any, wanted string) {
	err := comeBack(r)
	if err == nil {
		err = a.login(w, r, route, body, wanted)
	}
	if err != nil {
		a.refuse(w, r, "signin", page{}, err)
	}
}

// comeBack returns what a callback says in place of a code.
func comeBack(r *http.Request) error {
	if code := r.URL.Query().Get("error"); code != "" {
		return kit.NewProblem(http.StatusForbidden, code, "", "")
	}
	return nil
}

// identity is an account elsewhere that signs in here.
type identity struct {
	ID    string `json:"id"`
	Label string `json:"label"`
	Email string `json:"email"`
	Name  string `json:"name"`
}

func (a *app) listIdentities(w http.ResponseWriter, r *http.Request) {
	var list struct {
		Identities []identity `json:"identities"`
	}
	if a.get(w, r, "GET /identities", &list) {
		a.render(w, r, http.StatusOK, "linked", page{Data: list.Identities})
	}
}

// link begins to link an account. It must be a form, which no other site can send; so the next
// page, and no redirect, leads to the provider.
func (a *app) link(w http.ResponseWriter, r *http.Request) {
	route := "POST /providers/" + url.PathEscape(r.PathValue("name")) + "/link"
	answer, err := a.auth.Call(w, r, route, map[string]any{"redirect_to": a.publicURL + linkedPath})
	var begun struct {
		URL string `json:"url"`
	}
	if err == nil {
		err = json.Unmarshal(answer.Body, &begun)
	}
	if err != nil {
		a.fail(w, r, httpx.ProblemOf(err))
		return
	}
	w.Header().Set("Refresh", "0; url="+begun.URL)
	a.render(w, r, http.StatusOK, "leave", page{Data: begun.URL})
}

// linked is where the browser comes back to.
func (a *app) linked(w http.ResponseWriter, r *http.Request) {
	err := comeBack(r)
	if err == nil {
		_, err = a.auth.Call(w, r, "POST /providers/exchange", map[string]any{"code": r.URL.Query().Get("code")})
	}
	if err != nil {
		a.fail(w, r, httpx.ProblemOf(err))
		return
	}
	done(w, r, "/account/linked", "linked")
}
