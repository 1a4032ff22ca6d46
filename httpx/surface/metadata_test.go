package surface

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"strings"
	"testing"

	"myauth.internal/kit/accesstoken"
)

// Under another prefix the document says so, and what happens is what it says.
func TestServedDocumentUnderAnotherPrefix(t *testing.T) {
	const prefix = "/api/v1/identity"
	text := newApp(t, func(c *setup) {
		c.http.Prefix = prefix
		c.doc = NewRecorder(withPrefix(t, prefix))
	}).send("GET", "/openapi.json", "").is(200).body
	if strings.Contains(text, `"/auth/`) {
		t.Error("the document still names /auth")
	}
	doc, err := Load([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	a := newApp(t, func(c *setup) {
		c.http.Prefix = prefix
		c.doc = NewRecorder(doc)
	})
	if got := a.post("/register", "email", testEmail, "username", "Ada", "password", goodPassword).is(201).header.Get("Location"); got != prefix+"/me" {
		t.Errorf("Location is %q", got)
	}
	a.me(a.login().Access).is(200)
	a.send("GET", "/nowhere", "").is(404, "not_found")
}

func withPrefix(t *testing.T, prefix string) *Document {
	t.Helper()
	text, err := servedDocument(prefix)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := Load(text)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func TestTwoAuthorizationHeaders(t *testing.T) {
	a := newApp(t)
	for _, route := range []string{"GET /openapi.json", "GET /.well-known/jwks.json"} {
		a.twoAuthorizations(route, "")
	}
}

func TestJWKSIsEmptyUnderHMAC(t *testing.T) {
	a := newApp(t)
	if body := strings.TrimSpace(a.send("GET", "/.well-known/jwks.json", "").is(200).body); body != `{"keys":[]}` {
		t.Errorf("got %s", body)
	}
}

// A key set may be kept, and a client that has it is told so; a new key makes it another.
func TestJWKSCaching(t *testing.T) {
	first, err := accesstoken.NewKey(accesstoken.HS256, "1", []byte("0123456789abcdef0123456789abcdef"))
	if err != nil {
		t.Fatal(err)
	}
	keys, err := accesstoken.NewKeyring(first)
	if err != nil {
		t.Fatal(err)
	}
	a := newApp(t, func(c *setup) { c.keys = keys })
	const path = "/.well-known/jwks.json"
	get := func(header ...string) answer { return a.send("GET", path, "", header...) }
	etag := get().is(200).header.Get("Etag")
	for _, have := range []string{etag, "W/" + etag, `"x", ` + etag, `"x" ,W/"y",` + etag + `,"z"`, "*"} {
		if r := get("If-None-Match: " + have).is(304); r.header.Get("Etag") != etag {
			t.Errorf("If-None-Match %s: ETag %s, want %s", have, r.header.Get("Etag"), etag)
		}
	}
	get(`If-None-Match: "x"`, "If-None-Match: "+etag).is(304)
	a.send("HEAD", path, "", "If-None-Match: "+etag).is(304)
	for _, have := range []string{`"x"`, etag[:len(etag)-1], etag[1 : len(etag)-1], "", "w/" + etag, `"*"`} {
		get("If-None-Match: " + have).is(200)
	}
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	second, err := accesstoken.NewKey(accesstoken.EdDSA, "2", private)
	if err != nil {
		t.Fatal(err)
	}
	if err := keys.Replace(first, second); err != nil {
		t.Fatal(err)
	}
	if got := get("If-None-Match: " + etag).is(200).header.Get("Etag"); got == etag {
		t.Error("the entity tag is the same with another key")
	}
	// Everything else stays out of caches, conditions or not.
	a.send("GET", "/openapi.json", "", "If-None-Match: *").is(200)
	a.send("POST", path, "", "If-None-Match: *").is(405, "method_not_allowed")
}

// Each kind of key is published, with public members only, and its tokens work.
func TestJWKS(t *testing.T) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	var ring []*accesstoken.Key
	for _, k := range []struct {
		alg accesstoken.Algorithm
		kid string
		key crypto.Signer
	}{{accesstoken.RS256, "r", rsaKey}, {accesstoken.ES256, "e", ecKey}, {accesstoken.EdDSA, "d", edKey}} {
		key, err := accesstoken.NewKey(k.alg, k.kid, k.key)
		if err != nil {
			t.Fatal(err)
		}
		ring = append(ring, key)
	}
	for i := range ring {
		others := append(append([]*accesstoken.Key{}, ring[:i]...), ring[i+1:]...)
		keys, err := accesstoken.NewKeyring(ring[i], others...)
		if err != nil {
			t.Fatal(err)
		}
		a := newApp(t, func(c *setup) { c.keys = keys })
		var set struct {
			Keys []struct{ Kid, Alg, Use string }
		}
		a.send("GET", "/.well-known/jwks.json", "").is(200).decode(&set)
		if len(set.Keys) != 3 {
			t.Errorf("%d keys are published", len(set.Keys))
		}
		a.register()
		tk := a.login()
		header := decodePart(t, tk.Access, 0)
		if header["kid"] != ring[i].ID() || keysOf(header) != "alg kid typ" {
			t.Errorf("the header is %v, want kid %s", header, ring[i].ID())
		}
		a.me(tk.Access).is(200)
	}
}
