package provider

import (
	"net/http"
	"testing"
	"time"

	"myauth.internal/kit/provider/internal/hostile"
)

const callback = "https://app.example.com/auth/providers/x/callback"

// scripted is a provider that the tests script, with a client of it.
type scripted struct {
	*hostile.Provider
	t      *testing.T
	client protocol
}

// config is what the application has registered at a scripted provider.
func config(p *hostile.Provider) Config {
	return Config{ClientID: hostile.ClientID, ClientSecret: hostile.ClientSecret, Transport: p.Transport()}
}

// play lets a scripted provider play the one that preset makes a client of.
func play(t *testing.T, issuer string, preset func(Config) Provider) *scripted {
	t.Helper()
	p := hostile.New(t)
	p.Script(func(s *hostile.Script) { s.Issuer = issuer })
	made := preset(config(p))
	client, err := made.connect(made.Config, callback, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	return &scripted{p, t, client}
}

// plain lets it play a provider that has no preset.
func plain(t *testing.T, change func(*Config)) *scripted {
	t.Helper()
	return play(t, "https://id.example.test", func(c Config) Provider {
		c.Name, c.Issuer = "plain", "https://id.example.test"
		if change != nil {
			change(&c)
		}
		return OpenIDConnect(c)
	})
}

var begun1 = begin{State: "state-1", Nonce: "nonce-1", Verifier: "a-verifier-of-43-characters-as-the-RFC-has-it"}

// browse begins a login and returns what the browser brings to the callback.
func (e *scripted) browse() (*http.Request, error) {
	e.t.Helper()
	location, err := e.client.authURL(e.t.Context(), begun1)
	if err != nil {
		return nil, err
	}
	return e.Login(location), nil
}

// answer is what a callback makes of it.
func (e *scripted) answer() (answer, error) {
	e.t.Helper()
	r, err := e.browse()
	if err != nil {
		return answer{}, err
	}
	if r.FormValue("state") != begun1.State {
		e.t.Errorf("the state came back as %q", r.FormValue("state"))
	}
	return answer{
		Code: r.FormValue("code"), Issuer: r.FormValue("iss"), User: r.FormValue("user"),
		Nonce: begun1.Nonce, Verifier: begun1.Verifier,
	}, nil
}

// login walks a whole login.
func (e *scripted) login() (assertion, error) {
	e.t.Helper()
	a, err := e.answer()
	if err != nil {
		return assertion{}, err
	}
	return e.client.redeem(e.t.Context(), a)
}

// claims sets the claims of the ID token.
func (e *scripted) claims(claims hostile.JSON) {
	e.Script(func(s *hostile.Script) { s.Claims = claims })
}
