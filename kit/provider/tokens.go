package provider

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"golang.org/x/oauth2"

	"myauth.internal/kit"
)

// ErrNoToken says that there is no token of a provider that could be used for a user. The user must
// sign in with the provider again.
var ErrNoToken = errors.New("provider: there is no token of this provider for the user, or it can no longer be refreshed")

// tokenLeeway is how long before its end a token is refreshed.
const tokenLeeway = time.Minute

// Token returns the token of a user for the API of a provider with Config.KeepTokens. One that is
// about to expire is refreshed first, and stored again. Of several identities at one provider it is that of
// the last login.
//
// Errors: [ErrNoToken], kit.ErrUserNotFound, kit.ErrAccountDisabled, one that wraps
// kit.ErrUnavailable if the store or the provider is.
func (f *Feature) Token(ctx context.Context, userID, provider string) (*oauth2.Token, error) {
	p := f.keeper.Load()
	if p == nil {
		return nil, errors.New("provider: no Service keeps tokens with this Feature: set Config.KeepTokens, and pass the Feature to kit.New")
	}
	c, err := p.clientNamed(provider)
	if err != nil || !c.KeepTokens {
		return nil, fmt.Errorf("provider: there is no provider %q with Config.KeepTokens", provider)
	}
	for range rounds {
		k, t, err := p.keptToken(ctx, userID, provider)
		if err != nil || p.isFresh(t) {
			return t, err
		}
		t, err = p.renew(ctx, c, k, t)
		if !errors.Is(err, errLost) {
			return t, err
		}
	}
	return nil, errContention
}

// prepareTokens checks that the tokens of a provider can be kept if they are to be, and makes p the one that
// Token asks.
func (p *providers) prepareTokens() error {
	for i := range p.renewals {
		p.renewals[i] = make(chan struct{}, 1)
	}
	for _, c := range p.clients {
		if !c.KeepTokens {
			continue
		}
		if _, err := p.core.Seal(kit.Token{}, nil); err != nil {
			return fmt.Errorf("provider: Config.KeepTokens of %s: %w", c.Name, err)
		}
		if p.keeper.Load() != p && !p.keeper.CompareAndSwap(nil, p) {
			return errors.New("provider: a Feature with Config.KeepTokens is for one Service: make one for each")
		}
	}
	return nil
}

func (p *providers) isFresh(t *oauth2.Token) bool {
	return t.AccessToken != "" && (t.Expiry.IsZero() || p.core.Now().Add(tokenLeeway).Before(t.Expiry))
}

// keptToken returns the token of the last login with a provider.
func (p *providers) keptToken(ctx context.Context, userID, provider string) (identity, *oauth2.Token, error) {
	u, err := p.core.User(ctx, userID)
	if err == nil && !u.Active {
		err = kit.ErrAccountDisabled
	}
	if err != nil {
		return identity{}, nil, err
	}
	list, err := p.list(ctx, u)
	if err != nil {
		return identity{}, nil, err
	}
	var last identity
	for _, k := range list {
		if k.Provider == provider && len(k.Token) > 0 && (last.ID == "" || k.row.RotatedAt.After(last.row.RotatedAt)) {
			last = k
		}
	}
	if last.ID == "" {
		return identity{}, nil, ErrNoToken
	}
	t, err := p.openToken(last.row, last.Token)
	return last, t, err
}

// renewing is how many refreshes run at once in one process, at most. Two of one token would
// use it twice, which looks to a provider as if it were stolen.
const renewing = 64

