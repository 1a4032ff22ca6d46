package kit_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"myauth.internal/kit"
	"myauth.internal/kit/memstore"
	"myauth.internal/kit/throttle"
)

// TestFeaturesThatAreRefused: New says what is wrong with a feature, and names it.
func TestFeaturesThatAreRefused(t *testing.T) {
	route := func(method, path string) kit.Extension {
		serve := func(context.Context, kit.Request) (kit.Answer, error) { return kit.Done(), nil }
		return kit.Extension{Routes: []kit.Route{{Method: method, Path: path, Serve: serve}}, OpenAPI: []byte(`{}`)}
	}
	mail := func(rule kit.MailRule) kit.Extension { return kit.Extension{Mails: []kit.MailRule{rule}} }
	page := func(path string, submits bool) kit.Extension {
		p := kit.Page{Path: path}
		if submits {
			p.Submit = func(context.Context, kit.Submission) error { return nil }
		}
		return kit.Extension{Pages: []kit.Page{p}}
	}
	used := &probe{name: "used"}
	one := func(name string, e kit.Extension) []kit.Feature {
		return []kit.Feature{&probe{name: name, Extension: e}}
	}
	factor := func(t kit.Extension) kit.Extension { t.Factor = countingFactor{}; return t }
	for name, c := range map[string]struct {
		features []kit.Feature
		want     string // in the error; empty: accepted
	}{
		"none":                          {nil, ""},
		"nil":                           {[]kit.Feature{nil}, "nil"},
		"two with one name":             {append(one("x", kit.Extension{}), one("x", kit.Extension{})...), `"x"`},
		"no name":                       {one("", kit.Extension{}), `""`},
		"a name of 20":                  {one(strings.Repeat("x", 20), kit.Extension{}), ""},
		"a name of 21":                  {one(strings.Repeat("x", 21), kit.Extension{}), "xxx"},
		"a name in upper case":          {one("Terms", kit.Extension{}), `"Terms"`},
		"a name with a slash":           {one("a/b", kit.Extension{}), `"a/b"`},
		"a name with a line end":        {one("a\n", kit.Extension{}), `"a\n"`},
		"the name of sessions":          {one("refresh", kit.Extension{}), `"refresh"`},
		"the name of resets":            {one("password_reset", kit.Extension{}), `"password_reset"`},
		"the name of recovery codes":    {one("recovery_code", kit.Extension{}), `"recovery_code"`},
		"the name of half logins":       {one("mfa", kit.Extension{}), `"mfa"`},
		"the name of nonces":            {one("once", kit.Extension{}), `"once"`},
		"the name of factors":           {one("factor", kit.Extension{}), `"factor"`},
		"the name of states":            {one("state", kit.Extension{}), `"state"`},
		"another Service's":             {[]kit.Feature{used}, "used"},
		"a route":                       {one("x", route("POST", "/x")), ""},
		"a route without path":          {one("x", route("POST", "")), "POST"},
		"a route that is taken":         {append(one("x", route("POST", "/x")), one("y", route("POST", "/x"))...), "/x"},
		"one of second factors":         {one("x", factor(route("GET", "/mfa"))), "/mfa"},
		"a route that is not described": {one("x", kit.Extension{Routes: route("POST", "/x").Routes}), "OpenAPI"},
		"a description of none":         {one("x", kit.Extension{OpenAPI: []byte(`{}`)}), ""}, // what its gate answers
		"a mail":                        {one("x", mail(kit.MailRule{Kind: "welcome"})), ""},
		"a mail without a kind":         {one("x", mail(kit.MailRule{})), "mail"},
		"a mail that is taken":          {append(one("x", mail(kit.MailRule{Kind: "welcome"})), one("y", mail(kit.MailRule{Kind: "welcome"}))...), "welcome"},
		"half a mail":                   {one("x", mail(kit.MailRule{Kind: "welcome", Text: "Hello."})), "welcome"},
		"a mail that is over":           {one("x", mail(kit.MailRule{Kind: "welcome", TTL: -1})), "welcome"},
		"a mail of MyAuth's":            {one("x", mail(kit.MailRule{Kind: kit.MailPasswordReset})), "password_reset"},
		"a notice of MyAuth's":          {one("x", mail(kit.MailRule{Kind: kit.MailPasswordChanged})), "password_changed"},
		"a notice of a change":          {one("x", mail(kit.MailRule{Kind: kit.MailEmailChanged})), "email_changed"},
		"a mail of registrations":       {one("x", mail(kit.MailRule{Kind: kit.MailAccountExists})), "account_exists"},
		"a page":                        {one("x", page("/confirm-x", true)), ""},
		"a page without a path":         {one("x", page("", true)), "page"},
		"a page with a query":           {one("x", page("/x?y", true)), "/x?y"},
		"a page that does nothing":      {one("x", page("/confirm-x", false)), "Submit"},
		"a form that makes nothing":     {one("x", kit.Extension{Pages: []kit.Page{{Path: "/x", NewAccount: func(context.Context, string) (string, error) { return "", nil }, Open: func(context.Context, kit.Source) (kit.PageView, error) { return kit.PageView{}, nil }}}}), "NewAccount"},
		"a page that is taken":          {append(one("x", page("/confirm-x", true)), one("y", page("/confirm-x", true))...), "/confirm-x"},
		"a page of MyAuth's":            {one("x", page("/reset-password", true)), "/reset-password"},
		"a factor without keys":         {one("x", factor(kit.Extension{})), kit.ErrNoDataKeys.Error()},
	} {
		h := newHarness(t, func(o *kit.Options) { o.Features = []kit.Feature{&probe{name: "plain"}} })
		if name == "another Service's" {
			h.over(h.store.Stores(), func(o *kit.Options) { o.Features = []kit.Feature{used} })
		}
		opts := h.opts
		opts.Features = c.features
		if strings.HasPrefix(name, "one of") {
			withFactor(&opts)
			opts.Features = c.features
		}
		_, err := kit.New(memstore.New().Stores(), h.keys, &opts)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", name, err, c.want)
		}
	}
}

