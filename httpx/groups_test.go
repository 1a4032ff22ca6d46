package httpx

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"myauth.internal/kit"
)

// A group that is left out is 404 and not in the document; the others are there.
func TestWithout(t *testing.T) {
	routes := map[Group][]string{
		AccountRoutes: {"PATCH /me", "DELETE /me", "POST /password-change", "POST /email-change", "POST /email-change/confirm", "POST /reauthenticate"},
		SessionRoutes: {"GET /sessions", "DELETE /sessions/{id}", "POST /sessions/revoke-others"},
		FactorRoutes:  {"GET /mfa", "POST /mfa/recovery-codes", "POST /mfa/{name}", "POST /mfa/{name}/confirm", "DELETE /mfa/{name}", "POST /login/mfa/begin", "POST /login/mfa", "POST /reauthenticate/begin"},
		"notes":       {"PUT /notes/{id}"},
	}
	notes := probe{"notes", kit.Extension{
		Routes:  []kit.Route{{Method: "PUT", Path: "/notes/{id}", Access: kit.SignedIn, Serve: serving(answerStatus(204))}},
		OpenAPI: []byte(`{"paths": {"/notes/{id}": {"put": {"parameters": [{"name": "id", "in": "path"}], "responses": {}}}}}`),
	}}
	features := withProbes(notes, probe{"pin", kit.Extension{Factor: crashing{}}})
	for _, without := range [][]Group{nil, {AccountRoutes}, {SessionRoutes}, {FactorRoutes}, {"notes"}, {AccountRoutes, SessionRoutes, FactorRoutes, "notes"}} {
		rg := newRig(t, Options{Without: without}, features)
		doc := served(t, rg.Handler)
		for group, names := range routes {
			for _, name := range names {
				method, path, _ := strings.Cut(name, " ")
				there := !slices.Contains(without, group)
				if got := at(doc, "paths", "/auth"+path, strings.ToLower(method)) != nil; got != there {
					t.Errorf("without %v: whether the document has %s: %t", without, name, got)
				}
				w := do(rg, method, "/auth"+strings.NewReplacer("{id}", "1", "{name}", "pin").Replace(path), "")
				if got := w.Code != http.StatusNotFound && w.Code != http.StatusMethodNotAllowed; got != there {
					t.Errorf("without %v: %s is answered with %d", without, name, w.Code)
				}
				if path != "/me" && !there {
					wantProblem(t, w, http.StatusNotFound, "not_found")
				}
			}
		}
		// What a feature makes other routes answer does not go with its routes.
		if got := codesAt(doc, "/auth/login", "post", "403"); !slices.Contains(got, "mfa_required") {
			t.Errorf("without %v: a login is refused with %v", without, got)
		}
	}
}

func TestWithoutWhatIsNotThere(t *testing.T) {
	if _, err := New(newService(t), &Options{Without: []Group{FactorRoutes}}); err != nil {
		t.Error(err) // a Service without factors
	}
	if _, err := New(newService(t), &Options{Without: []Group{"acount"}}); err == nil || !strings.Contains(err.Error(), `Options.Without has "acount"`) {
		t.Errorf("got %v", err)
	}
	if _, err := New(newService(t, withProbe(kit.Extension{})), &Options{Without: []Group{"probe"}}); err == nil {
		t.Error("a feature without routes counts as a group")
	}
	sessions := probe{"sessions", kit.Extension{OpenAPI: []byte(`{}`)}}
	if _, err := New(newService(t, withProbes(sessions)), nil); err == nil || !strings.Contains(err.Error(), "the name sessions") {
		t.Errorf("got %v", err)
	}
}
