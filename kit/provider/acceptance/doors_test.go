package acceptance

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"maps"
	"os"
	"slices"
	"testing"

	"myauth.internal/kit"
	"myauth.internal/kit/provider/acceptance/openid"
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

// strict is the setting of an application that lets in verified accounts only, and whom g does.
func strict(g *gate) setting {
	return options(func(o *kit.Options) {
		o.RequireVerifiedEmail = true
		o.Features = append(o.Features, g)
		o.Hooks.BeforeLogin = func(context.Context, kit.User) error {
			if g.hookShut {
				return errShut
			}
			return nil
		}
	})
}

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

// doors are the ways to a session by a provider. Each returns the request that would open it, for
// the account of ada@example.com.
var doors = map[string]func(b *browser) (path string, body members){
	"/providers/exchange": func(b *browser) (string, members) {
		b.linkAda()
		return "/providers/exchange", members{"code": b.flow("ada", "").Get("code")}
	},
	"/providers/{name}/token": func(b *browser) (string, members) {
		b.linkAda()
		return "/providers/acme/token", members{"id_token": idToken(b.t, b.acme, "ada", "n"), "nonce": "n"}
	},
	"/providers/confirm": func(b *browser) (string, members) {
		b.acme.Know("stranger", openid.Person{Subject: rand.Text(), Email: email})
		if got := b.flow("stranger", ""); got.Get("error") != "email_unverified" {
			b.t.Fatalf("an address that is not proved: %v", got)
		}
		return "/providers/confirm", members{"token": b.confirmation()}
	},
}

// linkAda links the provider to the account of ada@example.com.
func (b *browser) linkAda() {
	b.t.Helper()
	b.acme.Know("ada", ada)
	_, tokens := b.LogIn(email)
	b.link("ada", tokens.AccessToken)
}

// link links a provider to the account of an access token, and returns the identity.
func (b *browser) link(person string, access kit.Secret) members {
	b.t.Helper()
	url := b.send("POST", "/providers/acme/link", access, members{}, 200)["url"].(string)
	code := b.back(b.toProvider(b.redirect(url), person)).Get("code")
	return b.send("POST", "/providers/exchange", access, members{"code": code}, 200)
}

// TestEveryDoor: whatever the document says that gates refuse is in the table.
func TestEveryDoor(t *testing.T) {
	text, err := os.ReadFile("../provider.openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Paths map[string]map[string]struct {
			Refuse []string `json:"x-refused-by"`
		}
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	var described []string
	for path, item := range doc.Paths {
		if len(item["post"].Refuse) > 0 {
			described = append(described, path)
		}
	}
	slices.Sort(described)
	if table := slices.Sorted(maps.Keys(doors)); !slices.Equal(described, table) {
		t.Errorf("the document has the doors %v, and the table %v", described, table)
	}
}

// TestDoors is claim 37: no provider lets an account in that may not log in, and no session is left.
// The proof was made before the door was shut.
func TestDoors(t *testing.T) {
	const exchange, token, confirm = "/providers/exchange", "/providers/{name}/token", "/providers/confirm"
	for reason, c := range map[string]struct {
		shut func(t *testing.T, a *app, g *gate, u kit.User)
		want map[string]string // the status and the code by door
	}{
		"nothing": {func(*testing.T, *app, *gate, kit.User) {}, map[string]string{exchange: "200 ", token: "200 ", confirm: "200 "}},
		"inactive": {func(t *testing.T, a *app, _ *gate, u kit.User) {
			if _, err := a.Deactivate(t.Context(), u.ID); err != nil {
				t.Fatal(err)
			}
		}, map[string]string{exchange: "403 account_disabled", token: "403 account_disabled", confirm: "403 account_disabled"}},
		"unverified": {func(t *testing.T, _ *app, g *gate, u kit.User) {
			g.change(t, u, func(u *kit.User) { u.Verified = false })
		}, map[string]string{exchange: "403 email_not_verified", token: "403 email_not_verified", confirm: "200 "}}, // the mail proves the address
		"sessions ended": {func(t *testing.T, a *app, _ *gate, u kit.User) {
			if err := a.EndAllSessions(t.Context(), u.ID); err != nil {
				t.Fatal(err)
			}
		}, map[string]string{exchange: "401 revoked_token", token: "200 ", confirm: "200 "}}, // which have begun nothing here
		"credentials voided": {func(t *testing.T, _ *app, g *gate, u kit.User) {
			g.change(t, u, func(u *kit.User) { u.CredentialEpoch++ })
		}, map[string]string{exchange: "401 revoked_token", token: "409 link_required", confirm: "200 "}},
		"factor": {func(t *testing.T, a *app, _ *gate, _ kit.User) {
			_, tokens := a.LogIn(email)
			a.browser().enroll(tokens.AccessToken)
		}, map[string]string{exchange: "401 revoked_token", token: "403 mfa_required", confirm: "403 mfa_required"}},
		"hook": {func(_ *testing.T, _ *app, g *gate, _ kit.User) { g.hookShut = true }, map[string]string{exchange: "418 shut", token: "418 shut", confirm: "418 shut"}},
		"gate": {func(_ *testing.T, _ *app, g *gate, _ kit.User) { g.gateShut = true }, map[string]string{exchange: "418 shut", token: "418 shut", confirm: "418 shut"}},
		"unlinked": {func(t *testing.T, a *app, _ *gate, _ kit.User) {
			_, tokens := a.LogIn(email)
			b := a.browser()
			for _, identity := range b.identities(tokens.AccessToken) {
				b.send("DELETE", "/identities/"+identity["id"].(string), tokens.AccessToken, nil, 204)
			}
		}, map[string]string{exchange: "401 revoked_token", token: "409 link_required", confirm: "200 "}},
	} {
		for door, open := range doors {
			t.Run(reason+door, func(t *testing.T) {
				g := &gate{}
				a := newApp(t, strict(g), func(s *setup) { s.unchecked = reason == "hook" || reason == "gate" })
				u, _ := a.LogIn(email)
				b := a.browser()
				path, body := open(b)
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
				res, text := b.request("POST", a.url+path, "", body)
				var problem struct{ Code string }
				_ = json.Unmarshal(text, &problem) // Tokens have none
				if got := res.Status[:4] + problem.Code; got != c.want[door] {
					t.Errorf("got %s %s, want %s", res.Status, text, c.want[door])
				}
				if after := sessions(); (after > before) != (res.StatusCode == 200) {
					t.Errorf("%s, and %d sessions more", res.Status, after-before)
				}
			})
		}
	}
}
