package kit_test

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/token"
	"maps"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"myauth.internal/kit"
	"myauth.internal/kit/accesstoken"
	"myauth.internal/kit/kittest"
	"myauth.internal/kit/throttle"
)

// recorder is a limiter that lets everything through and remembers it.
type recorder struct {
	mu    sync.Mutex
	begun []throttle.Attempt
	done  []throttle.Outcome
}

func (r *recorder) Begin(_ context.Context, a throttle.Attempt) (throttle.Charge, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.begun = append(r.begun, a)
	return r, nil
}

func (r *recorder) Done(ctx context.Context, o throttle.Outcome) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if ctx.Err() != nil {
		panic("Done cannot do I/O: its context is done")
	}
	r.done = append(r.done, o)
}

// first is the first attempt since the last reset; that of a mail may follow at any time.
func (r *recorder) first() (a throttle.Attempt) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.begun) > 0 {
		a = r.begun[0]
	}
	return a
}

func (r *recorder) reset() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.begun, r.done = nil, nil
}

// attempts is one row of the table for each way in which an attempt ends. One without an
// outcome never gets as far as a comparison.
var attempts = []struct {
	action  throttle.Action
	name    string
	outcome throttle.Outcome // -1: the limiter is not asked
	change  func(*kit.Options)
	call    func(*harness, context.Context) func() error // prepares, and returns the attempt
}{
	{throttle.ActionLogin, "right", throttle.Succeeded, nil, login(goodPassword, nil)},
	{throttle.ActionLogin, "wrong", throttle.Failed, nil, login(otherPassword, nil)},
	{throttle.ActionLogin, "outage", throttle.Refunded, nil, login(goodPassword, func(h *harness) { h.faults.Inject("users.ByEmail", kittest.Down, 1) })},
	{throttle.ActionLogin, "outage after a right password", throttle.Succeeded, nil, login(goodPassword, func(h *harness) { h.faults.Inject("tokens.Create", kittest.Down, 1) })},
	{throttle.ActionLogin, "panic", throttle.Refunded, nil, login(goodPassword, func(h *harness) { h.faults.Inject("users.ByEmail", kittest.Panic, 1) })},
	{throttle.ActionLogin, "disabled", throttle.Succeeded, nil, login(goodPassword, func(h *harness) {
		u, _ := h.UserByEmail(h.t.Context(), testEmail)
		h.Deactivate(h.t.Context(), u.ID)
	})},
	{throttle.ActionLogin, "unverified", throttle.Succeeded, func(o *kit.Options) { o.RequireVerifiedEmail = true }, login(goodPassword, nil)},
	{throttle.ActionLogin, "unverified, concealed", throttle.Failed, func(o *kit.Options) { o.RequireVerifiedEmail, o.ConcealAccounts = true, true }, login(goodPassword, nil)},
	{throttle.ActionLogin, "refused by a hook", throttle.Succeeded, func(o *kit.Options) {
		o.Hooks.BeforeLogin = func(context.Context, kit.User) error { return errors.New("no") }
	}, login(goodPassword, nil)},
	{throttle.ActionLogin, "cancelled", throttle.Failed, nil, func(h *harness, ctx context.Context) func() error {
		h.register(testEmail)
		ctx, cancel := context.WithCancel(ctx)
		h.faults.OnCall("users.ByEmail", cancel)
		return func() error { _, err := h.Login(ctx, testEmail, otherPassword); return err }
	}},
	{throttle.ActionRegister, "right", throttle.Succeeded, nil, register(goodPassword, nil)},
	{throttle.ActionRegister, "invalid input", throttle.Refunded, nil, register("short", nil)},
	{throttle.ActionRegister, "taken", throttle.Succeeded, nil, register(goodPassword, func(h *harness) {
		h.Import(h.t.Context(), kit.User{Email: testEmail, Username: "Ada", Active: true})
	})},
	{throttle.ActionRegister, "outage", throttle.Refunded, nil, register(goodPassword, func(h *harness) { h.faults.Inject("users.Create", kittest.Down, 1) })},
	{throttle.ActionRegister, "panic", throttle.Refunded, func(o *kit.Options) { o.Hooks.AfterRegister = func(context.Context, kit.User) { panic("hook") } }, register(goodPassword, nil)},
	{throttle.ActionRefresh, "right", throttle.Succeeded, nil, refresh(nil)},
	{throttle.ActionRefresh, "wrong", -1, nil, func(h *harness, ctx context.Context) func() error {
		return func() error { _, err := h.Refresh(ctx, "myauth_rt_wrong"); return err }
	}},
	{throttle.ActionRefresh, "unknown", throttle.Failed, nil, refresh(func(h *harness) {
		u, _ := h.UserByEmail(h.t.Context(), testEmail)
		row := h.sessionRows(u.ID)[0]
		h.store.Tokens().Delete(h.t.Context(), row.ID, row.Version)
	})},
	{throttle.ActionRefresh, "outage", throttle.Refunded, nil, refresh(func(h *harness) { h.faults.Inject("tokens.ByID", kittest.Down, 1) })},
	{throttle.ActionRefresh, "panic", throttle.Refunded, nil, refresh(func(h *harness) { h.faults.Inject("tokens.ByID", kittest.Panic, 1) })},
	{throttle.ActionPasswordResetRequest, "right", throttle.Succeeded, nil, request((*kit.Service).RequestPasswordReset, testEmail, nil)},
	{throttle.ActionPasswordResetRequest, "invalid input", -1, nil, request((*kit.Service).RequestPasswordReset, "no address", nil)},
	{throttle.ActionPasswordResetRequest, "outage", throttle.Refunded, nil, request((*kit.Service).RequestPasswordReset, testEmail, usersDown)},
	{throttle.ActionVerifyEmailRequest, "right", throttle.Succeeded, nil, request((*kit.Service).RequestEmailVerification, testEmail, nil)},
	{throttle.ActionVerifyEmailRequest, "outage", throttle.Refunded, nil, request((*kit.Service).RequestEmailVerification, testEmail, usersDown)},
	{throttle.ActionPasswordReset, "right", throttle.Succeeded, nil, reset(otherPassword, nil)},
	{throttle.ActionPasswordReset, "wrong", throttle.Failed, nil, reset(otherPassword, func(h *harness, text string) string { return forged(h.t, text, []byte("wrong")) })},
	{throttle.ActionPasswordReset, "malformed", -1, nil, reset(otherPassword, func(_ *harness, text string) string { return text[1:] })},
	{throttle.ActionPasswordReset, "invalid input", throttle.Refunded, nil, reset("short", nil)},
	{throttle.ActionPasswordReset, "outage", throttle.Refunded, nil, reset(otherPassword, func(h *harness, text string) string {
		h.faults.Inject("tokens.ByID", kittest.Down, 1)
		return text
	})},
	{throttle.ActionPasswordReset, "used", throttle.Refunded, nil, reset(otherPassword, func(h *harness, text string) string {
		h.ResetPassword(h.t.Context(), text, otherPassword)
		return text
	})},
	{throttle.ActionChangePassword, "right", throttle.Succeeded, nil, change(goodPassword, otherPassword)},
	{throttle.ActionChangePassword, "wrong", throttle.Failed, nil, change("wrong", otherPassword)},
	{throttle.ActionChangePassword, "invalid input", throttle.Refunded, nil, change(goodPassword, "short")},
	{throttle.ActionReauthenticate, "right", throttle.Succeeded, nil, again(goodPassword, nil)},
	{throttle.ActionReauthenticate, "wrong", throttle.Failed, nil, again(otherPassword, nil)},
	{throttle.ActionReauthenticate, "second factor due", throttle.Succeeded, withFactor, again(goodPassword, func(h *harness, tokens kit.TokenPair) kit.TokenPair { return h.enroll(tokens) })},
	{throttle.ActionReauthenticate, "in a session that is over", -1, nil, again(goodPassword, over)},
	{throttle.ActionReauthenticate, "outage", throttle.Refunded, nil, again(goodPassword, func(h *harness, tokens kit.TokenPair) kit.TokenPair {
		h.faults.Inject("tokens.Update", kittest.Down, 1)
		return tokens
	})},
	{throttle.ActionEmailChangeRequest, "right", throttle.Succeeded, nil, move("new@example.com", nil)},
	{throttle.ActionEmailChangeRequest, "taken", throttle.Succeeded, nil, move(testEmail, nil)},
	{throttle.ActionEmailChangeRequest, "invalid input", -1, nil, move("no address", nil)},
	{throttle.ActionEmailChangeRequest, "in a session that is over", -1, nil, move("new@example.com", over)},
	{throttle.ActionEmailChangeRequest, "outage", throttle.Refunded, nil, move("new@example.com", func(h *harness, tokens kit.TokenPair) kit.TokenPair {
		h.faults.InjectNth("tokens.ByUser", kittest.Down, 2)
		return tokens
	})},
	{throttle.ActionEmailChange, "right", throttle.Succeeded, nil, confirm(nil)},
	{throttle.ActionEmailChange, "taken", throttle.Succeeded, nil, confirm(func(h *harness, token string) string { h.register("new@example.com"); return token })},
	{throttle.ActionEmailChange, "wrong", throttle.Failed, nil, confirm(func(h *harness, token string) string { return forged(h.t, token, []byte("wrong")) })},
	{throttle.ActionEmailChange, "malformed", -1, nil, confirm(func(_ *harness, token string) string { return token[1:] })},
	{throttle.ActionEmailChange, "outage", throttle.Refunded, nil, confirm(func(h *harness, token string) string {
		h.faults.Inject("tokens.ByUser", kittest.Down, 1)
		return token
	})},
	{throttle.ActionVerifyEmail, "right", throttle.Succeeded, nil, mailed((*kit.Service).VerifyEmail, nil)},
	{throttle.ActionVerifyEmail, "wrong", throttle.Failed, nil, mailed((*kit.Service).VerifyEmail, func(h *harness, u kit.User) { h.ChangeEmail(h.t.Context(), u.ID, "new@example.com") })},
	{throttle.ActionVerifyEmail, "outage", throttle.Refunded, nil, mailed((*kit.Service).VerifyEmail, usersAway)},
	{throttle.ActionDenyEmail, "right", throttle.Succeeded, nil, mailed((*kit.Service).DenyEmail, nil)},
	{throttle.ActionDenyEmail, "wrong", throttle.Failed, nil, mailed((*kit.Service).DenyEmail, func(h *harness, u kit.User) { h.ChangeEmail(h.t.Context(), u.ID, "new@example.com") })},
	{throttle.ActionDenyEmail, "outage", throttle.Refunded, nil, mailed((*kit.Service).DenyEmail, usersAway)},
	{throttle.ActionFactor, "right", throttle.Succeeded, withFactor, second("2", nil)},
	{throttle.ActionFactor, "wrong", throttle.Failed, withFactor, second("1", nil)},
	{throttle.ActionFactor, "right recovery code", throttle.Succeeded, withFactor, recovered(true)},
	{throttle.ActionFactor, "wrong recovery code", throttle.Failed, withFactor, recovered(false)},
	{throttle.ActionFactor, "outage", throttle.Refunded, withFactor, second("2", func(h *harness) { h.faults.Inject("tokens.Update", kittest.Down, 1) })},
	{throttle.ActionFactor, "panic", throttle.Refunded, withFactor, second("1", func(h *harness) { h.faults.Inject("tokens.Update", kittest.Panic, 1) })},
	{throttle.ActionFactorChallenge, "right", throttle.Succeeded, withFactor, func(h *harness, ctx context.Context) func() error {
		h.enroll(h.loginOf(h.verified(testEmail)))
		half := h.half(h.Service)
		return func() error { _, err := h.ChallengeFactor(ctx, accesstoken.Claims{}, half, "counter"); return err }
	}},
}

