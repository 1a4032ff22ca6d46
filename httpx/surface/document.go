package surface

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/pb33f/libopenapi"
	"github.com/pb33f/libopenapi-validator/config"
	"github.com/pb33f/libopenapi-validator/responses"
	v3 "github.com/pb33f/libopenapi/datamodel/high/v3"
)

// Document is an OpenAPI document that responses are checked against.
type Document struct {
	model     *v3.Document
	validator responses.ResponseBodyValidator
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

// Load reads a document.
func Load(text []byte) (*Document, error) {
	var raw map[string]any
	if err := json.Unmarshal(text, &raw); err != nil {
		return nil, err
	}
	paths, ok := raw["paths"].(map[string]any)
	if !ok || raw["x-unknown-route"] == nil {
		return nil, errors.New("the document lacks paths or x-unknown-route")
	}
	paths[unknownRoute] = map[string]any{"get": map[string]any{"responses": raw["x-unknown-route"]}}
	text, err := json.Marshal(raw)
	if err != nil {
		return nil, err
	}
	doc, err := libopenapi.NewDocument(text)
	if err != nil {
		return nil, err
	}
	built, err := doc.BuildV3Model()
	if err != nil {
		return nil, err
	}
	model := &built.Model
	return &Document{model, responses.NewResponseBodyValidator(model, config.WithFormatAssertions())}, nil
}

// Outcomes lists every way in which the document says that a route can answer.
func (d *Document) Outcomes() []Outcome {
	var all []Outcome
	for path, item := range d.model.Paths.PathItems.FromOldest() {
		for method, operation := range item.GetOperations().FromOldest() {
			for status, response := range operation.Responses.Codes.FromOldest() {
				n, _ := strconv.Atoi(status) // a class such as 4XX is none that a test could produce
				for _, code := range errorCodes(n, response) {
					all = append(all, Outcome{strings.ToUpper(method), path, n, code})
				}
			}
		}
	}
	return all
}

// errorCodes lists the codes that a response can have, of problems and of a token
// endpoint (RFC 6749, section 5.2); one empty code when it is no error.
func errorCodes(status int, response *v3.Response) (codes []string) {
	if status < http.StatusBadRequest {
		return []string{""}
	}
	for kind, media := range response.Content.FromOldest() {
		member := "code"
		if kind != problemType {
			member = "error"
		}
		code := media.Schema.Schema().Properties.GetOrZero(member).Schema()
		if code.Const != nil {
			codes = append(codes, code.Const.Value)
		}
		for _, node := range code.Enum {
			codes = append(codes, node.Value)
		}
	}
	return codes
}

const problemType = "application/problem+json"

// Check returns an error unless the document has the route and the status of a response,
// and its headers and body are as the document says. It leaves the response's body
// readable, and returns which outcome this was.
func (d *Document) Check(request *http.Request, response *http.Response) (Outcome, error) {
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return Outcome{}, err
	}
	response.Body = io.NopCloser(bytes.NewReader(body))

	outcome := Outcome{Method: request.Method, Path: request.URL.Path, Status: response.StatusCode}
	item := d.model.Paths.PathItems.GetOrZero(outcome.Path)
	switch {
	case item == nil:
		outcome.Method, outcome.Path = http.MethodGet, unknownRoute
		item = d.model.Paths.PathItems.GetOrZero(unknownRoute)
	case outcome.Status == http.StatusMethodNotAllowed:
		// The document lists it with the method that it has.
		for method := range item.GetOperations().KeysFromOldest() {
			outcome.Method = strings.ToUpper(method)
		}
	case outcome.Method == http.MethodHead:
		outcome.Method = http.MethodGet
	}
	operation := item.GetOperations().GetOrZero(strings.ToLower(outcome.Method))
	if operation == nil {
		return outcome, fmt.Errorf("the document has no %s %s", request.Method, request.URL.Path)
	}
	declared := operation.Responses.Codes.GetOrZero(strconv.Itoa(outcome.Status))
	if declared == nil {
		return outcome, fmt.Errorf("the document has no status %d for %s %s", outcome.Status, request.Method, request.URL.Path)
	}

	as := request.Clone(request.Context())
	as.Method = outcome.Method
	var problems []error
	if request.Method == http.MethodHead {
		problems = append(problems, checkHead(as, response, declared, body)...)
	} else {
		outcome.Code = code(body)
		problems = append(problems, d.checkBody(as, response, item, outcome, body)...)
		if declares := declared.Content != nil && declared.Content.Len() > 0; declares != (len(body) > 0) {
			problems = append(problems, fmt.Errorf("a body of %d bytes; the document declares one: %t", len(body), declares))
		}
	}
	problems = append(problems, checkOnce(response, declared)...)
	problems = append(problems, checkContentType(response, declared)...)
	return outcome, errors.Join(problems...)
}

// checkBody checks the body by its schema, and what a schema cannot say.
func (d *Document) checkBody(request *http.Request, response *http.Response, item *v3.PathItem, outcome Outcome, body []byte) (problems []error) {
	copied := *response
	copied.Body = io.NopCloser(bytes.NewReader(body))
	_, failures := d.validator.ValidateResponseBodyWithPathItem(request, &copied, item, outcome.Path)
	for _, failure := range failures {
		problems = append(problems, failure)
	}
	var problem struct{ Type, Code string }
	if json.Unmarshal(body, &problem) == nil && problem.Code != "" && problem.Type != "urn:myauth:error:"+problem.Code {
		problems = append(problems, fmt.Errorf("the problem's type is %q and its code %q", problem.Type, problem.Code))
	}
	return problems
}

// checkHead checks the answer to a HEAD: the headers of the GET, and no body.
func checkHead(request *http.Request, response *http.Response, declared *v3.Response, body []byte) (problems []error) {
	_, failures := responses.ValidateResponseHeaders(request, response, declared.Headers, request.URL.Path, strconv.Itoa(response.StatusCode))
	for _, failure := range failures {
		problems = append(problems, failure)
	}
	if len(body) > 0 {
		problems = append(problems, errors.New("a HEAD is answered with a body"))
	}
	return problems
}

// checkOnce checks that each declared header is there at most once.
func checkOnce(response *http.Response, declared *v3.Response) (problems []error) {
	for name := range declared.Headers.KeysFromOldest() {
		if n := len(response.Header.Values(name)); n > 1 {
			problems = append(problems, fmt.Errorf("%d headers %s", n, name))
		}
	}
	return problems
}

// checkContentType checks for exactly the declared type, and none without a body.
func checkContentType(response *http.Response, declared *v3.Response) []error {
	types := slices.Collect(declared.Content.KeysFromOldest())
	got := response.Header.Values("Content-Type")
	if len(types) == 0 && len(got) == 0 || len(types) > 0 && len(got) == 1 && slices.Contains(types, got[0]) {
		return nil
	}
	return []error{fmt.Errorf("Content-Type is %q; the document says %q", got, types)}
}

// code returns the code of a problem or of a token endpoint's error, and nothing for
// any other body.
func code(body []byte) string {
	var problem struct{ Code, Error string }
	_ = json.Unmarshal(body, &problem)
	return problem.Code + problem.Error
}
