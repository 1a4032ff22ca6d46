package accesstoken_test

import (
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"hash"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"myauth.internal/kit/accesstoken"
)

var (
	secret = []byte("0123456789abcdef0123456789abcdef")
	long   = []byte("a secret for every HMAC algorithm, of sixty-four bytes, no more.")
	noon   = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
)

func claims() accesstoken.Claims {
	return accesstoken.Claims{
		Subject: "user-1", SessionID: "session-1", TokenID: "token-1", ClientID: "web", Roles: []string{"admin", "a\"b\\c\n😀"}, Epoch: 7,
		IssuedAt: noon, ExpiresAt: noon.Add(30 * time.Minute),
		AuthTime: noon.Add(-time.Minute), AMR: []string{"pwd", "otp", "fido"}, Extra: []byte(`{"tenant":"acme","plan":{"seats": 3e0}}`),
	}
}

// payload is claims() as it is signed.
const payload = `{"iss":"myauth","aud":"api","sub":"user-1","exp":1795437000,"iat":1795435200,"jti":"token-1",` +
	`"client_id":"web","sid":"session-1","roles":["admin"],"epoch":7,"auth_time":1795435140,"amr":["pwd"],"tenant":"acme"}`

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func newVerifier(keys *accesstoken.Keyring) *accesstoken.Verifier {
	return must(accesstoken.NewVerifier(keys, "myauth", "api", &accesstoken.VerifierOptions{Now: func() time.Time { return noon }}))
}

func newSigner(keys *accesstoken.Keyring) *accesstoken.Signer {
	return must(accesstoken.NewSigner(keys, "myauth", "api"))
}

func hmacKey(kid string, secret []byte) *accesstoken.Key {
	return must(accesstoken.NewKey(accesstoken.HS256, kid, secret))
}

