package httpx

import (
	"fmt"
	"strings"
)

// eitherResponse returns a response that is a or b, two of one status.
func (d *document) eitherResponse(a, b *tree) (*tree, error) {
	joined := newTree()
	joined.setText("description", a.text("description")+" Or: "+b.text("description"))
	headers, err := d.union(a.at("headers"), b.at("headers"), true)
	if err != nil {
		return nil, err
	}
	content, err := d.union(a.at("content"), b.at("content"), false)
	if err != nil {
		return nil, err
	}
	joined.set("headers", headers)
	joined.set("content", content)
	return joined, nil
}

// union returns the headers or the media types of either of two responses. A header that only
// one of them has is not required.
func (d *document) union(a, b *tree, headers bool) (*tree, error) {
	all := newTree()
	for _, side := range [][2]*tree{{a, b}, {b, a}} {
		for _, name := range side[0].names {
			if all.values[name] != nil {
				continue
			}
			one, err := d.resolve(side[0].at(name))
			if err != nil {
				return nil, err
			}
			_, inBoth := side[1].values[name]
			if inBoth && same(side[0].values[name], side[1].values[name]) {
				all.set(name, side[0].values[name])
				continue
			}
			one = one.clone()
			if inBoth {
				other, err := d.resolve(side[1].at(name))
				if err != nil {
					return nil, err
				}
				one = either(one, other)
			} else if headers {
				one.remove(func(member string) bool { return member == "required" })
			}
			all.set(name, one)
		}
	}
	return all, nil
}

// either returns a header or a media type whose schema is that of a or of b.
func either(a, b *tree) *tree {
	a, b = a.clone(), b.clone()
	examples := newTree()
	for _, t := range []*tree{a, b} {
		if value, ok := t.values["example"].(*tree); ok { // of a problem: OpenAPI has example or examples
			example := newTree()
			example.set("value", value)
			t.into("examples").set(value.text("code"), example)
		}
		for _, name := range t.at("examples").names {
			examples.set(name, t.at("examples").values[name])
		}
		t.remove(func(member string) bool { return member == "example" || member == "examples" })
	}
	if !same(a.values["schema"], b.values["schema"]) {
		schemas := newTree()
		schemas.set("anyOf", []any{a.values["schema"], b.values["schema"]})
		a.set("schema", schemas)
	}
	if len(examples.names) > 0 {
		a.set("examples", examples)
	}
	return a
}

const componentReference = "#/components/"

// component returns what a reference to a component of the document names.
func (d *document) component(reference string) (*tree, error) {
	path, ok := strings.CutPrefix(reference, componentReference)
	kind, name, _ := strings.Cut(path, "/")
	found, exists := d.root.at("components", kind).values[name].(*tree)
	if !ok || !exists {
		return nil, fmt.Errorf("httpx: the OpenAPI document has a reference to %s, which is not there", reference)
	}
	return found, nil
}

// resolve follows a reference.
func (d *document) resolve(t *tree) (*tree, error) {
	if reference := t.text("$ref"); reference != "" {
		return d.component(reference)
	}
	return t, nil
}

// prune removes the components that no route needs, so the document of a Service with few
// features has what it can answer and no more.
func (d *document) prune() error {
	needed := map[string]bool{}
	var need func(v any) error
	need = func(v any) (err error) {
		walk(v, func(t *tree) {
			reference := t.text("$ref")
			if reference == "" || needed[reference] || err != nil {
				return
			}
			needed[reference] = true
			var c *tree
			if c, err = d.component(reference); err == nil {
				err = need(c)
			}
		})
		return err
	}
	components := d.root.at("components")
	for _, name := range d.root.names {
		if name == "components" {
			continue
		}
		if err := need(d.root.values[name]); err != nil {
			return err
		}
	}
	for _, kind := range components.names {
		if kind != "securitySchemes" { // which are not named by references
			components.at(kind).remove(func(name string) bool { return !needed[componentReference+kind+"/"+name] })
		}
	}
	return nil
}
