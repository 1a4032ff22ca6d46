package admin

import (
	_ "embed"
	"errors"
	"fmt"
	"net/mail"

	"myauth.internal/kit"
)

//go:embed admin.openapi.json
var openapi []byte

// Options are the optional settings of [New]. nil means the defaults.
type Options struct {
	// FirstAdmin is an address. While there is no active administrator, the active account that has
	// it, verified, gets the role [kit.AdminRole]: at a login, or when the address is verified. Set it
	// before others can register, and confirm no registration with it that is not yours, or a
	// stranger's password logs in to the account.
	FirstAdmin string
}

// New returns the feature, for kit.Options.Features.
func New(opts *Options) kit.Feature {
	if opts == nil {
		opts = &Options{}
	}
	return feature{*opts}
}

type feature struct{ opts Options }

// Name is "admin".
func (feature) Name() string { return "admin" }

// Attach is called by kit.New. One value may serve several Services.
func (f feature) Attach(core *kit.Core) (kit.Extension, error) {
	a := &api{core}
	e := kit.Extension{
		Routes: []kit.Route{
			{Method: "GET", Path: "/admin/users", Access: kit.AdminOnly, Serve: a.listUsers},
			{Method: "GET", Path: "/admin/users/{id}", Access: kit.AdminOnly, Serve: a.showUser},
			{Method: "PATCH", Path: "/admin/users/{id}", Access: kit.AdminOnly, Body: kit.JSONBody, Serve: a.editUser},
			{Method: "DELETE", Path: "/admin/users/{id}", Access: kit.AdminOnly, Serve: a.deleteUser},
			{Method: "GET", Path: "/admin/users/{id}/sessions", Access: kit.AdminOnly, Serve: a.listSessions},
			{Method: "DELETE", Path: "/admin/users/{id}/sessions", Access: kit.AdminOnly, Serve: a.endSessions},
			{Method: "POST", Path: "/admin/users/{id}/password-reset", Access: kit.AdminOnly, Serve: a.mailReset},
			{Method: "POST", Path: "/admin/users/{id}/reset-factors", Access: kit.AdminOnly, Serve: a.resetFactors},
		},
		OpenAPI: openapi,
	}
	if f.opts.FirstAdmin != "" {
		if err := checkAddress(f.opts.FirstAdmin); err != nil {
			return kit.Extension{}, fmt.Errorf("admin: Options.FirstAdmin: %w", err)
		}
		e.Observe = (&firstAdmin{core: core, email: kit.EmailKey(f.opts.FirstAdmin)}).observe
	}
	return e, nil
}

// checkAddress refuses what no account could have as its address.
func checkAddress(s string) error {
	if a, err := mail.ParseAddress(s); err != nil || a.Address != s || a.Name != "" {
		return errors.New("this is no email address: it must be like ada@example.com, without a name")
	}
	return nil
}

// api serves the routes for one Service.
type api struct{ core *kit.Core }
