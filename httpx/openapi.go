package httpx

import (
	"bytes"
	_ "embed"
	"errors"

	"myauth.internal/kit"
)

//go:embed openapi.json
var openapi []byte

// openAPI returns the document of exactly the routes.
func openAPI(prefix string, routes []kit.Route, fragments [][]byte) ([]byte, error) {
	if len(fragments) > 0 {
		return nil, errors.New("todo")
	}
	return bytes.ReplaceAll(openapi, []byte(`"/auth/`), []byte(`"`+prefix+`/`)), nil
}