type prepared = func(*harness, context.Context) func() error

func usersDown(h *harness)             { h.faults.Inject("users.ByEmail", kittest.Down, 1) }
func usersAway(h *harness, _ kit.User) { h.faults.Inject("users.ByID", kittest.Down, 1) }

func (h *harness) loginOf(u kit.User) kit.TokenPair { return h.login(u.Email, goodPassword) }

func login(password string, before func(*harness)) prepared {
	return func(h *harness, ctx context.Context) func() error {
		h.register(testEmail)
		return func() error {
			if before != nil {
				before(h)
			}
			_, err := h.Login(ctx, testEmail, password)
			return err
		}
	}
}

func register(password kit.Secret, before func(*harness)) prepared {
	return func(h *harness, ctx context.Context) func() error {
		return func() error {
			if before != nil {
				before(h)
			}
			_, err := h.Register(ctx, kit.Registration{Email: testEmail, Username: "Ada", Password: password})
			return err
		}
	}
}

func refresh(before func(*harness)) prepared {
	return func(h *harness, ctx context.Context) func() error {
		h.register(testEmail)
		tokens := h.login(testEmail, goodPassword)
		return func() error {
			if before != nil {
				before(h)
			}
			_, err := h.Refresh(ctx, string(tokens.RefreshToken))
			return err
		}
	}
}

