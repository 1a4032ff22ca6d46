package passkey

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"myauth.internal/kit"
)

// secondFactor is a passkey as the answer to a second factor that is due: with or without user
// verification. It makes no second factor due itself, because whoever has the passkey can log in
// with it alone.
type secondFactor struct{ *passkeys }

// Offered reports whether u has a passkey.
func (f secondFactor) Offered(ctx context.Context, u kit.User) (bool, error) {
	list, err := f.list(ctx, u)
	return len(list) > 0, err
}

// Challenge asks for the signature of one of u's passkeys.
func (f secondFactor) Challenge(ctx context.Context, u kit.User) (kit.Prompt, error) {
	list, err := f.list(ctx, u)
	if err != nil {
		return kit.Prompt{}, err
	}
	if len(list) == 0 {
		return kit.Prompt{}, kit.ErrNotEnrolled
	}
	challenge := newChallenge()
	return kit.Prompt{
		Show: map[string]any{
			"challenge": base64URL.EncodeToString(challenge), "timeout": stateTTL.Milliseconds(), "rpId": f.rp.ID,
			"allowCredentials": descriptors(list), "userVerification": "preferred",
		},
		State: binary.BigEndian.AppendUint64(challenge, uint64(f.core.Now().Add(stateTTL).Unix())),
	}, nil
}

// Verify checks the signature.
func (f secondFactor) Verify(ctx context.Context, u kit.User, state []byte, answer kit.Body) (kit.Proof, error) {
	var credential json.RawMessage
	if err := answer.Decode([]kit.Field{{Name: "credential", Object: &credential}}, nil); err != nil {
		return kit.Proof{}, err
	}
	if len(state) <= 8 {
		return kit.Proof{}, kit.ErrInvalidCode // there was no challenge
	}
	challenge, until := state[:len(state)-8], int64(binary.BigEndian.Uint64(state[len(state)-8:]))
	if !f.core.Now().Before(time.Unix(until, 0)) {
		return kit.Proof{}, kit.ErrExpiredToken
	}
	_, k, flags, count, err := f.prove(ctx, u.ID, challenge, credential)
	if err != nil {
		return kit.Proof{}, wrongAnswer(err)
	}
	return kit.Proof{AMR: amr(flags), Spend: func(ctx context.Context) error {
		return wrongAnswer(f.use(ctx, k, flags, count))
	}}, nil
}

// wrongAnswer makes a refused a wrong answer. The Service's event has the reason, and clients hear
// the same of each.
func wrongAnswer(err error) error {
	if errors.As(err, new(refused)) {
		return fmt.Errorf("%w: %w", kit.ErrInvalidCode, err)
	}
	return err
}
