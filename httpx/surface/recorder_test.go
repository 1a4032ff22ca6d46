package surface

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// canned is a response that never came from a server.
type canned struct {
	method, path string
	status       int
	header       map[string]string
	body         string
}

func (c canned) RoundTrip(request *http.Request) (*http.Response, error) {
	response := &http.Response{StatusCode: c.status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(c.body)), Request: request}
	for name, value := range c.header {
		for _, v := range strings.Split(value, "|") {
			response.Header.Add(name, v)
		}
	}
	return response, nil
}

// failures is a Reporter that counts.
type failures []string

func (*failures) Helper() {}

func (f *failures) Errorf(format string, args ...any) { *f = append(*f, fmt.Sprintf(format, args...)) }

// with returns a copy of c with header name set to value, or absent when empty.
func (c canned) with(name, value string) canned {
	c.header = maps.Clone(c.header)
	delete(c.header, name)
	if value != "" {
		c.header[name] = value
	}
	return c
}

func (c canned) saying(body string) canned { c.body = body; return c }

func (c canned) answering(status int) canned { c.status = status; return c }

func (c canned) to(method, path string) canned { c.method, c.path = method, path; return c }

func (c canned) replacing(old, new string) canned {
	if !strings.Contains(c.body, old) {
		panic(old + " is not in the body")
	}
	c.body = strings.Replace(c.body, old, new, 1)
	return c
}

