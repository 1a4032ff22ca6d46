package provider

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"time"

	"myauth.internal/kit"
	"myauth.internal/kit/accesstoken"
	"myauth.internal/kit/totp"
)

// foothold is something that a squatter has in an account that he made with the address of
// somebody else. It returns what he does with it later: nil means that it works.
type foothold func(w *world, u kit.User, tokens kit.TokenPair, claims accesstoken.Claims) (use func(context.Context) error)

var footholds = map[string]foothold{
	"a password": func(w *world, _ kit.User, _ kit.TokenPair, _ accesstoken.Claims) func(context.Context) error {
		return func(ctx context.Context) error { _, err := w.Login(ctx, ada, strong); return err }
	},
	"an access token": func(w *world, _ kit.User, tokens kit.TokenPair, _ accesstoken.Claims) func(context.Context) error {
		return func(ctx context.Context) error {
			_, _, err := w.Authenticate(ctx, string(tokens.AccessToken))
			return err
		}
	},
	"a refresh token": func(w *world, _ kit.User, tokens kit.TokenPair, _ accesstoken.Claims) func(context.Context) error {
		return func(ctx context.Context) error {
			_, err := w.Refresh(ctx, string(tokens.RefreshToken))
			return err
		}
	},
	"a pending change of address": func(w *world, _ kit.User, _ kit.TokenPair, claims accesstoken.Claims) func(context.Context) error {
		if err := w.RequestEmailChange(w.t.Context(), claims, "mallory@example.net"); err != nil {
			w.t.Fatal(err)
		}
		token := w.mail(kit.MailEmailChange).Token
		return func(ctx context.Context) error { return w.ConfirmEmailChange(ctx, string(token)) }
	},
	"a pending reset": func(w *world, _ kit.User, _ kit.TokenPair, _ accesstoken.Claims) func(context.Context) error {
		if err := w.RequestPasswordReset(w.t.Context(), ada); err != nil {
			w.t.Fatal(err)
		}
		token := w.mail(kit.MailPasswordReset).Token
		return func(ctx context.Context) error { return w.ResetPassword(ctx, string(token), another) }
	},
	"a pending denial": func(w *world, _ kit.User, _ kit.TokenPair, _ accesstoken.Claims) func(context.Context) error {
		token := w.mail(kit.MailVerification).Token
		return func(ctx context.Context) error { return w.DenyEmail(ctx, string(token)) }
	},
	"a passkey": func(w *world, u kit.User, _ kit.TokenPair, _ accesstoken.Claims) func(context.Context) error {
		if err := w.squatters.core.Create(w.t.Context(), w.squatters.core.Credential(u, "key", "1")); err != nil {
			w.t.Fatal(err)
		}
		return func(ctx context.Context) error { _, err := w.squatters.core.Find(ctx, "key", "1"); return err }
	},
	"an identity": func(w *world, u kit.User, _ kit.TokenPair, _ accesstoken.Claims) func(context.Context) error {
		if err := w.p().core.Create(w.t.Context(), w.p().newIdentity(w.t.Context(), u, w.acme, says("666", ada, false)).row); err != nil {
			w.t.Fatal(err)
		}
		return func(ctx context.Context) error {
			_, err := w.p().signIn(ctx, w.acme, says("666", ada, false))
			return err
		}
	},
	"a second factor": func(w *world, u kit.User, _ kit.TokenPair, claims accesstoken.Claims) func(context.Context) error {
		if _, err := w.enroll(claims)(w.t.Context()); err != nil {
			w.t.Fatal(err)
		}
		w.mark(w.t.Context(), false)
		return func(ctx context.Context) error {
			u, err := w.UserByID(ctx, u.ID)
			if err == nil && len(u.Factors) == 0 {
				err = kit.ErrNotEnrolled
			}
			return err
		}
	},
	"a half-finished enrolment": func(w *world, _ kit.User, _ kit.TokenPair, claims accesstoken.Claims) func(context.Context) error {
		confirm := w.enroll(claims)
		return func(ctx context.Context) error { _, err := confirm(ctx); return err }
	},
	"a login that waits": func(w *world, u kit.User, _ kit.TokenPair, _ accesstoken.Claims) func(context.Context) error {
		waits, err := w.squatters.core.Suspend(w.t.Context(), kit.Login{User: u, AMR: []string{"pwd"}}, w.Clock.Now().Add(time.Hour))
		if err != nil {
			w.t.Fatal(err)
		}
		return func(ctx context.Context) error {
			l, err := w.squatters.core.Resume(string(waits))
			if err == nil {
				_, err = w.Grant(ctx, l)
			}
			return err
		}
	},
	"settings": func(w *world, u kit.User, _ kit.TokenPair, _ accesstoken.Claims) func(context.Context) error {
		return func(ctx context.Context) error {
			u, err := w.UserByID(ctx, u.ID)
			if err == nil && string(u.Settings) == "{}" && u.Username != "Mallory" {
				err = errors.New("they are gone")
			}
			return err
		}
	},
}

