package kit_test

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"io"
	"testing"
	"time"

	"myauth.internal/kit"
	"myauth.internal/kit/accesstoken"
	"myauth.internal/kit/kittest"
	"myauth.internal/kit/memstore"
)

// sealed is a signing key whose private part stays in a module of hardware.
type sealed struct{ key ed25519.PrivateKey }

func (s sealed) Public() crypto.PublicKey { return s.key.Public() }
func (s sealed) Sign(r io.Reader, digest []byte, o crypto.SignerOpts) ([]byte, error) {
	return s.key.Sign(r, digest, o)
}

func TestNewRefusesWhatCannotWork(t *testing.T) {
	store := memstore.New()
	hmac, err := accesstoken.HMAC([]byte("a secret for tests, 32 bytes or more"))
	if err != nil {
		t.Fatal(err)
	}
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key, err := accesstoken.NewKey("EdDSA", "", sealed{private})
	if err != nil {
		t.Fatal(err)
	}
	hardware, err := accesstoken.NewKeyring(key)
	if err != nil {
		t.Fatal(err)
	}
	mailer := &kittest.Mailer{}
	for name, c := range map[string]struct {
		stores kit.Stores
		keys   *accesstoken.Keyring
		opts   *kit.Options
	}{
		"no users":       {kit.Stores{Tokens: store.Tokens(), Credentials: store.Credentials()}, hmac, nil},
		"no tokens":      {kit.Stores{Users: store.Users(), Credentials: store.Credentials()}, hmac, nil},
		"no credentials": {kit.Stores{Users: store.Users(), Tokens: store.Tokens()}, hmac, nil},
		"no keys":        {store.Stores(), nil, nil},
		"an empty ring":  {store.Stores(), &accesstoken.Keyring{}, nil},
		"hardware key":   {store.Stores(), hardware, &kit.Options{Mailer: mailer, PublicURL: "https://x.example"}},
		"no URL":         {store.Stores(), hmac, &kit.Options{Mailer: mailer}},
		"bad URL":        {store.Stores(), hmac, &kit.Options{PublicURL: "ftp://x.example"}},
		"concealment":    {store.Stores(), hmac, &kit.Options{ConcealAccounts: true}},
		"no proof":       {store.Stores(), hmac, &kit.Options{WithoutMails: []kit.MailKind{kit.MailEmailChange}}},
		"low cost":       {store.Stores(), hmac, &kit.Options{BcryptCost: 9}},
		"high cost":      {store.Stores(), hmac, &kit.Options{BcryptCost: 17}},
		"bad client":     {store.Stores(), hmac, &kit.Options{ClientID: "\xff"}},
		"short TTL":      {store.Stores(), hmac, &kit.Options{AccessTokenTTL: time.Millisecond}},
		"negative TTL":   {store.Stores(), hmac, &kit.Options{RefreshTokenTTL: -time.Hour}},
		"long grace":     {store.Stores(), hmac, &kit.Options{RefreshGrace: time.Hour}},
	} {
		if _, err := kit.New(c.stores, c.keys, c.opts); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
	if _, err := kit.New(store.Stores(), hardware, nil); err != nil {
		t.Error("a hardware key without a mailer:", err)
	}
}
