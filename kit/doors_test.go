package kit_test

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/token"
	"slices"
	"testing"
	"time"

	"myauth.internal/kit"
)

// doors are all the ways to a session, or to go on with one. Each prepares what its user has
// before the account changes, and returns the call that would open the door afterwards.
var doors = map[string]func(h *harness, u kit.User) func() error{
	"password": func(h *harness, _ kit.User) func() error {
		return func() error { _, err := h.Login(h.t.Context(), testEmail, goodPassword); return err }
	},
	"the application's own login": func(h *harness, u kit.User) func() error {
		return func() error { _, err := h.Grant(h.t.Context(), kit.Login{User: u}); return err }
	},
	"refresh of a session from before": func(h *harness, _ kit.User) func() error {
		tokens := h.login(testEmail, goodPassword)
		return func() error { _, err := h.refresh(tokens.RefreshToken); return err }
	},
	"a suspended login": func(h *harness, u kit.User) func() error {
		kept, err := h.gate.Suspend(h.t.Context(), kit.Login{User: u}, start.Add(time.Hour))
		if err != nil {
			h.t.Fatal(err)
		}
		return func() error {
			login, err := h.gate.Resume(string(kept))
			if err == nil {
				_, err = h.gate.Grant(h.t.Context(), login)
			}
			return err
		}
	},
	"re-authentication": func(h *harness, _ kit.User) func() error {
		claims := h.claims(h.login(testEmail, goodPassword))
		return func() error { _, err := h.Reauthenticate(h.t.Context(), claims, goodPassword); return err }
	},
	"the second step of a re-authentication": func(h *harness, _ kit.User) func() error {
		claims := h.claims(h.enroll(h.login(testEmail, goodPassword)))
		step := h.halfAgain(claims)
		return func() error {
			_, err := h.ReauthenticateWithFactor(h.t.Context(), claims, step, "counter", "", code("2"))
			return err
		}
	},
	"a change of password": func(h *harness, _ kit.User) func() error {
		claims := h.claims(h.login(testEmail, goodPassword))
		return func() error {
			_, err := h.ChangePassword(h.t.Context(), claims, goodPassword, otherPassword)
			return err
		}
	},
	"the end of the other sessions": func(h *harness, _ kit.User) func() error {
		claims := h.claims(h.login(testEmail, goodPassword))
		return func() error { _, err := h.EndOtherSessions(h.t.Context(), claims); return err }
	},
	"a login from a device that remembers the factor": func(h *harness, _ kit.User) func() error {
		ctx := h.rememberedAt()
		return func() error { _, err := h.Login(ctx, testEmail, goodPassword); return err }
	},
	"refresh of a session from such a device": func(h *harness, _ kit.User) func() error {
		tokens := h.loginFrom(h.rememberedAt(), testEmail, goodPassword)
		return func() error { _, err := h.refresh(tokens.RefreshToken); return err }
	},
	"the second step with a recovery code": func(h *harness, _ kit.User) func() error {
		h.enroll(h.login(testEmail, goodPassword))
		step := h.half(h.Service)
		return func() error {
			_, err := h.LoginWithFactor(h.t.Context(), step, "recovery_code", "", code(string(h.recovery[0])))
			return err
		}
	},
	"the second step of a login": func(h *harness, u kit.User) func() error {
		h.enroll(h.login(testEmail, goodPassword))
		step := h.half(h.Service)
		return func() error {
			_, err := h.LoginWithFactor(h.t.Context(), step, "counter", "", code("2"))
			return err
		}
	},
}

// rememberedAt enrols the factor, and returns the context of a device that remembers it.
func (h *harness) rememberedAt() context.Context {
	h.t.Helper()
	h.enroll(h.login(testEmail, goodPassword))
	tokens, err := h.LoginWithFactor(kit.RememberDevice(h.from("192.0.2.1", firefox, "")), h.half(h.Service), "counter", "", code("2"))
	if err != nil {
		h.t.Fatal(err)
	}
	return h.from("192.0.2.1", firefox, tokens.DeviceToken)
}

// goOn are the doors that only let a session go on, as it began.
var goOn = []string{"refresh of a session from before", "refresh of a session from such a device", "a change of password", "the end of the other sessions"}

var errShut = errors.New("the hook is shut")

