package httpx

import (
	"cmp"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"myauth.internal/kit"
)

// maxBody is the size of the greatest body that is read, in bytes.
const maxBody = 64 << 10

// The media types of requests and answers.
const (
	mediaJSON    = "application/json"
	mediaForm    = "application/x-www-form-urlencoded"
	mediaProblem = "application/problem+json"
)

// errCutShort is a body that ends early.
var errCutShort = malformed("The request body is incomplete.")

var errNotJSON = unsupported("Send application/json, in UTF-8.")

// readBody checks the type of a request's body and reads it. An optional one that is not
// there is an object without members.
func readBody(r *http.Request, kind kit.BodyType) (b kit.Body, err error) {
	if kind == kit.OptionalJSON && r.Header["Content-Type"] == nil {
		text, err := readText(r)
		if err == nil && len(text) > 0 {
			err = errNotJSON
		}
		return kit.Body{JSON: []byte("{}")}, err
	}
	form, ok := mediaType(r.Header)
	if !ok || form && kind != kit.JSONOrForm {
		if kind == kit.JSONOrForm {
			return b, unsupported("Send application/json or application/x-www-form-urlencoded, in UTF-8.")
		}
		return b, errNotJSON
	}
	if !plainEncoding(r.Header["Content-Encoding"]) {
		return b, unsupported("Send the body without Content-Encoding.")
	}
	text, err := readText(r)
	switch {
	case err != nil:
		return b, err
	case form:
		b.Form, b.FormErr = parseForm(text)
	case kind == kit.OptionalJSON && len(text) == 0: // many clients always name a type
		b.JSON = []byte("{}")
	default:
		b.JSON = text
	}
	return b, nil
}

// mediaType reports whether the Content-Type is one of the two, in UTF-8 if it says
// a charset (utf8 is a common misspelling), and whether it is the form's. Other
// parameters mean nothing to either and are ignored.
func mediaType(header http.Header) (form, ok bool) {
	values := header["Content-Type"]
	if len(values) != 1 {
		return false, false
	}
	if values[0] == mediaJSON {
		return false, true
	}
	name, params, err := mime.ParseMediaType(values[0])
	if err != nil {
		return false, false
	}
	if charset, given := params["charset"]; given && !strings.EqualFold(charset, "utf-8") && !strings.EqualFold(charset, "utf8") {
		return false, false
	}
	return name == mediaForm, name == mediaForm || name == mediaJSON
}

// plainEncoding reports whether the values of Content-Encoding name no coding.
func plainEncoding(values []string) bool {
	for _, v := range values {
		for coding := range strings.SplitSeq(v, ",") {
			if coding = strings.Trim(coding, " \t"); coding != "" && !strings.EqualFold(coding, "identity") {
				return false
			}
		}
	}
	return true
}

// readText reads a body of at most maxBody bytes. It reads nothing of a larger one whose
// length was announced, and one byte more than allowed of another.
func readText(r *http.Request) ([]byte, error) {
	if r.ContentLength > maxBody {
		return nil, errTooLarge
	}
	if r.Body == nil {
		return nil, nil
	}
	data, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	switch {
	case err == nil && len(data) <= maxBody:
		return data, nil
	case len(data) > maxBody, errors.As(err, new(*http.MaxBytesError)): // of a middleware
		return nil, errTooLarge
	default:
		return nil, errCutShort
	}
}

// unread reports whether err left a part of the body on the wire that must not be
// waited for.
func unread(err error) bool {
	var p *kit.Problem
	return errors.As(err, &p) && (p == errTooLarge || p == errCutShort)
}

// parseForm returns the parameters of a form body
// (application/x-www-form-urlencoded), and an error for a wrong percent-encoding, text
// that is not UTF-8, and a parameter that is there twice, as RFC 6749 section 3.2 asks;
// package net/url would keep the first of two and drop what it cannot read. A semicolon
// is an ordinary character.
func parseForm(data []byte) (values map[string]string, err error) {
	values = map[string]string{}
	for pair := range strings.SplitSeq(string(data), "&") {
		if pair == "" {
			continue
		}
		rawName, rawValue, _ := strings.Cut(pair, "=")
		name, err1 := url.QueryUnescape(rawName)
		value, err2 := url.QueryUnescape(rawValue)
		first, twice := values[name]
		switch {
		case err1 != nil:
			err = malformed("The form has an invalid percent-encoding.")
			continue
		case err2 != nil:
			value, err = rawValue, malformed("The form has an invalid percent-encoding.")
		case !utf8.ValidString(name) || !utf8.ValidString(value):
			err = malformed("The form is not valid UTF-8.")
		case twice:
			// If one of two grant types is empty, the error still has the shape of RFC 6749.
			value, err = cmp.Or(first, value), malformed("The form has two parameters with the same name.")
		}
		values[name] = value
	}
	return values, err
}
