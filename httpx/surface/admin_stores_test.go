package surface

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"myauth.internal/conformance"
	"myauth.internal/drivers/sqlite"
	"myauth.internal/httpx/admin"
	"myauth.internal/kit"
	"myauth.internal/kit/memstore"
)

// TestAdminWhateverFails is security claim 70 for the acts of administrators: whatever is cut, hangs
// or loses its answer, and whoever else calls, an account is as before or as the act makes it. What a
// store may do is the same for all of them, so two are enough.
func TestAdminWhateverFails(t *testing.T) {
	if featured() || inCookieMode() {
		return // the first process has done it
	}
	for name, open := range map[string]func(testing.TB) conformance.Open{
		"memory": func(testing.TB) conformance.Open {
			store := memstore.New()
			return func(testing.TB) conformance.Stores { return conformance.Stores{Stores: store.Stores()} }
		},
		"sqlite": func(t testing.TB) conformance.Open {
			path := filepath.Join(t.TempDir(), "auth.db")
			return func(t testing.TB) conformance.Stores {
				store, err := sqlite.Open(context.Background(), path, nil)
				if err != nil {
					t.Fatal(err)
				}
				return conformance.Stores{Stores: store.Stores(), Close: store.Close}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conformance.RunFeature(t, conformance.Config{New: open}, conformance.Feature{
				New: func() kit.Feature { return admin.New(&admin.Options{FirstAdmin: "nobody@example.com"}) },
				Scenarios: []conformance.Scenario{
					{Name: "edit", Prepare: func(s *conformance.Scene) conformance.Use {
						edited := func(u kit.User) bool {
							return !u.Active && u.Username == "Edited" && slices.Equal(u.Roles, []string{"editor", kit.AdminRole})
						}
						return actOn(s, "PATCH /admin/users/%s", `{"username":"Edited","roles":["editor","admin"],"is_active":false}`, edited)
					}},
					{Name: "demote", Prepare: func(s *conformance.Scene) conformance.Use {
						if _, err := s.Service.AddRole(context.Background(), s.User.ID, kit.AdminRole); err != nil {
							s.Fatal(err)
						}
						return actOn(s, "PATCH /admin/users/%s", `{"roles":[]}`, func(u kit.User) bool { return len(u.Roles) == 0 })
					}},
					{Name: "sessions", Prepare: func(s *conformance.Scene) conformance.Use {
						s.Login()
						epoch := s.User.SessionEpoch
						return actOn(s, "DELETE /admin/users/%s/sessions", "", func(u kit.User) bool { return u.SessionEpoch > epoch })
					}},
					{Name: "delete", Prepare: func(s *conformance.Scene) conformance.Use {
						s.Login()
						use := actOn(s, "DELETE /admin/users/%s", "", func(u kit.User) bool { return !u.Active && strings.HasSuffix(u.Email, "@myauth.invalid") })
						use.Already = []error{kit.ErrUserNotFound}
						return use
					}},
				},
			})
		})
	}
}

// actOn is one act of an administrator on the account of the scene. done reports whether it has
// happened.
func actOn(s *conformance.Scene, route, body string, done func(kit.User) bool) conformance.Use {
	ctx := context.Background()
	boss, err := s.Service.CreateUser(ctx, kit.Registration{Email: rand.Text() + "@example.com", Username: "Boss"}, kit.AdminRole)
	if err != nil {
		s.Fatal(err)
	}
	tokens, err := s.Service.Grant(ctx, kit.Login{User: boss, AMR: []string{"pwd"}})
	if err != nil {
		s.Fatal(err)
	}
	s.Secret(string(tokens.AccessToken), string(tokens.RefreshToken))
	before, err := s.Service.UserByID(ctx, s.User.ID)
	if err != nil {
		s.Fatal(err)
	}
	return conformance.Use{
		Call: func(ctx context.Context, svc *kit.Service) error {
			_, err := s.Serve(ctx, svc, fmt.Sprintf(route, s.User.ID), body, tokens.AccessToken)
			return err
		},
		Whole: func(ctx context.Context, svc *kit.Service) error {
			u, err := svc.UserByID(ctx, s.User.ID)
			if errors.Is(err, kit.ErrUserNotFound) || err == nil && u.Version == before.Version {
				return nil
			}
			if err == nil && !done(u) {
				err = fmt.Errorf("the account is active %t, with the name %q and the roles %q", u.Active, u.Username, u.Roles)
			}
			return err
		},
	}
}
