package httpx

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"

	"myauth.internal/kit"
	"myauth.internal/kit/ijson"
)

//go:embed openapi.json
var baseDocument []byte

// document is an OpenAPI document in the order in which people read it. What nothing here
// changes stays as it was written.
type document struct {
	OpenAPI      json.RawMessage                  `json:"openapi"`
	Info         json.RawMessage                  `json:"info"`
	Dialect      json.RawMessage                  `json:"jsonSchemaDialect"`
	Servers      json.RawMessage                  `json:"servers"`
	Security     json.RawMessage                  `json:"security"`
	Tags         []tag                            `json:"tags"`
	Paths        map[string]map[string]*operation `json:"paths"`
	UnknownRoute json.RawMessage                  `json:"x-unknown-route"`
	Components   components                       `json:"components"`

	joined map[[2]string]json.RawMessage // responses, by the two that they are made of
}

type tag struct {
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
}

// components are by kind, such as schemas, and name.
type components map[string]map[string]json.RawMessage

// responses are by status.
type responses map[string]json.RawMessage

type operation struct {
	OperationID  string            `json:"operationId,omitempty"`
	Tags         []string          `json:"tags,omitempty"`
	Summary      string            `json:"summary,omitempty"`
	Description  string            `json:"description,omitempty"`
	ExternalDocs json.RawMessage   `json:"externalDocs,omitempty"`
	Deprecated   bool              `json:"deprecated,omitempty"`
	Security     json.RawMessage   `json:"security,omitempty"`
	Parameters   []json.RawMessage `json:"parameters,omitempty"`
	RequestBody  json.RawMessage   `json:"requestBody,omitempty"`
	Responses    responses         `json:"responses,omitempty"`
	RefusedBy    []refuser         `json:"x-refused-by,omitempty"`

	fragment string // the name of the one that it is from; empty for openapi.json
}

// fragment is a part of a document, as kit.Extension.OpenAPI says.
type fragment struct {
	Tags       []tag                                 `json:"tags"`
	Paths      map[string]map[string]json.RawMessage `json:"paths"`
	Components components                            `json:"components"`
	Refusals   map[refuser]responses                 `json:"x-refusals"`

	name string // of the group or the feature
}

// refuser says what of a feature refuses the requests of others.
type refuser string

func (r *refuser) UnmarshalText(text []byte) error {
	if *r = refuser(text); *r != "factors" && *r != "gates" && *r != "answers" {
		return fmt.Errorf("%q is not one of factors, answers and gates", text)
	}
	return nil
}

// openAPI returns the document of exactly the routes: those of openapi.json, which names each path
// with the prefix /auth, also in its texts, and what the fragments add. With cookies it is the
// document of cookie mode.
func openAPI(prefix string, routes []kit.Route, fragments []fragment, cookies bool) (*document, error) {
	base := bytes.ReplaceAll(baseDocument, []byte("/auth/"), []byte(prefix+"/"))
	d := &document{joined: map[[2]string]json.RawMessage{}}
	if err := decode(base, d); err != nil {
		return nil, fmt.Errorf("httpx: openapi.json: %w", err)
	}
	if cookies {
		if err := d.useCookies(prefix); err != nil {
			return nil, fmt.Errorf("httpx: %w", err)
		}
	}
	for _, f := range fragments {
		if err := d.add(prefix, f); err != nil {
			return nil, fmt.Errorf("httpx: the OpenAPI fragment of %s: %w", f.name, err)
		}
	}
	if err := d.match(prefix, routes); err != nil {
		return nil, fmt.Errorf("httpx: %w", err)
	}
	for _, rt := range routes {
		if err := d.addFrame(prefix, rt); err != nil {
			return nil, fmt.Errorf("httpx: the description of %s %s: %w", rt.Method, rt.Path, err)
		}
	}
	for _, f := range fragments {
		if err := d.refuse(f); err != nil {
			return nil, fmt.Errorf("httpx: the x-refusals of %s: %w", f.name, err)
		}
	}
	if cookies {
		if err := d.finishCookies(prefix, routes); err != nil {
			return nil, fmt.Errorf("httpx: the document of cookie mode: %w", err)
		}
	}
	for _, o := range d.operations() {
		o.RefusedBy = nil
	}
	if err := d.prune(); err != nil {
		return nil, fmt.Errorf("httpx: the OpenAPI document: %w", err)
	}
	return d, nil
}

