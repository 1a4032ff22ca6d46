package kit_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"myauth.internal/kit"
)

// TestNoSecretIsPrinted lives a whole life and then looks for each of its secrets
// in everything that was logged, in every event, and in every value under every
// verb.
func TestNoSecretIsPrinted(t *testing.T) {
	h := newHarness(t, func(o *kit.Options) { o.OnEvent = nil })
	u, verification := h.register(testEmail)
	tokens := h.login(testEmail, goodPassword)
	next := h.mustRefresh(tokens.RefreshToken)
	reset := h.resetToken(testEmail)
	stored, err := h.UserByID(t.Context(), u.ID)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := h.store.Tokens().ByUser(t.Context(), u.ID, "", 10)
	if err != nil {
		t.Fatal(err)
	}
	h.Login(t.Context(), testEmail, "Wr0ng-"+otherPassword)
	h.ResetPassword(t.Context(), reset, otherPassword)
	h.refresh(tokens.RefreshToken)

	secrets := []string{
		goodPassword, otherPassword, string(stored.PasswordHash), string(verification.Token), string(tokens.AccessToken),
		string(tokens.RefreshToken), string(next.RefreshToken), reset,
	}
	for _, row := range rows {
		secrets = append(secrets, row.ID, string(row.SecretHash), fmt.Sprint(row.SecretHash), fmt.Sprintf("%x", row.SecretHash))
	}
	registration := kit.Registration{Email: testEmail, Password: goodPassword}
	values := []any{u, &u, stored, &stored, tokens, &tokens, rows, verification, registration, &registration, h.Service, h.mailer}
	h.Close(t.Context()) // or the log could be without what the mail queue says
	text := h.log.String()
	for _, v := range values {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			text += fmt.Sprintf(verb, v)
		}
		var b strings.Builder
		slog.New(slog.NewJSONHandler(&b, nil)).Info("x", "v", v)
		slog.New(slog.NewTextHandler(&b, nil)).Info("x", "v", v)
		text += b.String()
	}
	for _, v := range []any{stored, tokens, verification} {
		b, _ := json.Marshal(v)
		text += string(b)
	}
	for i, secret := range secrets {
		if strings.Contains(text, secret) {
			at := strings.Index(text, secret)
			t.Errorf("secret %d is in the text: …%.80s", i, text[max(0, at-60):at])
		}
	}
	if !strings.Contains(text, "event=password_reset") {
		t.Error("the log was not captured")
	}
}

// TestRegistrationPrintsNoSettings: neither as text nor as the numbers of its bytes.
func TestRegistrationPrintsNoSettings(t *testing.T) {
	r := kit.Registration{Email: testEmail, Username: "Ada\n", Password: goodPassword, Settings: json.RawMessage(`{"diary":"private"}`)}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		for _, v := range []any{r, &r, []kit.Registration{r}} {
			text := fmt.Sprintf(verb, v)
			if strings.Contains(text, "private") || strings.Contains(text, "123 34") || strings.Contains(text, fmt.Sprintf("%x", "diary")) || strings.Contains(text, "\n") {
				t.Errorf("%s: %s", verb, text)
			}
		}
	}
}
