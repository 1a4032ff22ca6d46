package provider

import (
	"cmp"
	"encoding/json"
	"fmt"
	"time"

	"golang.org/x/oauth2"

	"myauth.internal/kit"
	"myauth.internal/kit/provider/internal/oidc"
)

// AppleKey is the key that an application has registered with Apple, and with which it signs in
// itself, instead of a client secret.
type AppleKey struct {
	TeamID string // the team's, ten characters
	KeyID  string // the key's, ten characters
	// PrivateKey is the file AuthKey_KEYID.p8, which Apple hands out once: PEM, PKCS #8, P-256.
	PrivateKey kit.Secret
}

// Apple returns sign-in with Apple, named apple. Config.ClientID is the Services ID;
// Config.NativeClientIDs are the bundle IDs of the apps; Config.ClientSecret must be empty.
//
// Apple posts its answer as a form, because otherwise it gives no name and no address; so the
// cookie of the flow is SameSite=None. It tells the name at the first login only, and without a
// signature. An address is the user's own, or one of Apple's that forwards to it. Apple's word
// counts for the domains that it runs; for the others see Config.EmailDomains.
func Apple(key AppleKey, c Config) Provider {
	c.Name, c.Label = cmp.Or(c.Name, "apple"), cmp.Or(c.Label, "Apple")
	c.Issuer = appleIssuer
	return openIDConnect(c, dialect{
		scopes: []string{"name", "email"}, formPost: true,
		parameters: map[string]string{"response_mode": "form_post"},
		style:      oauth2.AuthStyleInParams,
		check:      checkApple,
		secret: func(c Config, now func() time.Time) (func() (string, error), error) {
			return appleSecret(key, c.Name, c.ClientID, now)
		},
		proved: func(_ oidc.Claims, email string) bool { return inDomains(email, appleDomains) },
		name:   appleName,
	})
}

const appleIssuer = "https://appleid.apple.com"

func checkApple(c Config) error {
	if c.ClientSecret != "" {
		return fmt.Errorf("provider: %s: Config.ClientSecret must be empty: AppleKey takes its place", c.Name)
	}
	return nil
}

// appleDomains are those whose mailboxes Apple runs.
var appleDomains = []string{"icloud.com", "me.com", "mac.com", "privaterelay.appleid.com"}

// appleName reads the parameter user of the answer. It comes from the browser, unsigned, so the
// address in it counts for nothing, and what cannot be read is no name.
// https://developer.apple.com/documentation/signinwithapplerestapi/request-an-authorization-to-the-sign-in-with-apple-server.
func appleName(user string) string {
	var form struct {
		Name struct {
			First string `json:"firstName"`
			Last  string `json:"lastName"`
		} `json:"name"`
	}
	if len(user) > 4<<10 || json.Unmarshal([]byte(user), &form) != nil {
		return ""
	}
	return form.Name.First + " " + form.Name.Last
}
