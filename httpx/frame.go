package httpx

import (
	"context"
	"errors"
	"net/http"

	"myauth.internal/httpx/cookie"
	"myauth.internal/kit"
)

// serve answers a request for a route: what all routes have in common, before and after the
// route's own function. The access token is verified before a body is read, so that the body of
// a stranger takes no memory. Its user is looked up after that: a client may send its body slowly,
// and what ends the session meanwhile counts. The outcome is for tracers.
func (h *Handler) serve(w http.ResponseWriter, r *http.Request, rt kit.Route) (outcome string) {
	in := kit.Request{Source: (*source)(r)}
	var answer kit.Answer
	err := catchPanic(func() (err error) {
		ctx, token := h.clientContext(r), ""
		if err := h.admit(asked(w, r), rt.CrossSite); err != nil {
			return err
		}
		if rt.Body != kit.NoBody {
			if rt.Access != kit.Public && rt.Access != kit.PublicOrRecent {
				if token, err = h.verified(w, r); err != nil {
					return bearerError{err}
				}
			}
			if in.Body, err = readBody(r, rt.Body); err != nil {
				return err
			}
			if in.Body.JSON != nil { // a form is for tools that keep no more than the tokens of OAuth
				ctx = kit.WithDevice(ctx, "")
			}
		}
		if h.options.Cookies {
			ctx = kit.WithDevice(ctx, cookie.Get(r, cookie.Device))
		}
		id, err := h.identify(ctx, w, r, token, rt.Access)
		switch {
		case err != nil && rt.Access == kit.PublicOrRecent:
			in.NotSignedIn = bearerError{err}
		case err != nil:
			return bearerError{err}
		default:
			in.User, in.Claims = id.user, id.claims
		}
		if rt.Access == kit.AdminOnly {
			ctx = kit.WithActor(ctx, in.User.ID)
		}
		if len(r.Header["Authorization"]) > 1 {
			return errManyAuthorizations
		}
		answer, err = rt.Serve(ctx, in)
		if h.options.Cookies {
			err = h.keepSession(ctx, w, r, &answer, err)
		}
		if err != nil {
			return err
		}
		return prepare(r, &answer, h.options.Cookies)
	})
	if isGrant(in.Body) {
		w.Header().Set("Pragma", noCache)
		if err != nil {
			err = &grantError{err}
		}
	}
	if c, ok := w.(*called); ok && err == nil {
		c.take(r, &answer)
		return traceOK
	}
	if err != nil {
		return h.writeError(w, r, err, errors.As(err, new(bearerError)))
	}
	send(w, r, mediaJSON, &answer)
	return traceOK
}

// identify returns who may call a route with that access; nobody, if everybody may.
func (h *Handler) identify(ctx context.Context, w http.ResponseWriter, r *http.Request, token string, access kit.Access) (identity, error) {
	switch access {
	case kit.Public:
		return identity{}, nil
	case kit.RecentlySignedIn, kit.PublicOrRecent:
		return h.recently(ctx, w, r, token)
	case kit.AdminOnly:
		id, err := h.recently(ctx, w, r, token)
		if err == nil && !id.user.HasRole(kit.AdminRole) {
			err = errInsufficientRole
		}
		return id, err
	default:
		return h.authenticate(ctx, w, r, token, false)
	}
}

// verified returns the access token of r, or in cookie mode the one that replaces it, after
// verifying it without a store.
func (h *Handler) verified(w http.ResponseWriter, r *http.Request) (string, error) {
	token, err := h.accessToken(r)
	if err == nil {
		_, err = h.verifier.Verify(token)
	}
	if err != nil {
		return h.renew(w, r, err)
	}
	return token, nil
}

// source is the [kit.Source] of a request. It is the request itself, so it costs nothing.
type source http.Request

// PathValue returns the value of a wildcard.
func (s *source) PathValue(name string) string { return (*http.Request)(s).PathValue(name) }

// QueryValue returns the first value of a parameter.
func (s *source) QueryValue(name string) string { return s.URL.Query().Get(name) }

// HeaderValues returns the values of a header.
func (s *source) HeaderValues(name string) []string { return s.Header.Values(name) }

// CookieValue returns the value of a cookie that is there once.
func (s *source) CookieValue(name string) string { return cookie.Get((*http.Request)(s), name) }

// clientContext returns the context of r with its client. A connection without an address,
// such as one over a Unix socket, leaves the address that the application may have put there.
func (h *Handler) clientContext(r *http.Request) context.Context {
	ctx := r.Context()
	client := kit.Client{IP: clientAddress(r, h.options.TrustedProxies)}
	if !client.IP.IsValid() {
		client.IP = kit.ClientOf(ctx).IP
	}
	if agent := r.Header["User-Agent"]; len(agent) > 0 {
		client.UserAgent = agent[0]
	}
	return kit.WithClient(ctx, client)
}
