package httpx

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"myauth.internal/kit"
)

// served returns the document of a handler.
func served(t *testing.T, h *Handler) map[string]any {
	t.Helper()
	var doc map[string]any
	if err := json.Unmarshal(do(h, "GET", "/auth/openapi.json", "").Body.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	return doc
}

// at returns what is at the end of the names.
func at(v any, names ...string) any {
	for _, name := range names {
		m, _ := v.(map[string]any)
		v = m[name]
	}
	return v
}

// codesAt lists the codes that an operation may answer a status with.
func codesAt(doc map[string]any, path, method, status string) []string {
	var codes []string
	var collect func(v any)
	collect = func(v any) {
		m, _ := v.(map[string]any)
		if reference, ok := m["$ref"].(string); ok {
			collect(at(doc, strings.Split(strings.TrimPrefix(reference, "#/"), "/")...))
		}
		if code, ok := at(m, "properties", "code", "const").(string); ok {
			codes = append(codes, code)
		}
		several, _ := at(m, "properties", "code", "enum").([]any)
		for _, code := range several {
			codes = append(codes, code.(string))
		}
		either, _ := m["anyOf"].([]any)
		for _, schema := range either {
			collect(schema)
		}
		if content := at(m, "content", "application/problem+json", "schema"); content != nil {
			collect(content)
		}
	}
	collect(at(doc, "paths", path, method, "responses", status))
	slices.Sort(codes)
	return slices.Compact(codes)
}

// A bare Service has nothing of factors in its document, and no component that nothing needs.
func TestDocumentOfABareService(t *testing.T) {
	for _, word := range []string{"mfa_required", "invalid_code", "x-refused-by"} {
		if strings.Contains(jsonOf(t, served(t, newRig(t, Options{}).Handler)), word) {
			t.Errorf("the document has %s", word)
		}
	}
	doc := served(t, newRig(t, Options{Without: []Group{AccountRoutes, SessionRoutes}}).Handler)
	text := jsonOf(t, doc)
	for _, word := range []string{"mfa", "reauthentication", "x-refused-by", "RecentChallenge"} {
		if strings.Contains(text, word) {
			t.Errorf("the document has %s", word)
		}
	}
	if got := codesAt(doc, "/auth/login", "post", "403"); !slices.Equal(got, []string{"account_disabled", "email_not_verified"}) {
		t.Errorf("a refused login has the codes %v", got)
	}
	// What is served is what is kept in the repository, but for what nothing needs.
	var kept map[string]any
	if err := json.Unmarshal(baseDocument, &kept); err != nil {
		t.Fatal(err)
	}
	for path, item := range kept["paths"].(map[string]any) {
		for _, operation := range item.(map[string]any) {
			delete(operation.(map[string]any), "x-refused-by")
		}
		if !reflect.DeepEqual(item, at(doc, "paths", path)) {
			t.Errorf("%s is described in another way", path)
		}
	}
}

// New trusts MyAuth's own document and makes it for the first request alone: so it has no mistake,
// whatever the options.
func TestOwnDocumentInEveryForm(t *testing.T) {
	for _, without := range [][]Group{nil, {AccountRoutes}, {SessionRoutes}, {AccountRoutes, SessionRoutes}} {
		for _, cookies := range []bool{false, true} {
			for _, prefix := range []string{"/auth", "/", "/a/b"} {
				rg := newRig(t, Options{Without: without, Cookies: cookies, Prefix: prefix})
				if w := do(rg, "GET", strings.TrimSuffix(prefix, "/")+"/openapi.json", ""); w.Code != 200 {
					t.Errorf("without %v, cookies %t, below %s: %d %s", without, cookies, prefix, w.Code, w.Body)
				}
			}
		}
	}
}

// A fragment says what is the feature's; the document says the rest.
func TestDocumentOfFeatures(t *testing.T) {
	const first = `{
		"paths": {"/notes/{id}": {"put": {
			"parameters": [{"name": "id", "in": "path", "required": true, "schema": {"type": "string"}}],
			"responses": {"204": {"$ref": "#/components/responses/Done"}, "401": {"$ref": "#/components/responses/Locked"}}
		}}},
		"components": {"responses": {"Locked": {
			"description": "Locked.",
			"headers": {"WWW-Authenticate": {"$ref": "#/components/headers/Challenge"}},
			"content": {"application/problem+json": {"schema": {"properties": {"code": {"const": "locked"}}}, "example": {"code": "locked"}}}
		}}, "schemas": {"Note": {"type": "object"}}}
	}`
	const second = `{
		"paths": {"/terms": {"post": {"x-refused-by": ["gates"], "responses": {"200": {"$ref": "#/components/responses/Tokens"}}}}},
		"components": {"schemas": {"Note": {"type": "object"}}},
		"x-refusals": {"gates": {"403": {"description": "Terms.", "content": {"application/problem+json": {"schema": {"properties": {"code": {"const": "terms_required"}}}}}}}}
	}`
	route := func(method, path string, access kit.Access, body kit.BodyType) []kit.Route {
		return []kit.Route{{Method: method, Path: path, Access: access, Body: body, Serve: serving(answerStatus(204))}}
	}
	rg := newRig(t, Options{}, withProbes(
		probe{"notes", kit.Extension{Routes: route("PUT", "/notes/{id}", kit.RecentlySignedIn, kit.JSONBody), OpenAPI: []byte(first)}},
		probe{"terms", kit.Extension{Routes: route("POST", "/terms", kit.Public, kit.NoBody), OpenAPI: []byte(second)}},
		probe{"pin", kit.Extension{Factor: crashing{}}},
	))
	doc := served(t, rg.Handler)
	for _, tc := range []struct {
		path, method, status string
		codes                string
	}{
		{"/auth/notes/{id}", "put", "400", "malformed_request"},
		{"/auth/notes/{id}", "put", "401", "expired_token invalid_token locked missing_token reauthentication_required revoked_token"},
		{"/auth/notes/{id}", "put", "403", "account_disabled"},
		{"/auth/notes/{id}", "put", "405", "method_not_allowed"},
		{"/auth/notes/{id}", "put", "413", "request_too_large"},
		{"/auth/notes/{id}", "put", "415", "unsupported_media_type"},
		{"/auth/notes/{id}", "put", "500", "internal_error"},
		{"/auth/notes/{id}", "put", "503", "service_unavailable"},
		{"/auth/terms", "post", "401", ""},
		{"/auth/terms", "post", "413", ""},
		{"/auth/terms", "post", "403", ""}, // its own gate does not refuse it
		{"/auth/login", "post", "403", "account_disabled email_not_verified mfa_required terms_required"},
		{"/auth/login/mfa", "post", "403", "account_disabled terms_required"},
		{"/auth/refresh", "post", "403", "account_disabled"},
		{"/auth/mfa/{name}", "delete", "401", "expired_token invalid_token missing_token reauthentication_required revoked_token"},
	} {
		if got := strings.Join(codesAt(doc, tc.path, tc.method, tc.status), " "); got != tc.codes {
			t.Errorf("%s %s %s: %q, want %q", tc.method, tc.path, tc.status, got, tc.codes)
		}
	}
	if at(doc, "paths", "/auth/notes/{id}", "put", "security") == nil || at(doc, "paths", "/auth/terms", "post", "security") != nil {
		t.Error("security: want it for the one route, and not for the other")
	}
	refused := at(doc, "paths", "/auth/notes/{id}", "put", "responses", "401")
	if got, _ := at(refused, "headers", "WWW-Authenticate", "description").(string); strings.Count(got, " Or: ") != 2 {
		t.Errorf("three kinds of challenges are described as %s", got)
	}
	examples, _ := at(refused, "content", "application/problem+json", "examples").(map[string]any)
	if examples["locked"] == nil || examples["missing"] == nil {
		t.Errorf("the examples are %v", examples)
	}
	if at(doc, "components", "schemas", "Note") != nil {
		t.Error("a component that nothing needs is there")
	}
	if at(doc, "components", "responses", "MFARequired") != nil {
		t.Error("a response that was taken apart is there")
	}
}

// Generators take an object of which nothing is said for one without members, which no client of
// theirs could fill.
func TestObjectsOfTheDocument(t *testing.T) {
	var look func(where string, v any)
	look = func(where string, v any) {
		if list, ok := v.([]any); ok {
			for i, item := range list {
				look(fmt.Sprint(where, "/", i), item)
			}
		}
		m, _ := v.(map[string]any)
		if m["type"] == "object" && m["properties"] == nil && m["additionalProperties"] == nil {
			t.Errorf("%s has neither properties nor additionalProperties", where)
		}
		for name, member := range m {
			look(where+"/"+name, member)
		}
	}
	look("", served(t, newRig(t, Options{}, withProbes(probe{"pin", kit.Extension{Factor: crashing{}}})).Handler))
}

// A feature that has a gate and no route still says what the gate answers.
func TestDocumentOfAGateAlone(t *testing.T) {
	doc := served(t, newRig(t, Options{}, withProbe(kit.Extension{
		OpenAPI: []byte(`{"x-refusals": {"gates": {
			"403": {"description": "Closed.", "content": {"application/problem+json": {"schema": {"properties": {"code": {"const": "closed"}}}}}},
			"451": {"description": "Gone.", "content": {"application/problem+json": {"schema": {"properties": {"code": {"const": "gone"}}}}}}
		}}}`),
		Gate: func(context.Context, kit.User, kit.Login) error { return nil },
	})).Handler)
	for status, want := range map[string]string{"403": "account_disabled closed email_not_verified", "451": "gone"} {
		if got := strings.Join(codesAt(doc, "/auth/login", "post", status), " "); got != want {
			t.Errorf("%s: got %s, want %s", status, got, want)
		}
	}
}

func TestFragmentsThatNewRefuses(t *testing.T) {
	const responses = `"responses": {"204": {"$ref": "#/components/responses/Done"}}`
	route := []kit.Route{{Method: "GET", Path: "/x/{id}", Serve: serving(answerStatus(204))}}
	described := func(method, path, parameter string) string {
		return `"` + path + `": {"` + method + `": {"parameters": [{"in": "path", "name": "` + parameter + `"}], ` + responses + `}}`
	}
	good := described("get", "/x/{id}", "id")
	for _, tc := range []struct{ name, fragment, says string }{
		{"another route", `{"paths": {` + described("get", "/y", "") + `}}`, "no OpenAPI fragment describes the route GET /x/{id}"},
		{"another method", `{"paths": {` + described("put", "/x/{id}", "id") + `}}`, "no OpenAPI fragment describes the route GET /x/{id}"},
		{"one more", `{"paths": {` + good + `, ` + described("delete", "/y", "") + `}}`, "describes DELETE /y, which is no route"},
		{"MyAuth's own", `{"paths": {` + good + `, ` + described("get", "/me", "") + `}}`, "GET /me is described already"},
		{"no parameter", `{"paths": {` + described("get", "/x/{id}", "name") + `}}`, `GET /x/{id} has the parameters ["name"] in path: it must have ["id"]`},
		{"a parameter of nothing", `{"paths": {` + strings.Replace(good, `{"in"`, `{"in": "path", "name": "no"}, {"in"`, 1) + `}}`, `["id" "no"] in path`},
		{"a parameter by a loop", `{"paths": {` + strings.Replace(good, `{"in"`, `{"$ref": "#/components/parameters/Loop"}, {"in"`, 1) + `}, "components": {"parameters": {"Loop": {"$ref": "#/components/parameters/Loop"}}}}`, "Loop"},
		{"upper case", `{"paths": {` + described("GET", "/x/{id}", "id") + `}}`, `"GET", which is no method in lower case`},
		{"no operation", `{"paths": {"/x/{id}": {"get": "x"}}}`, "probe: GET /x/{id}"},
		{"a member of nothing", `{"paths": {` + strings.Replace(good, "responses", "answers", 1) + `}}`, `probe: GET /x/{id}: json: unknown field "answers"`},
		{"a member twice", `{"paths": {` + good + `}, "paths": {}}`, "probe: ijson"},
		{"an operationId twice", `{"paths": {` + strings.Replace(good, `"parameters"`, `"operationId": "login", "parameters"`, 1) + `}}`, `operationId "login" of GET /x/{id}`},
		{"a tag in two ways", `{"tags": [{"name": "account", "description": "x"}], "paths": {` + good + `}}`, `tag "account"`},
		{"a misspelled refuser", `{"paths": {` + strings.Replace(good, `"parameters"`, `"x-refused-by": ["gate"], "parameters"`, 1) + `}}`, `GET /x/{id}: "gate"`},
		{"misspelled refusals", `{"paths": {` + good + `}, "x-refusals": {"factor": {}}}`, `"factor"`},
		{"a refusal by nothing", `{"paths": {` + good + `}, "x-refusals": {"gates": {"403": {"$ref": "#/components/responses/Nothing"}}}}`, "x-refusals of probe: for POST /auth/login: status 403"},
		{"no method", `{"paths": {"/x/{id}": {"summary": "x"}}}`, `"summary"`},
		{"another component", `{"paths": {` + good + `}, "components": {"schemas": {"User": {}}}}`, "schemas/User"},
		{"a reference to nothing", `{"paths": {` + strings.Replace(good, "Done", "Nothing", 1) + `}}`, "responses/Nothing"},
		{"a reference to elsewhere", `{"paths": {` + strings.Replace(good, "#/components/responses/Done", "https://example.com/x", 1) + `}}`, "https://example.com/x"},
		{"another member", `{"paths": {` + good + `}, "servers": []}`, `"servers"`},
		{"no JSON", `{"paths": {`, "fragment of probe"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			svc := newService(t, withProbe(kit.Extension{Routes: route, OpenAPI: []byte(tc.fragment)}))
			if _, err := New(svc, nil); err == nil || !strings.HasPrefix(err.Error(), "httpx: ") || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("got %v, want %q in it", err, tc.says)
			}
		})
	}
}

