package httpx

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"

	"myauth.internal/kit"
)

// counter counts what is read through it.
type counter struct {
	r io.Reader
	n int
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += n
	return n, err
}

func padded(n int) string {
	const frame = `{"email":"ada@example.com","x":""}`
	return frame[:len(frame)-2] + strings.Repeat("x", n-len(frame)) + frame[len(frame)-2:]
}

func TestBodySize(t *testing.T) {
	for _, tc := range []struct {
		name     string
		size     int
		announce bool
		tooLarge bool
		read     int
	}{
		{"small", 100, true, false, 100},
		{"small in chunks", 100, false, false, 100},
		{"the limit", maxBody, true, false, maxBody},
		{"the limit in chunks", maxBody, false, false, maxBody},
		{"a byte more", maxBody + 1, true, true, 0},
		{"a byte more in chunks", maxBody + 1, false, true, maxBody + 1},
		{"a megabyte", 1 << 20, true, true, 0},
		{"a megabyte in chunks", 1 << 20, false, true, maxBody + 1},
	} {
		for _, how := range []struct {
			name string
			wrap func(io.Reader) io.Reader
		}{
			{"at once", func(r io.Reader) io.Reader { return r }},
			{"in halves", iotest.HalfReader},
			{"with the error", iotest.DataErrReader},
		} {
			t.Run(tc.name+" "+how.name, func(t *testing.T) {
				text := padded(tc.size)
				body := &counter{r: how.wrap(strings.NewReader(text))}
				r := httptest.NewRequest(http.MethodPost, "/", body)
				r.Header.Set("Content-Type", "application/json")
				r.ContentLength = -1
				if tc.announce {
					r.ContentLength = int64(tc.size)
				}
				c, err := readBody(r, kit.JSONBody)
				if tc.tooLarge {
					if !errors.Is(err, errTooLarge) {
						t.Errorf("got error %v, want too large", err)
					}
				} else if err != nil || string(c.JSON) != text {
					t.Errorf("got %d bytes and error %v, want %d", len(c.JSON), err, tc.size)
				}
				if body.n != tc.read {
					t.Errorf("%d bytes were read, want %d", body.n, tc.read)
				}
			})
		}
	}
}

func TestBodyThatBreaksOff(t *testing.T) {
	rg := newRig(t, Options{})
	for name, body := range map[string]io.Reader{
		"error":   io.MultiReader(strings.NewReader(`{"email":`), iotest.ErrReader(errors.New("a secret of the network"))),
		"timeout": iotest.TimeoutReader(iotest.OneByteReader(strings.NewReader(`{"email":"a@b.example"}`))),
		"eof":     io.MultiReader(strings.NewReader(`{"email":`), iotest.ErrReader(io.ErrUnexpectedEOF)),
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodPost, "/auth/login", body)
			r.Header.Set("Content-Type", "application/json")
			w := httptest.NewRecorder()
			rg.ServeHTTP(w, r)
			p := wantProblem(t, w, http.StatusBadRequest, "malformed_request")
			if strings.Contains(p.Detail, "secret") || w.Header().Get("Connection") != "close" {
				t.Errorf("got %q, Connection %q", p.Detail, w.Header().Get("Connection"))
			}
		})
	}
	t.Run("limit of a middleware", func(t *testing.T) {
		limited := http.MaxBytesHandler(rg, 10)
		wantProblem(t, post(limited, "/auth/login", `{"email":"a@b.example","password":"x"}`), http.StatusRequestEntityTooLarge, "request_too_large")
	})
	t.Run("no body", func(t *testing.T) {
		r := httptest.NewRequest(http.MethodPost, "/auth/login", nil)
		r.Header.Set("Content-Type", "application/json")
		r.Body = nil
		w := httptest.NewRecorder()
		rg.ServeHTTP(w, r)
		wantProblem(t, w, http.StatusBadRequest, "malformed_request")
	})
}

