//go:build wasip1

// Command guest checks access tokens in front of an http-wasm host: a proxy or a
// server that runs WebAssembly before its handlers. A request with a good token goes
// on, with who it is in headers; any other is answered here.
package main

import (
	"errors"
	"strings"
	"time"

	"myauth.internal/kit/accesstoken"
)

// maxHeader is more than the longest token with its scheme.
const maxHeader = accesstoken.MaxLength + 64

// maxClaims is how many bytes the three headers may have together. Proxies and servers
// accept 8 KiB for one header, some of them for all, and the token is there as well.
const maxClaims = 4096

// What the application behind reads. They are taken out of every request first, so
// that no client can send them.
const (
	subjectHeader = "X-Auth-Subject"
	sessionHeader = "X-Auth-Session"
	rolesHeader   = "X-Auth-Roles"
)

// built is a time in the past for whatever runs this.
var built = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)

// verifier is made when the host loads the guest: a reactor has no other moment
// before the first request, and a wrong configuration must be seen at once.
var verifier = load()

func load() *accesstoken.Verifier {
	v, err := newVerifier(config())
	if err == nil && time.Now().Before(built) {
		// A token is good or expired by the clock alone.
		err = errors.New("the host gives its guests no real clock (with wazero: ModuleConfig.WithSysWalltime)")
	}
	if err != nil {
		logError("myauth edge: " + err.Error())
		panic(err) // the host refuses to start
	}
	return v
}

func main() {} // a reactor: the host calls what it exports

// handleRequest returns 1 to go on to the next handler, and 0 when it has answered.
//
//go:wasmexport handle_request
func handleRequest() uint64 {
	for _, name := range []string{subjectHeader, sessionHeader, rolesHeader} {
		removeHeader(ofRequest, name)
	}
	value, count, tooLong := authorization()
	scheme, token, _ := strings.Cut(value, " ")
	switch {
	case count > 1:
		manyHeaders.write()
		return 0
	case tooLong:
		invalidToken.write()
		return 0
	case !strings.EqualFold(scheme, "Bearer"):
		missingToken.write()
		return 0
	}
	id, err := identify(strings.TrimLeft(token, " "))
	switch {
	case errors.Is(err, accesstoken.ErrExpired):
		expiredToken.write()
		return 0
	case errors.Is(err, errClaimsTooLarge):
		// Without some of the roles the request would be another one.
		logError("myauth edge: the claims of a token do not fit into the headers for the application: give its user fewer or shorter roles")
		claimsTooLarge.write()
		return 0
	case err != nil:
		invalidToken.write()
		return 0
	}
	setHeader(ofRequest, subjectHeader, id.subject)
	setHeader(ofRequest, sessionHeader, id.session)
	setHeader(ofRequest, rolesHeader, id.roles)
	return 1
}

// handleResponse has nothing to do: the answer is the application's.
//
//go:wasmexport handle_response
func handleResponse(_ uint32, _ uint32) {}
