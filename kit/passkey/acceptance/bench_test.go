package acceptance

import (
	"testing"

	"myauth.internal/kit/passkey/internal/authenticator"
	"myauth.internal/kit/passkey/internal/webauthn"
)

// BenchmarkLogin parses and verifies one login, as MyAuth and as go-webauthn do.
func BenchmarkLogin(b *testing.B) {
	o := oracle{webauthn.RP{ID: "example.com", Origins: []string{origin}}}
	for name, alg := range map[string]int{"ES256": -7, "EdDSA": -8, "RS256": -257} {
		p := authenticator.New(alg, origin)
		challenge := "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE"
		key, err := o.ourRegister(p.Create(raw(members{"rp": members{"id": "example.com"}, "user": members{"id": "QQ"}, "challenge": challenge})), challenge)
		if err != nil {
			b.Fatal(err)
		}
		message := []byte(p.Get(raw(members{"challenge": challenge})))
		for who, login := range map[string]func([]byte, string, []byte) error{"myauth": o.ourLogin, "go-webauthn": o.login} {
			b.Run(name+"/"+who, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if err := login(message, challenge, key); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