// enroll begins the enrolment of a second factor, and returns what finishes it.
func (w *world) enroll(claims accesstoken.Claims) func(context.Context) (kit.Enrolment, error) {
	w.t.Helper()
	w.mark(w.t.Context(), true) // as before an administrator gave the account this address
	defer w.mark(w.t.Context(), false)
	prompt, err := w.EnrollFactor(w.t.Context(), claims, "totp", kit.Body{})
	if err != nil {
		w.t.Fatal(err)
	}
	code, err := totp.Code(prompt.Show["secret"].(string), w.Clock.Now())
	if err != nil {
		w.t.Fatal(err)
	}
	state := prompt.Show["state"].(string)
	return func(ctx context.Context) (kit.Enrolment, error) {
		w.mark(ctx, true)
		return w.ConfirmFactor(ctx, claims, "totp", state, kit.Body{JSON: []byte(`{"code":"` + code + `"}`)})
	}
}

// mail returns the next mail of a kind.
func (w *world) mail(kind kit.MailKind) kit.Mail {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), 20*time.Second)
	defer cancel()
	for {
		m, err := w.Mailer.Next(ctx)
		if err != nil {
			w.t.Fatalf("no %s mail came: %v", kind, err)
		}
		if m.Kind == kind {
			return m
		}
	}
}

// coming is how the owner of an address comes to it by a provider. It returns the account, and
// whether the identity logs in from then on.
var coming = map[string]func(w *world) (kit.User, bool){
	"the provider's word": func(w *world) (kit.User, bool) { return w.signIn(says("1", ada, true)), true },
	"the mail, in the same browser": func(w *world) (kit.User, bool) {
		token, from := w.unproved(says("1", ada, false))
		return w.confirm(token, from), true
	},
	"the mail, elsewhere": func(w *world) (kit.User, bool) {
		token, _ := w.unproved(says("1", ada, false))
		return w.confirm(token, source{}), false
	},
}

// unproved begins a sign-in whose address nobody has proved. It returns the token in the mail, and
// the browser that has begun.
func (w *world) unproved(a assertion) (token string, from source) {
	w.t.Helper()
	w.refused(a, errEmailUnverified)
	f := newFlow(w.acme, want{}, w.Clock.Now())
	if err := w.p().mailConfirmation(w.t.Context(), w.acme, a, f.ID); err != nil {
		w.t.Fatal(err)
	}
	cookie, err := w.p().cookie(flow{ID: f.ID, Stage: mailed}, w.Clock.Now().Add(confirmTTL), false)
	if err != nil {
		w.t.Fatal(err)
	}
	return string(w.mail(MailConfirm).Token), source{cookies: map[string]string{cookie.Name: cookie.Value}}
}

// confirm follows the link in a mail.
func (w *world) confirm(token string, from source) kit.User {
	w.t.Helper()
	answer, err := w.tryConfirm(token, from)
	if err != nil {
		w.t.Fatalf("following the link: %v", err)
	}
	return answer.Tokens.User
}

func (w *world) tryConfirm(token string, from source) (kit.Answer, error) {
	w.t.Helper()
	return w.serve("POST", "/providers/confirm", confirmRequest(token, from))
}

