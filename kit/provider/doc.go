// Package provider lets users sign in with an account that they have elsewhere: at any OpenID
// Connect provider, and at Google, Microsoft, Apple and GitHub, whose odd ways it knows.
//
//	feature, err := provider.New("https://app.example.com/auth", []string{"https://app.example.com/signed-in"},
//		provider.Google(provider.Config{ClientID: id, ClientSecret: secret}),
//		provider.GitHub(provider.Config{ClientID: id, ClientSecret: secret}),
//	)
//	svc, err := kit.New(stores, keys, &kit.Options{Features: []kit.Feature{feature}})
//
// A browser that opens /auth/providers/google/start?redirect_to=… comes back to that page with a
// code, which POST /auth/providers/exchange turns into tokens.
package provider
