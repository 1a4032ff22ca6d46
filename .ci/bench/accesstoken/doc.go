// Package accesstoken compares kit/accesstoken with golang-jwt and with the
// high-level API of jwx. It is a module of its own, outside go.work, so that
// golang-jwt is in no module that users see:
//
//	GOWORK=off go test -bench . -benchmem
//
// All verify the same token: signature, iss, aud, exp and iat, into a struct or,
// where the library has no other way, a map.
package accesstoken
