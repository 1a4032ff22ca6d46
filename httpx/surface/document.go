package surface

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Document is an OpenAPI document that responses are checked against.
type Document struct {
	root    map[string]any
	mu      sync.Mutex
	schemas *jsonschema.Compiler // of one caller at a time
}

// Outcome is one way in which a route can answer. Code is that of the problem, or the
// error of a token endpoint, and empty for a success.
type Outcome struct {
	Method, Path string
	Status       int
	Code         string
}

func (o Outcome) String() string {
	return strings.TrimSpace(fmt.Sprintf("%s %s %d %s", o.Method, o.Path, o.Status, o.Code))
}

// unknownRoute is the path under which the answers to unknown routes are recorded. In
// the document they are in an extension, since OpenAPI has no place for them.
const unknownRoute = "/x-unknown-route"

// resource is the name of the document for the schema compiler.
const resource = "openapi.json"

// Load reads a document.
func Load(text []byte) (*Document, error) {
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	root, _ := value.(map[string]any)
	paths, ok := root["paths"].(map[string]any)
	if !ok || root["x-unknown-route"] == nil {
		return nil, errors.New("the document lacks paths or x-unknown-route")
	}
	paths[unknownRoute] = map[string]any{"get": map[string]any{"responses": root["x-unknown-route"]}}
	d := &Document{root: root, schemas: jsonschema.NewCompiler()}
	d.schemas.DefaultDraft(jsonschema.Draft2020)
	d.schemas.AssertFormat()
	return d, d.schemas.AddResource(resource, root)
}

// part is an object of the document and the JSON Pointer (RFC 6901) to it. What the
// document lacks is a part without members.
type part struct {
	document *Document
	pointer  string
	members  map[string]any
}

// escape writes a key as a reference token of a JSON Pointer. Made once: its tables cost more
// than all that is looked up with it.
var escape = strings.NewReplacer("~", "~0", "/", "~1")

// at returns the part at the end of the keys, and follows references on its way.
func (d *Document) at(keys ...string) part { return part{d, "", d.root}.at(keys...) }

func (p part) at(keys ...string) part {
	for _, key := range keys {
		members, _ := p.members[key].(map[string]any)
		p = part{p.document, p.pointer + "/" + escape.Replace(key), members}
		if reference, ok := members["$ref"].(string); ok {
			p = p.document.at(strings.Split(strings.TrimPrefix(reference, "#/"), "/")...)
		}
	}
	return p
}

// keys lists the members in order.
func (p part) keys() []string { return slices.Sorted(maps.Keys(p.members)) }

// validate checks a value by the schema that the part is.
func (p part) validate(value any) error {
	p.document.mu.Lock()
	schema, err := p.document.schemas.Compile(resource + "#" + p.pointer)
	p.document.mu.Unlock()
	if err != nil {
		return err
	}
	return schema.Validate(value)
}

// Outcomes lists every way in which the document says that a route can answer.
func (d *Document) Outcomes() []Outcome {
	var all []Outcome
	paths := d.at("paths")
	for _, path := range paths.keys() {
		for _, method := range paths.at(path).keys() {
			responses := paths.at(path, method, "responses")
			for _, status := range responses.keys() {
				n, _ := strconv.Atoi(status) // a class such as 4XX is none that a test could produce
				for _, code := range errorCodes(n, responses.at(status)) {
					all = append(all, Outcome{strings.ToUpper(method), path, n, code})
				}
			}
		}
	}
	return all
}

// errorCodes lists the codes that a response can have, of problems and of a token
// endpoint (RFC 6749, section 5.2); one empty code when it is no error.
func errorCodes(status int, response part) (codes []string) {
	if status < http.StatusBadRequest {
		return []string{""}
	}
	for _, kind := range response.at("content").keys() {
		member := "code"
		if kind != problemType {
			member = "error"
		}
		codes = append(codes, schemaCodes(response.at("content", kind, "schema"), member)...)
	}
	slices.Sort(codes)
	return slices.Compact(codes)
}

// schemaCodes lists what a member of a schema can be.
func schemaCodes(schema part, member string) (codes []string) {
	code := schema.at("properties", member)
	if only, ok := code.members["const"].(string); ok {
		codes = append(codes, only)
	}
	several, _ := code.members["enum"].([]any)
	for _, value := range several {
		codes = append(codes, fmt.Sprint(value))
	}
	either, _ := schema.members["anyOf"].([]any)
	for _, alternative := range either {
		members, _ := alternative.(map[string]any)
		one := part{schema.document, "", map[string]any{"schema": members}}
		codes = append(codes, schemaCodes(one.at("schema"), member)...)
	}
	return codes
}

const problemType = "application/problem+json"

