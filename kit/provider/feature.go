package provider

import (
	"context"
	_ "embed"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/oauth2"

	"myauth.internal/kit"
)

//go:embed provider.openapi.json
var openapi []byte

// Feature is login with other providers, for kit.Options.Features.
type Feature struct {
	unprinted // package fmt does not ask a secret in an unexported field how to print it

	baseURL   string // of the API as browsers see it, without a slash at its end
	redirects []string
	providers []Provider
	keeper    atomic.Pointer[providers] // that Token asks; nil: none keeps tokens
}

// New returns login with providers. baseURL is where browsers find the API, such as
// https://app.example.com/auth: the callback to enter at a provider is below it, at
// /providers/{name}/callback. redirects are the exact URLs that a login may return to; the first
// is where a browser goes whose login nobody knows any more. One may have the scheme of a native app, but
// any app of the device can claim a scheme, and with it a code: an https URL that the app claims is
// safer (RFC 8252 sections 7.2 and 8.6). The error names the setting that is wrong.
func New(baseURL string, redirects []string, providers ...Provider) (*Feature, error) {
	baseURL = strings.TrimSuffix(baseURL, "/")
	if err := checkBaseURL(baseURL); err != nil {
		return nil, err
	}
	if len(redirects) == 0 {
		return nil, fmt.Errorf("provider: redirects is empty: a login needs a page of the application to return to")
	}
	for _, target := range redirects {
		if err := checkRedirect(target); err != nil {
			return nil, err
		}
	}
	f := &Feature{baseURL: baseURL, redirects: slices.Clone(redirects), providers: slices.Clone(providers)}
	if _, err := f.connect(time.Now); err != nil {
		return nil, err
	}
	return f, nil
}

// connect returns the clients of the providers, or what is wrong with the configuration of one.
func (f *Feature) connect(now func() time.Time) ([]client, error) {
	var clients []client
	for _, p := range f.providers {
		switch {
		case p.connect == nil:
			return nil, fmt.Errorf("provider: a Provider is empty: make it with a preset, OpenIDConnect or OAuth2")
		case len(p.Name) > 20 || p.Name == "" || strings.Trim(p.Name, "abcdefghijklmnopqrstuvwxyz0123456789_") != "":
			return nil, fmt.Errorf("provider: Config.Name is %q: it must be 1 to 20 characters of a to z, 0 to 9 and _", p.Name)
		case p.Label == "":
			return nil, fmt.Errorf("provider: Config.Label of %s is empty: it is what people call the provider", p.Name)
		case slices.ContainsFunc(clients, func(c client) bool { return c.Name == p.Name }):
			return nil, fmt.Errorf("provider: two providers have the Config.Name %s: its callback must be its own", p.Name)
		}
		protocol, err := p.connect(p.Config, f.callbackURL(p.Name), now)
		if err != nil {
			return nil, err
		}
		clients = append(clients, client{p, protocol})
	}
	return clients, nil
}

// Check asks a provider for its metadata, with which a sign-in begins, and returns what is wrong with
// it. A provider without metadata, such as GitHub, is not asked. The error holds no secret.
func (f *Feature) Check(ctx context.Context, name string) error {
	clients, err := f.connect(time.Now)
	if err != nil {
		return err
	}
	for _, c := range clients {
		if c.Name == name {
			_, err := c.authURL(ctx, begin{Verifier: oauth2.GenerateVerifier()})
			return err
		}
	}
	return fmt.Errorf("provider: there is no provider %q", name)
}

// callbackURL is the redirect URI of a provider. Each has its own, so the answer of one is never
// taken for another's (RFC 9700 section 4.4.2.2).
func (f *Feature) callbackURL(name string) string {
	return f.baseURL + "/providers/" + name + "/callback"
}

func checkBaseURL(text string) error {
	u, err := url.Parse(text)
	if err != nil || !printable(text) || !isWebPage(u) || u.RawQuery != "" || strings.Contains(text, "?") {
		return fmt.Errorf("provider: baseURL is %q: it must be the URL of the API such as https://app.example.com/auth, with http for localhost only, without a query", text)
	}
	return nil
}

// maxRedirect bounds a target, so that the cookie of a flow fits into what browsers keep.
const maxRedirect = 1024

// ofBrowsers are schemes that a browser opens itself, and that are no page of an application.
var ofBrowsers = []string{
	"about", "blob", "data", "file", "filesystem", "ftp", "intent", "jar", "javascript", "mailto", "sms", "tel", "vbscript", "view-source", "ws", "wss",
}

