package httpx

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"myauth.internal/kit"
)

// tokenWords is what the document of cookie mode must not speak of.
var tokenWords = regexp.MustCompile(`access_token|[^_]refresh_token"|device_token|token_type|grant_type|urlencoded|oauth2|"password":\[\]|GrantError|LoginForm|myauth_rt_R|Pragma`)

// The document of cookie mode has no token in a body or an example, of features neither; and what
// comes instead.
func TestOpenAPIOfCookieMode(t *testing.T) {
	examples := []byte(`{
		"paths": {"/things/new": {"post": {"responses": {"200": {"description": "x", "content": {"application/json": {
			"schema": {"type": "object", "required": ["access_token", "thing"], "allOf": [{"$ref": "#/components/schemas/AccessToken"}], "properties": {"thing": {"type": "string"}, "device_token": {"type": "string"}}},
			"examples": {"x": {"value": {"access_token": "a", "token_type": "bearer", "expires_in": 1, "thing": "t"}}}}}}}}}},
		"components": {"examples": {"Unused": {"value": {"refresh_token": "r"}}}}
	}`)
	features := withProbes(
		probe{"things", kit.Extension{Routes: []kit.Route{{Method: "POST", Path: "/things/new", Access: kit.SignedIn, Serve: serving(answerStatus(204))}}, OpenAPI: examples}},
		probe{"any", kit.Extension{Factor: anyAnswer{}}},
		probe{"elsewhere", kit.Extension{Routes: []kit.Route{{Method: "POST", Path: "/elsewhere", CrossSite: true, Serve: serving(answerStatus(204))}}}},
	)
	for _, prefix := range []string{"/auth", "/"} {
		rg := newRig(t, Options{Cookies: true, Prefix: prefix}, features)
		text := do(rg, "GET", strings.TrimSuffix(prefix, "/")+"/openapi.json", "").Body.String()
		if found := tokenWords.FindAllString(text, -1); found != nil {
			t.Errorf("it speaks of %q", found)
		}
		var doc struct {
			Paths      map[string]map[string]operation
			Components struct {
				SecuritySchemes map[string]struct{ Type, In, Name string } `json:"securitySchemes"`
			}
		}
		if err := json.Unmarshal([]byte(text), &doc); err != nil {
			t.Fatal(err)
		}
		if got := slices.Sorted(maps.Keys(doc.Components.SecuritySchemes)); strings.Join(got, " ") != "bearer cookie refreshCookie" {
			t.Errorf("security schemes %v", got)
		}
		if s := doc.Components.SecuritySchemes["cookie"]; s.Type != "apiKey" || s.In != "cookie" || s.Name != "__Host-myauth_at" {
			t.Errorf("the cookie: %+v", s)
		}
		for path, item := range doc.Paths {
			for method, o := range item {
				refused := strings.Contains(string(o.Responses["403"]), "cross_origin") || strings.HasSuffix(string(o.Responses["403"]), `/CrossOrigin"}`)
				if want := method != "get" && !strings.HasSuffix(path, "/elsewhere"); refused != want {
					t.Errorf("%s %s: cross_origin: %t", method, path, refused)
				}
				if o.Responses["400"] == nil {
					t.Errorf("%s %s: no 400", method, path)
				}
				if o.Security != nil && !strings.Contains(string(o.Security), "ookie") {
					t.Errorf("%s %s: security %s", method, path, o.Security)
				}
				if own := strings.HasSuffix(path, "/refresh") || strings.HasSuffix(path, "/logout"); own && o.RequestBody != nil {
					t.Errorf("%s has a body", path)
				}
			}
		}
		if !strings.Contains(text, `"thing":"t"`) || !strings.Contains(text, `"expires_in":1,`) {
			t.Error("the example of the feature is not there")
		}
	}
	plain := jsonOf(t, served(t, newRig(t, Options{}, features).Handler))
	for _, word := range []string{"cross_origin", "Set-Cookie", "apiKey"} {
		if strings.Contains(plain, word) {
			t.Errorf("without cookie mode: %s", word)
		}
	}
}
