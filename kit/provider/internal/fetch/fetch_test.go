package fetch

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// do is a RoundTripper without a network.
type do func(*http.Request) (*http.Response, error)

func (d do) RoundTrip(r *http.Request) (*http.Response, error) { return d(r) }

func answer(status int, body io.Reader) do {
	return func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: status, Header: http.Header{"Location": {"https://elsewhere.example/"}}, ContentLength: -1, Body: io.NopCloser(body)}, nil
	}
}

func get(ctx context.Context, c *http.Client, url string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, "GET", url, nil)
	if err != nil {
		return nil, err
	}
	resp, err := c.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	return io.ReadAll(resp.Body)
}

func TestSize(t *testing.T) {
	for _, test := range []struct {
		size  int
		known bool // by Content-Length
		ok    bool
	}{{0, true, true}, {MaxBody - 1, true, true}, {MaxBody - 1, false, true}, {MaxBody, true, false}, {MaxBody, false, false}, {5 << 20, false, false}} {
		c := Client(Options{Transport: do(func(r *http.Request) (*http.Response, error) {
			resp, err := answer(200, strings.NewReader(strings.Repeat("x", test.size)))(r)
			if test.known {
				resp.ContentLength = int64(test.size)
			}
			return resp, err
		})})
		b, err := get(t.Context(), c, "https://x.example/")
		if test.ok != (err == nil) || !test.ok && !errors.Is(err, ErrUnavailable) || test.ok && len(b) != test.size {
			t.Errorf("%+v: %d bytes, %v", test, len(b), err)
		}
		// A reader that has the same bound of its own sees the error too.
		resp, err := c.Get("https://x.example/")
		if err == nil {
			_, err = io.ReadAll(io.LimitReader(resp.Body, MaxBody))
			if _, again := resp.Body.Read(make([]byte, 1)); !test.ok && !errors.Is(again, ErrUnavailable) {
				t.Errorf("%+v: the next read: %v", test, again)
			}
		}
		if test.ok != (err == nil) {
			t.Errorf("%+v, read in part: %v", test, err)
		}
	}
}

// A small answer that becomes a large one is bounded by the latter.
func TestBomb(t *testing.T) {
	var bomb bytes.Buffer
	w := gzip.NewWriter(&bomb)
	w.Write(make([]byte, 2*MaxBody))
	w.Close()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		w.Write(bomb.Bytes())
	}))
	defer server.Close()
	c := Client(Options{AllowPrivate: true})
	defer c.CloseIdleConnections()
	if b, err := get(t.Context(), c, server.URL); !errors.Is(err, ErrUnavailable) || len(b) > MaxBody {
		t.Errorf("%d bytes, %v", len(b), err)
	}
}

func TestRedirect(t *testing.T) {
	for _, status := range []int{301, 302, 303, 307, 308, 300, 304} {
		requests := 0
		next := answer(status, strings.NewReader("x"))
		c := Client(Options{Transport: do(func(r *http.Request) (*http.Response, error) {
			requests++
			return next(r)
		})})
		if _, err := get(t.Context(), c, "https://x.example/"); !errors.Is(err, ErrUnavailable) || requests != 1 {
			t.Errorf("%d: %v after %d requests", status, err, requests)
		}
	}
}

// silence is a body of one byte a second, or none at all.
type silence struct {
	ctx  context.Context
	drip bool
}

func (s silence) Read(p []byte) (int, error) {
	if s.drip {
		select {
		case <-time.After(time.Second):
			p[0] = 'x'
			return 1, nil
		case <-s.ctx.Done():
		}
	}
	<-s.ctx.Done()
	return 0, s.ctx.Err()
}

func TestTime(t *testing.T) {
	for name, next := range map[string]do{
		"no answer": func(r *http.Request) (*http.Response, error) { <-r.Context().Done(); return nil, r.Context().Err() },
		"no body":   func(r *http.Request) (*http.Response, error) { return answer(200, silence{ctx: r.Context()})(r) },
		"a drip":    func(r *http.Request) (*http.Response, error) { return answer(200, silence{r.Context(), true})(r) },
	} {
		synctest.Test(t, func(t *testing.T) {
			c := Client(Options{Transport: next})
			begin := time.Now()
			_, err := get(t.Context(), c, "https://x.example/")
			if took := time.Since(begin); took != Timeout || !errors.Is(err, ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: %v after %v", name, err, took)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
			defer cancel()
			begin = time.Now()
			_, err = get(ctx, c, "https://x.example/")
			if took := time.Since(begin); took != 3*time.Second || !errors.Is(err, ErrUnavailable) {
				t.Errorf("%s, the caller leaves: %v after %v", name, err, took)
			}
		})
	}
}

func TestScheme(t *testing.T) {
	for _, private := range []bool{false, true} {
		var requests atomic.Int32
		c := Client(Options{AllowPrivate: private, Transport: do(func(r *http.Request) (*http.Response, error) {
			requests.Add(1)
			return answer(200, strings.NewReader(""))(r)
		})})
		for url, ok := range map[string]bool{"https://x.example/": true, "http://x.example/": private, "file:///etc/passwd": false, "ftp://x.example/": false} {
			if _, err := get(t.Context(), c, url); ok != (err == nil) || !ok && !errors.Is(err, ErrUnavailable) {
				t.Errorf("private %v, %s: %v", private, url, err)
			}
		}
		if want := map[bool]int32{false: 1, true: 2}[private]; requests.Load() != want {
			t.Errorf("private %v: %d requests", private, requests.Load())
		}
	}
}

func TestNoCookies(t *testing.T) {
	sent := ""
	c := Client(Options{Transport: do(func(r *http.Request) (*http.Response, error) {
		sent += r.Header.Get("Cookie")
		resp, err := answer(200, strings.NewReader(""))(r)
		resp.Header.Set("Set-Cookie", "a=b")
		return resp, err
	})})
	for range 2 {
		get(t.Context(), c, "https://x.example/")
	}
	if sent != "" {
		t.Errorf("sent the cookie %s", sent)
	}
}
