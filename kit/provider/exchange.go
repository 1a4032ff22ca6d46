package provider

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"myauth.internal/kit"
	"myauth.internal/kit/throttle"
)

// pass is what a code stands for.
type pass struct {
	unprinted

	Flow      string        `json:"f"`
	Provider  string        `json:"p"`
	Challenge string        `json:"c,omitempty"`
	Link      *linking      `json:"l,omitempty"`
	Assertion keptAssertion `json:"a"`
	// User is the account of a known identity at the callback, with its epochs of then: whatever
	// ends its sessions or credentials after that ends the login too. Empty for an account that
	// the exchange makes.
	User            string `json:"u,omitempty"`
	SessionEpoch    int64  `json:"s,omitempty"`
	CredentialEpoch int64  `json:"k,omitempty"`
}

// keptAssertion is an assertion in a state.
type keptAssertion struct {
	unprinted

	Issuer        string `json:"i"`
	Subject       string `json:"s"`
	Email         string `json:"e,omitempty"`
	EmailVerified bool   `json:"v,omitempty"`
	Proved        bool   `json:"p,omitempty"`
	Name          string `json:"n,omitempty"`
}

// keep returns what an account can have of an assertion. The tokens stay out of it: a state goes
// through URLs.
func keep(a assertion) keptAssertion {
	k := keptAssertion{Issuer: a.Issuer, Subject: a.Subject, EmailVerified: a.EmailVerified, Proved: a.Proved, Name: cleanName(a.Name)}
	if email, ok := a.address(); ok {
		k.Email = email
	}
	return k
}

func (k keptAssertion) assertion() assertion {
	return assertion{Account: Account{Subject: k.Subject, Email: k.Email, EmailVerified: k.EmailVerified, Name: k.Name}, Issuer: k.Issuer, Proved: k.Proved}
}

// maxPass bounds a pass, so that the target's URL fits into the headers that proxies let through.
const maxPass = 3 << 10

// sealCode returns a code.
func (p *providers) sealCode(of pass, until time.Time) (kit.Secret, error) {
	data, err := encode(of)
	if err == nil && len(data) > maxPass {
		err = errRefused{"it is too long"}
	}
	if err != nil {
		return "", err
	}
	return p.core.SealState(stateCode, until, data)
}

// The refusals of a code say what is missing to whoever writes the page.
var (
	errNoFlow       = errors.Join(kit.ErrInvalidToken, kit.NewProblem(401, "invalid_token", "Invalid token", "The code needs the cookie of the browser that began the login, or begin it with a code_challenge and send the code_verifier."))
	errVerifier     = errors.Join(kit.ErrInvalidToken, kit.NewProblem(401, "invalid_token", "Invalid token", "The code_verifier is not that of this login."))
	errOtherSession = errors.Join(kit.ErrInvalidToken, kit.NewProblem(401, "invalid_token", "Invalid token", "The code links an account in another session. Begin again in this one."))
)

// serveExchange is POST /providers/exchange. Everything that a login by a provider stores is
// stored here.
func (p *providers) serveExchange(ctx context.Context, r kit.Request) (answer kit.Answer, err error) {
	var code, verifier, device string
	if err := r.Body.Decode([]kit.Field{
		{Name: "code", Text: &code}, {Name: "code_verifier", Text: &verifier, Optional: true, Empty: true}, {Name: "device_token", Text: &device, Optional: true, Empty: true},
	}, nil); err != nil {
		return kit.Answer{}, err
	}
	if device != "" {
		ctx = kit.WithDevice(ctx, device)
	}
	err = p.core.Attempt(ctx, throttle.Attempt{Action: throttle.ActionLogin}, "", func() (err error) {
		answer, err = p.exchange(ctx, r, code, verifier)
		return err
	})
	return answer, err
}

func (p *providers) exchange(ctx context.Context, r kit.Request, code, verifier string) (kit.Answer, error) {
	st, err := p.core.OpenState(stateCode, code)
	if err != nil {
		p.core.Emit(ctx, kit.Event{Kind: kit.EventLoginFailed, Err: fmt.Errorf("provider: the code: %w", err)})
		return kit.Answer{}, err
	}
	var of pass
	if err := json.Unmarshal(st.Data, &of); err != nil {
		return kit.Answer{}, err
	}
	c, err := p.clientNamed(of.Provider)
	if err != nil {
		return kit.Answer{}, kit.ErrInvalidToken // it has left the configuration
	}
	if err := p.mayExchange(ctx, r, of, st, verifier); err != nil {
		p.failed(ctx, c, of.User, err)
		return kit.Answer{}, err
	}
	a := of.Assertion.assertion()
	tokens, kept, err := p.waitingTokens(ctx, c, of.Flow)
	if err != nil {
		return kit.Answer{}, err
	}
	a.tokens = tokens
	var answer kit.Answer
	if of.Link != nil {
		answer, err = p.exchangeLink(ctx, r, c, a, of, st)
	} else {
		answer.Tokens, err = p.exchangeLogin(ctx, c, a, of, st)
	}
	if err == nil {
		kept()
	}
	if of.Challenge == "" {
		answer.Cookies = []kit.Cookie{noCookie(of.Flow)}
	}
	return answer, err
}