func request(call func(*kit.Service, context.Context, string) error, email string, before func(*harness)) prepared {
	return func(h *harness, ctx context.Context) func() error {
		return func() error {
			if before != nil {
				before(h)
			}
			return call(h.Service, ctx, email)
		}
	}
}

func reset(password string, change func(*harness, string) string) prepared {
	return func(h *harness, ctx context.Context) func() error {
		h.register(testEmail)
		text := h.resetToken(testEmail)
		if change != nil {
			text = change(h, text)
		}
		return func() error { return h.ResetPassword(ctx, text, password) }
	}
}

func change(current, next string) prepared {
	return func(h *harness, ctx context.Context) func() error {
		h.register(testEmail)
		claims := h.claims(h.login(testEmail, goodPassword))
		return func() error { _, err := h.ChangePassword(ctx, claims, current, next); return err }
	}
}

// over logs a session out, and keeps its access token.
func over(h *harness, tokens kit.TokenPair) kit.TokenPair {
	if err := h.Logout(h.t.Context(), string(tokens.RefreshToken)); err != nil {
		h.t.Fatal(err)
	}
	return tokens
}

// signedIn makes an account and an access token, which before may change.
func signedIn(h *harness, before func(*harness, kit.TokenPair) kit.TokenPair) accesstoken.Claims {
	tokens := h.loginOf(h.verified(testEmail))
	claims := h.claims(tokens)
	if before != nil {
		if tokens := before(h, tokens); tokens.RefreshToken == "" {
			claims = h.claims(tokens)
		}
	}
	return claims
}

