package provider_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"net/http"

	"golang.org/x/oauth2"

	"myauth.internal/kit"
	"myauth.internal/kit/accesstoken"
	"myauth.internal/kit/memstore"
	"myauth.internal/kit/provider"
)

// They come from wherever the application has its secrets.
const googleSecret, githubSecret kit.Secret = "of-google", "of-github"

func Example() {
	keys, err := accesstoken.HMAC([]byte("a secret of at least 32 random bytes"))
	if err != nil {
		log.Fatal(err)
	}
	stores := memstore.New().Stores()

	providers, err := provider.New("https://app.example.com/auth", []string{"https://app.example.com/signed-in"},
		provider.Google(provider.Config{ClientID: "1234.apps.googleusercontent.com", ClientSecret: googleSecret}),
		provider.GitHub(provider.Config{ClientID: "Ov23li", ClientSecret: githubSecret}),
	)
	if err != nil {
		log.Fatal(err)
	}
	svc, err := kit.New(stores, keys, &kit.Options{Features: []kit.Feature{providers}})
	if err != nil {
		log.Fatal(err)
	}
	for _, route := range svc.Routes() { // which package httpx serves below /auth
		fmt.Println(route.Method, route.Path)
	}
	// Output:
	// GET /providers
	// GET /providers/{name}/start
	// GET /providers/{name}/callback
	// POST /providers/{name}/callback
	// POST /providers/exchange
	// POST /providers/confirm
	// POST /providers/{name}/token
	// POST /providers/{name}/link
	// GET /identities
	// DELETE /identities/{id}
}

// Calls of the provider's API need its tokens, which Config.KeepTokens keeps.
func ExampleFeature_Token() {
	var providers *provider.Feature // whose Google has Config.KeepTokens, and Config.Scopes for the API

	calendars := func(ctx context.Context, userID string) (*http.Response, error) {
		token, err := providers.Token(ctx, userID, "google")
		if err != nil {
			return nil, err // provider.ErrNoToken: the user must sign in with Google again
		}
		client := oauth2.NewClient(ctx, oauth2.StaticTokenSource(token))
		return client.Get("https://www.googleapis.com/calendar/v3/users/me/calendarList")
	}
	_ = calendars
}

// A provider without OpenID Connect needs its endpoints, and a function that asks who the user is.
func ExampleOAuth2() {
	discord := provider.OAuth2(provider.Config{
		Name: "discord", Label: "Discord", Issuer: "https://discord.com",
		ClientID: "1234", ClientSecret: "secret", Scopes: []string{"identify", "email"},
	}, provider.Endpoints{
		Authorization: "https://discord.com/oauth2/authorize", Token: "https://discord.com/api/oauth2/token",
	}, discordUser)

	_, err := provider.New("https://app.example.com/auth", []string{"https://app.example.com/signed-in"}, discord)
	fmt.Println(err)
	// Output: <nil>
}

func discordUser(ctx context.Context, client *http.Client) (provider.Account, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://discord.com/api/users/@me", nil)
	if err != nil {
		return provider.Account{}, err
	}
	resp, err := client.Do(req) // the client adds the access token
	if err != nil {
		return provider.Account{}, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return provider.Account{}, fmt.Errorf("Discord answered %d", resp.StatusCode)
	}
	var user struct {
		ID       string // which never changes, unlike the name
		Username string
		Email    string
		Verified bool
	}
	err = json.NewDecoder(resp.Body).Decode(&user)
	return provider.Account{Subject: user.ID, Name: user.Username, Email: user.Email, EmailVerified: user.Verified}, err
}
