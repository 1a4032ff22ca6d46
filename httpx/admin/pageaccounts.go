package admin

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"myauth.internal/httpx"
)

// account is a user as the API shows one to administrators.
type account struct {
	ID          string          `json:"id"`
	Email       string          `json:"email"`
	Username    string          `json:"username"`
	Roles       []string        `json:"roles"`
	Active      bool            `json:"is_active"`
	Verified    bool            `json:"is_verified"`
	HasPassword bool            `json:"has_password"`
	Factors     []string        `json:"factors"`
	Settings    json.RawMessage `json:"user_settings"`
	Created     time.Time       `json:"created_at"`
	Updated     time.Time       `json:"updated_at"`
}

// HasSettings reports whether the application keeps something there.
func (a account) HasSettings() bool { return len(a.Settings) > len("{}") }

// search lists the accounts whose address begins with what was typed, or all.
func (p *pages) search(w http.ResponseWriter, r *http.Request) {
	var found struct {
		Users                []account
		Next                 string
		Prefix, After, Older string
	}
	found.Prefix, found.After = strings.TrimSpace(r.URL.Query().Get("email")), r.URL.Query().Get("after")
	query := url.Values{"email_prefix": {found.Prefix}, "after": {found.After}}
	v := view{Title: "Accounts"}
	status := http.StatusOK
	switch err := p.load(w, r, "GET /admin/users?"+query.Encode(), &found); {
	case err != nil && httpx.ProblemOf(err).Status == http.StatusUnprocessableEntity:
		status, v.Problem = http.StatusUnprocessableEntity, "This is not the beginning of an address, such as ada@example."
	case err != nil:
		p.fail(w, r, err)
		return
	}
	if found.Next != "" {
		found.Older = "?" + url.Values{"email": {found.Prefix}, "after": {found.Next}}.Encode()
	}
	v.Data = found
	p.render(w, r, status, "search", v)
}

// accountData is what the page of an account shows. Without an Account, only the form.
type accountData struct {
	ID       string
	Account  *account
	Sessions []session // those used last
	More     int       // sessions
	Form     accountForm
	Acts     []act
}

type session struct {
	Device    string    `json:"device"`
	UserAgent string    `json:"user_agent"`
	IP        string    `json:"ip"`
	AMR       []string  `json:"amr"`
	Created   time.Time `json:"created_at"`
	Used      time.Time `json:"last_used_at"`
}

// accountForm is the form of an account. It says what it showed, so that only what was changed
// in it is changed: another administrator may have changed the rest meanwhile.
type accountForm struct {
	Username, WasUsername string
	WasRoles              string // as JSON, since a role may be any text
	Roles                 []role
	Add                   string
}

type role struct {
	Name string
	Keep bool
}

func formOf(a account) accountForm {
	text, err := json.Marshal(a.Roles)
	if err != nil {
		panic(err) // strings
	}
	f := accountForm{Username: a.Username, WasUsername: a.Username, WasRoles: string(text)}
	for _, name := range a.Roles {
		f.Roles = append(f.Roles, role{name, true})
	}
	return f
}

// typedForm returns a form as it was sent.
func typedForm(typed url.Values) accountForm {
	f := accountForm{
		Username: typed.Get("username"), WasUsername: typed.Get("was_username"),
		WasRoles: typed.Get("was_roles"), Add: strings.TrimSpace(typed.Get("roles")),
	}
	var names []string
	_ = json.Unmarshal([]byte(f.WasRoles), &names) // what cannot be read has no boxes
	for i, name := range names {
		f.Roles = append(f.Roles, role{name, slices.Contains(typed["keep"], strconv.Itoa(i))})
	}
	return f
}

// changes returns what the form asks the API for.
func (f accountForm) changes() map[string]any {
	changes := map[string]any{}
	if f.Username != f.WasUsername {
		changes["username"] = f.Username
	}
	roles, changed := []string{}, f.Add != ""
	for _, role := range f.Roles {
		if changed = changed || !role.Keep; role.Keep {
			roles = append(roles, role.Name)
		}
	}
	if f.Add != "" && !slices.Contains(roles, f.Add) {
		roles = append(roles, f.Add)
	}
	if changed {
		changes["roles"] = roles
	}
	return changes
}

// maxSessions is how many sessions a page shows. An account may have thousands, of programs.
const maxSessions = 50

// showAccount shows an account, and what was wrong with its form.
func (p *pages) showAccount(w http.ResponseWriter, r *http.Request, wrong error) {
	d := accountData{ID: r.PathValue("id")}
	v := view{Title: "Account"}
	status := v.refuse(w, r, wrong)
	var a account
	var list struct{ Sessions []session }
	err := p.load(w, r, "GET /admin/"+accountPage(d.ID), &a)
	if err == nil {
		err = p.load(w, r, "GET /admin/"+accountPage(d.ID)+"/sessions", &list)
	}
	switch {
	case err == nil:
		d.Account, d.Form, d.Acts = &a, formOf(a), actsFor(a)
		shown := min(len(list.Sessions), maxSessions)
		d.Sessions, d.More = list.Sessions[:shown], len(list.Sessions)-shown
	case wrong == nil && v.Form == nil:
		p.fail(w, r, err)
		return
	case wrong == nil: // offered again, and the store is away
		status = v.refuse(w, r, err)
		v.Form = visitOf(r).typed
	}
	if v.Form != nil {
		d.Form = typedForm(v.Form)
	}
	v.Data = d
	p.render(w, r, status, "account", v)
}

// changeAccount is the button of the form.
func (p *pages) changeAccount(w http.ResponseWriter, r *http.Request) {
	var err error
	if changes := typedForm(r.PostForm).changes(); len(changes) > 0 {
		_, err = p.auth.Call(w, r, "PATCH /admin/"+accountPage(r.PathValue("id")), changes)
	}
	switch {
	case err == nil:
		done(w, r, accountPage(r.PathValue("id")), "saved")
	case httpx.ProblemOf(err).Status == http.StatusUnauthorized:
		p.fail(w, r, err)
	default:
		p.showAccount(w, r, err)
	}
}