// On the wire too, an announced body is refused before it comes, and an endless one
// after the limit: each of these would hang if the server waited for more.
func TestTooLargeOnTheWire(t *testing.T) {
	server := httptest.NewServer(newRig(t, Options{}))
	defer server.Close()
	const head = "POST /auth/register HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
	chunk := fmt.Sprintf("%x\r\n%s\r\n", maxBody+1, strings.Repeat(" ", maxBody+1))
	for name, request := range map[string]string{
		"announced": head + "Content-Length: 65537\r\n\r\n",
		"chunked":   head + "Transfer-Encoding: chunked\r\n\r\n" + chunk,
	} {
		t.Run(name, func(t *testing.T) {
			conn, err := net.Dial("tcp", server.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if _, err := io.WriteString(conn, request); err != nil {
				t.Fatal(err)
			}
			response, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			if response.StatusCode != http.StatusRequestEntityTooLarge || !response.Close {
				t.Errorf("got %d, close %v", response.StatusCode, response.Close)
			}
		})
	}
}

func TestMediaType(t *testing.T) {
	rg := newRig(t, Options{})
	const body = `{"email":"ada@example.com","password":"wrong"}`
	const form = `username=ada%40example.com&password=wrong`
	for _, tc := range []struct {
		body, header string
		values       []string
		status       int
	}{
		{body, "Content-Type", []string{"application/json"}, 401},
		{body, "Content-Type", []string{"Application/JSON"}, 401},
		{body, "Content-Type", []string{"application/json; charset=utf-8"}, 401},
		{body, "Content-Type", []string{`application/json;charset="UTF-8"`}, 401},
		{body, "Content-Type", []string{"application/json; charset=utf8"}, 401},
		{body, "Content-Type", []string{"application/json; charset=UTF8"}, 401},
		{form, "Content-Type", []string{"application/x-www-form-urlencoded; charset=utf8"}, 401},
		{body, "Content-Type", []string{"application/json; charset=utf-8-sig"}, 415},
		{body, "Content-Type", []string{"application/json; charset="}, 415},
		{body, "Content-Type", []string{"application/json; profile=x"}, 401},
		{form, "Content-Type", []string{"application/x-www-form-urlencoded"}, 401},
		{form, "Content-Type", []string{"application/x-www-form-urlencoded; charset=UTF-8"}, 401},
		{body, "Content-Type", nil, 415},
		{body, "Content-Type", []string{""}, 415},
		{body, "Content-Type", []string{"text/plain"}, 415},
		{body, "Content-Type", []string{"application/problem+json"}, 415},
		{body, "Content-Type", []string{"application/jsonp"}, 415},
		{body, "Content-Type", []string{"application/json; charset=latin1"}, 415},
		{body, "Content-Type", []string{"application/json; charset=utf-16"}, 415},
		{body, "Content-Type", []string{"application/json; charset"}, 415},
		{body, "Content-Type", []string{"application/json, text/plain"}, 415},
		{body, "Content-Type", []string{"application/json", "application/json"}, 415},
		{form, "Content-Type", []string{"multipart/form-data; boundary=x"}, 415},
		{body, "Content-Encoding", []string{"identity"}, 401},
		{body, "Content-Encoding", []string{""}, 401},
		{body, "Content-Encoding", []string{"gzip"}, 415},
		{body, "Content-Encoding", []string{"identity, br"}, 415},
		{body, "Content-Encoding", []string{"identity", "deflate"}, 415},
	} {
		t.Run(fmt.Sprint(tc.header, tc.values), func(t *testing.T) {
			var header []string
			if tc.header != "Content-Type" {
				header = append(header, "Content-Type", "application/json")
			}
			for _, v := range tc.values {
				header = append(header, tc.header, v)
			}
			w := do(rg, http.MethodPost, "/auth/login", tc.body, header...)
			code := "invalid_credentials"
			if tc.status == 415 {
				code = "unsupported_media_type"
			}
			wantProblem(t, w, tc.status, code)
		})
	}
	t.Run("forms log in and do nothing else", func(t *testing.T) {
		for _, route := range []string{"register", "refresh", "logout", "password-reset-request", "password-reset", "verify-email-request", "verify-email", "verify-email/deny"} {
			w := do(rg, http.MethodPost, "/auth/"+route, form, "Content-Type", "application/x-www-form-urlencoded")
			wantProblem(t, w, http.StatusUnsupportedMediaType, "unsupported_media_type")
		}
	})
	t.Run("the type is checked before the size, the size before the text", func(t *testing.T) {
		large := bytes.Repeat([]byte("}"), maxBody+1)
		wantProblem(t, do(rg, http.MethodPost, "/auth/login", string(large), "Content-Type", "text/plain"), 415, "unsupported_media_type")
		wantProblem(t, post(rg, "/auth/login", string(large)), 413, "request_too_large")
	})
}