var (
	general = map[string]string{"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}

	me = canned{"GET", "/auth/me", 200, general, `{"id":"1","email":"a@example.com","username":"A","roles":["x"],"user_settings":{"deep":{"n":12345678901234567890}},
		"is_verified":true,"is_active":true,"created_at":"2026-11-23T12:00:00.000000Z","updated_at":"2026-11-23T12:00:00.000001Z"}`}.with("Content-Type", "application/json")
	created  = me.to("POST", "/auth/register").answering(201).with("Location", "/auth/me")
	done     = canned{"POST", "/auth/logout", 204, general, ""}
	accepted = canned{"POST", "/auth/password-reset-request", 202, general, `{"status":"accepted"}`}.with("Content-Type", "application/json")
	problem  = canned{"POST", "/auth/login", 503, general, `{"type":"urn:myauth:error:service_unavailable","title":"Service unavailable","status":503,"detail":"Try again.","code":"service_unavailable"}`}.
			with("Content-Type", "application/problem+json").with("Retry-After", "1")
	refused = canned{"GET", "/auth/me", 401, general, `{"type":"urn:myauth:error:invalid_token","title":"Invalid token","status":401,"detail":"The token is not valid.","code":"invalid_token"}`}.
		with("Content-Type", "application/problem+json").with("Www-Authenticate", `Bearer realm="myauth", error="invalid_token"`)
	invalid = canned{"POST", "/auth/login", 422, general, `{"type":"urn:myauth:error:validation_failed","title":"Validation failed","status":422,"detail":"One rule.","code":"validation_failed",
		"errors":[{"field":"email","code":"required","message":"is required"}]}`}.with("Content-Type", "application/problem+json")
	grant = canned{"POST", "/auth/login", 400, general, `{"error":"invalid_grant","error_description":"The token has been revoked."}`}.
		with("Content-Type", "application/json").with("Pragma", "no-cache")
	unknown = canned{"GET", "/auth/nowhere", 404, general, `{"type":"urn:myauth:error:not_found","title":"Not found","status":404,"detail":"No such route.","code":"not_found"}`}.with("Content-Type", "application/problem+json")
	method  = canned{"PUT", "/auth/login", 405, general, `{"type":"urn:myauth:error:method_not_allowed","title":"Method not allowed","status":405,"detail":"See Allow.","code":"method_not_allowed"}`}.
		with("Content-Type", "application/problem+json").with("Allow", "POST")
)

// The recorder passes what is right, and fails what is wrong in one respect.
func TestRecorder(t *testing.T) {
	withBodies(t)
	right := map[string]canned{
		"me":                      me,
		"created":                 created,
		"done":                    done,
		"accepted":                accepted,
		"problem":                 problem,
		"refused":                 refused,
		"missing token":           refused.replacing("invalid_token", "missing_token").replacing(`"invalid_token"`, `"missing_token"`).with("Www-Authenticate", `Bearer realm="x"`),
		"invalid":                 invalid,
		"grant":                   grant,
		"grant, no description":   grant.replacing(`,"error_description":"The token has been revoked."`, ""),
		"unknown route":           unknown,
		"other method":            method,
		"head":                    me.to("HEAD", "/auth/me").saying(""),
		"undeclared header":       me.with("Date", "Mon, 23 Nov 2026 12:00:00 GMT"),
		"unknown route, any verb": unknown.to("DELETE", "/auth/nowhere"),
	}
	wrong := map[string]canned{
		"extra field":                   me.replacing(`"id"`, `"password_hash":"x","id"`),
		"missing field":                 me.replacing(`"id":"1",`, ""),
		"field of another type":         me.replacing(`"is_active":true`, `"is_active":"true"`),
		"null for a list":               me.replacing(`["x"]`, `null`),
		"time with an offset":           me.replacing("12:00:00.000000Z", "12:00:00.000000+01:00"),
		"time without fraction":         me.replacing("12:00:00.000000Z", "12:00:00Z"),
		"no time":                       me.replacing("2026-11-23T12:00:00.000000Z", "yesterday.000000Z"),
		"list for an object":            me.saying("[]"),
		"no JSON":                       me.saying("ok"),
		"no body":                       me.saying(""),
		"no Cache-Control":              me.with("Cache-Control", ""),
		"another Cache-Control":         me.with("Cache-Control", "no-cache"),
		"two Cache-Controls":            me.with("Cache-Control", "no-store|no-store"),
		"no nosniff":                    me.with("X-Content-Type-Options", ""),
		"another Content-Type":          me.with("Content-Type", "text/plain"),
		"no Content-Type":               me.with("Content-Type", ""),
		"Content-Type with charset":     me.with("Content-Type", "application/json; charset=utf-8"),
		"problem as plain JSON":         problem.with("Content-Type", "application/json"),
		"no Location":                   created.with("Location", ""),
		"another Location":              created.with("Location", "/auth/users/1"),
		"204 with a body":               done.saying("{}"),
		"204 with a Content-Type":       done.with("Content-Type", "application/json"),
		"no Retry-After":                problem.with("Retry-After", ""),
		"Retry-After of zero":           problem.with("Retry-After", "0"),
		"Retry-After as a date":         problem.with("Retry-After", "Mon, 23 Nov 2026 12:00:00 GMT"),
		"no challenge":                  refused.with("Www-Authenticate", ""),
		"challenge of another scheme":   refused.with("Www-Authenticate", "Basic"),
		"no Allow":                      method.with("Allow", ""),
		"undocumented status":           me.answering(418),
		"undocumented success":          accepted.answering(200),
		"undocumented route":            me.to("GET", "/auth/users"),
		"undocumented method":           me.to("DELETE", "/auth/me"),
		"documented status, no problem": problem.saying(`{"error":"x"}`),
		"extra field in a problem":      problem.replacing(`"title"`, `"stack":"x","title"`),
		"status of another problem":     problem.replacing("503", "500"),
		"code of another status":        problem.replacing(`"code":"service_unavailable"`, `"code":"internal_error"`),
		"type that is not of the code":  refused.replacing("error:invalid_token", "error:expired_token"),
		"422 without errors":            invalid.replacing(`{"field":"email","code":"required","message":"is required"}`, ""),
		"extra field in an error":       invalid.replacing(`"message"`, `"value":"x","message"`),
		"grant error as a problem":      grant.with("Content-Type", "application/problem+json"),
		"extra field in a grant error":  grant.replacing(`"error"`, `"code":"x","error"`),
		"grant error of another status": grant.replacing("invalid_grant", "server_error"),
		"quotes in a description":       grant.replacing("The token", `\"The\" token`),
		"another Pragma":                grant.with("Pragma", "cache"),
		"head with a body":              me.to("HEAD", "/auth/me"),
		"head without a header":         me.to("HEAD", "/auth/me").saying("").with("Cache-Control", ""),
	}
	doc, err := Load(readDocument(t))
	if err != nil {
		t.Fatal(err)
	}
	send := func(c canned) (failures, *Recorder) {
		var f failures
		recorder := NewRecorder(doc)
		request, err := http.NewRequest(c.method, "http://127.0.0.1"+c.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := recorder.Transport(&f, c).RoundTrip(request)
		if err != nil {
			t.Fatal(err)
		}
		if body, err := io.ReadAll(response.Body); err != nil || string(body) != c.body {
			t.Errorf("the test gets %q, %v instead of the body", body, err)
		}
		return f, recorder
	}
	for name, c := range right {
		if f, _ := send(c); len(f) > 0 {
			t.Errorf("%s: %s", name, f)
		}
	}
	for name, c := range wrong {
		f, recorder := send(c)
		if len(f) != 1 {
			t.Errorf("%s: %d failures, want 1: %s", name, len(f), f)
		}
		if len(recorder.Missing()) != len(doc.Outcomes()) {
			t.Errorf("%s counts as produced", name)
		}
	}
}

// What was not produced is missing, down to the code.
func TestMissing(t *testing.T) {
	doc, err := Load(readDocument(t))
	if err != nil {
		t.Fatal(err)
	}
	recorder := NewRecorder(doc)
	for _, c := range []canned{refused, unknown, method} {
		request, err := http.NewRequest(c.method, "http://127.0.0.1"+c.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := recorder.Transport(t, c).RoundTrip(request); err != nil {
			t.Fatal(err)
		}
	}
	missing := recorder.Missing()
	for outcome, want := range map[Outcome]bool{
		{"GET", "/auth/me", 401, "invalid_token"}:             false,
		{"GET", "/auth/me", 401, "expired_token"}:             true,
		{"GET", "/auth/me", 200, ""}:                          true,
		{"POST", "/auth/login", 405, "method_not_allowed"}:    false,
		{"POST", "/auth/logout", 405, "method_not_allowed"}:   true,
		{"POST", "/auth/login", 422, "validation_failed"}:     true,
		{"GET", unknownRoute, 404, "not_found"}:               false,
		{"POST", "/auth/verify-email", 404, "user_not_found"}: true,
	} {
		if got := slices.Contains(missing, outcome); got != want {
			t.Errorf("%s missing: %t, want %t", outcome, got, want)
		}
	}
}