func again(password string, before func(*harness, kit.TokenPair) kit.TokenPair) prepared {
	return func(h *harness, ctx context.Context) func() error {
		claims := signedIn(h, before)
		return func() error { _, err := h.Reauthenticate(ctx, claims, password); return err }
	}
}

func move(email string, before func(*harness, kit.TokenPair) kit.TokenPair) prepared {
	return func(h *harness, ctx context.Context) func() error {
		claims := signedIn(h, before)
		return func() error { return h.RequestEmailChange(ctx, claims, email) }
	}
}

func confirm(change func(*harness, string) string) prepared {
	return func(h *harness, ctx context.Context) func() error {
		token := h.changeToken(signedIn(h, nil), "new@example.com")
		if change != nil {
			token = change(h, token)
		}
		return func() error { return h.ConfirmEmailChange(ctx, token) }
	}
}

func mailed(call func(*kit.Service, context.Context, string) error, before func(*harness, kit.User)) prepared {
	return func(h *harness, ctx context.Context) func() error {
		u, mail := h.register(testEmail)
		return func() error {
			if before != nil {
				before(h, u)
			}
			return call(h.Service, ctx, string(mail.Token))
		}
	}
}

func second(answer string, before func(*harness)) prepared {
	return func(h *harness, ctx context.Context) func() error {
		h.enroll(h.loginOf(h.verified(testEmail)))
		half := h.half(h.Service)
		return func() error {
			if before != nil {
				before(h)
			}
			_, err := h.LoginWithFactor(ctx, half, "counter", "", code(answer))
			return err
		}
	}
}

