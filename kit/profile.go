package kit

import (
	"encoding/json"
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"

	"myauth.internal/kit/ijson"
)

const (
	maxUsernameChars = 64
	maxSettingsBytes = 16 << 10
	maxSettingsDepth = 16
)

// checkUsername returns the name as it is stored, without surrounding space.
func checkUsername(field, name string) (string, []FieldError) {
	if !utf8.ValidString(name) {
		return "", []FieldError{{field, CodeInvalidCharacters, "must be valid Unicode"}}
	}
	name = strings.TrimSpace(name)
	switch n := utf8.RuneCountInString(name); {
	case n == 0:
		return "", []FieldError{{field, CodeTooShort, "must have at least 1 character besides space"}}
	case n > maxUsernameChars:
		return "", []FieldError{{field, CodeTooLong, "must have at most 64 characters"}}
	case strings.ContainsFunc(name, unicode.IsControl):
		return "", []FieldError{{field, CodeInvalidCharacters, "must not contain control characters"}}
	}
	return name, nil
}

// checkSettings returns the settings as they are stored, without insignificant
// space. None at all is {}.
func checkSettings(field string, settings json.RawMessage) (json.RawMessage, []FieldError) {
	if settings == nil {
		return json.RawMessage("{}"), nil
	}
	switch err := ijson.Object(settings, maxSettingsDepth, nil); {
	case errors.Is(err, ijson.ErrDepth):
		return nil, []FieldError{{field, CodeTooLong, "must be nested at most 16 deep"}}
	case err != nil:
		return nil, []FieldError{{field, CodeInvalidType, "must be one JSON object without repeated keys"}}
	}
	compact := ijson.Compact(nil, settings)
	if len(compact) > maxSettingsBytes {
		return nil, []FieldError{{field, CodeTooLong, "must have at most 16 KiB"}}
	}
	return compact, nil
}
