package provider

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"myauth.internal/kit"
)

// unlink is DELETE /identities/{id} of a user.
func (w *world) unlink(u kit.User, id string) error {
	_, err := w.serve("DELETE", "/identities/{id}", kit.Request{User: u, Source: source{path: map[string]string{"id": id}}})
	return err
}

// TestIdentities lists, links and unlinks.
func TestIdentities(t *testing.T) {
	w := newWorld(t)
	u, _ := w.LogIn(ada)
	list := func(u kit.User) string {
		t.Helper()
		answer, err := w.serve("GET", "/identities", kit.Request{User: u})
		if err != nil || answer.Status != 200 {
			t.Fatalf("%d, %v", answer.Status, err)
		}
		return string(answer.Body)
	}
	if got := list(u); got != `{"identities":[]}` {
		t.Errorf("at first: %s", got)
	}
	k, err := w.p().link(t.Context(), u, w.acme, says("1", "ada@acme.example", false))
	if err != nil {
		t.Fatal(err)
	}
	if m := w.NextMail(MailLinked); m.To != ada || m.Data["provider"] != "Acme" || m.Link != "" {
		t.Errorf("told %+v", m)
	}
	w.Clock.Advance(time.Second)
	other, err := w.p().link(t.Context(), u, w.other, assertion{Account: Account{Subject: "1"}, Issuer: "https://other.example"})
	if err != nil {
		t.Fatal(err)
	}
	w.NextMail(MailLinked)
	want := `{"identities":[{"id":"` + k.ID + `","provider":"acme","label":"Acme","email":"ada@acme.example","name":"Ada Lovelace","created_at":"2026-11-24T12:00:00.000000Z","last_used_at":null},` +
		`{"id":"` + other.ID + `","provider":"other","label":"Other","email":"","name":"","created_at":"2026-11-24T12:00:01.000000Z","last_used_at":null}]}`
	if got := list(u); got != want {
		t.Errorf("after linking two:\n%s, want\n%s", got, want)
	}
	if k.ID == k.row.ID || len(k.ID) < 20 {
		t.Error("the public ID is the row's, or is short")
	}
	// Once more is no error, tells nobody, and is no second identity.
	if again, err := w.p().link(t.Context(), u, w.acme, says("1", "new@acme.example", false)); err != nil || again.ID != k.ID {
		t.Errorf("once more: %v, %v", again.ID, err)
	}
	// A login is written down, with what the provider says by then.
	w.Clock.Advance(time.Second)
	if got := w.signIn(says("1", "newer@acme.example", false)); got.ID != u.ID {
		t.Errorf("logged in to %v", got.ID)
	}
	if got := list(u); !strings.Contains(got, `"email":"newer@acme.example","name":"Ada Lovelace","created_at":"2026-11-24T12:00:00.000000Z","last_used_at":"2026-11-24T12:00:02.000000Z"`) {
		t.Errorf("after a login: %s", got)
	}
	// What is another account's is as what is nobody's.
	eve, _ := w.LogIn("eve@example.com")
	for _, id := range []string{k.ID, k.row.ID, "nobodys", ""} {
		if err := w.unlink(eve, id); !reflect.DeepEqual(err, error(errNotFound)) {
			t.Errorf("unlinking %q of another account: %v", id, err)
		}
	}
	if _, err := w.p().link(t.Context(), eve, w.acme, says("1", "", false)); !errors.Is(err, errAlreadyLinked) {
		t.Errorf("linking what is another account's: %v", err)
	}
	if got := list(eve); got != `{"identities":[]}` {
		t.Errorf("another account has %s", got)
	}
	// Unlinked, it logs in to nothing, and anybody may link it.
	if err := w.unlink(u, k.ID); err != nil {
		t.Fatal(err)
	}
	if m := w.NextMail(MailUnlinked); m.To != ada || m.Data["provider"] != "Acme" {
		t.Errorf("told %+v", m)
	}
	if err := w.unlink(u, k.ID); !errors.Is(err, errNotFound) {
		t.Errorf("unlinking once more: %v", err)
	}
	w.refused(says("1", "newer@acme.example", false), errEmailUnverified)
	if _, err := w.p().link(t.Context(), eve, w.acme, says("1", "", false)); err != nil {
		t.Errorf("linking what was unlinked: %v", err)
	}
	if n := len(w.mailed(MailUnlinked)); n != 1 {
		t.Errorf("%d mails of one unlinking", n)
	}
}

