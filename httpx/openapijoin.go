package httpx

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"reflect"
	"slices"
	"strings"
)

type response struct {
	Description string                     `json:"description"`
	Headers     map[string]json.RawMessage `json:"headers,omitempty"`
	Content     map[string]json.RawMessage `json:"content,omitempty"`
}

// typed is a header or a media type.
type typed struct {
	Description string                     `json:"description,omitempty"`
	Required    bool                       `json:"required,omitempty"`
	Schema      json.RawMessage            `json:"schema,omitempty"`
	Example     json.RawMessage            `json:"example,omitempty"`
	Examples    map[string]json.RawMessage `json:"examples,omitempty"`
}

// addResponse adds a response to an operation. If it has one of that status, either may be
// the answer.
func (d *document) addResponse(o *operation, status string, text json.RawMessage) error {
	if o.Responses == nil {
		o.Responses = responses{}
	}
	old, ok := o.Responses[status]
	if !ok {
		o.Responses[status] = text
		return nil
	}
	both := [2]string{string(old), string(text)}
	if _, ok := d.joined[both]; !ok {
		joined, err := d.join(old, text)
		if err != nil {
			return fmt.Errorf("status %s: %w", status, err)
		}
		d.joined[both] = joined
	}
	o.Responses[status] = d.joined[both]
	return nil
}

// join returns the response that is one or the other.
func (d *document) join(one, other json.RawMessage) (json.RawMessage, error) {
	if same(one, other) {
		return other, nil
	}
	var a, b response
	if err := errors.Join(d.read(one, &a), d.read(other, &b)); err != nil {
		return nil, err
	}
	var err1, err2 error
	a.Description = oneOrOther(a.Description, b.Description)
	a.Headers, err1 = d.either(a.Headers, b.Headers)
	a.Content, err2 = d.either(a.Content, b.Content)
	if err := cmp.Or(err1, err2); err != nil {
		return nil, err
	}
	return encode(a)
}

// either returns the headers or the media types of either of two responses.
func (d *document) either(a, b map[string]json.RawMessage) (map[string]json.RawMessage, error) {
	all := map[string]json.RawMessage{}
	maps.Copy(all, a)
	maps.Copy(all, b)
	for name := range all {
		if same(a[name], b[name]) {
			continue
		}
		var v, w typed
		err := errors.Join(d.read(a[name], &v), d.read(b[name], &w))
		if err == nil {
			all[name], err = encode(v.or(w))
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return all, nil
}

// or returns what is v or w. A header that only one of them has is not required.
func (v typed) or(w typed) typed {
	examples := map[string]json.RawMessage{}
	for _, t := range []typed{v, w} {
		maps.Copy(examples, t.Examples)
		if t.Example != nil { // OpenAPI has example or examples
			var problem struct{ Code string }
			_ = json.Unmarshal(t.Example, &problem)
			examples[cmp.Or(problem.Code, "example")] = json.RawMessage(`{"value":` + string(t.Example) + `}`)
		}
	}
	either := typed{Description: oneOrOther(v.Description, w.Description), Required: v.Required && w.Required, Schema: v.Schema, Examples: examples}
	switch {
	case v.Schema == nil:
		either.Schema = w.Schema
	case w.Schema != nil && !same(v.Schema, w.Schema):
		either.Schema = json.RawMessage(`{"anyOf":[` + string(v.Schema) + `,` + string(w.Schema) + `]}`)
	}
	return either
}

// oneOrOther returns the description of what has one or the other.
func oneOrOther(a, b string) string {
	if a == "" || b == "" || a == b {
		return cmp.Or(a, b)
	}
	return a + " Or: " + b
}

// same reports whether two values are the same, in whatever order their members are.
func same(a, b json.RawMessage) bool {
	if bytes.Equal(a, b) {
		return true
	}
	var x, y any
	_ = json.Unmarshal(a, &x)
	_ = json.Unmarshal(b, &y)
	return reflect.DeepEqual(x, y)
}

const componentReference = "#/components/"

// component returns what a reference to a component of the document names.
func (d *document) component(reference string) (json.RawMessage, error) {
	path, ok := strings.CutPrefix(reference, componentReference)
	kind, name, _ := strings.Cut(path, "/")
	text, exists := d.Components[kind][name]
	if !ok || !exists {
		return nil, fmt.Errorf("there is no %s for a $ref: name a component of the fragment or of MyAuth's own document", reference)
	}
	return text, nil
}

// resolve follows references.
func (d *document) resolve(text json.RawMessage) (json.RawMessage, error) {
	for range 10 {
		var r struct {
			Reference string `json:"$ref"`
		}
		if err := json.Unmarshal(text, &r); err != nil || r.Reference == "" {
			return text, err
		}
		var err error
		if text, err = d.component(r.Reference); err != nil {
			return nil, err
		}
	}
	return nil, fmt.Errorf("its references lead to no end: %s", text)
}

// read decodes what text is or refers to; nothing leaves v as it is.
func (d *document) read(text json.RawMessage, v any) error {
	if text == nil {
		return nil
	}
	text, err := d.resolve(text)
	if err != nil {
		return err
	}
	return decode(text, v)
}

// references yields the references in JSON. Within a string, a quote has a backslash before it.
func references(text []byte) iter.Seq[string] {
	return func(yield func(string) bool) {
		for {
			var found bool
			if _, text, found = bytes.Cut(text, []byte(`"$ref"`)); !found {
				return
			}
			value, isName := bytes.CutPrefix(bytes.TrimSpace(text), []byte(":"))
			value, isString := bytes.CutPrefix(bytes.TrimSpace(value), []byte(`"`))
			if reference, _, _ := bytes.Cut(value, []byte(`"`)); isName && isString && !yield(string(reference)) {
				return
			}
		}
	}
}

// prune removes the components that no route needs, so the document of a Service with few
// features has what it can answer and no more.
func (d *document) prune() error {
	needed := map[string]bool{}
	var need func(where string, text []byte) error
	need = func(where string, text []byte) error {
		for reference := range references(text) {
			if needed[reference] {
				continue
			}
			needed[reference] = true
			c, err := d.component(reference)
			if err != nil {
				return fmt.Errorf("%s: %w", where, err)
			}
			if err := need(reference, c); err != nil {
				return err
			}
		}
		return nil
	}
	if err := need("x-unknown-route", d.UnknownRoute); err != nil {
		return err
	}
	for key, o := range d.operations() {
		for _, text := range slices.Concat(o.Parameters, []json.RawMessage{o.RequestBody}, slices.Collect(maps.Values(o.Responses))) {
			if err := need(key, text); err != nil {
				return err
			}
		}
	}
	for kind, named := range d.Components {
		if kind != "securitySchemes" { // which are not named by references
			maps.DeleteFunc(named, func(name string, _ json.RawMessage) bool { return !needed[componentReference+kind+"/"+name] })
		}
	}
	return nil
}
