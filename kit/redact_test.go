package kit_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"myauth.internal/kit"
)

// sourceOf is a request that has secrets in its headers.
type sourceOf struct{ header string }

func (s sourceOf) PathValue(string) string      { return s.header }
func (s sourceOf) QueryValue(string) string     { return s.header }
func (s sourceOf) HeaderValues(string) []string { return []string{s.header} }
func (s sourceOf) CookieValue(string) string    { return s.header }

// TestWhatFeaturesPassOnPrintsNoSecret: whatever the verb, in a struct and in a list, and in
// structured logs.
func TestWhatFeaturesPassOnPrintsNoSecret(t *testing.T) {
	const secret = "s3cr3t-Value"
	h, cores := probes(t)
	u, _ := h.register(testEmail)
	login := kit.Login{User: u, AMR: []string{"pwd"}}
	sealed, err := cores[0].SealState("kind", start.AddDate(0, 0, 1), []byte(secret))
	if err != nil {
		t.Fatal(err)
	}
	state, err := cores[0].OpenState("kind", string(sealed))
	if err != nil || string(state.Data) != secret {
		t.Fatal(err)
	}
	suspended, err := cores[0].Suspend(t.Context(), login, start.AddDate(0, 0, 1))
	if err != nil {
		t.Fatal(err)
	}
	body := kit.Body{JSON: []byte(`{"password":"` + secret + `"}`), Form: map[string]string{"password": secret}}
	problem := kit.NewProblem(403, "mfa_required", "t", "d")
	problem.Members = map[string]any{"mfa_token": kit.Secret(secret)}
	record := cores[0].Credential(u, "key", secret)
	record.Data = []byte(secret)
	secrets := []string{secret, fmt.Sprintf("%x", secret), fmt.Sprintf("%X", secret), strings.Trim(fmt.Sprint([]byte(secret)), "[]"),
		strings.Trim(fmt.Sprintf("%#v", []byte(secret)), "[]byte{}"), "czNjcjN0LVZhbHVl", string(sealed), string(suspended), goodPassword, string(u.PasswordHash), record.ID}
	values := map[string]any{
		"Core": cores[0], "Login": login, "State": state, "sealed": sealed, "suspended": suspended, "Token": record,
		"Proof": kit.Proof{Data: []byte(secret)}, "Prompt": kit.Prompt{Show: map[string]any{"secret": secret}, State: []byte(secret)},
		"MFARequired": &kit.MFARequired{Token: secret}, "MailContent": kit.MailContent{Token: secret},
		"Mail": kit.Mail{Link: secret, DenyLink: secret, Token: secret}, "Problem": problem, "a Problem's value": *problem,
		"Body": body, "Request": kit.Request{Source: sourceOf{secret}, Body: body}, "Cookie": kit.Cookie{Name: "n", Value: secret},
		"Answer":  kit.Answer{Body: []byte(secret), Location: secret, Cookies: []kit.Cookie{{Value: secret}}, Tokens: kit.TokenPair{AccessToken: secret}},
		"Feature": &probe{name: "p", core: cores[0]}, "Options": h.opts, "Service": h.Service,
	}
	for name, v := range values {
		text := ""
		for _, v := range []any{v, []any{v}, struct{ V any }{v}, map[string]any{"v": v}, fmt.Errorf("an error with %v", v)} {
			for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
				text += fmt.Sprintf(verb, v)
			}
		}
		var b strings.Builder
		slog.New(slog.NewJSONHandler(&b, nil)).InfoContext(context.Background(), "x", "v", v)
		slog.New(slog.NewTextHandler(&b, nil)).InfoContext(context.Background(), "x", "v", v)
		text += b.String()
		if name != "Problem" && name != "a Problem's value" { // which are written to the client so
			j, _ := json.Marshal(v)
			text += string(j)
		}
		for _, s := range secrets {
			if at := strings.Index(text, s); at >= 0 {
				t.Errorf("%s prints a secret: …%.80s", name, text[max(0, at-60):at])
			}
		}
	}
}
