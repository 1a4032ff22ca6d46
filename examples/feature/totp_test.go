package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"myauth.internal/conformance"
	"myauth.internal/kit"
	"myauth.internal/kit/totp"
)

// TestTOTPOverEveryStore is security claim 70 for the factor kit/totp and for recovery codes:
// whatever is cut, hangs or loses its answer, and whoever else calls, the state is whole, a code is
// used once, and each new set of recovery codes has ten.
func TestTOTPOverEveryStore(t *testing.T) {
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conformance.RunFeature(t, conformance.Config{New: open}, conformance.Feature{
				New:     func() kit.Feature { return totp.New(nil) },
				Options: func() kit.Options { return kit.Options{DataKeys: dataKeys(t)} },
				Scenarios: []conformance.Scenario{
					{Name: "enroll", Prepare: func(s *conformance.Scene) conformance.Use { return newApp(s).enroll() }},
					{Name: "login", Prepare: func(s *conformance.Scene) conformance.Use {
						a := enrolledApp(s)
						return a.login("totp", a.code(1))
					}},
					{Name: "recover", Prepare: func(s *conformance.Scene) conformance.Use {
						a := enrolledApp(s)
						return a.login("recovery_code", a.recovery[0])
					}},
					{Name: "regenerate", Prepare: func(s *conformance.Scene) conformance.Use { return enrolledApp(s).regenerate() }},
					{Name: "remove", Prepare: func(s *conformance.Scene) conformance.Use { return enrolledApp(s).remove() }},
					{Name: "reset", Prepare: func(s *conformance.Scene) conformance.Use { return enrolledApp(s).reset() }},
				},
			})
		})
	}
}

// app is a user's authenticator app, in one try.
type app struct {
	*conformance.Scene
	secret   string
	access   kit.Secret
	recovery []string
	confirm  string // the body that confirms the enrolment
}

func newApp(s *conformance.Scene) *app {
	a := &app{Scene: s, access: s.Login().AccessToken}
	shown := a.serve("POST /mfa/totp", "", a.access)
	var body struct{ Secret, State string }
	a.decode(shown, &body)
	a.secret = body.Secret
	s.Secret(body.Secret, body.State)
	a.confirm = fmt.Sprintf(`{"state":%q,"code":%q}`, body.State, a.code(0))
	return a
}

func enrolledApp(s *conformance.Scene) *app {
	a := newApp(s)
	done := a.serve("POST /mfa/totp/confirm", a.confirm, a.access)
	var body struct {
		Codes []string `json:"recovery_codes"`
	}
	a.decode(done, &body)
	a.access, a.recovery = done.Tokens.AccessToken, body.Codes
	s.Secret(a.recovery...)
	return a
}

// code is what the app shows, so many steps from now.
func (a *app) code(steps int) string {
	code, err := totp.Code(a.secret, a.Clock.Now().Add(time.Duration(steps)*30*time.Second))
	if err != nil {
		a.Fatal(err)
	}
	return code
}

// serve prepares: it must succeed.
func (a *app) serve(request, body string, access kit.Secret) kit.Answer {
	answer, err := a.Serve(context.Background(), a.Service, request, body, access)
	if err != nil {
		a.Fatal(request, err)
	}
	return answer
}

func (a *app) decode(answer kit.Answer, to any) {
	if err := json.Unmarshal(answer.Body, to); err != nil {
		a.Fatal(err)
	}
}

// calls is the use that sends one request.
func (a *app) calls(request, body string, access kit.Secret, whole func(u kit.User, left int) bool, already ...error) conformance.Use {
	return conformance.Use{
		Call: func(ctx context.Context, svc *kit.Service) error {
			_, err := a.Serve(ctx, svc, request, body, access)
			return err
		},
		Already: already,
		Whole:   a.whole(whole),
	}
}

// whole wants the factor and the number of recovery codes to be right together.
func (a *app) whole(right func(u kit.User, left int) bool) func(context.Context, *kit.Service) error {
	return func(ctx context.Context, svc *kit.Service) error {
		u, err := svc.UserByID(ctx, a.User.ID)
		if err != nil {
			return err
		}
		left, err := svc.RecoveryCodesLeft(ctx, u)
		if err == nil && !right(u, left) {
			err = fmt.Errorf("the factors are %q, and %d recovery codes are left", u.Factors, left)
		}
		return err
	}
}

func has(u kit.User) bool { return slices.Equal(u.Factors, []string{"totp"}) }

// enroll may be cut between the factor and its recovery codes: then the owner makes new ones.
func (a *app) enroll() conformance.Use {
	return a.calls("POST /mfa/totp/confirm", a.confirm, a.access, func(u kit.User, left int) bool {
		return len(u.Factors) == 0 && left == 0 || has(u) && (left == 10 || left == 0)
	}, kit.ErrAlreadyEnrolled, kit.ErrRevokedToken)
}

func (a *app) login(method, code string) conformance.Use {
	_, err := a.Service.Login(context.Background(), a.User.Email, a.Password)
	var due *kit.MFARequired
	if !errors.As(err, &due) {
		a.Fatalf("Login: got %v, want a MFARequired", err)
	}
	a.Scene.Secret(string(due.Token))
	spent := 10
	if method == "recovery_code" {
		spent = 9
	}
	return a.calls("POST /login/mfa", fmt.Sprintf(`{"mfa_token":%q,"method":%q,"code":%q}`, string(due.Token), method, code), "", func(u kit.User, left int) bool {
		return has(u) && (left == 10 || left == spent)
	}, kit.ErrRevokedToken, kit.ErrInvalidCode)
}

func (a *app) regenerate() conformance.Use {
	return a.calls("POST /mfa/recovery-codes", "", a.access, func(u kit.User, left int) bool { return has(u) && left == 10 })
}

func (a *app) remove() conformance.Use {
	return a.calls("DELETE /mfa/totp", "", a.access, func(u kit.User, left int) bool { return has(u) && left == 10 || len(u.Factors) == 0 && left == 0 })
}

// reset is what an administrator does.
func (a *app) reset() conformance.Use {
	return conformance.Use{
		Call:  func(ctx context.Context, svc *kit.Service) error { return svc.ResetFactors(ctx, a.User.ID) },
		Whole: a.whole(func(u kit.User, left int) bool { return has(u) && left == 10 || len(u.Factors) == 0 && left == 0 }),
	}
}