// checkRedirect checks a page that a login may return to: a page of the web, or a scheme of a native
// app (RFC 8252 section 7.1).
func checkRedirect(text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil || !printable(text) || u.Scheme == "" || !strings.HasPrefix(text, u.Scheme+":") || strings.Contains(text, "#"):
		return fmt.Errorf("provider: redirects has %q: it must be an absolute URL in ASCII, with its scheme in lower case, without a fragment", text)
	case len(text) > maxRedirect:
		return fmt.Errorf("provider: redirects has a URL of %d bytes: it must have at most %d", len(text), maxRedirect)
	case slices.Contains(ofBrowsers, u.Scheme), (u.Scheme == "https" || u.Scheme == "http") && !isWebPage(u):
		return fmt.Errorf("provider: redirects has %q: it must be an https URL without a user, an http URL of localhost, or have a scheme of a native app such as com.example.app", text)
	case u.Query().Has("code"), u.Query().Has("error"):
		return fmt.Errorf("provider: redirects has %q: its query must have no code and no error, which are added", text)
	}
	return nil
}

// isWebPage reports whether u is of https, or of http on this machine, where nobody else listens.
func isWebPage(u *url.URL) bool {
	host := u.Hostname()
	local := host == "localhost" || strings.HasSuffix(host, ".localhost") || host == "127.0.0.1" || host == "::1"
	return host != "" && u.User == nil && u.Opaque == "" && !strings.Contains(u.String(), "#") && (u.Scheme == "https" || u.Scheme == "http" && local)
}

// printable reports whether a text has the characters of a URI only (RFC 3986).
func printable(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune("\"<>\\^`{|}", r) })
}

// Name is "provider".
func (f *Feature) Name() string { return "provider" }

// Attach is called by kit.New. One Feature may serve several Services, unless it keeps tokens.
func (f *Feature) Attach(core *kit.Core) (kit.Extension, error) {
	clients, err := f.connect(core.Now)
	if err != nil {
		return kit.Extension{}, err
	}
	p := &providers{core: core, Feature: f, clients: clients}
	if err := p.prepareTokens(); err != nil {
		return kit.Extension{}, err
	}
	return kit.Extension{
		Routes: []kit.Route{
			{Method: "GET", Path: "/providers", Access: kit.Public, Serve: p.serveList},
			{Method: "GET", Path: "/providers/{name}/start", Access: kit.Public, Serve: p.serveStart},
			{Method: "GET", Path: "/providers/{name}/callback", Access: kit.Public, Serve: p.serveCallback},
			{Method: "POST", Path: "/providers/{name}/callback", Access: kit.Public, Body: kit.JSONOrForm, CrossSite: true, Serve: p.serveCallback},
			{Method: "POST", Path: "/providers/exchange", Access: kit.PublicOrRecent, Body: kit.JSONBody, Serve: p.serveExchange},
			{Method: "POST", Path: "/providers/confirm", Access: kit.Public, Body: kit.JSONBody, Serve: p.serveConfirm},
			{Method: "POST", Path: "/providers/{name}/token", Access: kit.Public, Body: kit.JSONBody, Serve: p.serveToken},
			{Method: "POST", Path: "/providers/{name}/link", Access: kit.RecentlySignedIn, Body: kit.OptionalJSON, Serve: p.serveLink},
			{Method: "GET", Path: "/identities", Access: kit.SignedIn, Serve: p.serveIdentities},
			{Method: "DELETE", Path: "/identities/{id}", Access: kit.RecentlySignedIn, Serve: p.serveUnlink},
		},
		OpenAPI: openapi,
		Mails:   mails,
		Pages:   p.pages(),
		WaysIn:  p.waysIn,
	}, nil
}

// providers is a Feature in one Service.
type providers struct {
	core *kit.Core
	*Feature
	clients  []client
	renewals [renewing]chan struct{} // who refreshes tokens now
}

// client is a provider that this Service can ask.
type client struct {
	Provider
	protocol
}

var errNoProvider = kit.NewProblem(404, "not_found", "Not found", "There is no such provider.")

// client returns the provider of a request.
func (p *providers) client(r kit.Request) (client, error) { return p.clientNamed(r.PathValue("name")) }

func (p *providers) clientNamed(name string) (client, error) {
	for _, c := range p.clients {
		if c.Name == name {
			return c, nil
		}
	}
	return client{}, errNoProvider
}

// serveList is GET /providers.
func (p *providers) serveList(context.Context, kit.Request) (kit.Answer, error) {
	type shown struct {
		Name  string `json:"name"`
		Label string `json:"label"`
	}
	all := make([]shown, len(p.clients))
	for i, c := range p.clients {
		all[i] = shown{c.Name, c.Label}
	}
	return kit.JSON(200, map[string]any{"providers": all})
}
