package acceptance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"myauth.internal/conformance"
	"myauth.internal/kit"
	"myauth.internal/kit/provider"
	"myauth.internal/kit/provider/internal/hostile"
)

// somebody makes the provider's user from now on one that no scene had before, with these claims.
func (p *scripted) somebody(s *conformance.Scene, claims hostile.JSON) {
	p.people++
	claims["sub"] = fmt.Sprintf("subject-%d", p.people)
	claims["name"] = "Ann"
	p.Script(func(script *hostile.Script) {
		script.Now, script.Claims = s.Clock.Now, claims
		script.CodeAgain = true // so of several callbacks it is not the provider who lets one win
		script.Alg = "EdDSA"    // which is quick
	})
}

// ann makes the provider's user one who has proved an address there.
func (p *scripted) ann(s *conformance.Scene, email string) {
	p.somebody(s, hostile.JSON{"email": email, "email_verified": true})
}

// serve sends a request that must succeed, and returns the members of the answer.
func serve(s *conformance.Scene, request string, body any, token kit.Secret) (kit.Answer, members) {
	text := ""
	if body != nil {
		text = string(raw(body))
	}
	answer, err := s.Serve(context.Background(), s.Service, request, text, token)
	if err != nil {
		s.Fatalf("%s: %v", request, err)
	}
	m := members{}
	if err := json.Unmarshal(answer.Body, &m); err != nil && len(answer.Body) > 0 {
		s.Fatal(err)
	}
	return answer, m
}

// callback is the request that the browser makes after a start.
func (p *scripted) toCallback(s *conformance.Scene, start string) string {
	at, _ := serve(s, "GET "+start, nil, "")
	query := p.Login(at.Location).URL.Query()
	s.Secret(query.Get("code"), query.Get("state"))
	return "POST /providers/acme/callback?" + query.Encode()
}

// target returns the parameters that an answer gives to the page.
func target(s *conformance.Scene, answer kit.Answer) url.Values {
	to, err := url.Parse(answer.Location)
	if err != nil || !strings.HasPrefix(answer.Location, page+"?") {
		s.Fatalf("the callback leads to %q", answer.Location)
	}
	s.Secret(to.Query().Get("code"))
	return to.Query()
}

// flow is a flow until the page, with the page's PKCE.
func (p *scripted) flow(s *conformance.Scene) url.Values {
	answer, _ := serve(s, p.toCallback(s, "/providers/acme/start?code_challenge="+challenge()), nil, "")
	return target(s, answer)
}

// linkFlow is a flow that links, until the page. It returns the body of the exchange.
func (p *scripted) linkFlow(s *conformance.Scene, access kit.Secret) members {
	_, link := serve(s, "POST /providers/acme/link", members{"code_challenge": challenge()}, access)
	start := strings.TrimPrefix(link["url"].(string), api)
	s.Secret(start)
	answer, _ := serve(s, p.toCallback(s, start), nil, "")
	return members{"code": target(s, answer).Get("code"), "code_verifier": verifier}
}

// exchange is a Call that exchanges the code of a flow. Its account must be as wanted.
func exchange(s *conformance.Scene, body members, want func(kit.User) bool) func(context.Context, *kit.Service) error {
	return func(ctx context.Context, svc *kit.Service) error {
		return checked(s.Serve(ctx, svc, "POST /providers/exchange", string(raw(body)), ""))(want)
	}
}

func checked(answer kit.Answer, err error) func(want func(kit.User) bool) error {
	return func(want func(kit.User) bool) error {
		if err == nil && !want(answer.Tokens.User) {
			return fmt.Errorf("it logged in to %+v", answer.Tokens.User)
		}
		return err
	}
}

// identities lists the identities of an account, whoever has logged in to it.
func identities(ctx context.Context, s *conformance.Scene, svc *kit.Service, u kit.User) ([]any, error) {
	tokens, err := svc.Grant(ctx, kit.Login{User: u, AMR: []string{"pwd"}})
	if err != nil {
		return nil, err
	}
	answer, err := s.Serve(ctx, svc, "GET /identities", "", tokens.AccessToken)
	if err != nil {
		return nil, err
	}
	var list struct{ Identities []any }
	err = json.Unmarshal(answer.Body, &list)
	return list.Identities, err
}