// TestFeatureThatPanics: an observer harms nobody, and a gate its own login only.
func TestFeatureThatPanics(t *testing.T) {
	heard := map[kit.EventKind]int{}
	gate := false
	h := newHarness(t, func(o *kit.Options) {
		o.Features = []kit.Feature{
			&probe{name: "bad", Extension: kit.Extension{
				Observe: func(context.Context, kit.Event) { panic("observer") },
				Gate: func(context.Context, kit.User, kit.Login) error {
					if gate {
						panic("gate")
					}
					return nil
				},
			}},
			&probe{name: "good", Extension: kit.Extension{Observe: func(_ context.Context, e kit.Event) { heard[e.Kind]++ }}},
		}
	})
	u, _ := h.register(testEmail)
	h.login(testEmail, goodPassword)
	if heard[kit.EventLoggedIn] != 1 || h.count(kit.EventLoggedIn) != 1 {
		t.Errorf("the other feature heard %v, and OnEvent %d", heard, h.count(kit.EventLoggedIn))
	}
	gate = true
	func() {
		defer func() {
			if p := recover(); p != "gate" {
				t.Errorf("recovered %v", p)
			}
		}()
		h.Login(t.Context(), testEmail, goodPassword)
	}()
	if n := len(h.sessionRows(u.ID)); n != 1 {
		t.Errorf("%d sessions", n)
	}
}

// TestAttemptOfAFeature: the limiter hears what became of it, also after a panic.
func TestAttemptOfAFeature(t *testing.T) {
	r := &recorder{}
	_, cores := probes(t, func(o *kit.Options) { o.Limiter = r })
	for want, compare := range map[throttle.Outcome]func() error{
		throttle.Succeeded: func() error { return nil },
		throttle.Failed:    func() error { return kit.ErrInvalidCode },
		throttle.Refunded:  func() error { panic("compare") },
	} {
		r.reset()
		func() {
			defer func() { recover() }()
			cores[0].Attempt(t.Context(), throttle.Attempt{Action: "probe", UserID: "ada"}, "secret", compare)
		}()
		if len(r.begun) != 1 || r.begun[0].Guess == 0 || r.begun[0].UserID != "ada" || !slices.Equal(r.done, []throttle.Outcome{want}) {
			t.Errorf("begun %+v, done %v, want %v", r.begun, r.done, want)
		}
	}
}

