package httpx

import (
	"context"
	"errors"
	"html/template"
	"net/http"
	"strings"
	"testing"

	"myauth.internal/kit"
)

// confirmPage is a page of a feature that a mail leads to. done hears each press.
func confirmPage(done func(token, cookie string) error) kit.Page {
	return kit.Page{
		Path: "/confirm-it", Title: "Confirm <it>", Ask: "Was it you?", Button: "It was me", Aside: "Or close this page.",
		DoneTitle: "Confirmed", Done: "Thank you.", Problems: map[string]string{"revoked_token": "You did so before.", "too_late": "It's too late."},
		Submit: func(_ context.Context, form kit.Submission) error {
			return done(form.Token, form.CookieValue("flow"))
		},
	}
}

// choicePage is one without a form.
func choicePage() kit.Page {
	return kit.Page{
		Path: "/choose", Title: "Choose one", Ask: "Which one?", DoneTitle: "Chosen", Done: "You have chosen.",
		Problems: map[string]string{"denied": "You said no."},
		Open: func(_ context.Context, from kit.Source) (kit.PageView, error) {
			switch q := from.QueryValue("q"); q {
			case "bad":
				return kit.PageView{}, kit.Invalid("q", "unknown", "no such thing")
			case "panic":
				panic("at the door")
			default:
				return kit.PageView{Code: q, Done: q == "done", Links: []kit.PageLink{{Label: `A "link"`, URL: `/go?a=1&b="2"`}}}, nil
			}
		},
	}
}

// TestPageOfAFeature: opening it changes nothing, its button does the work with the cookies of
// the browser, and its own words come before those of this package.
func TestPageOfAFeature(t *testing.T) {
	var heard []string
	var answer error
	p := newPageRig(t, Options{}, withProbe(kit.Extension{Pages: []kit.Page{confirmPage(func(token, cookie string) error {
		heard = append(heard, token+" "+cookie)
		return answer
	})}}))
	const link = "https://example.com/confirm-it?token=abc."
	page := p.open(link)
	for _, words := range []string{"<h1>Confirm <it></h1>", "Was it you?", "It was me", "Or close this page."} {
		says(t, page, 200, words)
	}
	if !strings.Contains(page.Body.String(), "Confirm &lt;it&gt;") {
		t.Error("the words are not escaped")
	}
	do(p.pages, http.MethodHead, "/confirm-it?token=abc", "")
	if heard != nil {
		t.Fatalf("opening the page has done %q", heard)
	}
	says(t, p.press(link, page), 200, "Thank you.")
	do(p.pages, "POST", "/confirm-it", "token=+abc+", "Content-Type", mediaForm, "Cookie", "flow=of-this-browser")
	if got := strings.Join(heard, "|"); got != "abc |abc of-this-browser" {
		t.Errorf("the button has done %q", got)
	}
	for _, c := range []struct {
		err    error
		status int
		words  string
		again  bool
	}{
		{kit.ErrRevokedToken, 401, "You did so before.", false},
		{kit.ErrExpiredToken, 401, "This link has expired.", false},
		{kit.NewProblem(409, "too_late", "", ""), 409, "It's too late.", false},
		{kit.ErrUnavailable, 503, "Wait a moment", true},
		{errors.New("s3cret"), 500, "Something went wrong on our side", true},
	} {
		answer = c.err
		page := p.press(link, p.open(link))
		says(t, page, c.status, c.words)
		if formTag.MatchString(page.Body.String()) != c.again || strings.Contains(page.Body.String(), "s3cret") {
			t.Errorf("%v: %s", c.err, page.Body)
		}
	}
	says(t, do(p.pages, "GET", "/confirm-it", ""), 400, "copy the whole link")
}

// TestPageOfChoices: a page without a form has links, and nothing is posted to it.
func TestPageOfChoices(t *testing.T) {
	p := newPageRig(t, Options{}, withProbe(kit.Extension{Pages: []kit.Page{choicePage()}}))
	const link = `<a class="button" href="/go?a=1&b="2"">A "link"</a>` // unescaped, as says looks at it
	for _, c := range []struct {
		query  string
		status int
		words  string
		links  bool
	}{
		{"", 200, "Which one?", true},
		{"?q=denied", 200, "You said no.", true},
		{"?q=done", 200, "You have chosen.", false},
		{"?q=bad", 422, "no such thing", false},
		{"?q=panic", 500, "Something went wrong on our side", false},
	} {
		w := do(p.pages, "GET", "/choose"+c.query, "")
		says(t, w, c.status, c.words)
		if c.links {
			says(t, w, c.status, link)
			if !strings.Contains(w.Body.String(), `b=&#34;2&#34;`) {
				t.Error("the link is not escaped")
			}
		} else if strings.Contains(w.Body.String(), "<a ") || strings.Contains(w.Body.String(), "Which one?") {
			t.Errorf("%s: %s", c.query, w.Body)
		}
	}
	w := do(p.pages, "POST", "/choose", "token=x", "Content-Type", mediaForm)
	if w.Code != 405 || w.Header().Get("Allow") != "GET, HEAD" {
		t.Errorf("POST: %d, Allow %q", w.Code, w.Header().Get("Allow"))
	}
	if w := do(newPageRig(t, Options{}).pages, "GET", "/choose", ""); w.Code != 404 {
		t.Errorf("without the feature: %d", w.Code)
	}
}

