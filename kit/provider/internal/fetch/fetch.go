// Package fetch makes the HTTP client with which providers are asked. The addresses it connects to
// come from the metadata of a provider, its answers from strangers: so everything is bounded.
package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

const (
	// Timeout bounds a whole request, from the name look-up to the last byte of the body.
	Timeout = 10 * time.Second
	// MaxBody bounds the body of an answer, in bytes, after it has been decompressed. An answer of that
	// many bytes is refused.
	MaxBody = 1 << 20
)

// ErrUnavailable is the error of a provider that cannot be reached, does not answer in time, or answers
// with a redirect or too much. Every error of a request, and of reading the body, wraps it, also the
// one of a caller that has left, which wraps the error of its context as well.
var ErrUnavailable = errors.New("fetch: the provider is not available")

// Options are for [Client].
type Options struct {
	// Transport makes the requests; nil means one that connects to public addresses only, speaks TLS
	// 1.2 and later, and knows no proxy, because a proxy looks names up on its own: whoever must use
	// one passes a transport with it here, and then it is for that transport and its proxy to keep
	// the network behind it closed.
	Transport http.RoundTripper
	// AllowPrivate allows http, and addresses that are not public.
	AllowPrivate bool
}

// Client returns a client whose requests last 10 seconds at most and follow no redirect, and whose
// answers have less than a MiB. Whatever the transport is, these bounds hold. It keeps no cookies.
func Client(o Options) *http.Client {
	if o.Transport == nil {
		o.Transport = transport(o.AllowPrivate)
	}
	return &http.Client{Transport: bounded{o.Transport, o.AllowPrivate}}
}

// bounded is a transport with bounds. The timeout is not http.Client's, because that one's error
// does not wrap what was the matter.
type bounded struct {
	next      http.RoundTripper
	allowHTTP bool
}

func (b bounded) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Scheme != "https" && (req.URL.Scheme != "http" || !b.allowHTTP) {
		if req.Body != nil {
			req.Body.Close()
		}
		return nil, fmt.Errorf("%w: the URL is not https", ErrUnavailable)
	}
	ctx, cancel := context.WithTimeout(req.Context(), Timeout)
	resp, err := b.next.RoundTrip(req.WithContext(ctx))
	switch {
	case err != nil:
		err = fmt.Errorf("%w: %w", ErrUnavailable, err)
	case resp.StatusCode >= 300 && resp.StatusCode < 400:
		err = fmt.Errorf("%w: the answer is a redirect, which is not followed", ErrUnavailable)
	}
	if err != nil {
		cancel()
		if resp != nil {
			resp.Body.Close()
		}
		return nil, err
	}
	resp.Body = &body{ReadCloser: resp.Body, left: MaxBody, cancel: cancel}
	return resp, nil
}

// CloseIdleConnections is for http.Client's method of that name.
func (b bounded) CloseIdleConnections() {
	if c, ok := b.next.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

var errTooLarge = fmt.Errorf("%w: the answer is too large", ErrUnavailable)

// body fails where it would have to be cut. It fails with the byte that fills MaxBody, not the one
// after it, so that a reader which stops there itself, as package oauth2 does, sees the error too.
type body struct {
	io.ReadCloser
	left   int
	cancel context.CancelFunc
}

func (b *body) Read(p []byte) (int, error) {
	if b.left == 0 {
		return 0, errTooLarge
	}
	n, err := b.ReadCloser.Read(p[:min(len(p), b.left)])
	b.left -= n
	switch {
	case b.left == 0:
		return n, errTooLarge
	case err == nil, err == io.EOF:
		return n, err
	}
	return n, fmt.Errorf("%w: %w", ErrUnavailable, err)
}

func (b *body) Close() error {
	defer b.cancel()
	return b.ReadCloser.Close()
}
