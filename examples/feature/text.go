package main

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"math/big"
	"regexp"

	"myauth.internal/kit"
)

// textFactor is a second factor: a code in a text message. send sends a message to a number
// in the form of E.164.
type textFactor struct {
	send func(ctx context.Context, number, text string) error
}

func (textFactor) Name() string { return "text" }

func (f textFactor) Attach(*kit.Core) (kit.Extension, error) { return kit.Extension{Factor: f}, nil }

// sent travels sealed in the client's hands: no store ever has the code.
type sent struct{ Number, Code string }

var e164 = regexp.MustCompile(`^\+[1-9][0-9]{6,14}$`)

// Enroll sends a code to the number that is to be enrolled.
func (f textFactor) Enroll(ctx context.Context, u kit.User, request kit.Body) (kit.Prompt, error) {
	number, err := request.One(kit.Field{Name: "number"})
	if err == nil && !e164.MatchString(number) {
		err = kit.Invalid("number", "invalid_number", "must be a number such as +441632960123")
	}
	if err != nil {
		return kit.Prompt{}, err
	}
	return f.Challenge(ctx, u, []byte(number))
}

// Confirm returns the number to which the code was sent.
func (f textFactor) Confirm(_ context.Context, _ kit.User, state []byte, answer kit.Body) ([]byte, error) {
	code, err := answer.One(kit.Field{Name: "code"})
	if err != nil {
		return nil, err
	}
	var s sent
	if json.Unmarshal(state, &s) != nil || subtle.ConstantTimeCompare([]byte(code), []byte(s.Code)) != 1 {
		return nil, kit.ErrInvalidCode
	}
	return []byte(s.Number), nil
}

// Challenge sends a code to the enrolled number.
func (f textFactor) Challenge(ctx context.Context, _ kit.User, number []byte) (kit.Prompt, error) {
	n, err := rand.Int(rand.Reader, big.NewInt(1_000_000))
	if err != nil {
		return kit.Prompt{}, err
	}
	s := sent{string(number), fmt.Sprintf("%06d", n)}
	state, err := json.Marshal(s)
	if err == nil {
		err = f.send(ctx, s.Number, "Your code is "+s.Code+". Don't share it with anyone.")
	}
	return kit.Prompt{Show: map[string]any{"sent_to": "…" + s.Number[len(s.Number)-2:]}, State: state}, err
}

// Verify checks a code that was sent to the enrolled number.
func (f textFactor) Verify(ctx context.Context, u kit.User, number, state []byte, answer kit.Body) (kit.Proof, error) {
	to, err := f.Confirm(ctx, u, state, answer)
	if err == nil && string(to) != string(number) {
		err = kit.ErrInvalidCode
	}
	return kit.Proof{AMR: []string{"sms"}}, err
}