func b64(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

func mac(h func() hash.Hash, key []byte, signed string) string {
	m := hmac.New(h, key)
	m.Write([]byte(signed))
	return signed + "." + b64(string(m.Sum(nil)))
}

// forge signs any header and payload with HMAC-SHA-256.
func forge(header, payload string, key []byte) string {
	return mac(sha256.New, key, b64(header)+"."+b64(payload))
}

const goodHeader = `{"alg":"HS256","typ":"at+jwt","kid":"k1"}`

func TestForgeriesAreRefused(t *testing.T) {
	hits := 0
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { hits++ }))
	defer server.Close()
	// Whatever asks for an URL by the usual way is caught as well.
	usual := http.DefaultTransport
	defer func() { http.DefaultTransport = usual }()
	http.DefaultTransport = roundTripper(func(*http.Request) (*http.Response, error) { hits++; return nil, errors.New("trapped") })

	keys := must(accesstoken.NewKeyring(hmacKey("k1", secret)))
	good := forge(goodHeader, payload, secret)
	head, rest, _ := strings.Cut(good, ".")
	body, sig, _ := strings.Cut(rest, ".")
	last := func(part string, flip byte) string { // the last character, other bits
		const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
		i := strings.IndexByte(alphabet, part[len(part)-1])
		return part[:len(part)-1] + string(alphabet[byte(i)^flip])
	}
	// A payload whose length leaves spare bits in the last character.
	spare := payload + strings.Repeat(" ", (4-len(payload)%3)%3)
	for len(spare)%3 != 1 {
		spare += " "
	}
	header := func(h string) string { return forge(h, payload, secret) }
	kidHeader := func(kid string) string { return header(`{"alg":"HS256","typ":"at+jwt","kid":` + kid + `}`) }

	accepted := map[string]string{
		"the header that Sign writes": good,
		"members in another order":    header(`{"kid":"k1","typ":"at+jwt","alg":"HS256"}`),
		"space in the header":         header(` { "alg" : "HS256" , "typ":"at+jwt","kid":"k1" } `),
		"escapes in the header":       header(`{"\u0061lg":"HS256","typ":"at\u002bjwt","kid":"k1"}`),
		"space behind the payload":    forge(goodHeader, spare, secret),
	}
	for name, token := range accepted {
		if _, err := newVerifier(keys).Verify(token); err != nil {
			t.Errorf("%s: %v", name, err) // or the table below proves nothing
		}
	}

	refused := map[string]string{
		"none":                          b64(`{"alg":"none","typ":"at+jwt","kid":"k1"}`) + "." + body + ".",
		"none, signed":                  header(`{"alg":"none","typ":"at+jwt","kid":"k1"}`),
		"none without a kid":            b64(`{"alg":"none","typ":"at+jwt"}`) + "." + body + ".",
		"None":                          b64(`{"alg":"None","typ":"at+jwt","kid":"k1"}`) + "." + body + ".",
		"NONE":                          header(`{"alg":"NONE","typ":"at+jwt","kid":"k1"}`),
		"nOnE":                          header(`{"alg":"nOnE","typ":"at+jwt","kid":"k1"}`),
		"empty alg":                     header(`{"alg":"","typ":"at+jwt","kid":"k1"}`),
		"no alg":                        header(`{"typ":"at+jwt","kid":"k1"}`),
		"alg in lower case":             header(`{"alg":"hs256","typ":"at+jwt","kid":"k1"}`),
		"alg null":                      header(`{"alg":null,"typ":"at+jwt","kid":"k1"}`),
		"alg a list":                    header(`{"alg":["HS256"],"typ":"at+jwt","kid":"k1"}`),
		"two algs":                      header(`{"alg":"HS256","alg":"HS256","typ":"at+jwt","kid":"k1"}`),
		"two algs, one escaped":         header(`{"alg":"HS256","\u0061lg":"none","typ":"at+jwt","kid":"k1"}`),
		"two algs, one in capitals":     header(`{"alg":"HS256","ALG":"none","typ":"at+jwt","kid":"k1"}`),
		"HS384 with the HS256 key":      mac(sha512.New384, secret, b64(`{"alg":"HS384","typ":"at+jwt","kid":"k1"}`)+"."+body),
		"HS512 with the HS256 key":      mac(sha512.New, secret, b64(`{"alg":"HS512","typ":"at+jwt","kid":"k1"}`)+"."+body),
		"HS512 signature, HS256 header": mac(sha512.New, secret, head+"."+body),
		"RS256 header":                  header(`{"alg":"RS256","typ":"at+jwt","kid":"k1"}`),
		"ES256 header":                  header(`{"alg":"ES256","typ":"at+jwt","kid":"k1"}`),
		"EdDSA header":                  header(`{"alg":"EdDSA","typ":"at+jwt","kid":"k1"}`),
		"crit":                          header(`{"alg":"HS256","typ":"at+jwt","kid":"k1","crit":["exp"]}`),
		"crit unknown":                  header(`{"alg":"HS256","typ":"at+jwt","kid":"k1","crit":["x"],"x":1}`),
		"crit empty":                    header(`{"alg":"HS256","typ":"at+jwt","kid":"k1","crit":[]}`),
		"b64":                           header(`{"alg":"HS256","typ":"at+jwt","kid":"k1","b64":false,"crit":["b64"]}`),
		"cty":                           header(`{"alg":"HS256","typ":"at+jwt","kid":"k1","cty":"JWT"}`),
		"jku":                           header(`{"alg":"HS256","typ":"at+jwt","kid":"k1","jku":"` + server.URL + `/jku"}`),
		"x5u":                           header(`{"alg":"HS256","typ":"at+jwt","kid":"k1","x5u":"` + server.URL + `/x5u"}`),
		"x5c":                           header(`{"alg":"HS256","typ":"at+jwt","kid":"k1","x5c":["AA=="]}`),
		"jwk":                           header(`{"alg":"HS256","typ":"at+jwt","kid":"k1","jwk":{"kty":"oct","k":"` + b64(string(secret)) + `"}}`),
		"kid an URL":                    kidHeader(`"` + server.URL + `/kid"`),
		"kid a path":                    kidHeader(`"../../../../dev/null"`),
		"kid SQL":                       kidHeader(`"k1' or '1'='1"`),
		"kid with NUL":                  kidHeader(`"k1\u0000"`),
		"kid in capitals":               kidHeader(`"K1"`),
		"kid of another key":            kidHeader(`"k2"`),
		"kid null":                      kidHeader(`null`),
		"kid a number":                  kidHeader(`1`),
		"kid empty":                     kidHeader(`""`),
		"no kid":                        header(`{"alg":"HS256","typ":"at+jwt"}`),
		"empty secret":                  forge(goodHeader, payload, nil),
		"another secret":                forge(goodHeader, payload, []byte("another secret of 32 bytes, yes.")),
		"no typ":                        header(`{"alg":"HS256","kid":"k1"}`),
		"typ JWT":                       header(`{"alg":"HS256","typ":"JWT","kid":"k1"}`),
		"typ in capitals":               header(`{"alg":"HS256","typ":"AT+JWT","kid":"k1"}`),
		"typ with application/":         header(`{"alg":"HS256","typ":"application/at+jwt","kid":"k1"}`),
		"typ of a verification token":   header(`{"alg":"HS256","typ":"email-verification+jwt","kid":"k1"}`),
		"typ empty":                     header(`{"alg":"HS256","typ":"","kid":"k1"}`),
		"header empty":                  header(``),
		"header null":                   header(`null`),
		"header a list":                 header(`[]`),
		"data behind the header":        header(goodHeader + `x`),
		"header with bad UTF-8":         header("{\"alg\":\"HS256\",\"typ\":\"at+jwt\",\"kid\":\"k1\xff\"}"),
		"JSON, flattened":               `{"payload":"` + body + `","protected":"` + head + `","signature":"` + sig + `"}`,
		"JSON, general":                 `{"payload":"` + body + `","signatures":[{"protected":"` + head + `","signature":"` + sig + `"}]}`,
		"empty":                         "",
		"dots only":                     "..",
		"one part":                      head,
		"two parts":                     head + "." + body,
		"no signature":                  head + "." + body + ".",
		"no payload":                    head + ".." + sig,
		"no header":                     "." + body + "." + sig,
		"four parts":                    good + ".",
		"five parts, as a JWE":          good + ".AA.AA",
		"padding in the header":         mac(sha256.New, secret, head+"==."+body),
		"padding in the payload":        mac(sha256.New, secret, head+"."+base64.URLEncoding.EncodeToString([]byte(spare))),
		"padding in the signature":      good + "=",
		"space before":                  " " + good,
		"space behind":                  good + " ",
		"line end behind":               good + "\n",
		"return behind":                 good + "\r\n",
		"line end in the header":        mac(sha256.New, secret, head[:8]+"\n"+head[8:]+"."+body),
		"line end in the payload":       mac(sha256.New, secret, head+"."+body[:8]+"\r\n"+body[8:]),
		"line end in the signature":     head + "." + body + "." + sig[:8] + "\n" + sig[8:],
		"line end for a character":      head + "." + body + "." + sig[:42] + "\n",
		"space in the payload":          mac(sha256.New, secret, head+"."+body[:8]+" "+body[8:]),
		"tab behind":                    good + "\t",
		"NUL behind":                    good + "\x00",
		"Bearer":                        "Bearer " + good,
		"trailing character":            good + "A",
		"cut":                           good[:len(good)-1],
		"loose bits in the signature":   head + "." + body + "." + last(sig, 1),
		"loose bits in the payload":     mac(sha256.New, secret, head+"."+last(b64(spare), 1)),
		"loose bits in the header":      mac(sha256.New, secret, last(b64(` `+goodHeader+strings.Repeat(" ", (3-len(goodHeader)%3)%3)), 1)+"."+body),
		"standard alphabet":             mac(sha256.New, secret, head+"."+base64.RawStdEncoding.EncodeToString([]byte(`{"iss":"???>>>~~~"`+payload[16:]))),
		"first character changed":       "f" + good[1:],
		"signature changed":             head + "." + body + "." + last(sig, 32),
		"payload changed":               head + "." + b64(strings.Replace(payload, "user-1", "user-2", 1)) + "." + sig,
		"signature in other case":       head + "." + body + "." + strings.ToUpper(sig),
		"signature of 0 bytes":          head + "." + body + "." + strings.Repeat("A", 43),
		"signature cut":                 head + "." + body + "." + sig[:22],
		"8193 bytes":                    pad(8193),
		"a megabyte of dots":            strings.Repeat(".", 1<<20),
		"a megabyte":                    good + strings.Repeat("A", 1<<20),
		"NaN-ASCII":                     strings.Replace(good, "e", "е", 1),
	}
	for name, token := range refused {
		t.Run(name, func(t *testing.T) {
			got, err := newVerifier(keys).Verify(token)
			if !errors.Is(err, accesstoken.ErrInvalid) || errors.Is(err, accesstoken.ErrExpired) {
				t.Fatalf("got %v, %v", got, err)
			}
			if text := fmt.Sprintf("%v %+v %#v", err, err, err); len(token) > 20 && strings.Contains(text, token[:20]) {
				t.Errorf("the error holds the token: %s", text)
			}
		})
	}
	if hits != 0 {
		t.Errorf("%d network calls", hits)
	}
	if _, err := newVerifier(keys).Verify(pad(8192)); err != nil {
		t.Errorf("8192 bytes: %v", err)
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// pad returns a well signed token of about that length: exactly 8192 bytes or one
// step of base64 more.
func pad(size int) string {
	for n := size / 4 * 3 * 9 / 10; ; n++ {
		token := forge(goodHeader, strings.TrimSuffix(payload, "}")+`,"x":"`+strings.Repeat("x", n)+`"}`, secret)
		if len(token) >= size {
			return token
		}
	}
}

// A token is for the key that it names: without a kid, or with another one, it is refused,
// also by a keyring with one key.
func TestKeyIDMustFit(t *testing.T) {
	keys := must(accesstoken.HMAC(secret))
	id := hmacKey("", secret).ID()
	if _, err := newVerifier(keys).Verify(forge(`{"typ":"at+jwt","kid":"`+id+`","alg":"HS256"}`, payload, secret)); err != nil {
		t.Error(err)
	}
	for _, h := range []string{goodHeader, `{"alg":"HS256","typ":"at+jwt"}`, `{"alg":"HS256","typ":"at+jwt","kid":""}`, `{"alg":"HS256","typ":"at+jwt","kid":"` + id + ` "}`} {
		if _, err := newVerifier(keys).Verify(forge(h, payload, secret)); !errors.Is(err, accesstoken.ErrInvalid) {
			t.Errorf("%s: %v", h, err)
		}
	}
}

// The public key of an asymmetric keyring is known to all. Used as an HMAC secret,
// in any form, it must open nothing; and no other algorithm fits a key.
func TestAlgorithmConfusion(t *testing.T) {
	for _, signing := range asymmetricKeys() {
		keys := must(accesstoken.NewKeyring(signing))
		alg := string(signing.Algorithm())
		verifier := newVerifier(keys)
		der := must(x509.MarshalPKIXPublicKey(publicOf(signing)))
		for _, asSecret := range [][]byte{
			der, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}),
			[]byte(strings.TrimSpace(string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})))), keys.JWKS(), nil,
		} {
			for _, header := range []string{
				`{"alg":"HS256","typ":"at+jwt","kid":"` + signing.ID() + `"}`,
				`{"alg":"` + alg + `","typ":"at+jwt","kid":"` + signing.ID() + `"}`,
				`{"alg":"HS256","typ":"at+jwt"}`,
			} {
				if _, err := verifier.Verify(forge(header, payload, asSecret)); !errors.Is(err, accesstoken.ErrInvalid) {
					t.Errorf("%s: the public key opens %s: %v", alg, header, err)
				}
			}
		}
		token := must(newSigner(keys).Sign(claims()))
		_, rest, _ := strings.Cut(token, ".")
		if _, err := verifier.Verify(token); err != nil {
			t.Errorf("%s: %v", alg, err)
		}
		for _, other := range []string{"none", "HS256", "RS256", "RS384", "PS256", "ES256", "ES384", "EdDSA", "Ed25519"} {
			swapped := b64(`{"alg":"`+other+`","typ":"at+jwt","kid":"`+signing.ID()+`"}`) + "." + rest
			if _, err := verifier.Verify(swapped); (err == nil) != (other == alg) {
				t.Errorf("%s as %s: %v", alg, other, err)
			}
		}
	}
}

