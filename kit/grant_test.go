package kit_test

import (
	"testing"
	"time"

	"myauth.internal/kit"
)

func TestAccessTokenEndsWithItsSession(t *testing.T) {
	h := newHarness(t, func(o *kit.Options) { o.SessionMaxAge = time.Hour; o.AccessTokenTTL = 24 * time.Hour })
	h.register(testEmail)
	tokens := h.login(testEmail, goodPassword)
	if tokens.ExpiresIn != time.Hour {
		t.Errorf("the access token of a session of one hour is valid for %v", tokens.ExpiresIn)
	}
	h.clock.Advance(time.Hour)
	_, _, err := h.Authenticate(t.Context(), string(tokens.AccessToken))
	h.wantErr("after the session's end", err, kit.ErrExpiredToken)
}

func TestAccessTokenNamesItsClient(t *testing.T) {
	for want, change := range map[string]func(*kit.Options){
		"myauth": func(*kit.Options) {},
		"api":    func(o *kit.Options) { o.JWTAudience = "api" },
		"web":    func(o *kit.Options) { o.JWTAudience, o.ClientID = "api", "web" },
	} {
		h := newHarness(t, change)
		h.register(testEmail)
		_, claims, err := h.Authenticate(t.Context(), string(h.login(testEmail, goodPassword).AccessToken))
		if err != nil || claims.ClientID != want {
			t.Errorf("client_id is %q, error %v, want %q", claims.ClientID, err, want)
		}
	}
}
