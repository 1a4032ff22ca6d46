package provider

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"myauth.internal/kit"
	"myauth.internal/kit/kittest"
	"myauth.internal/kit/throttle"
)

// TestStates is claim 62: a state that is missing, expired, used, of another browser, provider or
// flow is refused before any request to the provider, and before any write.
func TestStates(t *testing.T) {
	for name, c := range map[string]struct {
		callback func(a *app, b *browser, right string) (by *browser, callback string)
		target   string // default home, the first of the list
		over     bool   // the right callback does not work afterwards either
	}{
		"missing": {callback: func(_ *app, b *browser, right string) (*browser, string) { return b, cut(right, "state") }},
		"empty":   {callback: func(_ *app, b *browser, right string) (*browser, string) { return b, replace(right, "state", "") }},
		"nonsense": {callback: func(_ *app, b *browser, right string) (*browser, string) {
			return b, replace(right, "state", "nonsense")
		}},
		"long": {callback: func(_ *app, b *browser, right string) (*browser, string) {
			return b, replace(right, "state", strings.Repeat("a", 1<<16))
		}},
		"odd": {callback: func(_ *app, b *browser, right string) (*browser, string) {
			return b, replace(right, "state", "a;b=c.\r\n../")
		}},
		"another one": {callback: func(_ *app, b *browser, right string) (*browser, string) {
			id, _, _ := strings.Cut(get(right, "state"), ".")
			return b, replace(right, "state", id+".AAAAAAAAAAAAAAAAAAAAAAAAAA")
		}, target: other},
		"half": {callback: func(_ *app, b *browser, right string) (*browser, string) {
			id, _, _ := strings.Cut(get(right, "state"), ".")
			return b, replace(right, "state", id)
		}, target: other},
		"expired": {callback: func(a *app, b *browser, right string) (*browser, string) {
			a.Clock.Advance(10 * time.Minute)
			return b, right
		}, over: true},
		"used": {callback: func(a *app, b *browser, right string) (*browser, string) {
			c := b.clone()
			c.get(right)
			return b, right // with the cookie of before
		}, target: other, over: true},
		"used, with the cookie of after": {callback: func(a *app, b *browser, right string) (*browser, string) {
			b.get(right)
			return b, right
		}, over: true},
		"of another browser": {callback: func(a *app, _ *browser, right string) (*browser, string) { return a.browser(), right }},
		"of another browser, which has a flow": {callback: func(a *app, _ *browser, right string) (*browser, string) {
			b := a.browser()
			b.begin("idp", lovelace)
			return b, right
		}},
		"of another provider": {callback: func(_ *app, b *browser, right string) (*browser, string) {
			return b, strings.Replace(right, "/idp/", "/posts/", 1)
		}, target: other},
		"of another flow": {callback: func(_ *app, b *browser, right string) (*browser, string) {
			id, _, _ := strings.Cut(get(right, "state"), ".")
			_, secret, _ := strings.Cut(get(b.begin("idp", lovelace), "state"), ".")
			return b, replace(right, "state", id+"."+secret)
		}, target: other},
		"with the cookie of another flow": {callback: func(_ *app, b *browser, right string) (*browser, string) {
			another := b.begin("idp", lovelace)
			c := b.clone()
			c.cookies[cookieOf(right)] = c.cookies[cookieOf(another)]
			return c, right
		}},
		"with a cookie that was changed": {callback: func(_ *app, b *browser, right string) (*browser, string) {
			c := b.clone()
			c.cookies[cookieOf(right)] += "A"
			return c, right
		}},
		"with a link for a cookie": {callback: func(a *app, b *browser, right string) (*browser, string) {
			c := b.clone()
			_, tokens := a.LogIn("eve@example.com")
			c.access = tokens.AccessToken
			c.cookies[cookieOf(right)] = get(c.link(), "link")
			return c, right
		}},
		"with a code for a cookie": {callback: func(_ *app, b *browser, right string) (*browser, string) {
			c := b.clone()
			c.cookies[cookieOf(right)] = c.code("idp", lovelace)
			return c, right
		}},
	} {
		t.Run(name, func(t *testing.T) {
			a := newApp(t)
			b := a.browser()
			right := b.begin("idp", lovelace, "redirect_to="+url.QueryEscape(other))
			by, callback := c.callback(a, b, right)
			asked, writes := a.idp.requests(), a.writes()
			want := with(home, "error", invalidState)
			if c.target != "" {
				want = with(c.target, "error", invalidState)
			}
			for _, form := range []bool{false, true} {
				answer, err := by.send("GET", callback, nil)
				if form {
					u, _ := url.Parse(callback)
					answer, err = by.send("POST", u.Path, u.Query())
				}
				if err != nil || answer.Status != 303 || answer.Location != want {
					t.Errorf("form %v: went to %s, want %s (%v)", form, answer.Location, want, err)
				}
			}
			if a.idp.requests() != asked {
				t.Errorf("the provider was asked %d times", a.idp.requests()-asked)
			}
			if a.writes() != writes {
				t.Errorf("%d writes", a.writes()-writes)
			}
			if location := b.get(right); strings.Contains(location, "code=") == c.over {
				t.Errorf("the right callback then goes to %s", location)
			}
		})
	}
}