func confirmRequest(token string, from source) kit.Request {
	body, _ := json.Marshal(map[string]string{"token": token}) // of strings
	return kit.Request{Source: from, Body: kit.Body{JSON: body}}
}

// occupied is a world with a squatter who has these footholds in the account of ada's address.
func occupied(t *testing.T, names []string) (w *world, u kit.User, use map[string]func(context.Context) error) {
	w = newWorld(t)
	u = w.squat(ada)
	tokens, err := w.Login(t.Context(), ada, strong)
	if err != nil {
		t.Fatal(err)
	}
	use = map[string]func(context.Context) error{}
	for _, name := range names {
		_, claims, err := w.Authenticate(t.Context(), string(tokens.AccessToken))
		if err != nil {
			t.Fatal(err)
		}
		use[name] = footholds[name](w, u, tokens, claims)
	}
	return w, u, use
}

// TestPreHijack is security claim 50 and the better part of 64: whatever a squatter has in an
// account that nobody has verified, none of it works once the owner of the address comes.
func TestPreHijack(t *testing.T) {
	for name := range footholds {
		t.Run(name, func(t *testing.T) {
			_, _, use := occupied(t, []string{name})
			if err := use[name](t.Context()); err != nil {
				t.Fatalf("it does not work before the owner comes: %v", err)
			}
			for way, come := range coming {
				t.Run(way, func(t *testing.T) {
					w, squatted, use := occupied(t, []string{name})
					w.t = t
					u, linked := come(w)
					w.checkOwned(squatted, u, linked)
					if n := w.heard(EventClaimed); n != 1 {
						t.Errorf("%d events of a claim", n)
					}
					if err := use[name](t.Context()); err == nil {
						t.Error("it still works")
					}
					w.checkOwned(squatted, w.user(ada), linked)
					if told := w.mailed(MailClaimed); len(told) != 1 || told[0].To != ada || told[0].Username != "Ada Lovelace" {
						t.Errorf("the owner was told %+v", told)
					}
				})
			}
		})
	}
}

// checkOwned wants an account to be the owner's alone.
func (w *world) checkOwned(squatted, u kit.User, linked bool) {
	w.t.Helper()
	if u.ID != squatted.ID || u.Email != squatted.Email {
		w.t.Errorf("the owner got another account: %v", u)
	}
	if u = w.user(ada); !u.Verified || u.PasswordHash != "" || u.Factors != nil || string(u.Settings) != "{}" || u.Username != "Ada Lovelace" {
		w.t.Errorf("the account is %+v", u)
	}
	var want []string
	if linked {
		want = []string{"1"}
	}
	if got := w.identities(u); !slices.Equal(got, want) {
		w.t.Errorf("the account has the identities %q, want %q", got, want)
	}
	if sessions := w.live(w.Store.Tokens(), u.ID, u.SessionEpoch); !slices.Equal(sessions, []string{"refresh"}) {
		w.t.Errorf("the account has the live tokens %q, want the owner's session", sessions)
	}
	if rows := w.live(w.Store.Credentials(), u.ID, u.CredentialEpoch); len(rows) != len(want) {
		w.t.Errorf("the account has the live credentials %q, want the owner's %q", rows, want)
	}
}

// live returns the types of a user's records that count under an epoch.
func (w *world) live(store kit.TokenStore, userID string, epoch int64) (types []string) {
	w.t.Helper()
	rows, err := store.ByUser(w.t.Context(), userID, "", 1000)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, row := range rows {
		if row.Epoch == epoch && row.RevokedAt.IsZero() && w.Clock.Now().Before(row.ExpiresAt) && row.Type != "once" {
			types = append(types, string(row.Type))
		}
	}
	return types
}

// mark marks an address as verified, or not, as nothing in the API does.
func (w *world) mark(ctx context.Context, verified bool) {
	w.t.Helper()
	if _, _, err := w.squatters.core.ChangeUser(ctx, w.user(ada).ID, func(u *kit.User) error {
		if u.Verified == verified {
			return kit.ErrUnchanged
		}
		u.Verified = verified
		return nil
	}); err != nil {
		w.t.Fatal(err)
	}
}
