package provider

import (
	"errors"

	"myauth.internal/kit"
)

// Feature is login with other providers, for kit.Options.Features.
type Feature struct {
	baseURL   string // of the API as browsers see it, without a slash at its end
	redirects []string
	providers []Provider
}

// New returns login with providers. baseURL is where browsers find the API, such as
// https://app.example.com/auth: the callback to enter at a provider is below it, at
// /providers/{name}/callback. redirects are the exact URLs that a login may return to; the first
// is where a browser goes whose login nobody knows any more. The error names the setting that is
// wrong.
func New(baseURL string, redirects []string, providers ...Provider) (*Feature, error) {
	return nil, errors.New("provider: not yet")
}

// Name is "provider".
func (f *Feature) Name() string { return "provider" }

// providers is a Feature in one Service.
type providers struct {
	core *kit.Core
	*Feature
	clients []client
}

// client is a provider that this Service can ask.
type client struct {
	Provider
	protocol
}
