package provider

import (
	"cmp"

	"golang.org/x/oauth2"

	"myauth.internal/kit"
	"myauth.internal/kit/provider/internal/oidc"
)

// Google returns sign-in with Google, named google. Config.ClientID and ClientSecret are those of a
// client of the type "Web application".
//
// Google's word that an address is the user's counts for gmail.com, and for the domain of the
// Google Workspace that the user belongs to (the claim hd). Any other address, Google has seen
// proved once, perhaps years ago: Config.EmailDomains.
func Google(c Config) Provider {
	c.Name, c.Label = cmp.Or(c.Name, "google"), cmp.Or(c.Label, "Google")
	c.Issuer = "https://accounts.google.com"
	d := dialect{
		scopes: openIDScopes, style: oauth2.AuthStyleInParams, check: needsSecret, proved: googleProves,
		alias: "accounts.google.com", // of old: https://developers.google.com/identity/openid-connect/reference
	}
	if c.KeepTokens {
		d.parameters = map[string]string{"access_type": "offline"} // or there is no refresh token
	}
	return openIDConnect(c, d)
}

// googleProves reports whether an address is Google's to vouch for.
// https://developers.google.com/identity/sign-in/web/backend-auth has the rule.
func googleProves(claims oidc.Claims, email string) bool {
	domain := domainOf(email)
	return domain == "gmail.com" || domain != "" && domain == kit.EmailKey(claims.Text("hd"))
}
