package conformance_test

import (
	"context"
	"errors"
	"testing"

	"myauth.internal/conformance"
	"myauth.internal/kit"
	"myauth.internal/kit/memstore"
)

// consent is a feature: a user consents, once and for all.
type consent struct{}

func (consent) Name() string { return "consent" }

func (consent) Attach(core *kit.Core) (kit.Extension, error) {
	return kit.Extension{
		Routes: []kit.Route{{Method: "POST", Path: "/consent", Access: kit.SignedIn, Serve: func(ctx context.Context, r kit.Request) (kit.Answer, error) {
			err := core.Create(ctx, core.Credential(r.User, "", r.User.ID))
			if errors.Is(err, kit.ErrConflict) {
				err = nil // by an earlier request
			}
			return kit.Done(), err
		}}, {Method: "GET", Path: "/consent", Access: kit.SignedIn, Serve: func(ctx context.Context, r kit.Request) (kit.Answer, error) {
			_, err := core.Find(ctx, "", r.User.ID)
			if err != nil && !errors.Is(err, kit.ErrNotFound) {
				return kit.Answer{}, err
			}
			return kit.JSON(200, map[string]bool{"consent": err == nil})
		}}},
		OpenAPI: []byte(`{"paths":{"/consent":{"post":{"responses":{"204":{"description":"Kept."}}},"get":{"responses":{"200":{"description":"Whether the user has consented."}}}}}}`),
	}, nil
}

// testConsent is all that a feature's author writes, in a test of the feature's package.
func testConsent(t *testing.T) {
	newStore := func(testing.TB) conformance.Open {
		data := memstore.New()
		return func(testing.TB) conformance.Stores { return conformance.Stores{Stores: data.Stores()} }
	}
	conformance.RunFeature(t, conformance.Config{New: newStore}, conformance.Feature{
		New: func() kit.Feature { return consent{} },
		Scenarios: []conformance.Scenario{{Name: "consenting", Prepare: func(s *conformance.Scene) conformance.Use {
			token, told := s.Login().AccessToken, false
			return conformance.Use{
				Call: func(ctx context.Context, svc *kit.Service) error {
					_, err := s.Serve(ctx, svc, "POST /consent", "", token)
					return err
				},
				// It is there or not, and does not go away.
				Whole: func(ctx context.Context, svc *kit.Service) error {
					answer, err := s.Serve(ctx, svc, "GET /consent", "", token)
					is := string(answer.Body) == `{"consent":true}`
					if err == nil && told && !is {
						err = errors.New("the consent is gone")
					}
					told = told || is
					return err
				},
			}
		}}},
	})
}

// RunFeature is called from a test: go test runs TestConsent, which is testConsent here.
func ExampleRunFeature() {
	TestConsent := testConsent
	_ = TestConsent
}
