package httpx

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"

	"myauth.internal/kit"
)

// Group is a part of the routes that [Options].Without can leave out: one of the constants, or the
// name of a feature of the Service, for the routes that the feature brings.
type Group string

// The groups of MyAuth's own routes. The rest of them is always there.
const (
	// AccountRoutes are PATCH and DELETE /me, /password-change, /email-change with its
	// confirmation, and /reauthenticate.
	AccountRoutes Group = "account"
	// SessionRoutes are /sessions and what is below it.
	SessionRoutes Group = "sessions"
	// FactorRoutes are those of second factors, if the Service has any: /mfa and what is below it,
	// /login/mfa, and the first steps of both, /login/mfa/begin and /reauthenticate/begin.
	FactorRoutes Group = "mfa"
)

//go:embed account.openapi.json
var accountOpenAPI []byte

//go:embed sessions.openapi.json
var sessionsOpenAPI []byte

// group is a Group with the fragment that describes its routes.
type group struct {
	name Group
	text []byte
}

// ownGroups are those of MyAuth's own routes.
var ownGroups = []group{{AccountRoutes, accountOpenAPI}, {SessionRoutes, sessionsOpenAPI}}

// leaveOut returns what remains of MyAuth's own routes and those of features: the routes, and the
// fragments that describe them. The fragment of a group says which routes are in it.
func (h *Handler) leaveOut(routes []kit.Route, without []Group) ([]kit.Route, []fragment, error) {
	groups := slices.Clone(ownGroups)
	for feature, text := range h.svc.OpenAPI() {
		groups = append(groups, group{Group(feature), text})
	}
	var fragments []fragment
	known := []Group{FactorRoutes}
	for i, g := range groups {
		if slices.ContainsFunc(groups[:i], func(other group) bool { return other.name == g.name }) {
			return nil, nil, fmt.Errorf("httpx: a feature has the name %s, which a group of MyAuth's own routes has", g.name)
		}
		f := fragment{name: string(g.name)}
		if err := decode(g.text, &f); err != nil {
			return nil, nil, fmt.Errorf("httpx: the OpenAPI fragment of %s: %w", g.name, err)
		}
		if slices.Contains(without, g.name) {
			routes = slices.DeleteFunc(routes, func(rt kit.Route) bool { return f.Paths[rt.Path][strings.ToLower(rt.Method)] != nil })
			f.Tags, f.Paths = nil, nil // what it makes other routes answer remains
		}
		known, fragments = append(known, g.name), append(fragments, f)
	}
	for _, g := range without {
		if !slices.Contains(known, g) {
			return nil, nil, fmt.Errorf("httpx: Options.Without has %q: there is no such group of routes, and no such feature", g)
		}
	}
	return routes, fragments, nil
}
