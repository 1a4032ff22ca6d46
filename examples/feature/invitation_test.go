package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"myauth.internal/conformance"
	"myauth.internal/kit"
	"myauth.internal/kit/invitation"
)

// TestInvitationsOverEveryStore is security claim 70 for package invitation: whatever is cut, hangs or
// loses its answer, and whoever else calls, an invitation makes one account, or none and can still be
// accepted.
func TestInvitationsOverEveryStore(t *testing.T) {
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conformance.RunFeature(t, conformance.Config{New: open}, conformance.Feature{
				New: func() kit.Feature { return invitation.New(nil) },
				Scenarios: []conformance.Scenario{
					{Name: "invite", Prepare: func(s *conformance.Scene) conformance.Use { return newInviter(s).use(invites) }},
					{Name: "revoke", Prepare: func(s *conformance.Scene) conformance.Use {
						i := newInviter(s)
						return i.use("DELETE /admin/invitations/"+i.invite(), errGone)
					}},
					{Name: "accept", Prepare: func(s *conformance.Scene) conformance.Use { return newInviter(s).accept() }},
					{Name: "accept-unverified", Prepare: func(s *conformance.Scene) conformance.Use {
						i := newInviter(s)
						if _, err := s.Service.Register(context.Background(), kit.Registration{Email: i.guest, Username: "Stranger", Password: "Mallory#1984"}); err != nil {
							s.Fatal(err)
						}
						return i.accept()
					}},
				},
			})
		})
	}
}

const invites = "POST /admin/invitations"

// errGone is what a revocation that comes too late hears.
var errGone = errors.New("there is no such invitation")

// inviter is the user of a scene, who is an administrator, and invites a guest.
type inviter struct {
	*conformance.Scene
	guest  string
	access kit.Secret
}

func newInviter(s *conformance.Scene) *inviter {
	// One administrator remains when the scene ends.
	_, err := s.Service.CreateUser(context.Background(), kit.Registration{Email: "root@example.com", Username: "Root"}, kit.AdminRole)
	if err != nil && !errors.Is(err, kit.ErrUserExists) {
		s.Fatal(err)
	}
	if _, err := s.Service.AddRole(context.Background(), s.User.ID, kit.AdminRole); err != nil {
		s.Fatal(err)
	}
	return &inviter{s, "guest." + s.User.Email, s.Login().AccessToken}
}

func (i *inviter) invite() (id string) {
	answer, err := i.Serve(context.Background(), i.Service, invites, body(i.invitation()), i.access)
	if err != nil {
		i.Fatal(err)
	}
	var made struct{ ID string }
	if err := json.Unmarshal(answer.Body, &made); err != nil {
		i.Fatal(err)
	}
	return made.ID
}

func (i *inviter) invitation() members { return members{"email": i.guest, "roles": []string{"editor"}} }

// use sends a request in the name of the inviter, after which the guest has one invitation or none.
func (i *inviter) use(request string, already ...error) conformance.Use {
	return conformance.Use{
		Already: already,
		Call: func(ctx context.Context, svc *kit.Service) error {
			_, err := i.Serve(ctx, svc, request, body(i.invitation()), i.access)
			var p *kit.Problem
			if errors.As(err, &p) && p.Code == "not_found" {
				return fmt.Errorf("%w: %w", errGone, err)
			}
			return err
		},
		Whole: func(ctx context.Context, svc *kit.Service) error {
			n, err := i.open(ctx, svc)
			if err == nil && n > 1 {
				err = fmt.Errorf("the guest has %d invitations", n)
			}
			return ignoreEnd(err)
		},
	}
}

// open returns how many invitations the guest has.
func (i *inviter) open(ctx context.Context, svc *kit.Service) (int, error) {
	answer, err := i.Serve(ctx, svc, "GET /admin/invitations", "", i.access)
	return strings.Count(string(answer.Body), fmt.Sprintf("%q", i.guest)), err
}

// ignoreEnd: the suite advances the clock beyond the access token, and deletes the inviter.
func ignoreEnd(err error) error {
	if errors.Is(err, kit.ErrExpiredToken) || errors.Is(err, kit.ErrRevokedToken) {
		return nil
	}
	return err
}

func (i *inviter) accept() conformance.Use {
	i.invite()
	token := ""
	for token == "" {
		m, err := i.Mailer.Next(context.Background())
		if err != nil {
			i.Fatal(err)
		}
		if m.To == i.guest && m.Kind == invitation.MailInvitation {
			token = string(m.Token)
		}
	}
	const password = "Compiler#1952"
	i.Secret(token, password)
	acceptance := body(members{"token": token, "username": "Grace", "password": password})
	return conformance.Use{
		Already: []error{kit.ErrUserExists, kit.ErrRevokedToken},
		Call: func(ctx context.Context, svc *kit.Service) error {
			_, err := i.Serve(ctx, svc, "POST /invitations/accept", acceptance, "")
			return err
		},
		Whole: func(ctx context.Context, svc *kit.Service) error {
			u, err := svc.UserByEmail(ctx, i.guest)
			if err != nil && !errors.Is(err, kit.ErrUserNotFound) {
				return err
			}
			n, err := i.open(ctx, svc)
			switch {
			case err != nil:
				return ignoreEnd(err)
			case u.Verified && (u.PasswordHash == "" || !u.HasRole("editor") || u.Username != "Grace"):
				return fmt.Errorf("the account is %+v", u)
			case u.Verified != (n == 0):
				return fmt.Errorf("there is an account: %v, and %d invitations", u.Verified, n)
			case !u.Verified && len(u.Roles) > 0:
				return fmt.Errorf("an account that nobody has verified has the roles %q", u.Roles)
			}
			return nil
		},
	}
}
