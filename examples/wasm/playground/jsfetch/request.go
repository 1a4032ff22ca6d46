package jsfetch

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
)

// newRequest returns the request as net/http's server would hand it to a handler.
// RemoteAddr stays empty, since there is no connection: an invented address would
// be believed.
func newRequest(ctx context.Context, method, address string, header http.Header, body []byte) (*http.Request, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, fmt.Errorf("jsfetch: %w", err)
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("jsfetch: %q is no http or https address", u.Redacted())
	}
	// A server is sent the path and the query alone; the rest of the address would
	// tell a handler that the request came through a proxy.
	target := &url.URL{Path: u.Path, RawPath: u.RawPath, RawQuery: u.RawQuery, ForceQuery: u.ForceQuery}
	r := &http.Request{
		Method:        method,
		URL:           target,
		RequestURI:    target.RequestURI(),
		Proto:         "HTTP/1.1",
		ProtoMajor:    1,
		ProtoMinor:    1,
		Header:        header,
		Host:          u.Host,
		Body:          http.NoBody,
		ContentLength: int64(len(body)),
	}
	if len(body) > 0 {
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	return r.WithContext(ctx), nil
}
