package surface

import (
	"bytes"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

func readDocument(t testing.TB) []byte {
	t.Helper()
	text, err := servedDocument("/auth")
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// testdata/openapi-3.1.json is the OpenAPI Initiative's schema of 2022-10-07, unchanged,
// under the Apache License 2.0; its $id says where it comes from. It leaves the schemas
// within the document to the meta-schema of JSON Schema.
func TestDocumentIsOpenAPI31(t *testing.T) {
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(readDocument(t)))
	if err != nil {
		t.Fatal(err)
	}
	schema, err := jsonschema.NewCompiler().Compile("testdata/openapi-3.1.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(value); err != nil {
		t.Error(err)
	}
	meta, err := jsonschema.NewCompiler().Compile("https://json-schema.org/draft/2020-12/schema")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := Load(readDocument(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range doc.at("components", "schemas").keys() {
		if err := meta.Validate(doc.at("components", "schemas", name).members); err != nil {
			t.Errorf("schema %s: %v", name, err)
		}
	}
}

// The examples are what people read first, so they obey the schemas too.
func TestDocumentExamples(t *testing.T) {
	doc, err := Load(readDocument(t))
	if err != nil {
		t.Fatal(err)
	}
	examples := 0
	check := func(media part) {
		values := map[string]any{}
		if value, ok := media.members["example"]; ok {
			values["example"] = value
		}
		for _, name := range media.at("examples").keys() {
			values[name] = media.at("examples", name).members["value"]
		}
		for name, value := range values {
			examples++
			if err := media.at("schema").validate(value); err != nil {
				t.Errorf("%s, %s: %v", media.pointer, name, err)
			}
		}
	}
	paths := doc.at("paths")
	for _, path := range paths.keys() {
		for _, method := range paths.at(path).keys() {
			operation := paths.at(path, method)
			for _, kind := range operation.at("requestBody", "content").keys() {
				check(operation.at("requestBody", "content", kind))
			}
			for _, status := range operation.at("responses").keys() {
				content := operation.at("responses", status, "content")
				for _, kind := range content.keys() {
					check(content.at(kind))
				}
			}
		}
	}
	if examples < 100 {
		t.Errorf("only %d examples were found: is the walk through the document right?", examples)
	}
}

// Every route of the contract is in the document, and no other.
func TestDocumentRoutes(t *testing.T) {
	doc, err := Load(readDocument(t))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]bool{
		"POST /auth/register": true, "POST /auth/login": true, "POST /auth/logout": true, "POST /auth/refresh": true,
		"POST /auth/password-reset-request": true, "POST /auth/password-reset": true,
		"POST /auth/verify-email-request": true, "POST /auth/verify-email": true, "POST /auth/verify-email/deny": true,
		"GET /auth/me": true, "PATCH /auth/me": true, "DELETE /auth/me": true, "POST /auth/password-change": true,
		"POST /auth/email-change": true, "POST /auth/email-change/confirm": true, "POST /auth/reauthenticate": true,
		"GET /auth/sessions": true, "DELETE /auth/sessions/{id}": true, "POST /auth/sessions/revoke-others": true,
		"GET /auth/openapi.json": true, "GET /auth/.well-known/jwks.json": true,
		"GET " + unknownRoute: true,
	}
	if featured() {
		for _, route := range []string{
			"GET /auth/mfa", "POST /auth/mfa/recovery-codes", "POST /auth/mfa/{name}", "POST /auth/mfa/{name}/confirm", "DELETE /auth/mfa/{name}",
			"POST /auth/login/mfa/begin", "POST /auth/login/mfa", "POST /auth/reauthenticate/begin", "POST /auth/notes/{id}",
			"GET /auth/admin/users", "GET /auth/admin/users/{id}", "PATCH /auth/admin/users/{id}", "DELETE /auth/admin/users/{id}",
			"GET /auth/admin/users/{id}/sessions", "DELETE /auth/admin/users/{id}/sessions",
			"POST /auth/admin/users/{id}/password-reset", "POST /auth/admin/users/{id}/reset-factors",
			"POST /auth/admin/invitations", "GET /auth/admin/invitations", "DELETE /auth/admin/invitations/{id}", "POST /auth/invitations/accept",
		} {
			want[route] = true
		}
	}
	got := map[string]bool{}
	for _, o := range doc.Outcomes() {
		got[o.Method+" "+o.Path] = true
		if o.Status == 0 {
			t.Errorf("%s has a status that is no single number", o)
		}
	}
	for route := range want {
		if !got[route] {
			t.Errorf("the document lacks %s", route)
		}
	}
	for route := range got {
		if !want[route] {
			t.Errorf("the document has %s, the contract has not", route)
		}
	}
}
