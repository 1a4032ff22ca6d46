package passkey

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"myauth.internal/kit"
	"myauth.internal/kit/passkey/internal/webauthn"
)

// stateTTL is how long a ceremony may take.
const stateTTL = 5 * time.Minute

// The kinds of states.
const (
	stateAdd   = "add"
	stateLogin = "login"
)

// The refusals, beside those of kit.
var (
	errAlreadyRegistered = kit.NewProblem(409, "already_registered", "Already registered", "This passkey is registered already.")
	errTooMany           = kit.NewProblem(409, "too_many_passkeys", "Too many passkeys", "An account has at most 20 passkeys. Remove one first.")
	errRefused           = errors.Join(kit.ErrInvalidCredentials, kit.NewProblem(401, "invalid_credentials", "Invalid credentials", "The passkey is not valid here, or was used without its PIN, finger or face."))
	errNotFound          = kit.NewProblem(404, "not_found", "Not found", "There is no such passkey.")
)

// newChallenge returns 256 random bits.
func newChallenge() []byte {
	challenge := make([]byte, 32)
	rand.Read(challenge)
	return challenge
}

type entity struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	DisplayName string `json:"displayName,omitempty"`
}

type parameter struct {
	Type string `json:"type"`
	Alg  int    `json:"alg"`
}

// parameters are the algorithms, the best first.
var parameters = []parameter{{"public-key", webauthn.EdDSA}, {"public-key", webauthn.ES256}, {"public-key", webauthn.RS256}}

// creationOptions is a PublicKeyCredentialCreationOptionsJSON with the state.
type creationOptions struct {
	RP                     entity         `json:"rp"`
	User                   entity         `json:"user"`
	Challenge              string         `json:"challenge"`
	PubKeyCredParams       []parameter    `json:"pubKeyCredParams"`
	Timeout                int64          `json:"timeout"` // milliseconds
	ExcludeCredentials     []descriptor   `json:"excludeCredentials"`
	AuthenticatorSelection map[string]any `json:"authenticatorSelection"`
	Attestation            string         `json:"attestation"`
	State                  string         `json:"state"`
}

// serveOptions is POST /passkeys/options.
func (p *passkeys) serveOptions(ctx context.Context, r kit.Request) (kit.Answer, error) {
	u := r.User
	list, err := p.mayAdd(ctx, u)
	if err != nil {
		return kit.Answer{}, err
	}
	challenge := newChallenge()
	state, err := p.core.SealState(stateAdd, p.core.Now().Add(stateTTL), challenge, u.ID, r.Claims.SessionID)
	if err != nil {
		return kit.Answer{}, err
	}
	return kit.JSON(200, creationOptions{
		RP:                 entity{ID: p.rp.ID, Name: p.name},
		User:               entity{ID: base64URL.EncodeToString([]byte(u.ID)), Name: u.Email, DisplayName: u.Username},
		Challenge:          base64URL.EncodeToString(challenge),
		PubKeyCredParams:   parameters,
		Timeout:            stateTTL.Milliseconds(),
		ExcludeCredentials: descriptors(list),
		AuthenticatorSelection: map[string]any{
			"residentKey": "required", "requireResidentKey": true, // to log in without a name
			"userVerification": "preferred", // a key that cannot is still a second factor
		},
		Attestation: "none",
		State:       string(state),
	})
}

// mayAdd returns the passkeys of a user who may add another one.
func (p *passkeys) mayAdd(ctx context.Context, u kit.User) ([]passkey, error) {
	if !u.Verified {
		// A stranger who registered the address would keep a way in after its owner comes.
		return nil, kit.ErrEmailNotVerified
	}
	list, err := p.list(ctx, u)
	if err == nil && len(list) >= maxPasskeys {
		err = errTooMany
	}
	return list, err
}

// serveAdd is POST /passkeys.
func (p *passkeys) serveAdd(ctx context.Context, r kit.Request) (kit.Answer, error) {
	var text, name string
	var credential json.RawMessage
	err := r.Body.Decode([]kit.Field{
		{Name: "state", Text: &text}, {Name: "credential", Object: &credential}, {Name: "name", Text: &name, Optional: true, Empty: true},
	}, nil)
	if err != nil {
		return kit.Answer{}, err
	}
	if name, err = checkName(name, "Passkey"); err != nil {
		return kit.Answer{}, err
	}
	k, err := p.add(ctx, r, text, credential, name)
	if err != nil {
		return kit.Answer{}, err
	}
	return kit.JSON(201, k.show())
}

func (p *passkeys) add(ctx context.Context, r kit.Request, text string, credential []byte, name string) (passkey, error) {
	u := r.User
	if _, err := p.mayAdd(ctx, u); err != nil {
		return passkey{}, err
	}
	state, err := p.core.OpenState(stateAdd, text, u.ID, r.Claims.SessionID)
	if err != nil {
		return passkey{}, err
	}
	registration, err := webauthn.ParseRegistration(credential)
	if err != nil {
		return passkey{}, invalidCredential(err)
	}
	c, err := p.rp.VerifyRegistration(registration, state.Data)
	if err != nil {
		return passkey{}, invalidCredential(err)
	}
	k := passkey{row: p.core.Credential(u, "", string(c.ID)), record: record{
		ID: c.ID, Key: c.PublicKey, Name: name, Transports: registration.Transports, AAGUID: c.AAGUID[:],
		SignCount: c.SignCount, UserVerified: c.Flags.UserVerified(), BackupEligible: c.Flags.BackupEligible(), BackedUp: c.Flags.BackedUp(),
	}}
	k.row.Data = k.encode()
	// The state first: after a crash between the two nothing was added, and the user begins
	// again.
	ctx = context.WithoutCancel(ctx)
	if err := p.core.SpendState(ctx, u.ID, state); err != nil {
		return passkey{}, err
	}
	if err := p.core.Create(ctx, k.row); errors.Is(err, kit.ErrConflict) {
		return passkey{}, errAlreadyRegistered
	} else if err != nil {
		return passkey{}, err
	}
	p.core.Emit(ctx, kit.Event{Kind: EventAdded, UserID: u.ID, SessionID: r.Claims.SessionID})
	p.core.Mail(ctx, MailAdded, u, kit.MailContent{Data: map[string]string{"name": name}})
	return k, nil
}

// invalidCredential is the refusal of a registration. Its detail is for developers.
func invalidCredential(err error) error {
	return kit.NewProblem(422, "invalid_credential", "Invalid credential", "The credential was refused: "+strings.TrimPrefix(err.Error(), "webauthn: ")+".")
}

// checkName returns the name of a passkey as it is stored, without surrounding white space;
// empty is the default.
func checkName(name, empty string) (string, error) {
	name = strings.TrimSpace(name)
	switch n := utf8.RuneCountInString(name); {
	case n == 0 && empty != "":
		return empty, nil
	case n == 0:
		return "", kit.Invalid("name", kit.CodeTooShort, "must have at least 1 character besides space")
	case n > 64:
		return "", kit.Invalid("name", kit.CodeTooLong, "must have at most 64 characters")
	case strings.ContainsFunc(name, unicode.IsControl):
		return "", kit.Invalid("name", kit.CodeInvalidCharacters, "must not contain control characters")
	}
	return name, nil
}