// An RSA signature over another hash, or with PSS, is none.
func TestRSAOtherSchemes(t *testing.T) {
	private := rsaKey()
	keys := must(accesstoken.NewKeyring(must(accesstoken.NewKey(accesstoken.RS256, "r", private))))
	signed := b64(`{"alg":"RS256","typ":"at+jwt","kid":"r"}`) + "." + b64(payload)
	sum256, sum512 := sha256.Sum256([]byte(signed)), sha512.Sum512([]byte(signed))
	good := must(rsa.SignPKCS1v15(nil, private, crypto.SHA256, sum256[:]))
	if _, err := newVerifier(keys).Verify(signed + "." + b64(string(good))); err != nil {
		t.Fatal(err)
	}
	for name, signature := range map[string][]byte{
		"SHA-512":       must(rsa.SignPKCS1v15(nil, private, crypto.SHA512, sum512[:])),
		"PSS":           must(rsa.SignPSS(rand.Reader, private, crypto.SHA256, sum256[:], nil)),
		"a byte before": append([]byte{0}, good...),
		"a byte behind": append(good[:len(good):len(good)], 0),
		"zero":          make([]byte, len(good)),
	} {
		if _, err := newVerifier(keys).Verify(signed + "." + b64(string(signature))); !errors.Is(err, accesstoken.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
