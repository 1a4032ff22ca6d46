package totp_test

import (
	"context"
	"testing"

	"myauth.internal/kit"
	"myauth.internal/kit/internal/taint"
	"myauth.internal/kit/kittest"
)

// TestNoSecretIsSeen is claim 71 over the life of a second factor: no secret, code, recovery code, half
// login or token is in the log, an event, a metric or a trace, whether it was right or not.
func TestNoSecretIsSeen(t *testing.T) {
	var w *taint.Watch
	p := enrolled(t, func(o *kit.Options) {
		w, o.OnEvent = taint.Add(o), nil
	})
	secrets := []string{p.secret, kittest.Password, string(p.tokens.AccessToken)}
	for _, code := range p.codes {
		secrets = append(secrets, string(code))
	}
	for method, answers := range map[string][]string{"totp": {"wrong-code-1", p.code(1)}, "recovery_code": {"wrong-code-2", string(p.codes[0]), string(p.codes[0])}} {
		for _, code := range answers {
			half := p.half(p.Service)
			tokens, _ := p.LoginWithFactor(context.Background(), half, method, "", answer(code))
			secrets = append(secrets, code, half)
			if tokens.AccessToken != "" {
				secrets = append(secrets, string(tokens.AccessToken), string(tokens.RefreshToken))
			}
		}
	}
	_ = p.Close(t.Context())
	if found := w.Find(secrets...); len(found) > 0 || len(secrets) < 20 {
		t.Errorf("of %d secrets, after these: %q", len(secrets), found)
	}
	if len(w.Find(`kind="factor_failed"`, "operation hash compare", `"event":"recovery_code_used"`, "event {Kind:logged_in")) != 4 {
		t.Error("not everything is seen")
	}
}