// decode reads JSON that has no members but those of v.
func decode(text []byte, v any) error {
	if err := ijson.Object(text, maxAnswerDepth, nil); err != nil { // which also finds duplicate members
		return err
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	return decoder.Decode(v)
}

// operations yields all operations by method and path, in a fixed order.
func (d *document) operations() iter.Seq2[string, *operation] {
	return func(yield func(string, *operation) bool) {
		for _, path := range slices.Sorted(maps.Keys(d.Paths)) {
			for _, method := range slices.Sorted(maps.Keys(d.Paths[path])) {
				if !yield(strings.ToUpper(method)+" "+path, d.Paths[path][method]) {
					return
				}
			}
		}
	}
}

// add adds the tags, paths and components of a fragment.
func (d *document) add(prefix string, f fragment) error {
	for _, t := range f.Tags {
		if !slices.Contains(d.Tags, t) { // several features may share one
			d.Tags = append(d.Tags, t)
		}
	}
	for path, item := range f.Paths {
		if d.Paths[prefix+path] == nil {
			d.Paths[prefix+path] = map[string]*operation{}
		}
		for method, text := range item {
			name := strings.ToUpper(method) + " " + path
			if !slices.Contains(routeMethods, strings.ToUpper(method)) || method != strings.ToLower(method) {
				return fmt.Errorf("the path %s has a member %q, which is no method in lower case", path, method)
			}
			if d.Paths[prefix+path][method] != nil {
				return fmt.Errorf("%s is described already", name)
			}
			o := &operation{fragment: f.name}
			if err := decode(text, o); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			d.Paths[prefix+path][method] = o
		}
	}
	for kind, named := range f.Components {
		if d.Components[kind] == nil {
			d.Components[kind] = map[string]json.RawMessage{}
		}
		for name, text := range named {
			if other, taken := d.Components[kind][name]; taken && !same(text, other) {
				return fmt.Errorf("the component %s/%s has another content elsewhere", kind, name)
			}
			d.Components[kind][name] = text
		}
	}
	return nil
}

// match returns an error unless the operations are those of the routes, and can be told apart.
func (d *document) match(prefix string, routes []kit.Route) error {
	served, ids, tags := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, rt := range routes {
		served[rt.Method+" "+prefix+rt.Path] = true
		o := d.Paths[prefix+rt.Path][strings.ToLower(rt.Method)]
		if o == nil {
			return fmt.Errorf("no OpenAPI fragment describes the route %s %s", rt.Method, rt.Path)
		}
		if err := d.matchParameters(o, rt.Path); err != nil {
			return fmt.Errorf("the description of %s %s %w", rt.Method, rt.Path, err)
		}
		if o.OperationID != "" && ids[o.OperationID] {
			return fmt.Errorf("the operationId %q of %s %s is another operation's too", o.OperationID, rt.Method, rt.Path)
		}
		ids[o.OperationID] = true
	}
	for key, o := range d.operations() {
		if !served[key] {
			return fmt.Errorf("the OpenAPI fragment of %s describes %s, which is no route", o.fragment, strings.Replace(key, " "+prefix, " ", 1))
		}
	}
	for _, t := range d.Tags {
		if tags[t.Name] {
			return fmt.Errorf("the tag %q has two descriptions", t.Name)
		}
		tags[t.Name] = true
	}
	return nil
}

// matchParameters returns an error unless the parameters of o in path are the wildcards of path.
func (d *document) matchParameters(o *operation, path string) error {
	var wildcards, described []string
	for segment := range strings.SplitSeq(path, "/") {
		if name := strings.Trim(segment, "{}"); name != segment {
			wildcards = append(wildcards, name)
		}
	}
	for _, text := range o.Parameters {
		var p struct{ Name, In string }
		text, err := d.resolve(text)
		if err == nil {
			err = json.Unmarshal(text, &p)
		}
		if err != nil {
			return fmt.Errorf("has a parameter that cannot be read: %w", err)
		}
		if p.In == "path" {
			described = append(described, p.Name)
		}
	}
	slices.Sort(wildcards)
	slices.Sort(described)
	if !slices.Equal(wildcards, described) {
		return fmt.Errorf("has the parameters %q in path: it must have %q", described, wildcards)
	}
	return nil
}

// addFrame adds to a fragment's operation what the frame does for each route of its kind.
func (d *document) addFrame(prefix string, rt kit.Route) error {
	o := d.Paths[prefix+rt.Path][strings.ToLower(rt.Method)]
	if o.fragment == "" {
		return nil
	}
	answers := [][2]string{{"400", "MalformedRequest"}, {"405", "MethodNotAllowed"}, {"500", "InternalError"}}
	if rt.Body != kit.NoBody {
		answers = append(answers, [][2]string{{"413", "RequestTooLarge"}, {"415", "UnsupportedMediaType"}}...)
	}
	if rt.Access != kit.Public {
		answers = append(answers, [][2]string{{"401", "BearerRefused"}, {"403", "AccountDisabled"}, {"503", "ServiceUnavailable"}}...)
		o.Security = d.Paths[prefix+"/me"]["get"].Security
	}
	if rt.Access == kit.PublicOrRecent {
		o.Security = slices.Concat(json.RawMessage("[{},"), o.Security[1:]) // {}: without a token, too
	}
	if rt.Access == kit.AdminOnly {
		answers = append(answers, [2]string{"403", "InsufficientRole"})
	}
	if rt.Access != kit.Public && rt.Access != kit.SignedIn {
		answers = append(answers, [2]string{"401", "ReauthenticationRequired"})
	}
	for _, a := range answers {
		if err := d.addResponse(o, a[0], json.RawMessage(`{"$ref":"#/components/responses/`+a[1]+`"}`)); err != nil {
			return err
		}
	}
	return nil
}

// refuse adds the x-refusals of a fragment to the operations of others that name them in
// x-refused-by.
func (d *document) refuse(f fragment) error {
	for key, o := range d.operations() {
		for _, name := range o.RefusedBy {
			for status, response := range f.Refusals[name] {
				if o.fragment == f.name {
					continue
				}
				if err := d.addResponse(o, status, response); err != nil {
					return fmt.Errorf("for %s: %w", key, err)
				}
			}
		}
	}
	return nil
}