// template returns the path of the document that a path of a request matches: the one with
// the longest text before its first wildcard, as package net/http chooses.
func (d *Document) template(path string) (best string) {
	segments := strings.Split(path, "/")
	for _, candidate := range d.at("paths").keys() {
		parts := strings.Split(candidate, "/")
		matches := len(parts) == len(segments)
		for i := 0; matches && i < len(parts); i++ {
			matches = parts[i] == segments[i] || strings.HasPrefix(parts[i], "{") && segments[i] != ""
		}
		if matches && (best == "" || strings.Index(candidate+"{", "{") > strings.Index(best+"{", "{")) {
			best = candidate
		}
	}
	return best
}

// Check returns an error unless the document has the route and the status of a response,
// and its headers and body are as the document says. It leaves the response's body
// readable, and returns which outcomes this was: one, or with 405 one of each method that
// the path has.
func (d *Document) Check(request *http.Request, response *http.Response) ([]Outcome, error) {
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	response.Body = io.NopCloser(bytes.NewReader(body))

	outcome := Outcome{Method: request.Method, Path: d.template(request.URL.EscapedPath()), Status: response.StatusCode}
	item := d.at("paths", outcome.Path)
	methods := []string{outcome.Method}
	switch {
	case item.members == nil:
		outcome.Path, methods = unknownRoute, []string{http.MethodGet}
		item = d.at("paths", unknownRoute)
	case outcome.Status == http.StatusMethodNotAllowed:
		methods = nil
		for _, method := range item.keys() {
			methods = append(methods, strings.ToUpper(method))
		}
	case outcome.Method == http.MethodHead:
		methods = []string{http.MethodGet}
	}
	if request.Method != http.MethodHead {
		outcome.Code = code(body)
	}
	var outcomes []Outcome
	var problems []error
	for _, outcome.Method = range methods {
		outcomes = append(outcomes, outcome)
		problems = append(problems, checkOutcome(item, outcome, request, response, body))
	}
	return outcomes, errors.Join(problems...)
}

func checkOutcome(item part, outcome Outcome, request *http.Request, response *http.Response, body []byte) error {
	operation := item.at(strings.ToLower(outcome.Method))
	if operation.members == nil {
		return fmt.Errorf("the document has no %s %s", request.Method, request.URL.Path)
	}
	declared := operation.at("responses", strconv.Itoa(outcome.Status))
	if declared.members == nil {
		return fmt.Errorf("the document has no status %d for %s %s", outcome.Status, request.Method, request.URL.Path)
	}
	problems := []error{checkHeaders(response, declared), checkContentType(response, declared)}
	switch {
	case request.Method != http.MethodHead:
		problems = append(problems, checkBody(response, declared, body))
	case len(body) > 0:
		problems = append(problems, errors.New("a HEAD is answered with a body"))
	}
	return errors.Join(problems...)
}

// checkBody checks the body by its schema, and what a schema cannot say.
func checkBody(response *http.Response, declared part, body []byte) error {
	media := declared.at("content", response.Header.Get("Content-Type"))
	if media.members == nil {
		if len(body) > 0 {
			return fmt.Errorf("a body of %d bytes, which the document does not declare", len(body))
		}
		return nil
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("the body: %w", err)
	}
	var problem struct{ Type, Code string }
	if json.Unmarshal(body, &problem) == nil && problem.Code != "" && problem.Type != "urn:myauth:error:"+problem.Code {
		return fmt.Errorf("the problem's type is %q and its code %q", problem.Type, problem.Code)
	}
	return media.at("schema").validate(value)
}

// checkHeaders checks that each declared header is there, if it must, at most once and
// with a value as declared. Only Set-Cookie may be there more often (RFC 9110 section 5.3).
func checkHeaders(response *http.Response, declared part) error {
	var problems []error
	headers := declared.at("headers")
	for _, name := range headers.keys() {
		header, got := headers.at(name), response.Header.Values(name)
		switch {
		case len(got) > 1 && name != "Set-Cookie":
			problems = append(problems, fmt.Errorf("%d headers %s", len(got), name))
		case len(got) == 0 && header.members["required"] == true:
			problems = append(problems, fmt.Errorf("header %s is missing", name))
		}
		for _, text := range got {
			if err := header.at("schema").validate(headerValue(header, text)); err != nil {
				problems = append(problems, fmt.Errorf("header %s: %w", name, err))
			}
		}
	}
	return errors.Join(problems...)
}

// headerValue returns a header's text as the type that its schema has.
func headerValue(header part, text string) any {
	if header.at("schema").members["type"] == "integer" {
		return json.Number(text)
	}
	return text
}

// checkContentType checks for exactly the declared type, and none without a body.
func checkContentType(response *http.Response, declared part) error {
	types, got := declared.at("content").keys(), response.Header.Values("Content-Type")
	if len(types) == 0 && len(got) == 0 || len(types) > 0 && len(got) == 1 && slices.Contains(types, got[0]) {
		return nil
	}
	return fmt.Errorf("Content-Type is %q; the document says %q", got, types)
}

// code returns the code of a problem or of a token endpoint's error, and nothing for
// any other body.
func code(body []byte) string {
	var problem struct{ Code, Error string }
	_ = json.Unmarshal(body, &problem)
	return problem.Code + problem.Error
}
