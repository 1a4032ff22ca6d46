package httpx

import (
	"bytes"
	_ "embed"
	"fmt"
	"slices"
	"strings"

	"myauth.internal/kit"
)

//go:embed openapi.json
var baseDocument []byte

// document is the OpenAPI document while it is put together.
type document struct {
	root   *tree
	prefix string
	// owner has the fragment of each operation, by method and path; MyAuth's own have none.
	owner map[string]*tree
}

// openAPI returns the document of exactly the routes: MyAuth's own and what the fragments of
// features add, as kit.Extension.OpenAPI says. In the file of MyAuth's own each path begins a
// JSON string with /auth/.
func openAPI(prefix string, routes []kit.Route, fragments [][]byte) ([]byte, error) {
	base := bytes.ReplaceAll(baseDocument, []byte(`"/auth/`), []byte(`"`+prefix+`/`))
	root, err := parseTree(base)
	if err != nil {
		return nil, fmt.Errorf("httpx: openapi.json: %w", err)
	}
	d := &document{root, prefix, map[string]*tree{}}
	var parsed []*tree
	for i, text := range fragments {
		f, err := parseTree(text)
		if err == nil {
			err = d.add(f)
		}
		if err != nil {
			return nil, fmt.Errorf("httpx: OpenAPI fragment %d of the Service's features: %w", i+1, err)
		}
		parsed = append(parsed, f)
	}
	if err := d.match(routes); err != nil {
		return nil, err
	}
	for _, rt := range routes {
		if d.owner[rt.Method+" "+rt.Path] != nil {
			if err := d.addFrame(rt); err != nil {
				return nil, err
			}
		}
	}
	for _, f := range parsed {
		if err := d.refusals(f); err != nil {
			return nil, err
		}
	}
	for _, operation := range d.operations() {
		operation.remove(func(name string) bool { return name == "x-refused-by" })
	}
	if err := d.prune(); err != nil {
		return nil, err
	}
	return appendValue(nil, d.root), nil
}

// add adds the tags, paths and components of a fragment.
func (d *document) add(f *tree) error {
	for _, member := range f.names {
		if !slices.Contains([]string{"tags", "paths", "components", "x-refusals"}, member) {
			return fmt.Errorf("it has a member %q: it may have tags, paths, components and x-refusals", member)
		}
	}
	if tags, ok := f.values["tags"].([]any); ok {
		all, _ := d.root.values["tags"].([]any)
		d.root.set("tags", append(slices.Clone(all), tags...))
	}
	paths := f.at("paths")
	for _, path := range paths.names {
		for _, method := range paths.at(path).names {
			operation := strings.ToUpper(method) + " " + path
			if !slices.Contains(routeMethods, strings.ToUpper(method)) {
				return fmt.Errorf("the path %s has a member %q, which is no method", path, method)
			}
			item := d.root.at("paths").into(d.prefix + path)
			if _, taken := item.values[method]; taken {
				return fmt.Errorf("%s is described already", operation)
			}
			item.set(method, paths.at(path, method))
			d.owner[operation] = f
		}
	}
	components := f.at("components")
	for _, kind := range components.names {
		for _, name := range components.at(kind).names {
			value, all := components.at(kind).values[name], d.root.into("components").into(kind)
			if other, taken := all.values[name]; taken && !same(value, other) {
				return fmt.Errorf("the component %s/%s has another content elsewhere", kind, name)
			}
			all.set(name, value)
		}
	}
	return nil
}

