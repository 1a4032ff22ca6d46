// Package surface is the black-box test of MyAuth's HTTP surface: every response
// that its tests produce is checked against the document that GET /openapi.json serves, and
// every route, status and error code of that document must have been produced by one of them.
// So it is for a bare Service, and for one with a feature that has a second factor, a gate, a
// route and a mail.
//
// It is a module of its own, so that package httpx depends on no OpenAPI library,
// and it is never released.
package surface
