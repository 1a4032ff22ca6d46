package httpx

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"myauth.internal/kit"
)

// cookiesOpenAPI is what cookie mode puts in the place of parts of openapi.json.
//
//go:embed cookies.openapi.json
var cookiesOpenAPI []byte

// accessCookie is how a route learns who calls it in cookie mode.
var accessCookie = json.RawMessage(`[{"cookie":[]},{"bearer":[]}]`)

// useCookies makes d, before the fragments are added, the document of cookie mode.
func (d *document) useCookies(prefix string) error {
	var f fragment
	if err := decode(cookiesOpenAPI, &f); err != nil {
		return fmt.Errorf("cookies.openapi.json: %w", err)
	}
	for path := range f.Paths {
		delete(d.Paths, prefix+path)
	}
	for kind, named := range f.Components {
		for name := range named {
			delete(d.Components[kind], name)
		}
	}
	delete(d.Components["securitySchemes"], "password")
	d.Paths[prefix+"/me"]["get"].Security = accessCookie
	if err := d.add(prefix, f); err != nil {
		return fmt.Errorf("cookies.openapi.json: %w", err)
	}
	for path := range f.Paths {
		for _, o := range d.Paths[prefix+path] {
			o.fragment = "" // it is as complete as those of openapi.json
		}
	}
	return nil
}

// finishCookies adds what every route may answer in cookie mode, and removes the tokens from all
// bodies, those of features too.
func (d *document) finishCookies(prefix string, routes []kit.Route) error {
	refused := json.RawMessage(`{"$ref":"#/components/responses/CrossOrigin"}`)
	for _, rt := range routes {
		o := d.Paths[prefix+rt.Path][strings.ToLower(rt.Method)]
		if rt.Method != http.MethodGet && !rt.CrossSite {
			if err := d.addResponse(o, "403", refused); err != nil {
				return fmt.Errorf("%s %s: %w", rt.Method, rt.Path, err)
			}
		}
		o.RequestBody = withoutTokens(o.RequestBody)
		for status, response := range o.Responses {
			o.Responses[status] = withoutTokens(response)
		}
	}
	for _, named := range d.Components {
		for name, text := range named {
			named[name] = withoutTokens(text)
		}
	}
	return nil
}

// bodyTokens are the members of bodies that cookie mode does without.
var bodyTokens = []string{"access_token", "token_type", "refresh_token", "device_token"}

// withoutTokens returns a part of the document without the tokens in its schemas and examples. A
// part that has none stays as it was written.
func withoutTokens(text json.RawMessage) json.RawMessage {
	has := func(name string) bool { return strings.Contains(string(text), `"`+name+`"`) }
	var v any
	if !slices.ContainsFunc(bodyTokens, has) || json.Unmarshal(text, &v) != nil {
		return text
	}
	removeTokens(v)
	if shorter, err := encode(v); err == nil {
		return shorter
	}
	return text
}

func removeTokens(v any) {
	isToken := func(name any) bool {
		text, ok := name.(string)
		return ok && slices.Contains(bodyTokens, text)
	}
	switch v := v.(type) {
	case []any:
		for _, each := range v {
			removeTokens(each)
		}
	case map[string]any:
		maps.DeleteFunc(v, func(name string, _ any) bool { return isToken(name) })
		if required, ok := v["required"].([]any); ok {
			v["required"] = slices.DeleteFunc(required, isToken)
		}
		for _, each := range v {
			removeTokens(each)
		}
	}
}
