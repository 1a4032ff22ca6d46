package httpx

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"net/http"
	"strings"
)

//go:embed openapi.json
var openapi []byte

// openapiDocument returns the OpenAPI document with the paths that they have under
// prefix. In the file each begins a JSON string with /auth/.
func openapiDocument(prefix string) []byte {
	return bytes.ReplaceAll(openapi, []byte(`"/auth/`), []byte(`"`+prefix+`/`))
}

// serveOpenAPI is GET /openapi.json.
func (h *handler) serveOpenAPI(*http.Request) (reply, error) {
	return reply{status: http.StatusOK, body: h.openapi}, nil
}

// keySetCaching is for how long a key set may be kept. Resource servers fetch it often
// and it changes rarely; it is public. After publishing a key, wait at least as long
// before signing with it.
const keySetCaching = "public, max-age=300"

// serveJWKS is GET /.well-known/jwks.json: the public keys as they are now, or that
// they are those that the client has.
func (h *handler) serveJWKS(r *http.Request) (reply, error) {
	keys := h.svc.JWKS()
	sum := sha256.Sum256(keys)
	a := reply{status: http.StatusOK, body: keys, caching: keySetCaching, etag: `"` + base64.RawURLEncoding.EncodeToString(sum[:16]) + `"`}
	if noneMatch(r.Header["If-None-Match"], a.etag) {
		a.status, a.body = http.StatusNotModified, nil
	}
	return a, nil
}

// noneMatch reports whether the values of If-None-Match name the entity tag etag (RFC
// 9110, section 13.1.2), by weak comparison.
func noneMatch(values []string, etag string) bool {
	for _, v := range values {
		for tag := range strings.SplitSeq(v, ",") {
			if tag = strings.Trim(tag, " \t"); tag == "*" || strings.TrimPrefix(tag, "W/") == etag {
				return true
			}
		}
	}
	return false
}
