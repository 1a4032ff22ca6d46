// Package acceptance judges package provider from outside: with a real OpenID provider, over HTTP,
// over every store, and by a browser. It is a module of its own, so that nobody whose users sign in
// elsewhere downloads any of these, and it is never released.
package acceptance
