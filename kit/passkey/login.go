package passkey

import (
	"context"
	"encoding/json"
	"errors"

	"myauth.internal/kit"
	"myauth.internal/kit/passkey/internal/webauthn"
	"myauth.internal/kit/throttle"
)

// requestOptions is a PublicKeyCredentialRequestOptionsJSON.
type requestOptions struct {
	Challenge        string       `json:"challenge"`
	Timeout          int64        `json:"timeout"` // milliseconds
	RPID             string       `json:"rpId"`
	AllowCredentials []descriptor `json:"allowCredentials"`
	UserVerification string       `json:"userVerification"`
	State            string       `json:"state"`
}

// serveLoginOptions is POST /login/passkey/options. Any passkey of the RP ID will do, so the
// answer tells nothing of accounts.
func (p *passkeys) serveLoginOptions(context.Context, kit.Request) (kit.Answer, error) {
	challenge := newChallenge()
	state, err := p.core.SealState(stateLogin, p.core.Now().Add(stateTTL), challenge)
	if err != nil {
		return kit.Answer{}, err
	}
	return kit.JSON(200, requestOptions{
		Challenge: base64URL.EncodeToString(challenge), Timeout: stateTTL.Milliseconds(), RPID: p.rp.ID,
		AllowCredentials: []descriptor{}, UserVerification: "required", State: string(state),
	})
}

// serveLogin is POST /login/passkey.
func (p *passkeys) serveLogin(ctx context.Context, r kit.Request) (kit.Answer, error) {
	var text, device string
	var credential json.RawMessage
	if err := r.Body.Decode([]kit.Field{
		{Name: "state", Text: &text}, {Name: "credential", Object: &credential}, {Name: "device_token", Text: &device, Optional: true, Empty: true},
	}, nil); err != nil {
		return kit.Answer{}, err
	}
	if device != "" {
		ctx = kit.WithDevice(ctx, device)
	}
	var tokens kit.TokenPair
	// Nobody can guess a signature, so only the source of nonsense is counted, not an account.
	err := p.core.Attempt(ctx, throttle.Attempt{Action: throttle.ActionLogin}, "", func() (err error) {
		tokens, err = p.login(ctx, text, credential)
		return err
	})
	return kit.Answer{Tokens: tokens}, err
}

// login logs in whom a passkey belongs to. User verification makes it two factors: the key, and
// the PIN, finger or face that unlocks it.
func (p *passkeys) login(ctx context.Context, text string, credential []byte) (kit.TokenPair, error) {
	state, err := p.core.OpenState(stateLogin, text)
	if err != nil {
		return kit.TokenPair{}, err
	}
	u, k, flags, count, err := p.prove(ctx, "", state.Data, credential)
	switch {
	case err != nil:
	case !flags.UserVerified():
		err = refused{"the user was not verified (the flag UV), so the passkey is a second factor only"}
	case !k.UserVerified:
		err = refused{"the passkey was added without user verification (the flag UV), so it is a second factor only"}
	}
	if err != nil {
		if errors.As(err, new(refused)) {
			p.core.Emit(ctx, kit.Event{Kind: kit.EventLoginFailed, UserID: u.ID, Err: err})
		}
		return kit.TokenPair{}, heard(err)
	}
	return p.core.Grant(ctx, kit.Login{
		User: u, AMR: append(amr(flags), kit.AMRMultiple),
		Spend: func(ctx context.Context) error {
			if err := p.core.SpendState(ctx, u.ID, state); err != nil {
				return err
			}
			return heard(p.use(ctx, k, flags, count))
		},
	})
}

// refused says why an assertion proves nothing. Clients do not hear it.
type refused struct{ reason string }

func (r refused) Error() string { return "passkey: " + r.reason }

// heard turns a refused into what clients hear of a login, one and the same for each reason.
func heard(err error) error {
	if errors.As(err, new(refused)) {
		return errRefused
	}
	return err
}

// prove returns whose passkey has signed a challenge. userID is whose it must be; if that is
// empty, the authenticator must say it. The error is a refused, or of the store. The user is
// returned with a refused too, if the passkey exists.
func (p *passkeys) prove(ctx context.Context, userID string, challenge, credential []byte) (u kit.User, k passkey, flags webauthn.Flags, count uint32, err error) {
	assertion, err := webauthn.ParseAssertion(credential)
	if err != nil {
		return u, k, 0, 0, refused{err.Error()}
	}
	if k, err = p.find(ctx, assertion.ID); errors.Is(err, kit.ErrNotFound) {
		return u, k, 0, 0, refused{"no account has this credential ID"}
	} else if err != nil {
		return u, k, 0, 0, err
	}
	u, err = p.core.User(ctx, k.row.UserID)
	switch {
	case errors.Is(err, kit.ErrUserNotFound):
		return u, k, 0, 0, refused{"the account is gone"}
	case err != nil:
		return u, k, 0, 0, err
	case u.CredentialEpoch != k.row.Epoch: // voided since it was found
		return u, k, 0, 0, refused{"the account's credentials were voided"}
	case userID != "" && userID != u.ID:
		return u, k, 0, 0, refused{"the passkey is another account's"}
	case string(assertion.UserHandle) != u.ID && (assertion.UserHandle != nil || userID == ""):
		return u, k, 0, 0, refused{"the user handle is not that of the account"}
	}
	flags, count, err = p.rp.VerifyAssertion(assertion, challenge, k.Key)
	switch {
	case err != nil:
		return u, k, 0, 0, refused{err.Error()}
	case k.BackupEligible && !flags.BackupEligible():
		return u, k, 0, 0, refused{"a key that can be backed up cannot any more (the flag BE)"}
	}
	return u, k, flags, count, nil
}

// use records a login by a passkey, and refuses a sign count that went back: see
// [EventSignCount].
func (p *passkeys) use(ctx context.Context, k passkey, flags webauthn.Flags, count uint32) error {
	var back, eligible bool
	_, err := p.change(ctx, k, func(t *kit.Token, r *record) error {
		back = r.SignCount != 0 && count <= r.SignCount
		eligible = !r.BackupEligible && flags.BackupEligible()
		if back && !r.BackedUp {
			return refused{"the sign count went back"}
		}
		r.SignCount = max(r.SignCount, count)
		r.UserVerified = r.UserVerified || flags.UserVerified()
		r.BackupEligible, r.BackedUp = flags.BackupEligible(), flags.BackedUp()
		t.RotatedAt = p.core.Now()
		return nil
	})
	if errors.Is(err, kit.ErrNotFound) {
		err = refused{"the passkey was removed"}
	}
	if back {
		p.core.Emit(ctx, kit.Event{Kind: EventSignCount, UserID: k.row.UserID, Err: err})
	}
	if eligible && err == nil {
		p.core.Emit(ctx, kit.Event{Kind: EventBackupEligible, UserID: k.row.UserID})
	}
	return err
}
