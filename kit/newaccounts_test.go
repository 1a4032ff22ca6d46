package kit_test

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/token"
	"slices"
	"strings"
	"testing"

	"myauth.internal/kit"
	"myauth.internal/kit/accesstoken"
	"myauth.internal/kit/memstore"
)

// newcomer is the address for which each door is tried.
const newcomer = "new@example.com"

// accountDoor is a way in which an account could come into being, and the modes in which it does.
type accountDoor struct {
	modes []kit.RegistrationMode
	try   func(h *harness, core *kit.Core) error
}

var (
	everyMode  = []kit.RegistrationMode{kit.RegistrationOpen, kit.RegistrationInvited, kit.RegistrationClosed}
	whenOpen   = everyMode[:1]
	notClosed  = everyMode[:2]
	neverOpens = everyMode[:0]
)

// accountDoors are all of them. Those of strangers lead through the methods of the first lines: HTTP's
// through Register, a provider's and a feature's sign-up through Core.Register, an invitation's through
// Core.CreateInvited. TestNoOtherAccountDoor, and examples/server.TestNoOtherAccountDoor for what is
// outside this package, fail for one that is not here.
var accountDoors = map[string]accountDoor{
	"a registration": {whenOpen, func(h *harness, _ *kit.Core) error {
		_, err := h.Register(h.t.Context(), kit.Registration{Email: newcomer, Username: "New", Password: goodPassword})
		return err
	}},
	"a registration in a transaction": {whenOpen, func(h *harness, _ *kit.Core) error {
		within, release := h.Within(h.store.Stores())
		defer release()
		_, err := within.Register(h.t.Context(), kit.Registration{Email: newcomer, Username: "New", Password: goodPassword})
		return err
	}},
	"the sign-up of a feature": {whenOpen, func(h *harness, core *kit.Core) error {
		_, err := core.Register(h.t.Context(), newcomer, "New")
		return err
	}},
	"an invitation": {notClosed, func(h *harness, core *kit.Core) error {
		_, err := core.CreateInvited(h.t.Context(), kit.Registration{Email: newcomer, Username: "New", Password: goodPassword}, nil, func(context.Context) error { return nil })
		return err
	}},
	"the application": {everyMode, func(h *harness, _ *kit.Core) error {
		_, err := h.CreateUser(h.t.Context(), kit.Registration{Email: newcomer, Username: "New"})
		return err
	}},
	"an import": {everyMode, func(h *harness, _ *kit.Core) error {
		_, err := h.Import(h.t.Context(), kit.User{Email: newcomer, Username: "New", Active: true})
		return err
	}},
	// They prove or mail an address, and make no account for it.
	"a login": {neverOpens, func(h *harness, _ *kit.Core) error {
		_, err := h.Login(h.t.Context(), newcomer, goodPassword)
		return err
	}},
	"a session of a feature": {neverOpens, func(h *harness, core *kit.Core) error {
		_, err := core.Grant(h.t.Context(), kit.Login{User: kit.User{ID: "new", Email: newcomer, Active: true, Verified: true}, AMR: []string{"email"}})
		return err
	}},
	"a reset": {neverOpens, func(h *harness, _ *kit.Core) error {
		return errors.Join(h.RequestPasswordReset(h.t.Context(), newcomer), h.ResetPassword(h.t.Context(), "myauth_pr_x", goodPassword))
	}},
	"a verification": {neverOpens, func(h *harness, _ *kit.Core) error {
		return errors.Join(h.RequestEmailVerification(h.t.Context(), newcomer), h.VerifyEmail(h.t.Context(), "x"))
	}},
	"an edit": {neverOpens, func(h *harness, core *kit.Core) error {
		_, err := core.EditUser(h.t.Context(), kit.User{}, "new", kit.Edit{Verified: new(bool)})
		return err
	}},
}

// TestAccountDoors: an account comes into being only by the doors that the mode of registration opens.
func TestAccountDoors(t *testing.T) {
	for _, mode := range append(slices.Clone(everyMode), "") {
		for name, door := range accountDoors {
			h, cores := probes(t, func(o *kit.Options) { o.Registration = mode })
			if mode == "" && h.Registration() != kit.RegistrationOpen {
				t.Errorf("the default is %q", h.Registration())
			}
			opens := slices.Contains(door.modes, h.Registration())
			err := door.try(h, cores[0])
			_, found := h.UserByEmail(t.Context(), newcomer)
			switch {
			case (err == nil) != opens || (found == nil) != opens:
				t.Errorf("%q, %s: got %v, and then an account: %v, want one: %v", mode, name, err, found == nil, opens)
			case !opens && len(door.modes) > 0 && !errors.Is(err, kit.ErrRegistrationClosed):
				t.Errorf("%q, %s: got %v, want ErrRegistrationClosed", mode, name, err)
			}
		}
	}
	keys, err := accesstoken.HMAC([]byte("a secret for tests, 32 bytes or more"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := kit.New(memstore.New().Stores(), keys, &kit.Options{Registration: "shut"}); err == nil || !strings.Contains(err.Error(), "Registration") {
		t.Error(err)
	}
}

// TestNoOtherAccountDoor: only the functions that the table of doors goes through store a new account.
func TestNoOtherAccountDoor(t *testing.T) {
	allowed := map[string][]string{
		"createUser":      {"users.Create"},
		"createConcealed": {"users.Create"},
		"Register":        {"createUser", "createConcealed", "register"}, // of the Service and of a Core
		"register":        {"createUser"},
		"createVouched":   {"createUser"},
		"CreateUser":      {"createVouched"},
		"CreateInvited":   {"createVouched"},
		"createWith":      {"createUser"},
		"importUser":      {"createWith"},
		"Import":          {"importUser", "createWith"},
	}
	watched := []string{"createUser", "createConcealed", "register", "createVouched", "createWith", "importUser"}
	eachDeclaration(t, func(set *token.FileSet, decl ast.Decl) {
		f, ok := decl.(*ast.FuncDecl)
		if !ok || f.Body == nil || set.Position(f.Pos()).Filename == "storeguard.go" {
			return
		}
		ast.Inspect(f.Body, func(n ast.Node) bool {
			s, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			uses := s.Sel.Name
			if of, ok := s.X.(*ast.SelectorExpr); uses == "Create" && (ok && of.Sel.Name == "users" || fmt.Sprint(s.X) == "users") {
				uses = "users.Create"
			} else if !slices.Contains(watched, uses) {
				return true
			}
			if !slices.Contains(allowed[f.Name.Name], uses) {
				t.Errorf("%s: %s uses %s: is it a door that the table does not have?", set.Position(n.Pos()), f.Name.Name, uses)
			}
			return true
		})
	})
}