// TestMailsOfFeatures: of their kinds only, to the account or to an address that it is to
// prove, in the user's language, each mailbox its own few.
func TestMailsOfFeatures(t *testing.T) {
	p := &probe{name: "x", Extension: kit.Extension{Mails: []kit.MailRule{
		{Kind: "invite", TTL: time.Hour, Subject: "Come", Text: "{{.Link}}"},
		{Kind: "alarm", Notice: true, Subject: "Look", Text: "."},
	}}}
	h := newHarness(t, func(o *kit.Options) {
		o.Features = []kit.Feature{p}
		o.InsecureUnlimited = false
		o.Locale = func(u kit.User) string { return "de-" + u.Username }
	})
	u := h.verified(testEmail)
	u, err := h.UserByID(t.Context(), u.ID)
	if err != nil {
		t.Fatal(err)
	}
	data := map[string]string{"who": "Bob"}
	p.core.Mail(t.Context(), "invite", u, kit.MailContent{Page: "/join", Token: "abc", Data: data})
	data["who"] = "Eve" // is the feature's again
	m := h.nextMail("invite")
	if m.To != testEmail || m.UserID != u.ID || m.Username != "Ada" || m.Locale != "de-Ada" || m.Subject != "Come" || m.Text != "{{.Link}}" || m.Data["who"] != "Bob" ||
		m.Link != "https://app.example.com/account/join?token=abc" || m.Token != "abc" || !m.ValidUntil.Equal(start.Add(time.Hour)) || m.DenyLink != "" {
		t.Errorf("the mail is %+v", m)
	}
	// To an address that is not proved: the name may be a stranger's.
	p.core.Mail(t.Context(), "invite", u, kit.MailContent{To: " bob@example.com "})
	if m := h.nextMail("invite"); m.To != "bob@example.com" || m.Username != "" || m.Link != "" {
		t.Errorf("the mail is %+v", m)
	}
	// What no rule allows is not sent. Notices always are, others not so soon again.
	for _, kind := range []kit.MailKind{kit.MailPasswordReset, kit.MailVerification, kit.MailPasswordChanged, "unknown", ""} {
		p.core.Mail(t.Context(), kind, u, kit.MailContent{To: "eve@example.com"})
	}
	p.core.Mail(t.Context(), "alarm", u, kit.MailContent{To: "eve@example.com\r\nBcc: all@example.com"})
	p.core.Mail(t.Context(), "invite", u, kit.MailContent{})
	p.core.Mail(t.Context(), "invite", u, kit.MailContent{To: "Bob@Example.com"})
	p.core.Mail(t.Context(), "alarm", u, kit.MailContent{})
	p.core.Mail(t.Context(), "alarm", u, kit.MailContent{})
	for range 2 {
		if m := h.nextMail("alarm"); m.To != testEmail || !m.ValidUntil.Equal(start.Add(24*time.Hour)) {
			t.Errorf("the notice is %+v", m)
		}
	}
	h.Close(t.Context())
	if all := h.mailer.All(); len(all) != 4 {
		t.Errorf("sent %+v", all)
	}
	if strings.Contains(h.log.String(), "eve@") {
		t.Error("the log has an address")
	}
}

// TestRequestedMails: a feature's request for a mail does the same work for every address, and
// what the mail says is made in the queue, for an active account only.
func TestRequestedMails(t *testing.T) {
	p := &probe{name: "x", Extension: kit.Extension{Mails: []kit.MailRule{{Kind: "link", Subject: "Log in", Text: "{{.Link}}"}}}}
	h := newHarness(t, func(o *kit.Options) { o.Features = []kit.Feature{p} })
	h.verified(testEmail)
	if u := h.verified("off@example.com"); u.ID != "" {
		if _, err := h.Deactivate(t.Context(), u.ID); err != nil {
			t.Fatal(err)
		}
	}
	var asked []string
	fails := []error{kit.ErrUnavailable, nil, errors.New("a fault of the feature")}
	content := func(_ context.Context, u kit.User) (kit.MailContent, error) {
		asked = append(asked, u.Email)
		err := fails[0]
		fails = fails[1:]
		return kit.MailContent{Page: "/in", Token: "abc", To: "eve@example.com"}, err
	}
	request := func(email string) (calls int) {
		before := h.faults.Calls("users.ByEmail") + h.faults.Calls("users.ByID") + h.faults.Calls("users.Update")
		if err := p.core.RequestMail(t.Context(), "magic_link", "link", email, content); err != nil {
			t.Errorf("%s: %v", email, err)
		}
		return h.faults.Calls("users.ByEmail") + h.faults.Calls("users.ByID") + h.faults.Calls("users.Update") - before
	}
	for _, email := range []string{"nobody@example.com", "off@example.com", testEmail} {
		if calls := request(email); calls > 2 { // its own, and perhaps one of the queue
			t.Errorf("a request for %s makes %d calls", email, calls)
		}
	}
	if m := h.nextMail("link"); m.To != testEmail || m.Link != "https://app.example.com/account/in?token=abc" || m.Subject != "Log in" {
		t.Errorf("the mail is %+v", m)
	}
	request(testEmail)
	h.Close(t.Context())
	if !slices.Equal(asked, []string{testEmail, testEmail, testEmail}) || len(h.mailer.All()) != 1 || h.count(kit.EventMailDropped) != 1 {
		t.Errorf("asked for %q, sent %v, dropped %d", asked, h.mailer.All(), h.count(kit.EventMailDropped))
	}
	err := p.core.RequestMail(t.Context(), "magic_link", kit.MailPasswordReset, testEmail, content)
	if err == nil || errors.Is(err, kit.ErrUnavailable) {
		t.Errorf("a kind that is not the feature's: %v", err)
	}
}

// TestCoreWithoutKeys: a feature without data keys is told so.
func TestCoreWithoutKeys(t *testing.T) {
	p := &probe{name: "x"}
	newHarness(t, func(o *kit.Options) { o.Features = []kit.Feature{p} })
	_, err := p.core.Seal(kit.Token{}, []byte("s"))
	_, _, err2 := p.core.Open(kit.Token{}, []byte("s"))
	if !errors.Is(err, kit.ErrNoDataKeys) || !errors.Is(err2, kit.ErrNoDataKeys) {
		t.Errorf("errors %v, %v", err, err2)
	}
}