func recovered(right bool) prepared {
	return func(h *harness, ctx context.Context) func() error {
		h.enroll(h.loginOf(h.verified(testEmail)))
		half, answer := h.half(h.Service), "wrong"
		if right {
			answer = string(h.recovery[0])
		}
		return func() error {
			_, err := h.LoginWithFactor(ctx, half, "recovery_code", "", code(answer))
			return err
		}
	}
}

func TestLimiterHearsWhatBecameOfAnAttempt(t *testing.T) {
	seen := map[string]bool{}
	for _, row := range attempts {
		t.Run(string(row.action)+"/"+row.name, func(t *testing.T) {
			r := &recorder{}
			h := newHarness(t, func(o *kit.Options) {
				o.Limiter = r
				if row.change != nil {
					row.change(o)
				}
			})
			call := row.call(h, kit.WithClient(t.Context(), kit.Client{IP: netip.MustParseAddr("192.0.2.1")}))
			r.reset()
			func() {
				defer func() { _ = recover() }()
				call()
			}()
			// What prepares a row may be an attempt too, of another action.
			var begun []throttle.Attempt
			var done []throttle.Outcome
			for i, a := range r.begun {
				if a.Action == row.action {
					begun, done = append(begun, a), append(done, r.done[i])
				}
			}
			switch {
			case row.outcome < 0:
				if len(begun) != 0 {
					t.Errorf("the limiter was asked: %+v", begun)
				}
			case len(begun) != 1 || len(done) != 1 || done[0] != row.outcome || begun[0].IP.String() != "192.0.2.1" || len(r.begun) != len(r.done):
				t.Errorf("began %+v, and ended with %v, want once %v", begun, done, row.outcome)
			}
		})
		seen[string(row.action)] = true
	}
	// No action is missing, and whoever compares a secret belongs to one.
	comparing := map[string]string{
		"checkCredentials": "login", "ChangePassword": "change_password", "checkMailed": "password_reset email_change",
		"Reauthenticate": "reauthenticate",
		"refresh":        "refresh", "refreshParent": "refresh", "parseVerification": "verify_email deny_email",
		"answerFactor": "factor", "spendAnswer": "factor", "ConfirmFactor": "factor",
		"pendingLogin": "factor factor_challenge",
		"Verify":       "factor", // of recovery codes and of an Alternate, by answerFactor
		// Of these the other side is a record, and nothing that a client sent.
		"presentedDevice": "", // of 256 bits, which nobody guesses
		"createToken":     "", "sameCredential": "", "changeRecord": "", "Find": "",
		// Nothing is learnt from these.
		"Authenticate": "", "compare": "", "sameHash": "", "openState": "",
	}
	declared, used := comparisons(t)
	for action := range declared {
		if !seen[action] {
			t.Errorf("the table has no attempt of the action %s", action)
		}
	}
	for function, at := range used {
		actions, known := comparing[function]
		if !known {
			t.Errorf("%s: %s compares a secret: is the limiter asked first? Then it belongs into this table", at, function)
		}
		for _, action := range strings.Fields(actions) {
			if !seen[action] {
				t.Errorf("%s: %s: the table has no attempt of the action %s", at, function, action)
			}
		}
	}
	if len(declared) < 11 || len(used) < 10 {
		t.Errorf("found the actions %v and the comparisons %v", slices.Collect(maps.Keys(declared)), used)
	}
}

// snakeCase returns "password_reset" for "PasswordReset".
func snakeCase(name string) string {
	return strings.ToLower(strings.TrimPrefix(regexp.MustCompile("[A-Z]").ReplaceAllString(name, "_$0"), "_"))
}