// TestFormThatCannotBeRead: of two values of one parameter neither is taken.
func TestFormThatCannotBeRead(t *testing.T) {
	a := newApp(t)
	b := a.browser()
	callback := b.begin("posts", lovelace)
	route, _ := b.route("POST", "/providers/posts/callback", map[string]string{})
	r := kit.Request{Source: sent{path: map[string]string{"name": "posts"}, cookies: b.cookies}}
	r.Body.Form = map[string]string{"state": get(callback, "state"), "code": get(callback, "code")}
	for _, err := range []error{errShut, nil} {
		r.Body.FormErr = err
		answer, _ := route.Serve(t.Context(), r)
		if got := strings.Contains(answer.Location, "?code="); got != (err == nil) || (a.idp.requests() > 0) != got {
			t.Errorf("with the error %v: %s", err, answer.Location)
		}
	}
}

func get(target, name string) string {
	u, _ := url.Parse(target)
	return u.Query().Get(name)
}

func cut(target, name string) string {
	u, _ := url.Parse(target)
	q := u.Query()
	q.Del(name)
	u.RawQuery = q.Encode()
	return u.String()
}

func replace(target, name, value string) string {
	u, _ := url.Parse(cut(target, name))
	u.RawQuery += "&" + url.Values{name: {value}}.Encode()
	return u.String()
}

func cookieOf(callback string) string {
	id, _, _ := strings.Cut(get(callback, "state"), ".")
	return cookiePrefix + id
}

// TestProviderSaysNo: what a provider answers in place of a code, and what becomes of what it is
// asked. Nothing is written, and neither a log line nor an event has what anybody may have written.
func TestProviderSaysNo(t *testing.T) {
	for name, c := range map[string]struct {
		change func(a *app, right string) string
		want   string
		asked  int
	}{
		"denied":          {func(_ *app, right string) string { return replace(cut(right, "code"), "error", "access_denied") }, providerDenied, 0},
		"denied at Apple": {func(_ *app, right string) string { return replace(right, "error", "user_cancelled_authorize") }, providerDenied, 0},
		"an error":        {func(_ *app, right string) string { return replace(right, "error", "temporarily_unavailable") }, providerUnavailable, 0},
		"a hostile error": {func(_ *app, right string) string { return replace(right, "error", "hostile\ntext") }, providerUnavailable, 0},
		"no code":         {func(_ *app, right string) string { return cut(right, "code") }, providerUnavailable, 0},
		"another issuer":  {func(_ *app, right string) string { return replace(right, "iss", "https://evil.example") }, providerUnavailable, 1},
		"another code":    {func(_ *app, right string) string { return replace(right, "code", "hostile") }, invalidState, 1},
		"another's code": {func(a *app, right string) string {
			return replace(right, "code", get(a.browser().begin("idp", lovelace), "code"))
		}, invalidState, 1},
		"unavailable":        {func(a *app, right string) string { a.idp.err = errUnavailable; return right }, providerUnavailable, 1},
		"not to be believed": {func(a *app, right string) string { a.idp.err = errRefused{"the audience is another one"}; return right }, providerUnavailable, 1},
		"denied afterwards":  {func(a *app, right string) string { a.idp.err = errDenied; return right }, providerDenied, 1},
		"too long": {func(a *app, right string) string {
			long := lovelace
			long.Subject = strings.Repeat("s", 4<<10)
			a.idp.codes[get(right, "code")] = login{a.idp.codes[get(right, "code")].begin, long}
			return right
		}, providerUnavailable, 1},
	} {
		t.Run(name, func(t *testing.T) {
			a := newApp(t)
			b := a.browser()
			right := b.begin("idp", lovelace, "redirect_to="+url.QueryEscape(other))
			callback := c.change(a, right)
			writes := a.writes()
			if location := b.get(callback); location != with(other, "error", c.want) {
				t.Errorf("went to %s, want %s", location, c.want)
			}
			if a.idp.requests() != c.asked {
				t.Errorf("the provider was asked %d times, want %d", a.idp.requests(), c.asked)
			}
			if n := a.writes() - writes; n != 0 && name != "too long" {
				t.Errorf("%d writes", n)
			}
			if len(b.cookies) != 0 {
				t.Error("the cookie is left")
			}
			if len(a.told) != 1 || a.told[0].Kind != kit.EventLoginFailed || !strings.HasPrefix(a.told[0].Err.Error(), "idp: ") || strings.Contains(fmt.Sprint(a.told[0].Err), "hostile") {
				t.Errorf("the events: %v", a.told)
			}
			if line := "provider=idp"; strings.Contains(a.log.String(), line) != (c.want == providerUnavailable) || strings.Contains(a.log.String(), "hostile") {
				t.Errorf("the log: %s", a.log)
			}
		})
	}
}

