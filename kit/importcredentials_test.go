package kit_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"testing"
	"time"

	"myauth.internal/kit"
	"myauth.internal/kit/kittest"
)

// exported is an account with a factor, recovery codes and two credentials of a feature, as another
// Service exports it.
func exported(t *testing.T) (kit.User, []kit.Token) {
	t.Helper()
	h, cores := probes(t)
	u := h.verified(testEmail)
	h.enroll(h.login(testEmail, goodPassword))
	for _, key := range []string{"a", "b"} {
		if err := cores[0].Create(t.Context(), cores[0].Credential(u, "key", key)); err != nil {
			t.Fatal(err)
		}
	}
	u, credentials, err := h.Export(t.Context(), u)
	if err != nil || len(credentials) < 4 {
		t.Fatalf("exported %d credentials, %v: want a factor, recovery codes and two more", len(credentials), err)
	}
	return u, credentials
}

func credentialsOf(t *testing.T, h *harness, userID string) []kit.Token {
	t.Helper()
	rows, err := h.store.Credentials().ByUser(t.Context(), userID, "", 100)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// TestImportWithCredentials: the account logs in with the factor that it had elsewhere, and each record
// is as it was.
func TestImportWithCredentials(t *testing.T) {
	u, credentials := exported(t)
	h := newHarness(t, withFactor)
	for range 2 {
		if _, err := h.Import(t.Context(), u, credentials...); err != nil {
			t.Fatal(err)
		}
	}
	rows := credentialsOf(t, h, u.ID)
	if len(rows) != len(credentials) {
		t.Fatalf("%d credentials, want %d", len(rows), len(credentials))
	}
	for i, row := range rows {
		if fmt.Sprint(row) != fmt.Sprint(credentials[i]) || row.ID != credentials[i].ID || string(row.Data) != string(credentials[i].Data) {
			t.Errorf("got %v, want %v", row, credentials[i])
		}
	}
	if _, err := h.LoginWithFactor(t.Context(), h.half(h.Service), "counter", "", code("9")); err != nil {
		t.Error("the second step:", err)
	}
	// What the owner removes does not come back.
	if err := h.store.Credentials().Delete(t.Context(), rows[0].ID, rows[0].Version); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Import(t.Context(), u, credentials...); err != nil || len(credentialsOf(t, h, u.ID)) != len(rows)-1 {
		t.Errorf("a second import: %v, and %d credentials", err, len(credentialsOf(t, h, u.ID)))
	}
}

// TestImportIsAllOrNothing: whatever call of a store fails, the account is there with all of its
// credentials or not at all, and the same import again completes it.
func TestImportIsAllOrNothing(t *testing.T) {
	u, credentials := exported(t)
	for _, fault := range []kittest.Fault{kittest.Down, kittest.Lost, kittest.Broken} {
		for skip, failed := 0, true; failed; skip++ {
			h := newHarness(t, withFactor)
			h.faults.InjectAfter("*", fault, skip)
			_, err := h.Import(t.Context(), u, credentials...)
			failed = err != nil
			h.faults.Clear()
			_, missing := h.UserByID(t.Context(), u.ID)
			if n := len(credentialsOf(t, h, u.ID)); missing == nil && n != len(credentials) {
				t.Fatalf("%v after %d calls: the account has %d credentials of %d", fault, skip, n, len(credentials))
			}
			if _, err := h.Import(t.Context(), u, credentials...); err != nil {
				t.Fatalf("%v after %d calls, again: %v", fault, skip, err)
			}
			if n := len(credentialsOf(t, h, u.ID)); n != len(credentials) {
				t.Fatalf("%v after %d calls, again: %d credentials of %d", fault, skip, n, len(credentials))
			}
			if skip > 100 {
				t.Fatal("it never succeeds")
			}
		}
	}
}

// TestImportRefusesWithoutTraces: an account whose address is taken leaves no credential, and takes
// none of another account's.
func TestImportRefusesWithoutTraces(t *testing.T) {
	u, credentials := exported(t)
	h := newHarness(t, withFactor)
	other, err := h.Import(t.Context(), kit.User{ID: "other", Email: testEmail, Username: "Ada", Active: true})
	if err != nil {
		t.Fatal(err)
	}
	_, err = h.Import(t.Context(), u, credentials...)
	h.wantErr("a taken address", err, kit.ErrUserExists)
	left := slices.DeleteFunc(credentialsOf(t, h, u.ID), func(c kit.Token) bool { return c.Type == "once" })
	if len(left) != 0 { // a spent proof stays spent, and expires
		t.Errorf("credentials without an account: %v", left)
	}
	if err := h.DeleteUser(t.Context(), other.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Import(t.Context(), u, credentials...); err != nil {
		t.Fatal(err)
	}
	thief := u
	thief.ID, thief.Email = "thief", "thief@example.com"
	_, err = h.Import(t.Context(), thief, credentials...)
	h.wantErr("another account's credentials", err, kit.ErrConflict)
	if n := len(credentialsOf(t, h, thief.ID)); n != 0 {
		t.Errorf("%d credentials of a refused account", n)
	}
	if n := len(credentialsOf(t, h, u.ID)); n != len(credentials) {
		t.Errorf("the owner has %d credentials of %d", n, len(credentials))
	}
}

// TestImportsOfOneAccountAtOnce: sixteen imports over two instances make one account with all of its
// credentials, and each of them succeeds.
func TestImportsOfOneAccountAtOnce(t *testing.T) {
	u, credentials := exported(t)
	device := kit.Token{ID: "device-4567890123456789", Type: "device", SecretHash: make([]byte, 32), ExpiresAt: start.Add(9999 * time.Hour), Version: 1}
	device.ID, device.SecretHash[0] = device.ID[:22], 1 // a record without a Salt
	credentials = append(credentials, device)
	for range 20 {
		h := newHarness(t, withFactor)
		services := []*kit.Service{h.Service, h.another()}
		var all sync.WaitGroup
		begin, errs := make(chan struct{}), make([]error, 16)
		for i := range errs {
			all.Go(func() {
				<-begin
				_, errs[i] = services[i%2].Import(context.Background(), u, credentials...)
			})
		}
		close(begin)
		all.Wait()
		if err := errors.Join(errs...); err != nil {
			t.Fatal(err)
		}
		if n := len(credentialsOf(t, h, u.ID)); n != len(credentials) {
			t.Fatalf("%d credentials of %d", n, len(credentials))
		}
	}
}

// TestImportChecksCredentials: only what belongs to an account is imported with it.
func TestImportChecksCredentials(t *testing.T) {
	_, credentials := exported(t)
	good := credentials[0]
	for what, change := range map[string]func(*kit.Token){
		"a session":                    func(c *kit.Token) { c.Type = kit.RefreshToken },
		"the record of administrators": func(c *kit.Token) { c.Type = "admins" },
		"no type":                      func(c *kit.Token) { c.Type = "" },
		"another form of ID":           func(c *kit.Token) { c.ID += "x" },
		"an ID with a space":           func(c *kit.Token) { c.ID = " " + c.ID[1:] },
		"an ID with a line break":      func(c *kit.Token) { c.ID = c.ID[:21] + "\n" },
		"no version":                   func(c *kit.Token) { c.Version = 0 },
		"a version without a next one": func(c *kit.Token) { c.Version = math.MaxInt64 },
		"no hash":                      func(c *kit.Token) { c.SecretHash = nil },
		"too much data":                func(c *kit.Token) { c.Data = make([]byte, kit.MaxTokenData+1) },
		"a revoked record":             func(c *kit.Token) { c.RevokedAt = start },
		"no end":                       func(c *kit.Token) { c.ExpiresAt = time.Time{} },
	} {
		h := newHarness(t, withFactor)
		bad := good.Clone()
		change(&bad)
		_, err := h.Import(t.Context(), kit.User{ID: "7", Email: testEmail, Username: "Ada"}, bad)
		var invalid *kit.ValidationError
		if !errors.As(err, &invalid) || invalid.Fields[0].Field != "credentials" {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// TestExportIsConsistent: an account that changes while its credentials are read is read again; what
// is void is left out, and so is an account that is being deleted.
func TestExportIsConsistent(t *testing.T) {
	h, cores := probes(t)
	listed := h.verified(testEmail)
	h.enroll(h.login(testEmail, goodPassword))
	h.faults.OnCall("users.ByID", func() { // after the credentials were read
		if err := h.ResetFactors(t.Context(), listed.ID); err != nil {
			t.Error(err)
		}
	})
	u, credentials, err := h.Export(t.Context(), listed)
	if err != nil || len(u.Factors) != 0 || slices.ContainsFunc(credentials, func(c kit.Token) bool { return c.Type == "factor/counter" }) {
		t.Errorf("factors %v, credentials %v, %v: want none of the factor", u.Factors, credentials, err)
	}
	old := cores[0].Credential(u, "key", "void")
	old.Epoch++
	if err := h.store.Credentials().Create(t.Context(), old); err != nil {
		t.Fatal(err)
	}
	if _, credentials, _ := h.Export(t.Context(), u); slices.ContainsFunc(credentials, func(c kit.Token) bool { return c.ID == old.ID }) {
		t.Error("a void credential was exported")
	}
	h.faults.Inject("users.Delete", kittest.Down, -1)
	if err := h.DeleteUser(t.Context(), u.ID); err == nil {
		t.Fatal("the deletion was not interrupted")
	}
	h.faults.Clear()
	_, _, err = h.Export(t.Context(), u)
	h.wantErr("an account that is being deleted", err, kit.ErrUserNotFound)
}

// TestImportedAdministratorsCount: an administrator whose import was interrupted counts after the same
// import again, and one whose import was refused does not take a place.
func TestImportedAdministratorsCount(t *testing.T) {
	admin := kit.User{ID: "1", Email: testEmail, Username: "Ada", Active: true, Roles: []string{kit.AdminRole}, CreatedAt: start}
	for skip, failed := 0, true; failed; skip++ {
		h := newHarness(t)
		h.faults.InjectAfter("*", kittest.Broken, skip) // as after a kill: nothing more reaches the store
		_, err := h.Import(t.Context(), admin)
		failed = err != nil
		h.faults.Clear()
		if _, err := h.UserByID(t.Context(), admin.ID); err != nil {
			continue
		}
		if admins, err := h.Administrators(t.Context()); err != nil || len(admins) != 1 {
			t.Errorf("after %d calls the account is there, and %d administrators count, %v", skip, len(admins), err)
		}
	}
	h := newHarness(t)
	if _, err := h.Import(t.Context(), kit.User{ID: "2", Email: testEmail, Username: "Ada", Active: true}); err != nil {
		t.Fatal(err)
	}
	_, err := h.Import(t.Context(), admin)
	h.wantErr("a taken address", err, kit.ErrUserExists)
	for i := range 100 {
		other := admin
		other.ID, other.Email = fmt.Sprint("admin", i), fmt.Sprintf("admin%d@example.com", i)
		if _, err := h.Import(t.Context(), other); err != nil {
			t.Fatal(err)
		}
	}
	if admins, err := h.Administrators(t.Context()); err != nil || len(admins) != 100 {
		t.Errorf("%d administrators count, %v, want 100", len(admins), err)
	}
}