// Two features may share a component if it is the same, in whatever order its members are.
func TestSharedComponents(t *testing.T) {
	feature := func(name, component string) probe {
		return probe{name, kit.Extension{
			Routes:  []kit.Route{{Method: "GET", Path: "/" + name, Serve: serving(answerStatus(204))}},
			OpenAPI: []byte(`{"paths": {"/` + name + `": {"get": {"responses": {}}}}, "components": {"schemas": {"Thing": ` + component + `}}}`),
		}}
	}
	if _, err := New(newService(t, withProbes(feature("a", `{"type":"object","x":1}`), feature("b", `{"x":1, "type":"object"}`))), nil); err != nil {
		t.Error(err)
	}
	// A parameter and a response may be references.
	by := kit.Extension{
		Routes: []kit.Route{{Method: "GET", Path: "/by/{id}", Access: kit.SignedIn, Serve: serving(answerStatus(204))}},
		OpenAPI: []byte(`{"paths": {"/by/{id}": {"get": {
			"parameters": [{"$ref": "#/components/parameters/ID"}], "responses": {"401": {"$ref": "#/components/responses/Same"}}
		}}}, "components": {
			"parameters": {"ID": {"name": "id", "in": "path", "required": true, "schema": {"type": "string"}}},
			"responses": {"Same": {"$ref": "#/components/responses/InvalidCredentials"}}
		}}`),
	}
	h, err := New(newService(t, withProbe(by)), nil)
	if err != nil {
		t.Fatal(err)
	}
	const codes = "expired_token invalid_credentials invalid_token missing_token revoked_token"
	if got := strings.Join(codesAt(served(t, h), "/auth/by/{id}", "get", "401"), " "); got != codes {
		t.Errorf("got %s", got)
	}
	_, err = New(newService(t, withProbes(feature("a", `{"type":"object"}`), feature("b", `{"type":"string"}`))), nil)
	if err == nil || !strings.Contains(err.Error(), "schemas/Thing") {
		t.Errorf("got %v", err)
	}
}
