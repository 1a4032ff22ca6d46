package kit_test

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"myauth.internal/kit"
	"myauth.internal/kit/accesstoken"
	"myauth.internal/kit/memstore"
)

// BenchmarkThrottle is what the throttle costs: each use without it and with it, right after
// each other.
func BenchmarkThrottle(b *testing.B) {
	keys, err := accesstoken.HMAC([]byte("a secret for tests, 32 bytes or more"))
	if err != nil {
		b.Fatal(err)
	}
	svc := map[string]*kit.Service{}
	for _, name := range []string{"unlimited", "myauth"} {
		if svc[name], err = kit.New(memstore.New().Stores(), keys, &kit.Options{
			BcryptCost: 4, InsecureFastHash: true, OnEvent: discardEvents, InsecureUnlimited: name == "unlimited",
			Now: func() time.Time { return start }, // so that the grace of the refresh token lasts
		}); err != nil {
			b.Fatal(err)
		}
		if _, err := svc[name].Register(b.Context(), kit.Registration{Email: testEmail, Username: "a", Password: goodPassword}); err != nil {
			b.Fatal(err)
		}
	}
	plain := kit.WithClient(b.Context(), kit.Client{IP: netip.MustParseAddr("192.0.2.1")})
	login := func(b *testing.B, ctx context.Context, svc *kit.Service, password string) kit.TokenPair {
		tokens, err := svc.Login(ctx, testEmail, password)
		if err != nil {
			b.Fatal(err)
		}
		return tokens
	}
	tokens := map[string]kit.TokenPair{}
	for name := range svc {
		tokens[name] = login(b, kit.WithDevice(plain, ""), svc[name], goodPassword)
	}
	for _, use := range []struct {
		name string
		call func(b *testing.B, svc *kit.Service, tokens kit.TokenPair)
	}{
		{"me", func(b *testing.B, svc *kit.Service, t kit.TokenPair) {
			if _, _, err := svc.Authenticate(plain, string(t.AccessToken)); err != nil {
				b.Fatal(err)
			}
		}},
		{"refresh", func(b *testing.B, svc *kit.Service, t kit.TokenPair) {
			if _, err := svc.Refresh(plain, string(t.RefreshToken)); err != nil {
				b.Fatal(err)
			}
		}},
		{"login", func(b *testing.B, svc *kit.Service, _ kit.TokenPair) { login(b, plain, svc, goodPassword) }},
		{"login from a device", func(b *testing.B, svc *kit.Service, t kit.TokenPair) {
			login(b, kit.WithDevice(plain, string(t.DeviceToken)), svc, goodPassword)
		}},
	} {
		for _, name := range []string{"unlimited", "myauth"} {
			b.Run(use.name+"/"+name, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					use.call(b, svc[name], tokens[name])
				}
			})
		}
	}
}
