package httpx

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"
)

// maxBody is the size of the greatest body that is read, in bytes.
const maxBody = 64 << 10

// The media types that requests may have.
const (
	mediaJSON = "application/json"
	mediaForm = "application/x-www-form-urlencoded"
)

// bodyType says what body a route takes.
type bodyType int

const (
	noBody bodyType = iota
	jsonBody
	jsonOrForm
)

// content is a body that has been read.
type content struct {
	data []byte
	form bool // a form, else JSON
	// grant: a form with a grant_type, whose errors have the shape of RFC 6749.
	grant bool
}

// errCutShort is a body that did not come, or not to its end.
var errCutShort = malformed("The request body is incomplete.")

// readContent checks the type of a request's body and reads it. Forms are taken
// where forms says so.
func readContent(r *http.Request, forms bool) (content, error) {
	form, ok := mediaType(r.Header)
	if !ok || form && !forms {
		if forms {
			return content{}, unsupported("Send application/json or application/x-www-form-urlencoded, in UTF-8.")
		}
		return content{}, unsupported("Send application/json, in UTF-8.")
	}
	if !plainEncoding(r.Header["Content-Encoding"]) {
		return content{}, unsupported("Send the body as it is, without Content-Encoding.")
	}
	data, err := readBody(r)
	return content{data, form, form && err == nil && hasGrantType(data)}, err
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

// readBody reads a body of at most maxBody bytes. Of a greater one it reads nothing
// when the length was announced, and else one byte more than allowed.
func readBody(r *http.Request) ([]byte, error) {
	if r.ContentLength > maxBody {
		return nil, errTooLarge
	}
	if r.Body == nil {
		return nil, nil
	}
	// The room grows with what really comes, not with what is announced.
	room := int64(512)
	if r.ContentLength > 0 {
		room = min(r.ContentLength+1, 4096)
	}
	data := make([]byte, 0, room)
	for {
		n, err := r.Body.Read(data[len(data):min(cap(data), maxBody+1)])
		data = data[:len(data)+n]
		if len(data) > maxBody {
			return nil, errTooLarge
		}
		if errors.Is(err, io.EOF) {
			return data, nil
		}
		if err != nil {
			var smaller *http.MaxBytesError // of a middleware
			if errors.As(err, &smaller) {
				return nil, errTooLarge
			}
			return nil, errCutShort
		}
		if len(data) == cap(data) {
			data = append(data, 0)[:len(data)]
		}
	}
}

// unread reports whether err left a part of the body on the wire that must not be
// waited for.
func unread(err error) bool {
	var p *Problem
	return errors.As(err, &p) && (p == errTooLarge || p == errCutShort)
}

// parseForm returns the parameters of a form body
// (application/x-www-form-urlencoded). It refuses a wrong percent-encoding,
// text that is not UTF-8, and any parameter that is there twice, as RFC 6749 section
// 3.2 asks; package net/url would keep the first of two and drop what it cannot
// read. A semicolon is a character like others.
func parseForm(data []byte) (map[string]string, error) {
	values := map[string]string{}
	for pair := range strings.SplitSeq(string(data), "&") {
		if pair == "" {
			continue
		}
		rawName, rawValue, _ := strings.Cut(pair, "=")
		name, err1 := url.QueryUnescape(rawName)
		value, err2 := url.QueryUnescape(rawValue)
		if err1 != nil || err2 != nil {
			return nil, malformed("The form has an invalid percent-encoding.")
		}
		if !utf8.ValidString(name) || !utf8.ValidString(value) {
			return nil, malformed("The form is not valid UTF-8.")
		}
		if _, twice := values[name]; twice {
			return nil, malformed("The form has two parameters with the same name.")
		}
		values[name] = value
	}
	return values, nil
}