// TestLinkRefuses: no address that is not verified, and no more than an account may have.
func TestLinkRefuses(t *testing.T) {
	w := newWorld(t)
	u, _ := w.LogIn(ada)
	for i := range maxIdentities {
		if _, err := w.p().link(t.Context(), u, w.acme, says(fmt.Sprint(i), "", false)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.p().link(t.Context(), u, w.acme, says("one too many", "", false)); !errors.Is(err, errTooMany) {
		t.Errorf("one too many: %v", err)
	}
	if _, err := w.p().link(t.Context(), u, w.acme, says("0", "", false)); err != nil {
		t.Errorf("one that it has: %v", err)
	}
	squatted := w.squat("eve@example.com")
	if _, err := w.p().link(t.Context(), squatted, w.acme, says("666", "", false)); !errors.Is(err, kit.ErrEmailNotVerified) {
		t.Errorf("an address that is not verified: %v", err)
	}
}

// TestLastCredential: an account without a password keeps one identity of a provider that there is.
func TestLastCredential(t *testing.T) {
	w := newWorld(t)
	u := w.signIn(says("1", ada, true))
	id := func(i int) string {
		list, err := w.p().list(t.Context(), u)
		if err != nil || len(list) <= i {
			t.Fatal(list, err)
		}
		return list[i].ID
	}
	if err := w.unlink(u, id(0)); !errors.Is(err, kit.ErrLastCredential) {
		t.Errorf("the last one: %v", err)
	}
	w.Clock.Advance(time.Second)
	gone := w.other
	gone.Name = "gone"
	if _, err := w.p().link(t.Context(), u, gone, says("2", "", false)); err != nil {
		t.Fatal(err)
	}
	if err := w.unlink(u, id(0)); !errors.Is(err, kit.ErrLastCredential) {
		t.Errorf("the last one but for a provider that is gone: %v", err)
	}
	w.Clock.Advance(time.Second)
	if _, err := w.p().link(t.Context(), u, w.other, says("3", "", false)); err != nil {
		t.Fatal(err)
	}
	if err := w.unlink(u, id(0)); err != nil {
		t.Errorf("one of two: %v", err)
	}
	if got := w.heard(EventUnlinked); got != 1 {
		t.Errorf("%d events", got)
	}
}

// TestVoided: what voids an account's credentials unlinks its identities, which can then be linked
// anew, by anybody.
func TestVoided(t *testing.T) {
	w := newWorld(t)
	u, _ := w.LogIn(ada)
	eve, _ := w.LogIn("eve@example.com")
	if _, err := w.p().link(t.Context(), u, w.acme, says("1", "", false)); err != nil {
		t.Fatal(err)
	}
	done := false
	u, _, err := w.squatters.core.ChangeUser(t.Context(), u.ID, func(u *kit.User) error {
		if done {
			return kit.ErrUnchanged
		}
		done = true
		u.CredentialEpoch++
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := w.identities(u); got != nil {
		t.Errorf("the account still has %q", got)
	}
	w.refused(says("1", ada, true), errLinkRequired)
	if _, err := w.p().link(t.Context(), eve, w.acme, says("1", "", false)); err != nil {
		t.Errorf("linking it anew: %v", err)
	}
	if got := w.signIn(says("1", ada, true)); got.ID != eve.ID {
		t.Errorf("it logs in to %v", got.ID)
	}
	// An account that is deleted leaves its identity free, too.
	if err := w.DeleteUser(t.Context(), eve.ID); err != nil {
		t.Fatal(err)
	}
	if got := w.signIn(says("1", "new@example.com", true)); got.ID == eve.ID || got.Email != "new@example.com" {
		t.Errorf("after the account is gone: %+v", got)
	}
}

// TestBareAccount: an account without a password that nobody has verified may have a session or a
// credential all the same, of a feature or of the application's own. They go when the owner comes.
func TestBareAccount(t *testing.T) {
	for way, come := range coming {
		t.Run(way, func(t *testing.T) {
			w := newWorld(t)
			squatted, err := w.squatters.core.Register(t.Context(), ada, "Ada Lovelace") // which looks like the owner's own
			if err != nil {
				t.Fatal(err)
			}
			tokens, err := w.Grant(t.Context(), kit.Login{User: squatted, AMR: []string{"sms"}})
			if err != nil {
				t.Fatal(err)
			}
			w.Clock.Advance(time.Second)
			u, linked := come(w)
			if _, _, err := w.Authenticate(t.Context(), string(tokens.AccessToken)); err == nil {
				t.Error("the squatter's session is alive")
			}
			if u.ID != squatted.ID || !u.Verified || linked != (len(w.identities(u)) == 1) {
				t.Errorf("left %+v with %q", u, w.identities(u))
			}

			w = newWorld(t)
			if squatted, err = w.squatters.core.Register(t.Context(), ada, "Ada Lovelace"); err != nil {
				t.Fatal(err)
			}
			if err := w.squatters.core.Create(t.Context(), w.squatters.core.Credential(squatted, "phone", "1")); err != nil {
				t.Fatal(err)
			}
			w.Clock.Advance(time.Second)
			u, linked = come(w)
			if _, err := w.squatters.core.Find(t.Context(), "phone", "1"); !errors.Is(err, kit.ErrNotFound) {
				t.Errorf("the squatter's credential: %v", err)
			}
			w.checkOwned(squatted, u, linked)
		})
	}
}

// TestSecondFactorStays is claim 53: a provider is no second factor, and takes none off.
func TestSecondFactorStays(t *testing.T) {
	w := newWorld(t)
	u, tokens := w.LogIn(ada)
	if _, err := w.p().link(t.Context(), u, w.acme, says("1", ada, true)); err != nil {
		t.Fatal(err)
	}
	_, claims, err := w.Authenticate(t.Context(), string(tokens.AccessToken))
	if err != nil {
		t.Fatal(err)
	}
	confirm := w.enroll(claims)
	if _, err := confirm(t.Context()); err != nil {
		t.Fatal(err)
	}
	for name, comes := range map[string]func() error{
		"by the identity": func() error {
			u, err := w.p().signIn(t.Context(), w.acme, says("1", ada, true))
			if err == nil {
				_, err = w.Grant(t.Context(), kit.Login{User: u, AMR: []string{amr}})
			}
			return err
		},
		"by the mail": func() error {
			token, _ := w.unproved(says("2", ada, false))
			_, err := w.tryConfirm(token, source{})
			return err
		},
	} {
		if err := comes(); !errors.Is(err, kit.ErrMFARequired) {
			t.Errorf("%s: %v", name, err)
		}
		if got := w.user(ada); len(got.Factors) != 1 {
			t.Errorf("%s: the account has the factors %q", name, got.Factors)
		}
	}
}

// TestNewerRecord: a record of a newer version is neither read nor changed.
func TestNewerRecord(t *testing.T) {
	w := newWorld(t)
	u := w.signIn(says("1", ada, true))
	list, err := w.p().list(t.Context(), u)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.p().core.Change(t.Context(), list[0].row, func(row *kit.Token) error {
		row.Data = []byte(strings.Replace(string(row.Data), `"v":1`, `"v":2`, 1))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	writes := w.writes()
	for name, err := range map[string]error{
		"a login": func() error { _, err := w.p().signIn(t.Context(), w.acme, says("1", ada, true)); return err }(),
		"linking": func() error { _, err := w.p().link(t.Context(), u, w.acme, says("1", ada, true)); return err }(),
		"removal": w.unlink(u, list[0].ID),
	} {
		if !errors.Is(err, kit.ErrNewerRecord) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := w.writes() - writes; n != 0 {
		t.Errorf("%d writes", n)
	}
}
