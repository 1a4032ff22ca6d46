package kit

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"

	"myauth.internal/kit/ijson"
)

// maxBodyDepth bounds the nesting of a body. What is kept of it, the user's settings, has a
// tighter bound.
const maxBodyDepth = 64

// Body is the body of a [Request].
type Body struct {
	unprinted

	// JSON is the text of a JSON body.
	JSON []byte
	// Form has the parameters of a form, and is nil for JSON. FormErr is what is wrong with the
	// form, if anything; Form then has what could be read.
	Form    map[string]string
	FormErr error
}

// Field is one member of a body: its name and where its value goes, one of Text, Object, Flag
// and Any.
type Field struct {
	Name   string
	Text   *string          // a string
	Object *json.RawMessage // a JSON object
	Flag   *bool            // true or false
	Any    *json.RawMessage // any JSON value
	// Optional: it may be absent.
	Optional bool
	// Empty: the empty string is a value. Otherwise it counts as absent.
	Empty bool

	fault string // the code of what is wrong with it, if anything
}

// setText gives f a string of a form or of JSON.
func (f *Field) setText(s string) {
	f.fault = ""
	switch {
	case f.Text == nil:
		f.fault = CodeInvalidType
	case s == "" && !f.Empty:
		f.fault = CodeRequired
	default:
		*f.Text = s
	}
}

// setJSON gives f a value of any type.
func (f *Field) setJSON(value []byte) {
	f.fault = ""
	switch kind := ijson.Kind(value); {
	case f.Any != nil:
		*f.Any = value
	case f.Object != nil && kind == '{':
		*f.Object = value
	case f.Flag != nil && kind == 't':
		*f.Flag = value[0] == 't'
	case f.Text != nil && kind == '"':
		s, err := ijson.String(value)
		if err != nil {
			f.fault = CodeInvalidType
			return
		}
		f.setText(s)
	default:
		f.fault = CodeInvalidType
	}
}

func (f *Field) error() FieldError {
	message := "is required"
	if f.fault == CodeInvalidType {
		switch {
		case f.Object != nil:
			message = "must be a JSON object"
		case f.Flag != nil:
			message = "must be true or false"
		default:
			message = "must be a string"
		}
	}
	return FieldError{Field: f.Name, Code: f.fault, Message: message}
}

// Decode fills fields from the body. It returns a malformed_request when the body cannot
// be read, and a [ValidationError] when fields are missing or of another type, together
// with what rules, which may be nil, says of the other fields. Members that no field names
// are ignored.
func (b Body) Decode(fields []Field, rules func() error) error {
	if err := b.fill(fields); err != nil {
		return err
	}
	if !slices.ContainsFunc(fields, func(f Field) bool { return f.fault != "" }) {
		return nil
	}
	var broken *ValidationError
	if rules != nil {
		if err := rules(); err != nil && !errors.As(err, &broken) {
			return err
		}
	}
	var all []FieldError // in the order of Fields
	for _, f := range fields {
		if f.fault != "" {
			all = append(all, f.error())
		} else if broken != nil {
			all = append(all, slices.DeleteFunc(slices.Clone(broken.Fields), func(e FieldError) bool { return e.Field != f.Name })...)
		}
	}
	return &ValidationError{Fields: all}
}

// One returns the value of f, a text that is the only field of a body.
func (b Body) One(f Field) (string, error) {
	var value string
	f.Text = &value
	err := b.Decode([]Field{f}, nil)
	return value, err
}

// fill gives fields their values and faults.
func (b Body) fill(fields []Field) error {
	for i := range fields {
		if !fields[i].Optional {
			fields[i].fault = CodeRequired
		}
	}
	if b.Form != nil {
		for i := range fields {
			if value, given := b.Form[fields[i].Name]; given {
				fields[i].setText(value)
			}
		}
		return b.FormErr
	}
	// RFC 8259, section 8.1, lets a reader ignore a byte order mark, which editors and
	// tools of Windows write.
	text := bytes.TrimPrefix(b.JSON, []byte("\ufeff"))
	if len(text) == 0 {
		return malformed("The request body is empty. Send a JSON object.")
	}
	return jsonProblem(text, ijson.Object(text, maxBodyDepth, func(name, value []byte) error {
		if i := slices.IndexFunc(fields, func(f Field) bool { return f.Name == string(name) }); i >= 0 {
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