// TestTemplatesOfFeaturePages: New tries the pages of features out too.
func TestTemplatesOfFeaturePages(t *testing.T) {
	svc := newRig(t, Options{}, withProbe(kit.Extension{Pages: []kit.Page{choicePage(), confirmPage(nil), {Path: "/join", NewAccount: func(context.Context, string) (string, error) { return "", nil }, Submit: func(context.Context, kit.Submission) error { return nil }}}})).svc
	for text, want := range map[string]string{
		`{{.Page}}{{.Token}}{{.Username}}{{.Email}}{{range .Links}}<a href="{{.URL}}">{{.Label}}</a>{{end}}`: "",
		`{{.Page}}{{.Token}}{{.Email}}{{range .Links}}<a href="{{.URL}}">{{.Label}}</a>{{end}}`:              "page join has no form for a new account",
		`{{.Token}}{{.Username}}{{if .NewMail}}{{.Email}}{{end}}{{range .Links}}{{.URL}}{{end}}`:             "page join does not show the Email",
		`{{.Page}}{{.Token}}{{.Email}}`: "page choose does not have the Links",
		`{{if ne .Page "confirm-it"}}{{.Token}}{{end}}{{.Email}}{{range .Links}}{{.URL}}{{end}}`:      "page confirm-it has no form",
		`{{.Token}}{{.Email}}{{range .Links}}{{.URL}}{{end}}{{if eq .Code "denied"}}{{.Oops}}{{end}}`: "Oops",
	} {
		write := template.Must(template.New("page").Parse(text)).Execute
		h, err := New(svc, &Options{PageTemplate: write})
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", text, err, want)
		}
		if err == nil {
			if w := do(h.Pages(), "GET", "/choose", ""); w.Code != 200 || !strings.HasPrefix(w.Body.String(), "choose<a href=") {
				t.Errorf("%d %s", w.Code, w.Body)
			}
		}
	}
}

// TestPageOfANewAccount: the form asks for what an account needs. What is refused shows again, but for
// the password, and says what to do; once no other try can succeed, the form is gone.
func TestPageOfANewAccount(t *testing.T) {
	var heard []string
	var answer error
	page := kit.Page{
		Path: "/join", Title: "Join", Ask: "Who are you?", Button: "Make it", Aside: "Or close this page.", DoneTitle: "Made", Done: "Sign in now.",
		Submit: func(_ context.Context, form kit.Submission) error {
			heard = append(heard, form.Token+" "+form.Username+" "+string(form.Password)+" "+form.CookieValue("c"))
			return answer
		},
		NewAccount: func(_ context.Context, token string) (string, error) {
			if token != "abc" {
				return "", kit.ErrExpiredToken
			}
			return "grace@example.com", nil
		},
	}
	p := newPageRig(t, Options{}, withProbe(kit.Extension{Pages: []kit.Page{page}}))
	const link = "https://example.com/join?token=abc"
	form := p.open(link)
	for _, words := range []string{"<h1>Join</h1>", "Who are you?", "Your name", `type="email" autocomplete="username" readonly value="grace@example.com"`, "Repeat the password", `autocomplete="new-password" required`, "Make it"} {
		says(t, form, 200, words)
	}
	if old := p.open("https://example.com/join?token=old"); formTag.MatchString(old.Body.String()) {
		t.Errorf("there is a form for a link that is too old: %s", old.Body)
	} else {
		says(t, old, 401, "This link has expired")
	}
	typed := []string{"username", `Grace "<3"`, "password", "pass <1>", "repeat", "pass <1>"}
	other := p.press(link, form, "username", `Grace "<3"`, "password", "one", "repeat", "two")
	says(t, other, 422, "type the same password twice")
	if heard != nil {
		t.Fatalf("two passwords have done %q", heard)
	}
	answer = &kit.ValidationError{Fields: []kit.FieldError{{Field: "username", Code: "too_short", Message: "must"}, {Field: "password", Code: "too_short", Message: "use at least 8 characters"}}}
	again := p.press(link, form, typed...)
	for _, words := range []string{"We can't make your account yet. Please:", "type your name", "use at least 8 characters", `readonly value="grace@example.com"`, `value="Grace "<3""`, `id="username" name="username" type="text" autocomplete="name" value="Grace "<3"" required autofocus aria-invalid="true"`} {
		says(t, again, 422, words)
	}
	if text := again.Body.String(); strings.Contains(text, "pass ") || strings.Contains(text, `"<3"`) {
		t.Errorf("the password, or the name as it was typed: %s", text)
	}
	for _, c := range []struct {
		err    error
		status int
		words  string
		again  bool
	}{
		{kit.ErrRegistrationClosed, 403, "New accounts can't be made here", true},
		{kit.ErrUserExists, 409, "There is already an account", false},
		{kit.ErrRevokedToken, 401, "This link has already been used", false},
		{kit.ErrUnavailable, 503, "Wait a moment", true},
	} {
		answer = c.err
		page := p.press(link, form, typed...)
		says(t, page, c.status, c.words)
		if formTag.MatchString(page.Body.String()) != c.again || strings.Contains(page.Body.String(), "Grace") != c.again {
			t.Errorf("%v: %s", c.err, page.Body)
		}
	}
	answer, heard = nil, nil
	says(t, p.press(link, form, typed...), 200, "Sign in now.")
	do(p.pages, "POST", "/join", "token=abc&username=G&password=p&repeat=p", "Content-Type", mediaForm, "Cookie", "c=of-this-browser")
	if got := strings.Join(heard, "|"); got != `abc Grace "<3" pass <1> |abc G p of-this-browser` {
		t.Errorf("the form has done %q", got)
	}
}
