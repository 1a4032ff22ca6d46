package conformance

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"myauth.internal/kit"
	"myauth.internal/kit/kittest"
)

// Scene is where one try of a [Scenario] is prepared.
type Scene struct {
	testing.TB
	// User is an account of this try alone: active, its address verified. Password is its.
	User     kit.User
	Password string
	// Service works, whatever becomes of the calls of another.
	Service *kit.Service
	// Clock is that of all Services. It stands, and may be advanced.
	Clock *kittest.Clock
	// Mailer has the mails of all tries.
	Mailer *kittest.Mailer

	world   *world
	mu      sync.Mutex
	cookies map[string]string
}

// Login logs the user in with the password, through a Service that does not have the
// feature, or ends the test.
func (s *Scene) Login() kit.TokenPair {
	s.Helper()
	tokens, err := s.world.plain.Login(context.Background(), s.User.Email, s.Password)
	if err != nil {
		s.Fatalf("Login: %v", err)
	}
	s.Secret(string(tokens.AccessToken), string(tokens.RefreshToken))
	return tokens
}

// Secret names secrets that must be in no event and no log. The password is one, and so are
// the tokens of Login and Serve.
func (s *Scene) Secret(values ...string) { s.world.secret(values...) }

// Serve sends a request to a route of svc, such as "POST /terms/accept", as package httpx
// does. body is JSON or empty, token an access token or empty. A scene is one browser: it has the
// cookies that the answers before set.
func (s *Scene) Serve(ctx context.Context, svc *kit.Service, request, body string, token kit.Secret) (answer kit.Answer, err error) {
	method, target, _ := strings.Cut(request, " ")
	if method == http.MethodGet {
		ctx = context.WithValue(ctx, readingKey{}, request)
	}
	r, err := http.NewRequestWithContext(ctx, method, target, nil)
	if err != nil {
		return answer, err
	}
	err = fmt.Errorf("conformance: the Service has no route for %s", request)
	mux := http.NewServeMux()
	for _, route := range svc.Routes() {
		mux.HandleFunc(route.Method+" "+route.Path, func(_ http.ResponseWriter, r *http.Request) {
			answer, err = serve(r, svc, route, body, token)
		})
	}
	s.sendCookies(r)
	mux.ServeHTTP(noWriter{}, r)
	s.keepCookies(answer.Cookies)
	s.Secret(string(answer.Tokens.AccessToken), string(answer.Tokens.RefreshToken))
	return answer, err
}

func (s *Scene) sendCookies(r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name, value := range s.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
}

func (s *Scene) keepCookies(cookies []kit.Cookie) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range cookies {
		if c.MaxAge < 0 {
			delete(s.cookies, c.Name)
			continue
		}
		s.Secret(c.Value)
		if s.cookies == nil {
			s.cookies = map[string]string{}
		}
		s.cookies[c.Name] = c.Value
	}
}

func serve(r *http.Request, svc *kit.Service, route kit.Route, body string, token kit.Secret) (kit.Answer, error) {
	switch {
	case route.Body == kit.NoBody:
		body = ""
	case route.Body == kit.OptionalJSON && body == "":
		body = "{}"
	}
	ctx := r.Context()
	request := kit.Request{Source: source{r}, Body: kit.Body{JSON: []byte(body)}}
	if route.Access != kit.Public {
		authenticate := svc.AuthenticateLive
		if route.Access == kit.SignedIn {
			authenticate = svc.Authenticate
		}
		user, claims, err := authenticate(ctx, string(token))
		if err == nil && route.Access != kit.SignedIn {
			err = svc.CheckRecent(user, claims)
		}
		if err == nil && route.Access == kit.AdminOnly {
			ctx = kit.WithActor(ctx, user.ID)
			if !user.HasRole(kit.AdminRole) {
				err = kit.NewProblem(403, "insufficient_role", "Insufficient role", "")
			}
		}
		switch {
		case err == nil:
			request.User, request.Claims = user, claims
		case route.Access == kit.PublicOrRecent:
			request.NotSignedIn = err
		default:
			return kit.Answer{}, err
		}
	}
	return route.Serve(ctx, request)
}

// source is a [kit.Source].
type source struct{ *http.Request }

func (s source) QueryValue(name string) string     { return s.URL.Query().Get(name) }
func (s source) HeaderValues(name string) []string { return s.Header.Values(name) }
func (s source) CookieValue(name string) string {
	if cookies := s.CookiesNamed(name); len(cookies) == 1 {
		return cookies[0].Value
	}
	return ""
}

// noWriter is for handlers that write nothing.
type noWriter struct{}

func (noWriter) Header() http.Header         { return http.Header{} }
func (noWriter) Write(p []byte) (int, error) { return len(p), nil }
func (noWriter) WriteHeader(int)             {}