// TestProviderDownAtStart: a provider that is asked at the start, and is away, is a 503.
func TestProviderDownAtStart(t *testing.T) {
	a := newApp(t)
	a.idp.err = errUnavailable
	b := a.browser()
	answer, err := b.send("GET", "/providers/idp/start", nil)
	if !errors.Is(err, kit.ErrUnavailable) || len(answer.Cookies) > 0 || a.writes() > 0 || !strings.Contains(a.log.String(), "provider=idp") {
		t.Errorf("%+v %v, %d writes", answer.Cookies, err, a.writes())
	}
}

// TestStoreDownAtCallback: an outage of the store is a problem, which no page mistakes for a refusal;
// nobody gets in.
func TestStoreDownAtCallback(t *testing.T) {
	for _, op := range []string{"credentials.ByID", "credentials.Create", "users.ByEmail"} {
		a := newApp(t)
		b := a.browser()
		callback := b.begin("idp", lovelace)
		a.Faults.Inject(op, kittest.Down, -1)
		if _, err := b.send("GET", callback, nil); !errors.Is(err, kit.ErrUnavailable) {
			t.Errorf("%s: %v", op, err)
		}
		a.Faults.Clear()
		if location := b.get(callback); location != with(home, "error", invalidState) && op != "credentials.ByID" { // the provider's code is used
			t.Errorf("%s: again: %s", op, location)
		}
	}
	a := newApp(t)
	b := a.browser()
	callback := b.begin("idp", lovelace)
	a.Faults.Inject("credentials.Create", kittest.Lost, 1)
	if location := b.get(callback); !strings.Contains(location, "code=") {
		t.Errorf("a lost answer: %s", location)
	}
}

// TestCallbacksAtOnce is a part of claim 65: of callbacks of one flow at once, one gets a code, also
// from a provider that takes its own code more than once.
func TestCallbacksAtOnce(t *testing.T) {
	for range 5 {
		a := newApp(t)
		b := a.browser()
		callback := b.begin("idp", lovelace)
		begun := a.idp.codes[get(callback, "code")]
		var all sync.WaitGroup // so each callback finds the state unused
		all.Add(16)
		a.idp.meet = func() { all.Done(); all.Wait() }
		a.idp.before = func() { a.idp.codes[get(callback, "code")] = begun }
		tabs := make([]*browser, 16)
		services := []*kit.Service{a.Service, a.Another()}
		for i := range tabs {
			tabs[i] = b.clone()
			tabs[i].svc = services[i%2]
		}
		locations := atOnce(16, func(i int) string {
			answer, err := tabs[i].send("GET", callback, nil)
			if err != nil {
				return err.Error()
			}
			return answer.Location
		})
		winners := 0
		for i, location := range locations {
			if location == with(home, "error", invalidState) {
				if tabs[i].cookies[cookieOf(callback)] == "" {
					t.Error("the cookie of the winner was removed")
				}
				continue
			}
			winners++
			if answer, err := tabs[i].exchange(get(location, "code")); err != nil || answer.Tokens.User.Email != lovelace.Email {
				t.Errorf("the code of %s: %v", location, err)
			}
		}
		if winners != 1 {
			t.Errorf("%d codes: %v", winners, locations)
		}
	}
}

