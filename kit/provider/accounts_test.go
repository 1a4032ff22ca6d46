package provider

import (
	"errors"
	"slices"
	"testing"

	"myauth.internal/kit"
)

// TestOrder is section 8 of the contract: each branch of the linking order.
func TestOrder(t *testing.T) {
	w := newWorld(t)
	// A free address that is proved makes a verified account.
	foreseen, err := w.p().foresee(t.Context(), w.acme, says("1", "Ada@Example.com", true))
	if err != nil || foreseen.ID != "" {
		t.Fatalf("foreseen of a free address: %v, %v", foreseen.ID, err)
	}
	u := w.signIn(says("1", "Ada@Example.com", true))
	if u.Email != "Ada@Example.com" || !u.Verified || !u.Active || u.PasswordHash != "" || u.Username != "Ada Lovelace" {
		t.Errorf("made %+v", u)
	}
	if got := w.heard(EventLinked); got != 1 {
		t.Errorf("%d identities were linked", got)
	}
	// A known identity is that user, whatever its address is by now.
	for _, email := range []string{"ada@example.com", "new@example.com", "", "no address", "free@example.net"} {
		for _, proved := range []bool{true, false} {
			if got := w.signIn(says("1", email, proved)); got.ID != u.ID {
				t.Errorf("with the address %q, %v: %v", email, proved, got)
			}
			foreseen, err := w.p().foresee(t.Context(), w.acme, says("1", email, proved))
			if err != nil || foreseen.ID != u.ID || foreseen.CredentialEpoch != u.CredentialEpoch {
				t.Errorf("foreseen with the address %q, %v: %v, %v", email, proved, foreseen, err)
			}
		}
	}
	// An address never identifies: not the subject of another issuer, nor another subject with the same
	// address, which may be recycled there.
	elsewhere := says("1", ada, true)
	elsewhere.Issuer = "https://other.example"
	w.refused(elsewhere, errLinkRequired)
	w.refused(says("2", "ADA@example.COM", true), errLinkRequired)
	// Not proved: the same whether it is free or taken.
	w.refused(says("2", ada, false), errEmailUnverified)
	w.refused(says("2", "free@example.org", false), errEmailUnverified)
	// No address that an account could have.
	for _, email := range []string{"", "ada", "ada@", "a\x00da@example.com", string(make([]byte, 300)) + "@example.com"} {
		w.refused(says("2", email, true), errNoAddress)
		w.refused(says("2", email, false), errNoAddress)
	}
	if got := w.identities(w.user(ada)); !slices.Equal(got, []string{"1"}) {
		t.Errorf("the account has the identities %q", got)
	}
}

// TestLinkDomains: the word of a provider opens an account only for the domains that are named, and
// only for an address that it has proved.
func TestLinkDomains(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.LinkDomains = []string{"Example.com"} })
	u, _ := w.LogIn(ada)
	w.LogIn("ada@sub.example.com")
	w.LogIn("ada@example.org")
	w.refused(says("1", "ada@sub.example.com", true), errLinkRequired)
	w.refused(says("1", "ada@example.org", true), errLinkRequired)
	w.refused(says("1", ada, false), errEmailUnverified)
	if foreseen, err := w.p().foresee(t.Context(), w.acme, says("1", "ADA@example.com", true)); err != nil || foreseen.ID != u.ID {
		t.Errorf("foreseen: %v, %v", foreseen.ID, err)
	}
	if got := w.signIn(says("1", "ADA@example.com", true)); got.ID != u.ID || got.PasswordHash == "" {
		t.Errorf("got %+v", got)
	}
	if m := w.NextMail(MailLinked); m.To != ada || m.Data["provider"] != "Acme" {
		t.Errorf("the owner was told %+v", m)
	}
	// As many as an account may have, and no more.
	for i := range maxIdentities - 1 {
		w.signIn(says("more"+string(rune('a'+i)), ada, true))
	}
	if _, err := w.p().signIn(t.Context(), w.acme, says("toomany", ada, true)); !errors.Is(err, errTooMany) {
		t.Errorf("one too many: %v", err)
	}
	// One that was deactivated is opened for nobody.
	if _, err := w.Deactivate(t.Context(), u.ID); err != nil {
		t.Fatal(err)
	}
	w.refused(says("2", ada, true), errLinkRequired)
	got, err := w.p().signIn(t.Context(), w.acme, says("1", ada, true))
	if err != nil || got.ID != u.ID {
		t.Fatalf("a known identity: %v, %v", got, err)
	}
	if _, err := w.Grant(t.Context(), kit.Login{User: got, AMR: []string{amr}}); !errors.Is(err, kit.ErrAccountDisabled) {
		t.Errorf("a session of an account that is off: %v", err)
	}
}
