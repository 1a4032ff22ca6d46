package httpx

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"

	"myauth.internal/kit/ijson"
)

// tree is a JSON object that keeps the order of its members, which people read. A value is
// another *tree, a []any of values, or the text of any other.
type tree struct {
	names  []string
	values map[string]any
}

func newTree() *tree { return &tree{values: map[string]any{}} }

func (t *tree) set(name string, value any) {
	if _, ok := t.values[name]; !ok {
		t.names = append(t.names, name)
	}
	t.values[name] = value
}

// at returns the object at the end of names; one without members if there is none.
func (t *tree) at(names ...string) *tree {
	for _, name := range names {
		next, ok := t.values[name].(*tree)
		if !ok {
			return newTree()
		}
		t = next
	}
	return t
}

// into is at, and makes what is missing.
func (t *tree) into(name string) *tree {
	if _, ok := t.values[name].(*tree); !ok {
		t.set(name, newTree())
	}
	return t.at(name)
}

// text returns a member that is a string.
func (t *tree) text(name string) string {
	return textOf(t.values[name])
}

func textOf(v any) string {
	raw, _ := v.(json.RawMessage)
	s, _ := ijson.String(raw)
	return s
}

func (t *tree) setText(name, s string) {
	t.set(name, json.RawMessage(ijson.AppendString(nil, s)))
}

// clone returns a copy whose members can be set apart from those of t.
func (t *tree) clone() *tree { return &tree{slices.Clone(t.names), maps.Clone(t.values)} }

// remove removes the members that unwanted reports.
func (t *tree) remove(unwanted func(name string) bool) {
	t.names = slices.DeleteFunc(t.names, func(name string) bool {
		if unwanted(name) {
			delete(t.values, name)
			return true
		}
		return false
	})
}

// parseTree reads one JSON object.
func parseTree(text []byte) (*tree, error) {
	t := newTree()
	err := ijson.Object(text, maxAnswerDepth, func(name, value []byte) error {
		v, err := parseValue(value)
		t.set(string(name), v)
		return err
	})
	return t, err
}

func parseValue(text []byte) (any, error) {
	switch ijson.Kind(text) {
	case '{':
		return parseTree(text)
	case '[':
		list := []any{}
		err := ijson.Array(text, func(item []byte) error {
			v, err := parseValue(item)
			list = append(list, v)
			return err
		})
		return list, err
	}
	return json.RawMessage(text), nil
}

// appendValue appends the text of a value.
func appendValue(b []byte, v any) []byte {
	switch v := v.(type) {
	case *tree:
		b = append(b, '{')
		for i, name := range v.names {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(ijson.AppendString(b, name), ':')
			b = appendValue(b, v.values[name])
		}
		return append(b, '}')
	case []any:
		b = append(b, '[')
		for i, item := range v {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendValue(b, item)
		}
		return append(b, ']')
	default:
		return append(b, v.(json.RawMessage)...)
	}
}

// same reports whether two values are the same, in whatever order their members are.
func same(a, b any) bool {
	var x, y any
	_ = json.Unmarshal(appendValue(nil, a), &x)
	_ = json.Unmarshal(appendValue(nil, b), &y)
	return reflect.DeepEqual(x, y)
}

// walk calls visit with v and each object inside.
func walk(v any, visit func(*tree)) {
	switch v := v.(type) {
	case *tree:
		visit(v)
		for _, name := range v.names {
			walk(v.values[name], visit)
		}
	case []any:
		for _, item := range v {
			walk(item, visit)
		}
	}
}
