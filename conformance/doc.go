// Package conformance proves that a store keeps the contracts of [kit.UserStore]
// and [kit.TokenStore].
package conformance
