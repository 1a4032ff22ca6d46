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

// decode fills fields from the body. It returns a malformed_request when the body cannot
// be read, and a [kit.ValidationError] when fields are missing or of another type, together
// with what rules, which may be nil, says of the other fields. Members that no field names
// are ignored.
func (c content) decode(fields []field, rules func() error) error {
	if err := c.fill(fields); err != nil {
		return err
	}
	if !slices.ContainsFunc(fields, func(f field) bool { return f.fault != "" }) {
		return nil
	}
	var broken *kit.ValidationError
	if rules != nil {
		if err := rules(); err != nil && !errors.As(err, &broken) {
			return err
		}
	}
	var all []kit.FieldError // in the order of fields
	for _, f := range fields {
		if f.fault != "" {
			all = append(all, f.error())
		} else if broken != nil {
			all = append(all, slices.DeleteFunc(slices.Clone(broken.Fields), func(e kit.FieldError) bool { return e.Field != f.name })...)
		}
	}
	return &kit.ValidationError{Fields: all}
}

// one returns the value of f, the only field of a body.
func (c content) one(f field) (string, error) {
	var value string
	f.text = &value
	err := c.decode([]field{f}, nil)
	return value, err
}

// fill gives fields their values and faults.
func (c content) fill(fields []field) error {
	for i := range fields {
		if !fields[i].optional {
			fields[i].fault = kit.CodeRequired
		}
	}
	if c.form != nil {
		for i := range fields {
			if value, given := c.form[fields[i].name]; given {
				fields[i].setText(value)
			}
		}
		return c.formErr
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
