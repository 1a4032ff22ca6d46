// Package surface is the black-box test of MyAuth's HTTP surface: every response
// that its tests produce is checked against httpx/openapi.json, and every route,
// status and error code of that document must have been produced by one of them.
//
// It is a module of its own, so that package httpx depends on no OpenAPI library,
// and it is never released.
package surface
