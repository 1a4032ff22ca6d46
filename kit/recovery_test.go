package kit_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"myauth.internal/kit"
	"myauth.internal/kit/kittest"
)

// enrolled is an account with the factor, and the session that enrolled it.
func enrolled(t *testing.T, change ...func(*kit.Options)) (*harness, kit.TokenPair) {
	h := newHarness(t, append([]func(*kit.Options){withFactor}, change...)...)
	h.verified(testEmail)
	return h, h.enroll(h.login(testEmail, goodPassword))
}

// recoverWith completes a new login by a recovery code.
func (h *harness) recoverWith(s *kit.Service, text string) (kit.TokenPair, error) {
	h.t.Helper()
	return s.LoginWithFactor(h.t.Context(), h.half(s), "recovery_code", "", code(text))
}

func (h *harness) left() int {
	h.t.Helper()
	u, err := h.UserByEmail(h.t.Context(), testEmail)
	if err != nil {
		h.t.Fatal(err)
	}
	n, err := h.RecoveryCodesLeft(h.t.Context(), u)
	if err != nil {
		h.t.Fatal(err)
	}
	return n
}

// factorRows are the records of factors and recovery codes in the store.
func (h *harness) factorRows(userID string) []kit.Token {
	h.t.Helper()
	rows, err := h.store.Credentials().ByUser(h.t.Context(), userID, "", 100)
	if err != nil {
		h.t.Fatal(err)
	}
	return slices.DeleteFunc(rows, func(t kit.Token) bool { return !strings.HasPrefix(string(t.Type), "factor/") })
}

func TestRecoveryCodes(t *testing.T) {
	h, own := enrolled(t)
	form := regexp.MustCompile(`^([0-9a-hjkmnp-tv-z]{5}-){4}[0-9a-hjkmnp-tv-z]{5}$`)
	for i, c := range h.recovery {
		if !form.MatchString(string(c)) || slices.Index(h.recovery, c) != i {
			t.Errorf("code %d is %q", i, string(c))
		}
	}
	var due *kit.MFARequired
	_, err := h.Login(t.Context(), testEmail, goodPassword)
	if !errors.As(err, &due) || !slices.Equal(due.Methods, []string{"counter", "recovery_code"}) {
		t.Errorf("the methods are %v", err)
	}
	// However a person types it.
	first := string(h.recovery[0])
	for i, typed := range []string{
		first, strings.ToUpper(string(h.recovery[1])), strings.ReplaceAll(string(h.recovery[2]), "-", " "), strings.ReplaceAll(string(h.recovery[3]), "-", ""),
		strings.NewReplacer("0", "O", "1", "l").Replace(string(h.recovery[4])),
	} {
		tokens, err := h.recoverWith(h.Service, typed)
		if err != nil {
			t.Fatalf("code %d, typed %q: %v", i, typed, err)
		}
		h.nextMail(kit.MailRecoveryCodeUsed)
		if amr := h.claims(tokens).AMR; !slices.Equal(amr, []string{"pwd", "recovery_code", "mfa"}) {
			t.Errorf("amr is %v", amr)
		}
		if left := h.left(); left != 9-i {
			t.Errorf("%d codes are left after %d", left, i+1)
		}
	}
	if n := h.count(kit.EventRecoveryCodeUsed); n != 5 {
		t.Errorf("%d events", n)
	}
	for _, wrong := range []string{first, "", first[1:], first + "0", "2"} {
		if _, err := h.recoverWith(h.another(), wrong); !errors.Is(err, kit.ErrInvalidCode) && wrong != "" {
			t.Errorf("the code %q: %v", wrong, err)
		}
	}
	// They stand for the factor in a re-authentication too, and so for a removal.
	_, err = h.Reauthenticate(t.Context(), h.claims(own), goodPassword)
	if !errors.As(err, &due) {
		t.Fatal(err)
	}
	if _, err = h.ReauthenticateWithFactor(t.Context(), h.claims(own), string(due.Token), "recovery_code", "", code(string(h.recovery[5]))); err != nil {
		t.Error(err)
	}
	h.nextMail(kit.MailRecoveryCodeUsed)

	// New ones: the old ones are dead, and the owner is told.
	old := h.recovery[6]
	fresh, err := h.NewRecoveryCodes(t.Context(), h.claims(own))
	if err != nil || len(fresh) != 10 || h.left() != 10 {
		t.Fatalf("%d new codes, %v", len(fresh), err)
	}
	h.nextMail(kit.MailRecoveryCodesMade)
	_, err = h.recoverWith(h.Service, string(old))
	h.wantErr("an old code", err, kit.ErrInvalidCode)
	tokens, err := h.recoverWith(h.Service, string(fresh[0]))
	h.wantErr("a new code", err, nil)
	h.nextMail(kit.MailRecoveryCodeUsed)

	// They go with the last factor, and an account without one has none.
	h.wantErr("remove", h.RemoveFactor(t.Context(), h.claims(tokens), "counter"), nil)
	h.nextMail(kit.MailFactorRemoved)
	if rows := h.factorRows(tokens.User.ID); len(rows) > 0 || h.left() != 0 {
		t.Errorf("left after the last factor: %v", rows)
	}
	_, err = h.NewRecoveryCodes(t.Context(), h.claims(tokens))
	h.wantErr("codes without a factor", err, kit.ErrNotEnrolled)
	h.login(testEmail, goodPassword)
}