// TestDoors: no way to a session opens for an account that may not log in (claim 37).
func TestDoors(t *testing.T) {
	for reason, c := range map[string]struct {
		shut func(h *harness, u kit.User) error
		want []error
		// open are the doors that need not be shut.
		open []string
	}{
		"inactive": {
			shut: func(h *harness, u kit.User) error { _, err := h.Deactivate(h.t.Context(), u.ID); return err },
			want: []error{kit.ErrAccountDisabled, kit.ErrRevokedToken, kit.ErrInvalidToken},
		},
		"unverified": {
			shut: func(h *harness, u kit.User) error {
				_, _, err := h.gate.ChangeUser(h.t.Context(), u.ID, func(u *kit.User) error { u.Verified = false; return nil })
				return err
			},
			want: []error{kit.ErrEmailNotVerified},
			open: goOn, // verified when it began
		},
		"sessions ended": {
			shut: func(h *harness, u kit.User) error { return h.EndAllSessions(h.t.Context(), u.ID) },
			want: []error{kit.ErrRevokedToken, kit.ErrMFARequired},
			open: []string{"password"},
		},
		"credentials voided": {
			shut: func(h *harness, u kit.User) error {
				_, _, err := h.gate.ChangeUser(h.t.Context(), u.ID, func(u *kit.User) error { u.CredentialEpoch++; return nil })
				return err
			},
			want: []error{kit.ErrRevokedToken, kit.ErrNotEnrolled, kit.ErrMFARequired},
			open: append([]string{"password", "re-authentication"}, goOn...),
		},
		"second factor due": {
			shut: func(h *harness, u kit.User) error {
				_, _, err := h.gate.ChangeUser(h.t.Context(), u.ID, func(u *kit.User) error { u.Factors = []string{"counter"}; return nil })
				return err
			},
			want: []error{kit.ErrMFARequired, kit.ErrRevokedToken},
			open: []string{
				"the second step of a login", "the second step of a re-authentication", "the second step with a recovery code",
				"a login from a device that remembers the factor", "refresh of a session from such a device", // as it was given there
			},
		},
		"hook":    {shut: func(h *harness, _ kit.User) error { h.gate.hookShut = true; return nil }, want: []error{errShut}, open: goOn},
		"gate":    {shut: func(h *harness, _ kit.User) error { h.gate.gateShut = true; return nil }, want: []error{errShut}, open: goOn},
		"deleted": {shut: func(h *harness, u kit.User) error { return h.DeleteUser(h.t.Context(), u.ID) }, want: []error{kit.ErrInvalidCredentials, kit.ErrInvalidToken, kit.ErrRevokedToken}},
	} {
		for name, door := range doors {
			t.Run(reason+"/"+name, func(t *testing.T) {
				h := newDoorHarness(t)
				u := h.verified(testEmail)
				open := door(h, u)
				// Of each session, how and when its user logged in.
				sessions := func() (said []string) {
					for _, row := range h.sessionRows(u.ID) {
						said = append(said, string(row.Data))
					}
					return said
				}
				if err := c.shut(h, u); err != nil {
					t.Fatal(err)
				}
				before := sessions()
				err := open()
				if slices.Contains(c.open, name) {
					if err != nil {
						t.Errorf("shut: %v", err)
					}
					return
				}
				if !slices.ContainsFunc(c.want, func(want error) bool { return errors.Is(err, want) }) {
					t.Errorf("got %v, want one of %v", err, c.want)
				}
				if after := sessions(); len(after) > 0 && !slices.Equal(after, before) { // none: a deletion
					t.Errorf("the sessions were %v and are %v", before, after)
				}
			})
		}
	}
	for name, door := range doors {
		h := newDoorHarness(t)
		u := h.verified(testEmail)
		if err := door(h, u)(); err != nil {
			t.Errorf("%s does not open for an account that may log in: %v", name, err)
		}
	}
}

func newDoorHarness(t *testing.T) *harness {
	gate := &gateFeature{}
	h := newHarness(t, withFactor, func(o *kit.Options) {
		o.RequireVerifiedEmail = true
		o.Features = append(o.Features, gate)
		o.Hooks.BeforeLogin = func(context.Context, kit.User) error {
			if gate.hookShut {
				return errShut
			}
			return nil
		}
	})
	h.gate = gate
	return h
}

// sessionRows are the sessions of a user in the store.
func (h *harness) sessionRows(userID string) []kit.Token {
	h.t.Helper()
	rows, err := h.store.Tokens().ByUser(h.t.Context(), userID, "", 1000)
	if err != nil {
		h.t.Fatal(err)
	}
	return slices.DeleteFunc(rows, func(t kit.Token) bool { return t.Type != kit.RefreshToken })
}

// gateFeature refuses while the test says so, and lends its Core to the test.
type gateFeature struct {
	*kit.Core
	gateShut, hookShut bool
}

func (*gateFeature) Name() string { return "gate" }

func (f *gateFeature) Attach(core *kit.Core) (kit.Extension, error) {
	f.Core = core
	return kit.Extension{Gate: func(context.Context, kit.User, kit.Login) error {
		if f.gateShut {
			return errShut
		}
		return nil
	}}, nil
}

// TestNoOtherDoor: only the functions that the table of doors goes through make sessions and
// access tokens. A new one belongs into the table, and then into this list.
func TestNoOtherDoor(t *testing.T) {
	allowed := map[string][]string{
		"Grant":          {"grant"},
		"Login":          {"grant"},
		"Reauthenticate": {"grant"},
		"answerFactor":   {"grant"},
		"grant":          {"startSession", "renewLogin"},
		"renewLogin":     {"keepSession"},
		"ChangePassword": {"keepSession"},
		"startSession":   {"issue", "RefreshToken"},
		"refresh":        {"issue"}, // before the rotation
		"refreshed":      {"issue"},
		"issue":          {"issueAccess"},
		"keepSession":    {"issueAccess"}, // an access token for a session that lives on
		// They let their own session live on.
		"EndOtherSessions": {"keepSession"},
		"ConfirmFactor":    {"keepSession"},
	}
	eachDeclaration(t, func(set *token.FileSet, decl ast.Decl) {
		f, ok := decl.(*ast.FuncDecl)
		if !ok || f.Body == nil {
			return
		}
		ast.Inspect(f.Body, func(n ast.Node) bool {
			uses := ""
			switch n := n.(type) {
			case *ast.CallExpr:
				if s, ok := n.Fun.(*ast.SelectorExpr); ok && slices.Contains([]string{"grant", "startSession", "renewLogin", "keepSession", "issue", "issueAccess"}, s.Sel.Name) {
					uses = s.Sel.Name
				}
			case *ast.KeyValueExpr:
				if fmt.Sprint(n.Key) == "Type" && fmt.Sprint(n.Value) == "RefreshToken" {
					uses = "RefreshToken"
				}
			}
			if uses != "" && !slices.Contains(allowed[f.Name.Name], uses) {
				t.Errorf("%s: %s uses %s: is it a door that the table does not have?", set.Position(n.Pos()), f.Name.Name, uses)
			}
			return true
		})
	})
}
