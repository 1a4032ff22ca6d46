package plugin

import (
	"encoding/json"
	"errors"
	"unicode"
	"unicode/utf8"

	"myauth.internal/kit/ijson"
)

// What an answer may be.
const (
	maxAnswer  = 1024 // bytes
	maxCode    = 40
	maxMessage = 200 // characters
)

// verdict is what a plug-in has said, once it is known to be fit for a client.
type verdict struct {
	refuse        bool
	code, message string
}

// appendRequest appends what a plug-in gets to see.
func appendRequest(b []byte, domain string) []byte {
	text, _ := json.Marshal(struct {
		Domain string `json:"email_domain"`
	}{domain}) // a string always works
	return append(b, text...)
}

// parseVerdict reads {"refuse":false}, or {"refuse":true,"code":…,"message":…}.
func parseVerdict(text []byte) (verdict, error) {
	var v verdict
	decided := false
	err := ijson.Object(text, 1, func(name, value []byte) (err error) {
		switch string(name) {
		case "refuse":
			decided = ijson.Kind(value) == 't'
			v.refuse = string(value) == "true"
		case "code":
			v.code, err = ijson.String(value)
		case "message":
			v.message, err = ijson.String(value)
		}
		return err
	})
	switch {
	case err != nil:
		return verdict{}, errors.New("the answer is not a JSON object with refuse, code and message")
	case !decided:
		return verdict{}, errors.New("the answer has no refuse that is true or false")
	case v.refuse && !isCode(v.code):
		return verdict{}, errors.New("the code of a refusal is a to z and _, up to 40 characters")
	case v.refuse && !isMessage(v.message):
		return verdict{}, errors.New("the message of a refusal is printable text, up to 200 characters")
	}
	return v, nil
}

func isCode(s string) bool {
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && c != '_' {
			return false
		}
	}
	return 0 < len(s) && len(s) <= maxCode
}

func isMessage(s string) bool {
	for _, r := range s {
		if !unicode.IsPrint(r) {
			return false
		}
	}
	return s != "" && utf8.RuneCountInString(s) <= maxMessage
}