// TestRecoveryCodesNeedTheFactor: whoever has the password alone makes none.
func TestRecoveryCodesNeedTheFactor(t *testing.T) {
	h, own := enrolled(t)
	claims := h.claims(own)
	claims.AMR = []string{"pwd"}
	_, err := h.NewRecoveryCodes(t.Context(), claims)
	h.wantErr("a login without the factor", err, kit.ErrReauthenticationRequired)
	h.wantErr("end", h.EndAllSessions(t.Context(), own.User.ID), nil)
	claims.AMR = []string{"pwd", "otp", "mfa"}
	_, err = h.NewRecoveryCodes(t.Context(), claims)
	h.wantErr("a session that is over", err, kit.ErrRevokedToken)
	if h.left() != 10 {
		t.Error("the codes changed")
	}
}

// TestRecoveryCodesAreHashed: a dump of the store and the data key do not have the codes.
func TestRecoveryCodesAreHashed(t *testing.T) {
	h, own := enrolled(t)
	for _, row := range h.factorRows(own.User.ID) {
		data, _, err := h.opts.DataKeys.Open(row.Data, string(row.Type), row.ID, row.UserID)
		if err != nil {
			t.Fatal(err)
		}
		var kept [][]byte
		_ = json.Unmarshal(data, &kept) // that of the other factor is another
		data = append(data, bytes.Join(kept, nil)...)
		for _, c := range h.recovery {
			for _, form := range []string{string(c), strings.ReplaceAll(string(c), "-", "")} {
				if bytes.Contains(data, []byte(form)) || strings.Contains(h.log.String(), form) {
					t.Fatalf("a recovery code is in a record or the log")
				}
			}
		}
	}
}

// TestParallelRecovery: one code is one session, over 20 logins and two instances, and nine codes
// are left (claim 55).
func TestParallelRecovery(t *testing.T) {
	for round := range 3 {
		h, _ := enrolled(t)
		instances := []*kit.Service{h.Service, h.another()}
		var halves []string
		for i := range 20 {
			halves = append(halves, h.half(instances[i%2]))
		}
		before := len(h.sessionRows(h.last(kit.EventFactorEnrolled).UserID))
		won := 0
		for _, err := range race(20, func(i int) error {
			_, err := instances[i%2].LoginWithFactor(t.Context(), halves[i], "recovery_code", "", code(string(h.recovery[0])))
			return err
		}) {
			switch {
			case err == nil:
				won++
			case !errors.Is(err, kit.ErrInvalidCode):
				t.Error(err)
			}
		}
		after := len(h.sessionRows(h.last(kit.EventFactorEnrolled).UserID))
		if won != 1 || h.left() != 9 || after != before+1 {
			t.Fatalf("round %d: %d of 20 uses of one code succeeded, %d codes are left, %d new sessions", round, won, h.left(), after-before)
		}
	}
}

// TestOutageInARecovery: whatever call of a store fails, the code is unused, or used with a
// session, and the owner is told of a use (claim 56).
func TestOutageInARecovery(t *testing.T) {
	for _, fault := range []kittest.Fault{kittest.Down, kittest.Lost, kittest.Conflict} {
		for n := 1; n <= 12; n++ { // more than the calls of a second step
			h, own := enrolled(t)
			half, before := h.half(h.Service), len(h.sessionRows(own.User.ID))
			h.faults.InjectNth("*", fault, n)
			_, err := h.LoginWithFactor(t.Context(), half, "recovery_code", "", code(string(h.recovery[0])))
			h.faults.Clear()
			used, sessions := 10-h.left(), len(h.sessionRows(own.User.ID))-before
			if used > sessions || used > h.count(kit.EventRecoveryCodeUsed) && !errors.Is(err, kit.ErrUnavailable) || err == nil && used != 1 {
				t.Errorf("%v at call %d: %v, %d codes are used, with %d sessions and %d events", fault, n, err, used, sessions, h.count(kit.EventRecoveryCodeUsed))
			}
		}
	}
}

