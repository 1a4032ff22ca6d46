package kit_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"myauth.internal/kit"
	"myauth.internal/kit/accesstoken"
)

// knock is an alternate that answers with a state, for the users that it is offered to.
type knock struct {
	offered map[string]bool
	failing error
	spent   int
}

func (*knock) Name() string { return "knock" }

func (k *knock) Attach(*kit.Core) (kit.Extension, error) { return kit.Extension{Alternate: k}, nil }

func (k *knock) Offered(_ context.Context, u kit.User) (bool, error) {
	return k.offered[u.ID], k.failing
}

func (k *knock) Challenge(context.Context, kit.User) (kit.Prompt, error) {
	return kit.Prompt{State: []byte("three times")}, nil
}

func (k *knock) Verify(_ context.Context, u kit.User, state []byte, answer kit.Body) (kit.Proof, error) {
	text, err := answer.One(kit.Field{Name: "code"})
	if err != nil || !k.offered[u.ID] || text != string(state) {
		return kit.Proof{}, errors.Join(kit.ErrInvalidCode, err)
	}
	return kit.Proof{AMR: []string{"kba"}, Spend: func(context.Context) error { k.spent++; return k.failing }}, nil
}

// TestAlternate: it answers a second factor that is due, once, and makes none due.
func TestAlternate(t *testing.T) {
	k := &knock{offered: map[string]bool{}}
	h := newHarness(t, withFactor, func(o *kit.Options) { o.Features = append(o.Features, k) })
	ctx := t.Context()
	u := h.verified(testEmail)
	k.offered[u.ID] = true
	own := h.login(testEmail, goodPassword) // no second factor is due
	if _, err := h.EnrollFactor(ctx, h.claims(own), "knock", kit.Body{}); !errors.Is(err, kit.ErrNotEnrolled) {
		t.Errorf("EnrollFactor: got %v, want ErrNotEnrolled", err)
	}
	h.enroll(own)

	half := func() *kit.MFARequired {
		t.Helper()
		_, err := h.Login(ctx, testEmail, goodPassword)
		var required *kit.MFARequired
		if !errors.As(err, &required) {
			t.Fatalf("Login: got %v, want a MFARequired", err)
		}
		return required
	}
	required := half()
	if !slices.Contains(required.Methods, "counter") || !slices.Contains(required.Methods, "knock") {
		t.Errorf("methods: %v", required.Methods)
	}
	prompt, err := h.ChallengeFactor(ctx, accesstoken.Claims{}, string(required.Token), "knock")
	if err != nil {
		t.Fatal(err)
	}
	state := prompt.Show["state"].(string)
	if _, err := h.LoginWithFactor(ctx, string(required.Token), "knock", state, code("once")); !errors.Is(err, kit.ErrInvalidCode) {
		t.Errorf("a wrong answer: %v", err)
	}
	tokens, err := h.LoginWithFactor(ctx, string(required.Token), "knock", state, code("three times"))
	if err != nil || k.spent != 1 || !slices.Equal(h.claims(tokens).AMR, []string{"pwd", "kba", "mfa"}) {
		t.Errorf("the right answer: %v, %v, spent %d times", h.claims(tokens).AMR, err, k.spent)
	}
	if _, err := h.LoginWithFactor(ctx, string(required.Token), "knock", state, code("three times")); !errors.Is(err, kit.ErrRevokedToken) {
		t.Errorf("the same again: %v", err)
	}

	// What cannot be spent starts no session.
	required = half()
	prompt, err = h.ChallengeFactor(ctx, accesstoken.Claims{}, string(required.Token), "knock")
	if err != nil {
		t.Fatal(err)
	}
	before := len(h.sessionRows(u.ID))
	k.failing = kit.ErrInvalidCode
	if _, err := h.LoginWithFactor(ctx, string(required.Token), "knock", prompt.Show["state"].(string), code("three times")); !errors.Is(err, kit.ErrInvalidCode) {
		t.Errorf("an answer that was used: %v", err)
	}
	if after := len(h.sessionRows(u.ID)); after != before {
		t.Errorf("%d sessions were left", after-before)
	}
	k.failing = kit.ErrUnavailable
	if _, err := h.Login(ctx, testEmail, goodPassword); !errors.Is(err, kit.ErrUnavailable) {
		t.Errorf("while nobody knows what is offered: %v", err)
	}
	k.failing, k.offered[u.ID] = nil, false
	if required := half(); slices.Contains(required.Methods, "knock") {
		t.Errorf("methods without it: %v", required.Methods)
	}
}
