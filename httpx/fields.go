package httpx

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"

	"myauth.internal/kit"
	"myauth.internal/kit/ijson"
)

// maxDepth bounds the nesting of a body. What is kept of it, the user's settings, has
// a tighter bound of its own.
const maxDepth = 64

// field is one input of a route: what it is called and where its value goes.
type field struct {
	name   string
	text   *string          // where a string goes
	object *json.RawMessage // or where an object goes
	// optional: it may be absent.
	optional bool
	// empty: the empty string is a value, which kit checks by the field's own
	// rules. Otherwise it counts as absent.
	empty bool
	// fault is the code of what is wrong with the field itself, if anything.
	fault string
}

// setText gives f a string.
func (f *field) setText(s string) {
	*f.text = s
	f.fault = ""
	if s == "" && !f.empty {
		f.fault = kit.CodeRequired
	}
}

// setJSON gives f a value of any type.
func (f *field) setJSON(value []byte) {
	kind := ijson.Kind(value)
	switch {
	case f.object != nil && kind == '{':
		*f.object = value
		f.fault = ""
	case f.object == nil && kind == '"':
		s, err := ijson.String(value)
		if err != nil {
			f.fault = kit.CodeInvalidType
			return
		}
		f.setText(s)
	default:
		f.fault = kit.CodeInvalidType
	}
}

func (f *field) error() kit.FieldError {
	message := "is required"
	if f.fault == kit.CodeInvalidType {
		message = "must be a string"
		if f.object != nil {
			message = "must be a JSON object"
		}
	}
	return kit.FieldError{Field: f.name, Code: f.fault, Message: message}
}

// decode fills fields from the body and marks what is missing or of another type.
// It fails when the body as a whole cannot be understood; members that no field
// names are ignored.
func (c content) decode(fields []field) error {
	for i := range fields {
		if !fields[i].optional {
			fields[i].fault = kit.CodeRequired
		}
	}
	if c.form {
		form, err := parseForm(c.data)
		for i := range fields {
			if value, given := form[fields[i].name]; given {
				fields[i].setText(value)
			}
		}
		return err
	}
	// RFC 8259, section 8.1, lets a reader ignore a byte order mark, which editors and
	// tools of Windows write.
	text := bytes.TrimPrefix(c.data, []byte("\ufeff"))
	if len(text) == 0 {
		return malformed("The request body is empty. Send a JSON object.")
	}
	return jsonProblem(text, ijson.Object(text, maxDepth, func(name, value []byte) error {
		if i := slices.IndexFunc(fields, func(f field) bool { return f.name == string(name) }); i >= 0 {
			fields[i].setJSON(value)
		}
		return nil
	}))
}

// require is decode for routes whose fields have no rules besides being there.
func (c content) require(fields []field) error {
	if err := c.decode(fields); err != nil {
		return err
	}
	return merge(fields, nil)
}

// merge returns a [kit.ValidationError] of what is wrong with the fields themselves
// and, of the other fields, the rules that rules says they break, in the order of
// fields; nil when nothing is wrong.
func merge(fields []field, rules error) error {
	var broken *kit.ValidationError
	if rules != nil && !errors.As(rules, &broken) {
		return rules
	}
	var all []kit.FieldError
	for i := range fields {
		if f := &fields[i]; f.fault != "" {
			all = append(all, f.error())
			continue
		}
		if broken == nil {
			continue
		}
		for _, rule := range broken.Fields {
			if rule.Field == fields[i].name {
				all = append(all, rule)
			}
		}
	}
	if len(all) == 0 {
		return nil
	}
	return &kit.ValidationError{Fields: all}
}

// complete reports whether nothing is wrong with the fields themselves.
func complete(fields []field) bool {
	return !slices.ContainsFunc(fields, func(f field) bool { return f.fault != "" })
}

// jsonProblem says what is wrong with the JSON text of a body, without quoting it.
func jsonProblem(text []byte, err error) error {
	switch {
	case err == nil:
		return nil
	case bytes.HasPrefix(text, []byte("\xff\xfe")), bytes.HasPrefix(text, []byte("\xfe\xff")):
		return malformed("The request body is UTF-16. Send UTF-8.")
	case errors.Is(err, ijson.ErrDuplicate):
		return malformed("The request body has two members with the same name.")
	case errors.Is(err, ijson.ErrDepth):
		return malformed("The request body is nested too deeply. The limit is 64 levels.")
	case errors.Is(err, ijson.ErrUTF8):
		return malformed("The request body is not valid UTF-8, or escapes half of a surrogate pair.")
	default:
		return malformed("The request body must be one JSON object, with nothing after it.")
	}
}