// linked wants one of some numbers of identities.
func linked(s *conformance.Scene, numbers ...int) func(context.Context, *kit.Service) error {
	return func(ctx context.Context, svc *kit.Service) error {
		u, err := svc.UserByID(ctx, s.User.ID)
		if errors.Is(err, kit.ErrUserNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		list, err := identities(ctx, s, svc, u)
		if err == nil && !slices.Contains(numbers, len(list)) {
			err = fmt.Errorf("the account has %d identities", len(list))
		}
		return err
	}
}

// callback: until the exchange nothing is stored of a login, but that its state is used.
func (p *scripted) callback(s *conformance.Scene) conformance.Use {
	email := "new." + s.User.Email
	p.ann(s, email)
	request := p.toCallback(s, "/providers/acme/start")
	used := errors.New("the state was used")
	return conformance.Use{
		Call: func(ctx context.Context, svc *kit.Service) error {
			answer, err := s.Serve(ctx, svc, request, "", "")
			if err != nil {
				return err
			}
			switch failed := target(s, answer).Get("error"); failed {
			case "":
				return nil
			case "invalid_state":
				return used
			default:
				return errors.New(failed)
			}
		},
		Already: []error{used},
		Whole: func(ctx context.Context, svc *kit.Service) error {
			if _, err := svc.UserByEmail(ctx, email); !errors.Is(err, kit.ErrUserNotFound) {
				return fmt.Errorf("a callback has made an account, or: %v", err)
			}
			return nil
		},
	}
}

// signUp: an account is not there, unverified and without a password, or whole.
func (p *scripted) signUp(s *conformance.Scene) conformance.Use {
	const email = "new@example.com"
	p.ann(s, email)
	if u, err := s.Service.UserByEmail(context.Background(), email); err == nil { // that of the try before
		if err := s.Service.DeleteUser(context.Background(), u.ID); err != nil {
			s.Fatal(err)
		}
	}
	body := members{"code": p.flow(s).Get("code"), "code_verifier": verifier}
	return conformance.Use{
		Call:    exchange(s, body, func(u kit.User) bool { return u.Email == email && u.Verified }),
		Already: []error{kit.ErrRevokedToken},
		Whole: func(ctx context.Context, svc *kit.Service) error {
			u, err := svc.UserByEmail(ctx, email)
			if errors.Is(err, kit.ErrUserNotFound) {
				return nil
			}
			return errors.Join(err, ownedElsewhere(ctx, s, svc, u))
		},
	}
}

// ownedElsewhere wants an account to be one of somebody who has proved its address elsewhere, or
// one that such a person claims.
func ownedElsewhere(ctx context.Context, s *conformance.Scene, svc *kit.Service, u kit.User) error {
	if u.PasswordHash != "" {
		return errors.New("the account has a password")
	}
	list, err := identities(ctx, s, svc, u)
	switch {
	case err != nil:
		return err
	case u.Verified && len(list) != 1, len(list) > 1:
		return fmt.Errorf("the account, verified: %t, has %d identities", u.Verified, len(list))
	}
	return nil
}

// claim: an account that somebody made with the address of somebody else is the owner's, with
// nothing left of the squatter, or it is the squatter's, unverified (security 50 and 64).
func (p *scripted) claim(s *conformance.Scene) conformance.Use {
	access := s.Login().AccessToken
	p.unverify(s)
	p.ann(s, s.User.Email)
	body := members{"code": p.flow(s).Get("code"), "code_verifier": verifier}
	return conformance.Use{
		Call:    exchange(s, body, func(u kit.User) bool { return u.Email == s.User.Email && u.Verified }),
		Already: []error{kit.ErrRevokedToken},
		Whole: func(ctx context.Context, svc *kit.Service) error {
			u, err := svc.UserByID(ctx, s.User.ID)
			if errors.Is(err, kit.ErrUserNotFound) {
				return nil
			}
			if err != nil {
				return err
			}
			_, loginErr := svc.Login(ctx, s.User.Email, s.Password)
			_, _, tokenErr := svc.Authenticate(ctx, string(access))
			if u.PasswordHash != "" {
				if u.Verified {
					return errors.New("the squatter's account is verified")
				}
				return errors.Join(loginErr, linked(s, 0)(ctx, svc))
			}
			if loginErr == nil || tokenErr == nil {
				return fmt.Errorf("the squatter's password: %v, and access token: %v", loginErr, tokenErr)
			}
			return ownedElsewhere(ctx, s, svc, u)
		},
	}
}

// unverify makes the account of a scene one that nobody has proved the address of.
func (p *scripted) unverify(s *conformance.Scene) {
	var err error
	for _, core := range slices.Backward(p.eyes.cores) { // one of which is over the scene's data
		done := false
		if _, _, err = core.ChangeUser(context.Background(), s.User.ID, func(u *kit.User) error {
			if done {
				return kit.ErrUnchanged
			}
			done, u.Verified = true, false
			return nil
		}); err == nil {
			return
		}
	}
	s.Fatal(err)
}

// linkAnn links the provider to the account of the scene.
func (p *scripted) linkAnn(s *conformance.Scene, access kit.Secret) string {
	p.ann(s, "ann@elsewhere.example")
	_, identity := serve(s, "POST /providers/exchange", p.linkFlow(s, access), access)
	return identity["id"].(string)
}

func (p *scripted) logIn(s *conformance.Scene) conformance.Use {
	p.linkAnn(s, s.Login().AccessToken)
	body := members{"code": p.flow(s).Get("code"), "code_verifier": verifier}
	return conformance.Use{
		Call:    exchange(s, body, func(u kit.User) bool { return u.ID == s.User.ID }),
		Already: []error{kit.ErrRevokedToken},
		Whole:   linked(s, 1),
	}
}

func (p *scripted) native(s *conformance.Scene) conformance.Use {
	p.linkAnn(s, s.Login().AccessToken)
	body := members{"id_token": p.IDToken(hostile.JSON{"nonce": "n"}), "nonce": "n"}
	s.Secret(body["id_token"].(string))
	return conformance.Use{
		Call: func(ctx context.Context, svc *kit.Service) error {
			return checked(s.Serve(ctx, svc, "POST /providers/acme/token", string(raw(body)), ""))(func(u kit.User) bool { return u.ID == s.User.ID })
		},
		Already: []error{kit.ErrRevokedToken},
		Whole:   linked(s, 1),
	}
}

func (p *scripted) confirm(s *conformance.Scene) conformance.Use {
	p.somebody(s, hostile.JSON{"email": s.User.Email, "email_verified": false})
	if got := p.flow(s); got.Get("error") != "email_unverified" {
		s.Fatalf("an address that is not proved: %v", got)
	}
	var token kit.Secret
	for token == "" {
		mail, err := s.Mailer.Next(s.Context())
		if err != nil {
			s.Fatal(err)
		}
		if mail.Kind == provider.MailConfirm && mail.To == s.User.Email {
			token = mail.Token
		}
	}
	s.Secret(string(token))
	return conformance.Use{
		Call: func(ctx context.Context, svc *kit.Service) error {
			return checked(s.Serve(ctx, svc, "POST /providers/confirm", string(raw(members{"token": string(token)})), ""))(func(u kit.User) bool { return u.Email == s.User.Email && u.Verified })
		},
		Already: []error{kit.ErrRevokedToken},
		Whole:   linked(s, 0, 1),
	}
}

func (p *scripted) link(s *conformance.Scene) conformance.Use {
	access := s.Login().AccessToken
	p.ann(s, "ann@elsewhere.example")
	body := string(raw(p.linkFlow(s, access)))
	return conformance.Use{
		Call: func(ctx context.Context, svc *kit.Service) error {
			_, err := s.Serve(ctx, svc, "POST /providers/exchange", body, access)
			return err
		},
		Already: []error{kit.ErrRevokedToken},
		Whole:   linked(s, 0, 1),
	}
}

func (p *scripted) unlink(s *conformance.Scene) conformance.Use {
	access := s.Login().AccessToken
	request := "DELETE /identities/" + p.linkAnn(s, access)
	gone := errors.New("there is no such identity")
	return conformance.Use{
		Call: func(ctx context.Context, svc *kit.Service) error {
			_, err := s.Serve(ctx, svc, request, "", access)
			var problem *kit.Problem
			if errors.As(err, &problem) && problem.Code == "not_found" {
				return fmt.Errorf("%w: %w", gone, err)
			}
			return err
		},
		Already: []error{gone},
		Whole:   linked(s, 0, 1),
	}
}

// eyes lends the tests the Core of each Service.
type eyes struct{ cores []*kit.Core }

func (*eyes) Name() string { return "eyes" }

func (e *eyes) Attach(core *kit.Core) (kit.Extension, error) {
	e.cores = append(e.cores, core)
	return kit.Extension{}, nil
}