// TestEmailUnverified: the page hears it, a mail goes out, and the cookie stays for an hour, for the
// confirmation and nothing else.
func TestEmailUnverified(t *testing.T) {
	a := newApp(t)
	b := a.browser()
	unproved := lovelace
	unproved.Proved = false
	callback := b.begin("idp", unproved)
	answer, err := b.send("GET", callback, nil)
	if err != nil || answer.Location != with(home, "error", "email_unverified") || len(answer.Cookies) != 1 || answer.Cookies[0].MaxAge != time.Hour {
		t.Fatalf("%s %+v %v", answer.Location, answer.Cookies, err)
	}
	if mail := a.NextMail(MailConfirm); mail.To != unproved.Email {
		t.Errorf("the mail to %s", mail.To)
	}
	id := strings.TrimPrefix(answer.Cookies[0].Name, cookiePrefix)
	p := a.feature()
	r := kit.Request{Source: sent{cookies: b.cookies}}
	for at := begun; at <= mailed; at++ {
		if _, _, err := p.flowOf(r, id, at); (err == nil) != (at == mailed) {
			t.Errorf("stage %d: %v", at, err)
		}
	}
	a.Clock.Advance(time.Hour)
	if _, _, err := p.flowOf(r, id, mailed); !errors.Is(err, errStale) {
		t.Errorf("after an hour: %v", err)
	}
}

// TestNoMail: where no mail can be sent, nobody is told to wait for one, whoever has the address.
func TestNoMail(t *testing.T) {
	for name, change := range map[string]func(*kit.Options){
		"without a mailer":  func(o *kit.Options) { o.Mailer = nil },
		"without that mail": func(o *kit.Options) { o.WithoutMails = []kit.MailKind{MailConfirm} },
	} {
		a := newApp(t, change)
		a.LogIn("taken@example.com")
		for _, email := range []string{"free@example.com", "taken@example.com"} {
			unproved := lovelace
			unproved.Email, unproved.Proved = email, false
			writes := a.writes()
			b := a.browser()
			answer, err := b.send("GET", b.begin("idp", unproved), nil)
			if err != nil || answer.Location != with(home, "error", "email_not_configured") || len(b.cookies) != 0 {
				t.Errorf("%s, %s: %s %v, cookies %v", name, email, answer.Location, err, b.cookies)
			}
			if _, err := b.token("head.body."+email, "nonce", unproved); !errors.Is(err, kit.ErrEmailNotConfigured) {
				t.Errorf("%s, %s, a native app: %v", name, email, err)
			}
			if n := a.writes() - writes; n != 1 { // of the state
				t.Errorf("%s, %s: %d writes", name, email, n)
			}
		}
		if !strings.Contains(a.log.String(), "set Options.Mailer") {
			t.Errorf("%s: the log: %s", name, a.log)
		}
	}
}

// TestWrongCodesAreCounted: who makes the server ask a provider about one wrong code after another
// soon waits. Callbacks without a flow of the browser cost their victim nothing.
func TestWrongCodesAreCounted(t *testing.T) {
	a := newApp(t, func(o *kit.Options) { o.InsecureUnlimited, o.Limiter = false, throttle.New(nil) })
	b := a.browser()
	b.client = kit.Client{IP: ip("192.0.2.1")}
	for range 500 {
		b.get("/providers/idp/callback?state=a.b&code=c")
	}
	for i := 0; ; i++ {
		_, err := b.send("GET", replace(b.begin("idp", lovelace), "code", fmt.Sprint("wrong", i)), nil)
		if errors.Is(err, throttle.ErrTooManyRequests) {
			break
		}
		if i == 500 {
			t.Fatal("500 wrong codes")
		}
	}
	c := a.browser()
	c.client = kit.Client{IP: ip("198.51.100.1")}
	c.logIn("idp", lovelace)
}