// comparisons returns the actions that the package uses, and the functions that compare a
// secret, with where they do.
func comparisons(t *testing.T) (actions map[string]bool, used map[string]string) {
	t.Helper()
	actions, used = map[string]bool{}, map[string]string{}
	eachDeclaration(t, func(set *token.FileSet, decl ast.Decl) {
		ast.Inspect(decl, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.SelectorExpr:
				if action, ok := strings.CutPrefix(n.Sel.Name, "Action"); ok && fmt.Sprint(n.X) == "throttle" && action != "" && action != "Mail" {
					actions[snakeCase(action)] = true
				}
			case *ast.CallExpr:
				called := ""
				switch f := n.Fun.(type) {
				case *ast.Ident:
					called = f.Name
				case *ast.SelectorExpr:
					called = f.Sel.Name
				}
				function, ok := decl.(*ast.FuncDecl)
				if ok && slices.Contains([]string{"compare", "sameHash", "ConstantTimeCompare", "Verify", "Confirm"}, called) {
					used[function.Name.Name] = set.Position(n.Pos()).String()
				}
			}
			return true
		})
	})
	return actions, used
}

// TestGuesses: the same for the same secret and address on every instance, and else another.
func TestGuesses(t *testing.T) {
	r := &recorder{}
	h := newHarness(t, func(o *kit.Options) { o.Limiter = r })
	guess := func(s *kit.Service, email, password string) uint64 {
		r.reset()
		s.CheckPassword(t.Context(), email, password)
		return r.begun[0].Guess
	}
	first := guess(h.Service, testEmail, goodPassword)
	if other := guess(h.another(), strings.ToUpper(testEmail), goodPassword); other != first || first == 0 {
		t.Errorf("guess %d here and %d on another instance", first, other)
	}
	for name, g := range map[string]uint64{
		"another password":    guess(h.Service, testEmail, otherPassword),
		"another address":     guess(h.Service, "bob@example.com", goodPassword),
		"cut apart elsewhere": guess(h.Service, testEmail[:len(testEmail)-1], "m"+goodPassword),
	} {
		if g == first || g == 0 {
			t.Errorf("%s: guess %d", name, g)
		}
	}
	if g := guess(h.Service, testEmail, ""); g != 0 {
		t.Errorf("no secret: guess %d", g)
	}
}

// TestSignedInIsABucketOfItsOwn: the guesses of strangers do not count against a session, nor those
// in one session against another.
func TestSignedInIsABucketOfItsOwn(t *testing.T) {
	r := &recorder{}
	h := newHarness(t, withFactor, func(o *kit.Options) { o.Limiter = r })
	u := h.verified(testEmail)
	claims := h.claims(h.enroll(h.login(testEmail, goodPassword)))
	step := h.halfAgain(claims)
	for name, call := range map[string]func() error{
		"Reauthenticate": func() error { _, err := h.Reauthenticate(t.Context(), claims, otherPassword); return err },
		"ReauthenticateWithFactor": func() error {
			_, err := h.ReauthenticateWithFactor(t.Context(), claims, step, "counter", "", code("0"))
			return err
		},
		"ChallengeFactor": func() error { _, err := h.ChallengeFactor(t.Context(), claims, step, "counter"); return err },
		"ChangePassword": func() error {
			_, err := h.ChangePassword(t.Context(), claims, otherPassword, otherPassword)
			return err
		},
		"RequestEmailChange": func() error { return h.RequestEmailChange(t.Context(), claims, "new@example.com") },
	} {
		r.reset()
		err := call()
		if a := r.first(); a.Device != claims.SessionID || a.UserID != u.ID || a.EmailKey != kit.EmailKey(testEmail) {
			t.Errorf("%s: %+v, error %v", name, a, err)
		}
	}
	r.reset()
	h.LoginWithFactor(t.Context(), h.half(h.Service), "counter", "", code("0"))
	for _, a := range r.begun {
		if a.Device != "" {
			t.Errorf("a login of a stranger: %+v", a)
		}
	}
}
