package httpx

import (
	"bytes"
	_ "embed"
	"net/http"
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

// serveJWKS is GET /.well-known/jwks.json: the public keys as they are now.
func (h *handler) serveJWKS(*http.Request) (reply, error) {
	return reply{status: http.StatusOK, body: h.svc.JWKS()}, nil
}