// mayExchange refuses a code that was used, or that its page did not get: it shows either the secret
// that it began with, or the cookie of its browser. One never stands for the other, so a page that
// gave a code_challenge is safe from whoever has only its browser.
func (p *providers) mayExchange(ctx context.Context, r kit.Request, of pass, st kit.State, verifier string) error {
	if of.Challenge != "" {
		if verifier == "" {
			return kit.Invalid("code_verifier", kit.CodeRequired, "is required: the login began with a code_challenge")
		}
		sum := sha256.Sum256([]byte(verifier))
		if len(verifier) < 43 || len(verifier) > 128 || !same(base64URL.EncodeToString(sum[:]), of.Challenge) {
			return errVerifier
		}
	} else if verifier != "" {
		return errVerifier // somebody has taken the code_challenge out of the start (RFC 9700 section 4.8.2)
	} else if _, _, err := p.flowOf(r, of.Flow, answered); errors.Is(err, errStale) {
		return errNoFlow
	} else if err != nil {
		return err
	}
	spent, err := p.core.StateSpent(ctx, st)
	if err == nil && spent {
		err = kit.ErrRevokedToken
	}
	return err
}

func (p *providers) exchangeLogin(ctx context.Context, c client, a assertion, of pass, st kit.State) (kit.TokenPair, error) {
	known := kit.User{ID: of.User, SessionEpoch: of.SessionEpoch, CredentialEpoch: of.CredentialEpoch}
	if known.ID != "" {
		u, err := p.foresee(ctx, c, a)
		if errors.As(err, new(*kit.Problem)) || err == nil && u.ID != known.ID {
			err = kit.ErrRevokedToken // the identity was unlinked, or its account deleted
		}
		if err != nil {
			p.failed(ctx, c, known.ID, err)
			return kit.TokenPair{}, err
		}
	}
	return p.logIn(ctx, c, a, known, of.Flow, func(ctx context.Context) error { return p.core.SpendState(ctx, "", st) })
}

// amr is the method of a login by a provider: RFC 8176 has none, and "fed" is what others use.
const amr = "fed"

// logIn starts a session of the account that an assertion belongs to, which it makes if there is none.
// known is that account as it was when the proof was made; without an ID: as it is. spend uses
// the proof up. Its record belongs to no user: with the account, it would go, and the proof make the
// account anew.
func (p *providers) logIn(ctx context.Context, c client, a assertion, known kit.User, flow string, spend func(context.Context) error) (kit.TokenPair, error) {
	u, err := p.signIn(ctx, c, a)
	if errors.Is(err, errEmailUnverified) {
		err = cmp.Or(p.mailConfirmation(ctx, c, a, flow), err)
	}
	if err != nil {
		p.unavailable(ctx, c, err)
		p.failed(ctx, c, known.ID, err)
		return kit.TokenPair{}, err
	}
	if known.ID != "" {
		u.SessionEpoch, u.CredentialEpoch = known.SessionEpoch, known.CredentialEpoch
	}
	return p.core.Grant(ctx, kit.Login{User: u, AMR: []string{amr}, Spend: spend})
}

// exchangeLink ends a linking flow: for the user and the session that began it, and nobody else.
func (p *providers) exchangeLink(ctx context.Context, r kit.Request, c client, a assertion, of pass, st kit.State) (kit.Answer, error) {
	switch {
	case r.User.ID == "" && r.NotSignedIn != nil:
		return kit.Answer{}, r.NotSignedIn
	case r.User.ID != of.Link.User, r.Claims.SessionID != of.Link.Session:
		p.failed(ctx, c, of.Link.User, errOtherSession)
		return kit.Answer{}, errOtherSession
	}
	// The code first: after a crash between the two nothing is linked, and the user begins again.
	ctx = context.WithoutCancel(ctx)
	if err := p.core.SpendState(ctx, r.User.ID, st); err != nil {
		return kit.Answer{}, err
	}
	identity, err := p.link(ctx, r.User, c, a)
	if err != nil {
		p.failed(ctx, c, r.User.ID, err)
		return kit.Answer{}, err
	}
	return kit.JSON(200, p.show(identity))
}
