package kit_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"myauth.internal/kit"
	"myauth.internal/kit/kittest"
)

func TestLoginRefusesAllTheSame(t *testing.T) {
	h := newHarness(t, func(o *kit.Options) { o.RequireVerifiedEmail = true })
	h.register(testEmail)
	disabled, _ := h.register("off@example.com")
	if _, err := h.Deactivate(t.Context(), disabled.ID); err != nil {
		t.Fatal(err)
	}
	if err := h.store.Users().Create(t.Context(), kit.User{ID: "corrupt", Email: "corrupt@example.com", Username: "c", PasswordHash: "$2b$04$broken", Active: true, Verified: true, Version: 1}); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Import(t.Context(), kit.User{Email: "none@example.com", Username: "n", Active: true, Verified: true}); err != nil {
		t.Fatal(err)
	}
	for _, c := range [][2]string{
		{"nobody@example.com", goodPassword}, {"no address", goodPassword}, {testEmail, "wrong"}, {testEmail, ""},
		{testEmail, strings.ToLower(goodPassword)}, {testEmail, " " + goodPassword}, {testEmail, goodPassword + "\x00"},
		{testEmail, strings.Repeat("x", 5000)}, {"off@example.com", "wrong"},
		{"corrupt@example.com", goodPassword}, {"none@example.com", ""},
		{"Ada@Example.com", goodPassword + " "},
	} {
		_, err := h.Login(t.Context(), c[0], c[1])
		if err != kit.ErrInvalidCredentials { // the very same value: nothing to tell apart
			t.Errorf("%q: got %v", c[0], err)
		}
	}
	_, err := h.Login(t.Context(), testEmail, goodPassword)
	h.wantErr("the right password of an unverified account", err, kit.ErrEmailNotVerified)
	_, err = h.Login(t.Context(), "off@example.com", goodPassword)
	h.wantErr("the right password of a disabled account", err, kit.ErrAccountDisabled)
}

// TestLoginUpgradesImportedHashes: accounts of other software log in with their
// passwords, and from then on have a hash of our own.
func TestLoginUpgradesImportedHashes(t *testing.T) {
	h := newHarness(t, func(o *kit.Options) { o.BcryptCost = 4 })
	for i, c := range []struct{ hash, password string }{
		// By passlib's documentation, at cost 12.
		{"$bcrypt-sha256$v=2,t=2b,r=12$n79VH.0Q2TMWmt3Oqt9uku$Kq4Noyk3094Y2QlB8NdRT8SvGiI4ft2", "password"},
		// Vectors of package password, at the configured cost.
		{"bcrypt$$2b$04$r5Xl4C3rkHxDSHV8fwCl1OtDzbTpei/FJeTQ.0lX.qlPILIpUChsC", "U*U"},
		{"bcrypt_sha256$$2b$04$xbtiogEKVIaS52Nm0H93UeMGT5GbHq1kwrCoqj5kBOujfesik/RDa", "pässwörd 😀"},
		{"$wp$2y$04$HOTYIcu61B3wBaFsBdVbi.fiUZIjwJmmwFSCTdwcGGXqso2HLINm.", "pässwörd 😀"},
	} {
		email := fmt.Sprintf("import-%d@example.com", i)
		u, err := h.Import(t.Context(), kit.User{Email: email, Username: "py", Active: true, Verified: true, PasswordHash: kit.Secret(c.hash)})
		if err != nil {
			t.Fatal(err)
		}
		if i > 0 { // cost 12 takes seconds with the race detector, so once is enough
			_, err = h.Login(t.Context(), email, c.password+" ")
			h.wantErr("another password", err, kit.ErrInvalidCredentials)
		}
		h.login(email, c.password)
		after, err := h.UserByID(t.Context(), u.ID)
		if err != nil || !strings.HasPrefix(string(after.PasswordHash), "$2b$04$") {
			t.Errorf("%.20s became %.12s…, want bcrypt at cost 4", c.hash, string(after.PasswordHash))
		}
		if after.SessionEpoch != u.SessionEpoch || !after.UpdatedAt.Equal(u.UpdatedAt) {
			t.Error("the upgrade changed more than the hash")
		}
		h.login(email, c.password)
	}
	for _, hash := range []kit.Secret{"$2x$04$HEarS0wMsE1c3gXRHabyzO6do/2ulFEtM6XcVls63Sz.D.l6AT5n2", "$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHQ$RdescudvJCsgt3ub", "$2b$04$broken"} {
		_, err := h.Import(t.Context(), kit.User{Email: "new@example.com", Username: "n", PasswordHash: hash})
		var invalid *kit.ValidationError
		if !errors.As(err, &invalid) || len(invalid.Fields) != 1 || invalid.Fields[0].Field != "password_hash" || strings.Contains(invalid.Fields[0].Message, string(hash[4:])) {
			t.Errorf("%.8s: %v", string(hash), err)
		}
	}
}

