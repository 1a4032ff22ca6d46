package acceptance

import (
	"context"
	"errors"
	"testing"

	"myauth.internal/kit"
	"myauth.internal/kit/kittest"
	"myauth.internal/kit/passkey"
	"myauth.internal/kit/passkey/internal/authenticator"
)

// gate refuses while the test says so, and lends its Core to the test.
type gate struct {
	*kit.Core
	gateShut, hookShut bool
}

func (*gate) Name() string { return "gate" }

func (g *gate) Attach(core *kit.Core) (kit.Extension, error) {
	g.Core = core
	return kit.Extension{Gate: func(context.Context, kit.User, kit.Login) error {
		if g.gateShut {
			return errShut
		}
		return nil
	}}, nil
}

var errShut = kit.NewProblem(418, "shut", "Shut", "It is shut.")

// change changes the account as nothing in the API does.
func (g *gate) change(t *testing.T, u kit.User, change func(*kit.User)) {
	t.Helper()
	done := false
	if _, _, err := g.ChangeUser(t.Context(), u.ID, func(u *kit.User) error {
		if done {
			return kit.ErrUnchanged
		}
		done = true
		change(u)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

// doors are the ways to a session by a passkey. Each returns the request that would open it.
var doors = map[string]func(a *app, access kit.Secret, p *authenticator.Passkey) (path string, body members){
	"login": func(a *app, _ kit.Secret, p *authenticator.Passkey) (string, members) {
		return "/login/passkey", a.signed(p)
	},
	"second factor": func(a *app, access kit.Secret, p *authenticator.Passkey) (string, members) {
		a.enroll(access)
		half := a.send("POST", "/login", nil, members{"email": email, "password": kittest.Password}, 403)
		body := members{"mfa_token": half["mfa_token"], "method": "passkey"}
		options := a.send("POST", "/login/mfa/begin", nil, body, 200)
		body["state"], body["credential"] = options["state"], p.Get(raw(options))
		return "/login/mfa", body
	},
}

// TestDoors is claim 37: no passkey lets an account in that may not log in, and no session is
// left.
func TestDoors(t *testing.T) {
	for reason, c := range map[string]struct {
		shut func(t *testing.T, a *app, g *gate, u kit.User)
		want map[string][]int // the statuses by door
	}{
		"nothing": {func(*testing.T, *app, *gate, kit.User) {}, map[string][]int{"login": {200}, "second factor": {200}}},
		"inactive": {func(t *testing.T, a *app, _ *gate, u kit.User) {
			if _, err := a.Deactivate(t.Context(), u.ID); err != nil {
				t.Fatal(err)
			}
		}, map[string][]int{"login": {403}, "second factor": {401, 403}}},
		"unverified": {func(t *testing.T, _ *app, g *gate, u kit.User) {
			g.change(t, u, func(u *kit.User) { u.Verified = false })
		}, map[string][]int{"login": {403}, "second factor": {403}}},
		"sessions ended": {func(t *testing.T, a *app, _ *gate, u kit.User) {
			if err := a.EndAllSessions(t.Context(), u.ID); err != nil {
				t.Fatal(err)
			}
		}, map[string][]int{"login": {200}, "second factor": {401}}}, // the login has begun nothing yet
		"credentials voided": {func(t *testing.T, _ *app, g *gate, u kit.User) {
			g.change(t, u, func(u *kit.User) { u.CredentialEpoch++ })
		}, map[string][]int{"login": {401}, "second factor": {401}}},
		"hook": {func(_ *testing.T, _ *app, g *gate, _ kit.User) { g.hookShut = true }, map[string][]int{"login": {418}, "second factor": {418}}},
		"gate": {func(_ *testing.T, _ *app, g *gate, _ kit.User) { g.gateShut = true }, map[string][]int{"login": {418}, "second factor": {418}}},
		"deleted": {func(t *testing.T, a *app, _ *gate, u kit.User) {
			if err := a.DeleteUser(t.Context(), u.ID); err != nil {
				t.Fatal(err)
			}
		}, map[string][]int{"login": {401}, "second factor": {401}}},
	} {
		for name, door := range doors {
			t.Run(reason+"/"+name, func(t *testing.T) {
				g := &gate{}
				a := newApp(t, func(o *kit.Options) {
					o.RequireVerifiedEmail = true
					o.Features = append(o.Features, g)
					o.Hooks.BeforeLogin = func(context.Context, kit.User) error {
						if g.hookShut {
							return errShut
						}
						return nil
					}
				})
				u, tokens := a.LogIn(email)
				p := a.add(tokens.AccessToken, -8)
				path, body := door(a, tokens.AccessToken, p)
				c.shut(t, a, g, u)
				sessions := func() (n int) {
					rows, err := a.Store.Tokens().ByUser(t.Context(), u.ID, "", 1000)
					if err != nil {
						t.Fatal(err)
					}
					for _, row := range rows {
						if row.Type == kit.RefreshToken {
							n++
						}
					}
					return n
				}
				before := sessions()
				res, text := a.request("POST", a.url+path, nil, body)
				open := false
				for _, want := range c.want[name] {
					open = open || res.StatusCode == want
				}
				if !open {
					t.Errorf("got %s %s, want one of %v", res.Status, text, c.want[name])
				}
				if after := sessions(); (after > before) != (res.StatusCode == 200) {
					t.Errorf("%s, and %d sessions more", res.Status, after-before)
				}
			})
		}
	}
}

// TestVoidedWhileFound: a passkey that is voided between two look-ups of one login opens nothing.
func TestVoidedWhileFound(t *testing.T) {
	g := &gate{}
	a := newApp(t, func(o *kit.Options) { o.Features = append(o.Features, g) })
	u, tokens := a.LogIn(email)
	p := a.add(tokens.AccessToken, -8)
	for nth := 1; ; nth++ {
		body := a.signed(p)
		calls, voided := 0, false
		a.Faults.Each(func(_ context.Context, op string, _ any) kittest.Fault {
			if op == "users.ByID" {
				calls++
				if calls == nth && !voided {
					voided = true
					current, err := a.Store.Users().ByID(context.Background(), u.ID)
					if err == nil {
						current.CredentialEpoch++
						err = a.Store.Users().Update(context.Background(), current)
					}
					if err != nil {
						t.Error(err)
					}
				}
			}
			return 0
		})
		res, text := a.request("POST", a.url+"/login/passkey", nil, body)
		a.Faults.Clear()
		if !voided {
			if res.StatusCode != 200 || nth < 3 {
				t.Errorf("undisturbed, with %d look-ups of the user: %s %s", calls, res.Status, text)
			}
			return
		}
		if res.StatusCode != 401 {
			t.Errorf("voided before look-up %d of the user: %s %s", nth, res.Status, text)
		}
		// The next round has another passkey.
		_, again := a.LogIn(email)
		p = a.add(again.AccessToken, -8)
	}
}

// TestOutage: a store that is away is no refusal, and the passkey works afterwards.
func TestOutage(t *testing.T) {
	a := newApp(t)
	_, tokens := a.LogIn(email)
	p := a.add(tokens.AccessToken, -8)
	for _, op := range []string{"credentials.ByID", "users.ByID", "tokens.Create", "credentials.Create", "credentials.Update"} {
		for _, fault := range []kittest.Fault{kittest.Down, kittest.Late} {
			body := a.signed(p)
			a.Faults.Inject(op, fault, -1)
			res, text := a.request("POST", a.url+"/login/passkey", nil, body)
			a.Faults.Clear()
			if res.StatusCode != 503 {
				t.Errorf("%s: %s %s", op, res.Status, text)
			}
		}
	}
	a.send("POST", "/login/passkey", nil, a.signed(p), 200)
}

// TestAWrongSignatureIsAFailedGuess: the errors of the feature are those of kit, so a limiter knows a wrong
// signature from a fault.
func TestAWrongSignatureIsAFailedGuess(t *testing.T) {
	feature, err := passkey.New("example.com", nil)
	if err != nil {
		t.Fatal(err)
	}
	k := kittest.New(t, func(o *kit.Options) { o.Features = []kit.Feature{feature} })
	for _, route := range k.Routes() {
		if route.Path != "/login/passkey" {
			continue
		}
		options := newApp(t).send("POST", "/login/passkey/options", nil, nil, 200) // of a Service with the same key
		_, err := route.Serve(t.Context(), kit.Request{Body: kit.Body{JSON: raw(members{"state": options["state"], "credential": members{}})}})
		if !errors.Is(err, kit.ErrInvalidCredentials) {
			t.Errorf("got %v, want ErrInvalidCredentials", err)
		}
	}
}
