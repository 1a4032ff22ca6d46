package admin

import (
	"errors"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"

	"myauth.internal/httpx"
	"myauth.internal/httpx/cookie"
	"myauth.internal/kit"
)

// proof is a way to show who one is.
type proof struct {
	page, title   string
	focus         string // the field to begin with
	route, factor string // what takes the password, and what a code
}

var (
	signingIn  = proof{"sign-in", "Sign in", "email", "POST /login", "POST /login/mfa"}
	confirming = proof{"confirm", "Confirm it’s you", "password", "POST /reauthenticate", "POST /reauthenticate"}
)

// proofData is what the pages of a proof show.
type proofData struct {
	proof
	// Next is the page to go on with, and Again the form that was refused there.
	Next, Again string
	// Token, with Methods, stands for a password that was right: a second factor is due.
	Token   string
	Methods []string
}

// Page is where the form goes.
func (d proofData) Page() string { return d.page }

// askWho sends a browser to where its user signs in, or confirms a login that is too old, to go on
// with the page next. A form that was refused there is kept on the page that takes its place; but not
// by the application's sign-in.
func (p *pages) askWho(w http.ResponseWriter, r *http.Request, err error, next, again string) {
	d := proofData{proof: signingIn, Next: next, Again: again}
	application := p.options.SignIn
	if httpx.ProblemOf(err).Code == "reauthentication_required" {
		d.proof, application = confirming, p.options.Confirm
	}
	switch {
	case application != "" && (again == "" || d.proof == signingIn):
		redirect(w, application+"?next="+url.QueryEscape(cookie.Next(visitOf(r).prefix+next)))
	case again == "":
		redirect(w, visitOf(r).base+d.page+"?next="+url.QueryEscape(next))
	default:
		p.ask(w, r, http.StatusUnauthorized, d.proof, view{Data: d, Notice: "Nothing has been changed yet. It goes on after this."})
	}
}

// ask shows the form of a proof.
func (p *pages) ask(w http.ResponseWriter, r *http.Request, status int, as proof, v view) {
	if v.Data == nil {
		v.Data = proofData{proof: as, Next: wanted(r.FormValue("next")), Again: r.PostFormValue("again")}
	}
	v.Title, v.Public, v.Focus = as.title, as == signingIn, as.focus
	p.render(w, r, status, as.page, v)
}

// wanted returns a page of these, by its path and query.
func wanted(next string) string {
	u, err := url.Parse(cookie.Next(next))
	if err != nil || u.Path != path.Clean(u.Path) {
		return "/"
	}
	return u.RequestURI()
}

// prove takes a form of a proof: the password, or the code of a second factor.
func (p *pages) prove(w http.ResponseWriter, r *http.Request, as proof) {
	typed := r.PostForm
	d := proofData{proof: as, Next: wanted(typed.Get("next")), Again: typed.Get("again"), Token: typed.Get("mfa_token"), Methods: typed["methods"]}
	route, body := as.route, map[string]any{"email": typed.Get("email"), "password": typed.Get("password")}
	if d.Token != "" {
		route, body = as.factor, map[string]any{"mfa_token": d.Token, "method": typed.Get("method"), "code": strings.TrimSpace(typed.Get("code"))}
	}
	_, err := p.auth.Call(w, r, route, body)
	var due *kit.MFARequired
	switch problem := httpx.ProblemOf(err); {
	case err == nil:
		p.goOn(w, r, d)
		return
	case errors.As(err, &due):
		d.Token, d.Methods, err = string(due.Token), withoutScript(due.Methods), nil
	case problem.Status != http.StatusUnauthorized, problem.Code == "invalid_credentials", problem.Code == "invalid_code":
	case d.Token != "": // which is over
		d.Token, err = "", errTooLate
	default: // the session has ended
		p.askWho(w, r, err, d.Next, d.Again)
		return
	}
	v := view{Data: d}
	status := v.refuse(w, r, err)
	switch {
	case d.Token != "":
		v.Title, v.Public, v.Focus = "Two-step verification", as == signingIn, "code"
		p.render(w, r, status, "factor", v)
		return
	case as == confirming && httpx.ProblemOf(err).Code == "invalid_credentials":
		v.Problem = "This is not your password."
	}
	p.ask(w, r, status, as, v)
}

// withoutScript are the methods of a second factor that a form can answer. A passkey needs a script.
func withoutScript(methods []string) []string {
	return slices.DeleteFunc(slices.Clone(methods), func(m string) bool { return m == "passkey" })
}

var errTooLate = kit.NewProblem(http.StatusUnauthorized, "expired_token", "Expired token", "That took too long, or was tried too often. Please start again.")

// goOn goes to the page that was wanted. A form that was refused is there again, to be sent
// by its button.
func (p *pages) goOn(w http.ResponseWriter, r *http.Request, d proofData) {
	typed, err := url.ParseQuery(d.Again)
	next, nextErr := url.Parse(d.Next)
	if err != nil || nextErr != nil || len(typed) == 0 {
		redirect(w, visitOf(r).base+strings.TrimPrefix(d.Next, "/"))
		return
	}
	visitOf(r).typed = typed
	page := r.Clone(r.Context())
	page.Method, page.PostForm = http.MethodGet, url.Values{}
	page.URL = next
	p.mux.ServeHTTP(w, page)
}

// signOut also works when the session has ended.
func (p *pages) signOut(w http.ResponseWriter, r *http.Request) {
	if _, err := p.auth.Call(w, r, "POST /logout", nil); err != nil {
		p.fail(w, r, err)
		return
	}
	p.signedOut(w, r, "signed-out")
}

// signedOut goes to the sign-in.
func (p *pages) signedOut(w http.ResponseWriter, r *http.Request, notice string) {
	if p.options.SignIn != "" {
		redirect(w, p.options.SignIn)
		return
	}
	done(w, r, "sign-in", notice)
}
