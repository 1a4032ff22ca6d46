package kit

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"myauth.internal/kit/seal"
)

// What begins writes nothing: what must be known again at the next request travels sealed in
// the client's hands, and is used up by the request that succeeds.

const (
	statePrefix  = "myauth_st_"
	statePurpose = "states"
	stateTTL     = 10 * time.Minute
	maxState     = 8 << 10  // of the data
	maxStateText = 16 << 10 // of the text
	factorState  = "factor"
)

// openState is a state that was opened.
type openState struct {
	kind  string
	nonce string
	until time.Time
	data  []byte
}

func (o openState) onceKind() string { return "state/" + o.kind }

type sealedState struct {
	Nonce string `json:"n"`
	Until int64  `json:"e"` // seconds since 1970
	Data  []byte `json:"d"`
}

// sealState seals data under a key derived from the signing key. Only a call with the same
// kind and binding opens it, until a time.
func (s *Service) sealState(kind string, until time.Time, data []byte, binding ...string) (string, error) {
	if len(data) > maxState {
		return "", fmt.Errorf("kit: a state has at most %d bytes", maxState)
	}
	secret, keyID, err := s.keys.Derive(statePurpose, "")
	if err != nil {
		return "", err
	}
	keys, err := seal.NewKeyring(secret)
	if err != nil {
		return "", err
	}
	plain, err := json.Marshal(sealedState{rand.Text(), until.Unix(), data})
	if err != nil {
		return "", err
	}
	sealed := keys.Seal(plain, stateContext(kind, keyID, binding)...)
	return statePrefix + base64.RawURLEncoding.EncodeToString([]byte(keyID)) + "." + base64.RawURLEncoding.EncodeToString(sealed), nil
}

func stateContext(kind, keyID string, binding []string) []string {
	return slices.Concat([]string{kind, keyID}, binding)
}

// openState returns what sealState sealed. Errors: [ErrInvalidToken], [ErrExpiredToken].
func (s *Service) openState(text, kind string, binding ...string) (openState, error) {
	if len(text) > maxStateText || strings.ContainsAny(text, "\r\n") { // which the decoder would skip
		return openState{}, ErrInvalidToken
	}
	rest, ok := strings.CutPrefix(text, statePrefix)
	keyText, sealedText, dot := strings.Cut(rest, ".")
	keyID, err1 := base64.RawURLEncoding.Strict().DecodeString(keyText)
	sealed, err2 := base64.RawURLEncoding.Strict().DecodeString(sealedText)
	if !ok || !dot || errors.Join(err1, err2) != nil || len(keyID) == 0 {
		return openState{}, ErrInvalidToken
	}
	secret, _, err := s.keys.Derive(statePurpose, string(keyID))
	if err != nil {
		return openState{}, ErrInvalidToken // the key has left the keyring
	}
	keys, err := seal.NewKeyring(secret)
	if err != nil {
		return openState{}, err
	}
	plain, _, err := keys.Open(sealed, stateContext(kind, string(keyID), binding)...)
	var state sealedState
	if err != nil || json.Unmarshal(plain, &state) != nil {
		return openState{}, ErrInvalidToken
	}
	until := time.Unix(state.Until, 0).UTC()
	if !s.now().Before(until) {
		return openState{}, ErrExpiredToken
	}
	return openState{kind: kind, nonce: state.Nonce, until: until, data: state.Data}, nil
}

// spendState uses a state up. Errors: [ErrRevokedToken] if it was used before.
func (s *Service) spendState(ctx context.Context, userID string, o openState) error {
	err := s.once(ctx, userID, o.onceKind(), o.nonce, o.until)
	if errors.Is(err, ErrConflict) {
		return ErrRevokedToken
	}
	return err
}

// stateSpent reports whether a state was used up.
func (s *Service) stateSpent(ctx context.Context, o openState) (bool, error) {
	return s.used(ctx, o.onceKind(), o.nonce)
}

// suspendedLogin is a [Login] in a state. Its epochs are those of before the proof.
type suspendedLogin struct {
	UserID          string   `json:"u"`
	SessionEpoch    int64    `json:"s"`
	CredentialEpoch int64    `json:"c"`
	AMR             []string `json:"a"`
	ProvedAt        int64    `json:"t"` // seconds since 1970
	Session         string   `json:"r,omitempty"`
}

func (s *Service) sealLogin(kind string, l Login, until time.Time) (string, error) {
	data, err := json.Marshal(suspendedLogin{l.User.ID, l.User.SessionEpoch, l.User.CredentialEpoch, l.AMR, cmp.Or(l.provedAt, s.now()).Unix(), l.session})
	if err != nil {
		return "", err
	}
	return s.sealState(kind, until, data)
}

func (s *Service) openLogin(kind, text string) (Login, error) {
	opened, err := s.openState(text, kind)
	if err != nil {
		return Login{}, err
	}
	var kept suspendedLogin
	if err := json.Unmarshal(opened.data, &kept); err != nil {
		return Login{}, err
	}
	return Login{
		User:     User{ID: kept.UserID, SessionEpoch: kept.SessionEpoch, CredentialEpoch: kept.CredentialEpoch},
		AMR:      kept.AMR,
		provedAt: time.Unix(kept.ProvedAt, 0).UTC(),
		session:  kept.Session,
		Spend:    func(ctx context.Context) error { return s.spendState(ctx, kept.UserID, opened) },
	}, nil
}
