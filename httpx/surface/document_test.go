package surface

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"
	"github.com/pb33f/libopenapi-validator/schema_validation"
	v3 "github.com/pb33f/libopenapi/datamodel/high/v3"
)

// documentPath is the document as it is kept in the repository.
const documentPath = "../openapi.json"

func readDocument(t testing.TB) []byte {
	t.Helper()
	text, err := os.ReadFile(documentPath)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestDocumentIsOpenAPI31(t *testing.T) {
	doc, err := libopenapi.NewDocument(readDocument(t))
	if err != nil {
		t.Fatal(err)
	}
	v, errs := validator.NewValidator(doc)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	if ok, failures := v.ValidateDocument(); !ok {
		for _, failure := range failures {
			t.Error(failure)
		}
	}
}

// The examples are what people read first, so they obey the schemas too.
func TestDocumentExamples(t *testing.T) {
	doc, err := Load(readDocument(t))
	if err != nil {
		t.Fatal(err)
	}
	check := schema_validation.NewSchemaValidator()
	examples := 0
	judge := func(where string, media *v3.MediaType) {
		texts := map[string]any{}
		if media.Example != nil {
			var value any
			if err := media.Example.Decode(&value); err != nil {
				t.Fatal(err)
			}
			texts["example"] = value
		}
		for name, example := range media.Examples.FromOldest() {
			var value any
			if err := example.Value.Decode(&value); err != nil {
				t.Fatal(err)
			}
			texts[name] = value
		}
		for name, value := range texts {
			text, err := json.Marshal(value)
			if err != nil {
				t.Fatal(err)
			}
			examples++
			if ok, failures := check.ValidateSchemaBytes(media.Schema.Schema(), text); !ok {
				t.Errorf("%s, %s: %v", where, name, failures[0])
			}
		}
	}
	for path, item := range doc.model.Paths.PathItems.FromOldest() {
		for _, operation := range item.GetOperations().FromOldest() {
			if operation.RequestBody != nil {
				for kind, media := range operation.RequestBody.Content.FromOldest() {
					judge(path+" request "+kind, media)
				}
			}
			for status, response := range operation.Responses.Codes.FromOldest() {
				for kind, media := range response.Content.FromOldest() {
					judge(path+" "+status+" "+kind, media)
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
		"GET /auth/me": true, "GET /auth/openapi.json": true, "GET /auth/.well-known/jwks.json": true,
		"GET " + unknownRoute: true,
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