// renew refreshes a token, and stores the new one. errLost: somebody else has done so.
func (p *providers) renew(ctx context.Context, c client, k identity, t *oauth2.Token) (*oauth2.Token, error) {
	if t.RefreshToken == "" {
		return nil, ErrNoToken
	}
	turn := p.renewals[k.row.ID[0]%renewing] // a hash
	select {
	case turn <- struct{}{}:
		defer func() { <-turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if _, now, err := p.keptToken(ctx, k.row.UserID, c.Name); err != nil {
		return nil, err
	} else if now.RefreshToken != t.RefreshToken || now.AccessToken != t.AccessToken {
		return nil, errLost
	}
	fresh, err := c.refresh(ctx, t)
	if errors.Is(err, errStale) {
		// Perhaps another instance has used it a moment ago.
		if _, now, err := p.keptToken(ctx, k.row.UserID, c.Name); err != nil {
			return nil, err
		} else if now.RefreshToken != t.RefreshToken {
			return nil, errLost
		}
		return nil, ErrNoToken
	} else if err != nil {
		return nil, err
	}
	if fresh.RefreshToken == "" {
		fresh.RefreshToken = t.RefreshToken
	}
	// The old one may be gone, so the new one must be stored even if the caller leaves.
	ctx = context.WithoutCancel(ctx)
	_, err = p.change(ctx, k, func(row *kit.Token, r *record) error {
		if now, err := p.openToken(*row, r.Token); err != nil {
			return err
		} else if now.RefreshToken != t.RefreshToken {
			return kit.ErrUnchanged // of a login since
		}
		p.keepToken(ctx, row, r, c, fresh)
		row.Data = r.encode()
		return nil
	})
	if err != nil {
		p.core.Logger().WarnContext(ctx, "myauth: a token of a provider was refreshed and could not be stored", "provider", c.Name, "user_id", k.row.UserID, "err", err)
	}
	return fresh, nil
}

// keepToken puts the tokens of a provider into a record, if its configuration asks for it. If they
// are too long, the access token is left out, which the refresh token can make anew.
func (p *providers) keepToken(ctx context.Context, row *kit.Token, r *record, c client, t *oauth2.Token) {
	if !c.KeepTokens {
		r.Token = nil
	}
	if t == nil || !c.KeepTokens {
		return
	}
	kept := oauth2.Token{AccessToken: t.AccessToken, TokenType: t.TokenType, RefreshToken: t.RefreshToken, Expiry: t.Expiry}
	if kept.RefreshToken == "" && len(r.Token) > 0 { // some give it with the first consent only
		if before, err := p.openToken(*row, r.Token); err == nil {
			kept.RefreshToken = before.RefreshToken
		}
	}
	var err error
	if r.Token, err = p.sealToken(*row, kept); err == nil && len(r.encode()) > kit.MaxTokenData {
		kept.AccessToken = ""
		r.Token, err = p.sealToken(*row, kept)
	}
	if err != nil || len(r.encode()) > kit.MaxTokenData {
		r.Token = nil
		p.core.Logger().WarnContext(ctx, "myauth: the tokens of a provider are not kept: they cannot be sealed, or are too long", "provider", c.Name, "user_id", row.UserID, "err", err)
	}
}

func (p *providers) sealToken(row kit.Token, t oauth2.Token) ([]byte, error) {
	text, err := json.Marshal(t)
	if err != nil {
		return nil, err
	}
	return p.core.Seal(row, text)
}

func (p *providers) openToken(row kit.Token, sealed []byte) (*oauth2.Token, error) {
	if len(sealed) == 0 {
		return nil, ErrNoToken
	}
	text, _, err := p.core.Open(row, sealed)
	if err != nil {
		return nil, err
	}
	t := new(oauth2.Token)
	return t, json.Unmarshal(text, t)
}

// kindWaiting is the kind of the records in which tokens wait between a callback and its exchange: the
// code goes through a URL, which is no place for them.
const kindWaiting = "waiting"

// waiting is the record for the tokens of a flow.
func (p *providers) waiting(flow string) kit.Token {
	t := p.core.Credential(kit.User{}, kindWaiting, flow)
	t.ExpiresAt = p.core.Now().Add(codeTTL)
	return t
}

// tokensWait keeps the tokens of a flow for its exchange. Tokens that are too long are not kept.
func (p *providers) tokensWait(ctx context.Context, c client, flow string, t *oauth2.Token) error {
	if t == nil || !c.KeepTokens {
		return nil
	}
	row := p.waiting(flow)
	sealed, err := p.sealToken(row, *t)
	if err != nil {
		return err
	}
	if row.Data = sealed; len(sealed) > kit.MaxTokenData {
		p.core.Logger().WarnContext(ctx, "myauth: the tokens of a provider are not kept: they are too long", "provider", c.Name)
		return nil
	}
	return p.core.Create(ctx, row)
}

// waitingTokens returns the tokens of a flow, or nil, and what removes them once they are kept.
func (p *providers) waitingTokens(ctx context.Context, c client, flow string) (t *oauth2.Token, kept func(), err error) {
	if !c.KeepTokens {
		return nil, func() {}, nil
	}
	row, err := p.core.Find(ctx, kindWaiting, flow)
	if errors.Is(err, kit.ErrNotFound) {
		return nil, func() {}, nil
	} else if err != nil {
		return nil, nil, err
	}
	t, err = p.openToken(row, row.Data)
	return t, func() {
		if err := p.core.Remove(context.WithoutCancel(ctx), row); err != nil {
			p.core.Logger().WarnContext(ctx, "myauth: tokens of a provider that were waiting remain, sealed, until the next purge", "provider", c.Name, "err", err)
		}
	}, err
}