// match returns an error for a route that is not described, and for a description without a
// route.
func (d *document) match(routes []kit.Route) error {
	paths := d.root.at("paths")
	served := map[string]bool{}
	for _, rt := range routes {
		path, method := d.prefix+rt.Path, strings.ToLower(rt.Method)
		served[method+" "+path] = true
		if paths.at(path).values[method] == nil {
			return fmt.Errorf("httpx: no OpenAPI fragment describes the route %s %s", rt.Method, rt.Path)
		}
		if name := undescribed(paths.at(path, method), rt.Path); name != "" {
			return fmt.Errorf("httpx: the description of %s %s lacks the parameter %q, in path", rt.Method, rt.Path, name)
		}
	}
	for _, path := range paths.names {
		for _, method := range paths.at(path).names {
			if !served[method+" "+path] {
				return fmt.Errorf("httpx: an OpenAPI fragment describes %s %s, which is no route", strings.ToUpper(method), strings.TrimPrefix(path, d.prefix))
			}
		}
	}
	return nil
}

// undescribed returns a wildcard of a path that is no parameter of its operation, or "".
func undescribed(operation *tree, path string) string {
	parameters, _ := operation.values["parameters"].([]any)
	for segment := range strings.SplitSeq(path, "/") {
		name := strings.Trim(segment, "{}")
		if name != segment && !slices.ContainsFunc(parameters, func(v any) bool {
			p, ok := v.(*tree)
			return ok && p.text("in") == "path" && p.text("name") == name
		}) {
			return name
		}
	}
	return ""
}

// addFrame adds to a feature's operation what the frame does for each route of its kind.
func (d *document) addFrame(rt kit.Route) error {
	operation := d.root.at("paths", d.prefix+rt.Path, strings.ToLower(rt.Method))
	answers := [][2]string{{"400", "MalformedRequest"}, {"405", "MethodNotAllowed"}, {"500", "InternalError"}}
	if rt.Body != kit.NoBody {
		answers = append(answers, [][2]string{{"413", "RequestTooLarge"}, {"415", "UnsupportedMediaType"}}...)
	}
	if rt.Access != kit.Public {
		answers = append(answers, [][2]string{{"401", "BearerRefused"}, {"403", "AccountDisabled"}, {"503", "ServiceUnavailable"}}...)
		operation.set("security", d.root.at("paths", d.prefix+"/me", "get").values["security"])
	}
	if rt.Access == kit.RecentlySignedIn {
		answers = append(answers, [2]string{"401", "ReauthenticationRequired"})
	}
	for _, a := range answers {
		reference := newTree()
		reference.setText("$ref", "#/components/responses/"+a[1])
		if err := d.addResponse(operation, a[0], reference); err != nil {
			return fmt.Errorf("httpx: the description of %s %s: %w", rt.Method, rt.Path, err)
		}
	}
	return nil
}

// refusals adds the x-refusals of a fragment to the operations of others that name them in
// x-refused-by.
func (d *document) refusals(f *tree) error {
	for _, operation := range d.operations() {
		by, _ := operation.values["x-refused-by"].([]any)
		if d.owner[operation.key] == f {
			continue
		}
		for _, name := range by {
			responses := f.at("x-refusals", textOf(name))
			for _, status := range responses.names {
				if err := d.addResponse(operation.tree, status, responses.at(status)); err != nil {
					return fmt.Errorf("httpx: x-refusals for %s: %w", operation.key, err)
				}
			}
		}
	}
	return nil
}

type operation struct {
	*tree
	key string // method and path
}

func (d *document) operations() (all []operation) {
	paths := d.root.at("paths")
	for _, path := range paths.names {
		for _, method := range paths.at(path).names {
			all = append(all, operation{paths.at(path, method), strings.ToUpper(method) + " " + strings.TrimPrefix(path, d.prefix)})
		}
	}
	return all
}

// addResponse adds a response to an operation. If it has one of that status, either may be
// the answer.
func (d *document) addResponse(operation *tree, status string, response *tree) error {
	responses := operation.into("responses")
	old, ok := responses.values[status].(*tree)
	if !ok {
		responses.set(status, response)
		return nil
	}
	if same(old, response) {
		return nil
	}
	a, err := d.resolve(old)
	if err != nil {
		return err
	}
	b, err := d.resolve(response)
	if err != nil {
		return err
	}
	joined, err := d.eitherResponse(a, b)
	responses.set(status, joined)
	return err
}