// TestNewCodesDuringARemoval: codes that are made while the last factor goes, go with it.
func TestNewCodesDuringARemoval(t *testing.T) {
	h, own := enrolled(t)
	claims := h.claims(own)
	h.faults.OnCall("credentials.Update", func() {
		h.wantErr("the removal", h.RemoveFactor(t.Context(), claims, "counter"), nil)
	})
	_, err := h.NewRecoveryCodes(t.Context(), claims)
	h.wantErr("new codes", err, nil)
	if rows := h.factorRows(own.User.ID); len(rows) > 0 {
		t.Errorf("left: %v", rows)
	}
}

// TestRecoveryUnderGuesses: codes count with the factor's, a hundred in a row, and only a right
// one or an administrator clears the count: no reset does (claim 52).
func TestRecoveryUnderGuesses(t *testing.T) {
	h, own := enrolled(t, throttled, func(o *kit.Options) {
		o.WithoutMails = []kit.MailKind{kit.MailPasswordGuessing, kit.MailNewDevice, kit.MailPasswordChanged, kit.MailFactorsReset}
	})
	compared := h.guessCodes()
	if compared != 100 {
		t.Errorf("%d wrong codes were compared", compared)
	}
	h.wantErr("reset", h.ResetPassword(t.Context(), h.resetToken(testEmail), goodPassword), nil)
	h.clock.Advance(24 * time.Hour)
	if _, err := h.recoverWith(h.Service, string(h.recovery[0])); err == nil {
		t.Error("a reset of the password cleared the count of codes")
	}
	h.wantErr("reset of the factors", h.ResetFactors(t.Context(), own.User.ID), nil)
	h.enroll(h.login(testEmail, goodPassword))
	if _, err := h.LoginWithFactor(t.Context(), h.half(h.Service), "counter", "", code("2")); err != nil {
		t.Errorf("after an administrator's reset: %v", err)
	}
}

// guessCodes answers the second step wrongly, with both methods in turn, until nothing is compared
// any more, and returns how often that was.
func (h *harness) guessCodes() (compared int) {
	h.t.Helper()
	for i := 0; i < 1000; i++ {
		method := []string{"counter", "recovery_code"}[i%2]
		_, err := h.LoginWithFactor(h.t.Context(), h.half(h.Service), method, "", code("0"))
		if errors.Is(err, kit.ErrInvalidCode) {
			compared++
		} else if compared == 100 {
			return compared
		}
		h.clock.Advance(time.Hour)
	}
	return compared
}

// TestEnrolmentsAtOneInstant: two sessions enrol at the same instant, so their writes of the user
// are equal. One of them has enrolled, and its recovery codes are the account's.
func TestEnrolmentsAtOneInstant(t *testing.T) {
	h := newHarness(t, withFactor)
	h.verified(testEmail)
	confirm := func() func() (kit.Enrolment, error) {
		claims := h.claims(h.login(testEmail, goodPassword))
		p, err := h.EnrollFactor(t.Context(), claims, "counter", kit.Body{})
		if err != nil {
			t.Fatal(err)
		}
		return func() (kit.Enrolment, error) {
			return h.ConfirmFactor(t.Context(), claims, "counter", p.Show["state"].(string), code("1"))
		}
	}
	first, second := confirm(), confirm()
	var won kit.Enrolment
	h.faults.OnCall("users.Update", func() {
		var err error
		won, err = second()
		h.wantErr("the quicker one", err, nil)
	})
	_, err := first()
	h.wantErr("the slower one", err, kit.ErrAlreadyEnrolled)
	if len(won.RecoveryCodes) != 10 || h.count(kit.EventFactorEnrolled) != 1 {
		t.Fatalf("%d recovery codes, %d events", len(won.RecoveryCodes), h.count(kit.EventFactorEnrolled))
	}
	if _, err := h.recoverWith(h.Service, string(won.RecoveryCodes[0])); err != nil {
		t.Errorf("a recovery code of the one that enrolled: %v", err)
	}
}
