package provider

import (
	"context"
	"errors"
	"strings"

	"myauth.internal/kit"
	"myauth.internal/kit/throttle"
)

// kindIDToken is the kind of the records of ID tokens that have logged in.
const kindIDToken = "id_token"

// serveToken is POST /providers/{name}/token, for native apps whose platform signs in to the
// provider by itself.
func (p *providers) serveToken(ctx context.Context, r kit.Request) (kit.Answer, error) {
	c, err := p.client(r)
	if err == nil && len(c.NativeClientIDs) == 0 {
		err = errNoProvider
	}
	if err != nil {
		return kit.Answer{}, err
	}
	var idToken, nonce, device string
	if err := r.Body.Decode([]kit.Field{
		{Name: "id_token", Text: &idToken}, {Name: "nonce", Text: &nonce}, {Name: "device_token", Text: &device, Optional: true, Empty: true},
	}, nil); err != nil {
		return kit.Answer{}, err
	}
	if device != "" {
		ctx = kit.WithDevice(ctx, device)
	}
	var tokens kit.TokenPair
	err = p.core.Attempt(ctx, throttle.Attempt{Action: throttle.ActionLogin}, "", func() (err error) {
		tokens, err = p.native(ctx, c, idToken, nonce)
		return err
	})
	return kit.Answer{Tokens: tokens}, err
}

func (p *providers) native(ctx context.Context, c client, idToken, nonce string) (kit.TokenPair, error) {
	a, err := c.native(ctx, idToken, nonce)
	if err != nil {
		p.failed(ctx, c, "", err)
		if errors.Is(err, errUnavailable) {
			p.unavailable(ctx, c, err)
			return kit.TokenPair{}, err
		}
		return kit.TokenPair{}, kit.ErrInvalidToken
	}
	// What is signed is used up, not the text: some signatures can be written in two ways.
	signed := idToken[:max(0, strings.LastIndexByte(idToken, '.'))]
	if _, err := p.core.Find(ctx, kindIDToken, signed); err == nil {
		p.failed(ctx, c, "", kit.ErrRevokedToken)
		return kit.TokenPair{}, kit.ErrRevokedToken
	} else if !errors.Is(err, kit.ErrNotFound) {
		return kit.TokenPair{}, err
	}
	return p.logIn(ctx, c, a, kit.User{}, "", func(ctx context.Context) error {
		used := p.core.Credential(kit.User{}, kindIDToken, signed)
		used.ExpiresAt = a.Until.UTC()
		err := p.core.Create(ctx, used)
		if errors.Is(err, kit.ErrConflict) {
			return kit.ErrRevokedToken
		}
		return err
	})
}