func TestLoginUpgradeNeverOverwritesANewPassword(t *testing.T) {
	h := newHarness(t, func(o *kit.Options) { o.BcryptCost = 5 })
	low := newHarness(t) // makes a hash at cost 4
	u, _ := low.register(testEmail)
	u, _ = low.UserByID(t.Context(), u.ID)
	u.ID = ""
	imported, err := h.Import(t.Context(), u)
	if err != nil {
		t.Fatal(err)
	}
	token := h.resetToken(testEmail)
	errs := race(8, func(i int) error {
		if i == 0 {
			return h.ResetPassword(t.Context(), token, otherPassword)
		}
		_, err := h.Login(t.Context(), testEmail, goodPassword)
		return err
	})
	if errs[0] != nil {
		t.Fatal(errs[0])
	}
	h.login(testEmail, otherPassword)
	_, err = h.Login(t.Context(), imported.Email, goodPassword)
	h.wantErr("the old password", err, kit.ErrInvalidCredentials)
}

func TestLoginStorageFaults(t *testing.T) {
	for _, op := range []string{"users.ByEmail", "tokens.Create"} {
		for _, fault := range []kittest.Fault{kittest.Down, kittest.Hang, kittest.Lost} {
			bubble(t, func(t *testing.T, h *harness) {
				h.register(testEmail)
				h.faults.Inject(op, fault, 1)
				tokens, err := h.Login(t.Context(), testEmail, goodPassword)
				if op == "tokens.Create" && fault == kittest.Lost {
					if err != nil {
						t.Error("a session whose answer was lost:", err)
					}
					h.mustRefresh(tokens.RefreshToken)
				} else {
					h.wantErr("login", err, kit.ErrUnavailable)
				}
				_, unknown := h.Login(t.Context(), "nobody@example.com", goodPassword)
				h.wantErr("after recovery", unknown, kit.ErrInvalidCredentials)
			})
		}
	}
	h := newHarness(t)
	h.faults.Inject("users.ByEmail", kittest.Broken, 1)
	if _, err := h.Login(t.Context(), testEmail, goodPassword); err == nil || errors.Is(err, kit.ErrUnavailable) || errors.Is(err, kit.ErrInvalidCredentials) {
		t.Error("a store's bug became", err)
	}
}

// With concealment the right password of an account that is not verified has the answer of a
// wrong one, because a stranger may have registered it.
func TestConcealedLogin(t *testing.T) {
	h := newHarness(t, func(o *kit.Options) { o.ConcealAccounts, o.RequireVerifiedEmail = true, true })
	u, _ := h.register(testEmail)
	login := func() error { _, err := h.Login(t.Context(), testEmail, goodPassword); return err }
	if err := login(); err != kit.ErrInvalidCredentials { // the very one, with no word more
		t.Errorf("got %v", err)
	}
	mail := h.nextMail(kit.MailVerification)
	if _, err := h.Deactivate(t.Context(), u.ID); err != nil {
		t.Fatal(err)
	}
	h.wantErr("of a disabled one", login(), kit.ErrInvalidCredentials)
	h.Close(t.Context()) // sends what is queued, while the account is disabled
	if n := len(h.mailer.All()); n != 2 {
		t.Errorf("%d mails, want 2: a disabled account gets none", n)
	}
	h.Service = h.another()
	if _, err := h.Activate(t.Context(), u.ID); err != nil {
		t.Fatal(err)
	}
	if err := h.VerifyEmail(t.Context(), string(mail.Token)); err != nil {
		t.Fatal(err)
	}
	h.login(testEmail, goodPassword)
	for _, e := range h.events {
		if e.Kind == kit.EventLoginFailed && !errors.Is(e.Err, kit.ErrEmailNotVerified) {
			t.Errorf("the audit stream says %v", e.Err)
		}
	}
}
