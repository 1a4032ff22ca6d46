package httpx

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"myauth.internal/httpx/cookie"
	"myauth.internal/kit"
	"myauth.internal/kit/ijson"
)

// send writes a whole answer with the headers that every answer has.
func send(w http.ResponseWriter, r *http.Request, mediaType string, a *kit.Answer) {
	header := w.Header()
	values := make([]string, 4) // of all headers at once: one allocation
	set := func(i int, name, value string) {
		values[i] = value
		header[name] = values[i : i+1 : i+1]
	}
	set(0, "Cache-Control", "no-store")
	if a.CacheControl != "" {
		values[0] = a.CacheControl
	}
	set(1, "X-Content-Type-Options", "nosniff")
	if a.ETag != "" {
		header.Set("Etag", a.ETag)
	}
	if a.Location != "" {
		header.Set("Location", a.Location)
		if a.Status >= 300 {
			// The address that redirects, and that before it, may hold a code.
			header.Set("Referrer-Policy", "no-referrer")
		}
	}
	setCookies(w, r, a)
	if a.Body == nil {
		w.WriteHeader(a.Status)
		return
	}
	set(2, "Content-Type", mediaType)
	set(3, "Content-Length", strconv.Itoa(len(a.Body)))
	w.WriteHeader(a.Status)
	if r.Method != http.MethodHead {
		// A write fails when the client has gone, which is no fault to report.
		_, _ = w.Write(a.Body)
	}
}

func setCookies(w http.ResponseWriter, r *http.Request, a *kit.Answer) {
	for _, c := range a.Cookies {
		cookie.Set(w.Header(), cookieOf(r, c))
	}
}

func cookieOf(r *http.Request, c kit.Cookie) *http.Cookie {
	return cookie.New(r, c.Name, c.Value, c.MaxAge, c.CrossSite)
}

// maxCookie bounds the name and the value of a cookie (RFC 6265bis, section 5.6).
const maxCookie = 4096

// prepare makes a what send can write: the tokens become its body; if they are in cookies, what
// else there is to say of them does. An error is a mistake of the route.
func prepare(r *http.Request, a *kit.Answer, inCookies bool) error {
	if a.Tokens.AccessToken != "" {
		if err := encodeTokens(a, inCookies); err != nil {
			return err
		}
	}
	for _, c := range a.Cookies {
		if err := cookieOf(r, c).Valid(); err != nil {
			return fmt.Errorf("httpx: a cookie of the answer: %w", err)
		}
		if len(c.Name)+len(c.Value) > maxCookie {
			return fmt.Errorf("httpx: the cookie %s of the answer is longer than %d bytes, so browsers ignore it", c.Name, maxCookie)
		}
	}
	for _, value := range [...]string{a.Location, a.CacheControl, a.ETag} {
		if strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r > '~' }) {
			return errors.New("httpx: the Location, CacheControl or ETag of an answer is not printable ASCII")
		}
	}
	switch {
	case a.Status < 200 || a.Status > 399:
		return fmt.Errorf("httpx: the status of an answer is %d: it must be 200 to 399", a.Status)
	case a.Body != nil && (a.Status == http.StatusNoContent || a.Status == http.StatusNotModified):
		return fmt.Errorf("httpx: an answer with status %d has a body", a.Status)
	}
	return nil
}

// encodeTokens makes the token response (RFC 6749, section 5.1, and the user) of a.Tokens and
// the members of a.Body. The tokens are of characters that need no escaping in JSON.
func encodeTokens(a *kit.Answer, inCookies bool) error {
	t := &a.Tokens
	b := make([]byte, 0, 640+len(t.AccessToken)+len(t.RefreshToken)+len(t.User.Settings)+len(a.Body))
	b = append(b, '{')
	if !inCookies {
		b = append(b, `"access_token":"`...)
		b = append(b, t.AccessToken...)
		b = append(b, `","token_type":"bearer",`...)
	}
	b = append(b, `"expires_in":`...)
	b = appendSeconds(b, t.ExpiresIn)
	if t.RefreshToken != "" {
		if !inCookies {
			b = append(b, `,"refresh_token":"`...)
			b = append(b, t.RefreshToken...)
			b = append(b, '"')
		}
		b = append(b, `,"refresh_token_expires_in":`...)
		b = appendSeconds(b, t.RefreshTokenExpiresIn)
		b = append(b, `,"user":`...)
		var err error
		if b, err = t.User.AppendJSON(b); err != nil {
			return err
		}
	}
	if t.DeviceToken != "" && !inCookies {
		b = append(b, `,"device_token":"`...)
		b = append(b, t.DeviceToken...)
		b = append(b, '"')
	}
	b = append(b, '}')
	if a.Body != nil {
		b = joinObjects(b, a.Body)
		if err := ijson.Object(b, maxAnswerDepth, nil); err != nil {
			return fmt.Errorf("httpx: the body of an answer with tokens must be one JSON object with members of other names: %w", err)
		}
	}
	if a.Status == 0 {
		a.Status = http.StatusOK
	}
	if inCookies {
		a.Tokens = kit.TokenPair{User: t.User}
	}
	a.Body = b
	return nil
}

// maxAnswerDepth is more than the user's settings may have.
const maxAnswerDepth = 64

// appendSeconds rounds down: a client that waits until then is not too late.
func appendSeconds(b []byte, d time.Duration) []byte {
	return strconv.AppendInt(b, int64(d/time.Second), 10)
}

// joinObjects appends the members of the JSON object more to the object b.
func joinObjects(b, more []byte) []byte {
	members := bytes.TrimSpace(bytes.TrimPrefix(bytes.TrimSpace(more), []byte("{")))
	if string(members) == "}" {
		return b
	}
	b = append(b[:len(b)-1], ',')
	return append(b, members...)
}

// encode is v as JSON, without the escapes that only HTML needs.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return bytes.TrimRight(b.Bytes(), "\n"), err
}
