package kit_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"myauth.internal/kit"
	"myauth.internal/kit/accesstoken"
	"myauth.internal/kit/kittest"
	"myauth.internal/kit/seal"
)

// countingFactor is a factor whose codes are numbers that must rise, as the steps of TOTP do.
// What it knows of a user is the last one. A code may also be "sent", which is the state.
type countingFactor struct{}

func (countingFactor) Name() string { return "counter" }

func (f countingFactor) Attach(*kit.Core) (kit.Extension, error) {
	return kit.Extension{Factor: f}, nil
}

func (countingFactor) Enroll(context.Context, kit.User, kit.Body) (kit.Prompt, error) {
	return kit.Prompt{Show: map[string]any{"first": kit.Secret("1")}, State: []byte("1")}, nil
}

func (countingFactor) Confirm(_ context.Context, _ kit.User, state []byte, answer kit.Body) ([]byte, error) {
	code, err := answer.One(kit.Field{Name: "code"})
	if err == nil && code != string(state) {
		err = kit.ErrInvalidCode
	}
	return []byte(code), err
}

func (countingFactor) Challenge(context.Context, kit.User, []byte) (kit.Prompt, error) {
	return kit.Prompt{Show: map[string]any{}, State: []byte("sent")}, nil
}

func (countingFactor) Verify(_ context.Context, _ kit.User, data, state []byte, answer kit.Body) (kit.Proof, error) {
	code, err := answer.One(kit.Field{Name: "code"})
	switch {
	case err != nil:
		return kit.Proof{}, err
	case code == "sent" && string(state) == "sent":
		return kit.Proof{AMR: []string{"sms"}}, nil
	case code == "sent" || len(code) < len(data) || len(code) == len(data) && code <= string(data):
		return kit.Proof{}, kit.ErrInvalidCode
	}
	return kit.Proof{AMR: []string{"otp"}, Data: []byte(code)}, nil
}

func withFactor(o *kit.Options) {
	var err error
	if o.DataKeys, err = seal.NewKeyring([]byte("a data key for tests: 32 bytes..")); err != nil {
		panic(err)
	}
	o.Features = append(o.Features, countingFactor{})
}

// code is the body of an answer.
func code(text string) kit.Body { return kit.Body{JSON: fmt.Appendf(nil, `{"code":%q}`, text)} }

func (h *harness) claims(tokens kit.TokenPair) accesstoken.Claims {
	h.t.Helper()
	_, claims, err := h.Authenticate(h.t.Context(), string(tokens.AccessToken))
	if err != nil {
		h.t.Fatal("authenticate:", err)
	}
	return claims
}

// verified makes an account with a verified address.
func (h *harness) verified(email string) kit.User {
	h.t.Helper()
	u, err := h.Import(h.t.Context(), kit.User{Email: email, Username: "Ada", PasswordHash: goodHash, Active: true, Verified: true})
	if err != nil {
		h.t.Fatal(err)
	}
	return u
}

// enroll sets up the factor in a session, and returns the new access token.
func (h *harness) enroll(tokens kit.TokenPair) kit.TokenPair {
	h.t.Helper()
	claims := h.claims(tokens)
	p, err := h.EnrollFactor(h.t.Context(), claims, "counter", kit.Body{})
	if err != nil || p.Show["first"] != "1" {
		h.t.Fatal("enroll:", err, p.Show)
	}
	enrolled, err := h.ConfirmFactor(h.t.Context(), claims, "counter", p.Show["state"].(string), code("1"))
	if err != nil {
		h.t.Fatal("confirm:", err)
	}
	h.nextMail(kit.MailFactorEnrolled)
	if len(enrolled.RecoveryCodes) != 10 {
		h.t.Fatalf("%d recovery codes", len(enrolled.RecoveryCodes))
	}
	h.recovery = enrolled.RecoveryCodes
	return enrolled.Tokens
}

// half logs in with the password, and returns the token for the second step.
func (h *harness) half(s *kit.Service) string {
	h.t.Helper()
	_, err := s.Login(h.t.Context(), testEmail, goodPassword)
	var required *kit.MFARequired
	if !errors.As(err, &required) {
		h.t.Fatalf("login: got %v, want a MFARequired", err)
	}
	return string(required.Token)
}

// halfAgain re-authenticates with the password, and returns the token for the second step.
func (h *harness) halfAgain(claims accesstoken.Claims) string {
	h.t.Helper()
	_, err := h.Reauthenticate(h.t.Context(), claims, goodPassword)
	var required *kit.MFARequired
	if !errors.As(err, &required) {
		h.t.Fatalf("re-authentication: got %v, want a MFARequired", err)
	}
	return string(required.Token)
}

func TestSecondFactor(t *testing.T) {
	h := newHarness(t, withFactor)
	u := h.verified(testEmail)
	other, own := h.login(testEmail, goodPassword), h.login(testEmail, goodPassword)
	access := h.enroll(own)

	_, err := h.refresh(other.RefreshToken)
	h.wantErr("a session from before the enrolment", err, kit.ErrRevokedToken)
	_, _, err = h.Authenticate(t.Context(), string(own.AccessToken))
	h.wantErr("an access token from before the enrolment", err, kit.ErrRevokedToken)
	if access.RefreshToken != "" || !slices.Contains(h.claims(access).AMR, kit.AMRMultiple) {
		t.Errorf("confirmed: refresh token %q, claims %v", access.RefreshToken, h.claims(access).AMR)
	}
	own = h.mustRefresh(own.RefreshToken)
	if c := h.claims(own); !slices.Contains(c.AMR, kit.AMRMultiple) || h.CheckRecent(own.User, c) != nil {
		t.Errorf("the session that enrolled has %v at %v", c.AMR, c.AuthTime)
	}

	rows := func() int {
		tokens, err := h.store.Tokens().ByUser(t.Context(), u.ID, "", 1000)
		if err != nil {
			t.Fatal(err)
		}
		return len(slices.DeleteFunc(tokens, func(t kit.Token) bool { return t.Type != kit.RefreshToken }))
	}
	before := rows()
	token := h.half(h.Service)
	if rows() != before {
		t.Error("a session exists before the second factor")
	}
	_, err = h.Refresh(t.Context(), token)
	h.wantErr("the half login as refresh token", err, kit.ErrInvalidToken)
	_, _, err = h.Authenticate(t.Context(), token)
	h.wantErr("the half login as access token", err, kit.ErrInvalidToken)

	_, err = h.LoginWithFactor(t.Context(), token, "counter", "", code("1"))
	h.wantErr("the code that confirmed the enrolment", err, kit.ErrInvalidCode)
	_, err = h.LoginWithFactor(t.Context(), token, "recovery", "", code("2"))
	h.wantErr("a factor that the account does not have", err, kit.ErrNotEnrolled)
	if rows() != before {
		t.Error("a wrong code left a session")
	}
	tokens, err := h.LoginWithFactor(t.Context(), token, "counter", "", code("2"))
	if err != nil {
		t.Fatal(err)
	}
	if c := h.claims(tokens); !slices.Equal(c.AMR, []string{"pwd", "otp", "mfa"}) {
		t.Errorf("amr is %v", c.AMR)
	}
	_, err = h.LoginWithFactor(t.Context(), token, "counter", "", code("3"))
	h.wantErr("the half login again", err, kit.ErrRevokedToken)
	_, err = h.LoginWithFactor(t.Context(), h.half(h.Service), "counter", "", code("2"))
	h.wantErr("the code again", err, kit.ErrInvalidCode)

	enrolled, err := h.Factors(t.Context(), tokens.User)
	if err != nil || len(enrolled) != 1 || enrolled[0].Name != "counter" || enrolled[0].LastUsedAt.IsZero() {
		t.Errorf("factors: %v, %v", enrolled, err)
	}
	_, err = h.EnrollFactor(t.Context(), h.claims(tokens), "counter", kit.Body{})
	h.wantErr("enrolled twice", err, kit.ErrAlreadyEnrolled)

	for range 2 {
		if err := h.RemoveFactor(t.Context(), h.claims(tokens), "counter"); err != nil {
			t.Fatal(err)
		}
	}
	h.nextMail(kit.MailFactorRemoved)
	h.login(testEmail, goodPassword)
	if left, err := h.store.Credentials().ByUser(t.Context(), u.ID, "", 10); err != nil || slices.ContainsFunc(left, func(t kit.Token) bool { return strings.HasPrefix(string(t.Type), "factor/") }) {
		t.Errorf("after the removal: %v, %v", left, err)
	}
}

// TestFactorState: what a factor sends is good for one success, in the login or session that it
// was made for.
func TestFactorState(t *testing.T) {
	h := newHarness(t, withFactor)
	u := h.verified(testEmail)
	own := h.login(testEmail, goodPassword)
	p, err := h.EnrollFactor(t.Context(), h.claims(own), "counter", kit.Body{})
	if err != nil {
		t.Fatal(err)
	}
	state := p.Show["state"].(string)
	_, err = h.ConfirmFactor(t.Context(), h.claims(h.login(testEmail, goodPassword)), "counter", state, code("1"))
	h.wantErr("the state of another session", err, kit.ErrInvalidToken)
	h.clock.Advance(10 * time.Minute)
	_, err = h.ConfirmFactor(t.Context(), h.claims(own), "counter", state, code("1"))
	h.wantErr("ten minutes later", err, kit.ErrExpiredToken)
	if stored, err := h.UserByID(t.Context(), u.ID); err != nil || len(stored.Factors) > 0 {
		t.Errorf("an enrolment that was not confirmed: %v, %v", stored.Factors, err)
	}

	access := h.enroll(own)
	if err := h.RemoveFactor(t.Context(), h.claims(access), "counter"); err != nil {
		t.Fatal(err)
	}
	h.nextMail(kit.MailFactorRemoved)
	h.enroll(access)

	one, two := h.half(h.Service), h.half(h.Service)
	p, err = h.ChallengeFactor(t.Context(), accesstoken.Claims{}, one, "counter")
	if err != nil {
		t.Fatal(err)
	}
	state = p.Show["state"].(string)
	_, err = h.LoginWithFactor(t.Context(), two, "counter", state, code("sent"))
	h.wantErr("the state of another login", err, kit.ErrInvalidToken)
	_, err = h.LoginWithFactor(t.Context(), one, "counter", "", code("sent"))
	h.wantErr("without its state", err, kit.ErrInvalidCode)
	if _, err = h.LoginWithFactor(t.Context(), one, "counter", state, code("sent")); err != nil {
		t.Error(err)
	}
}

// TestHalfLoginEnds: after five answers, ten minutes, and whatever ends sessions.
func TestHalfLoginEnds(t *testing.T) {
	for name, end := range map[string]func(h *harness, u kit.User) error{
		"ten minutes": func(h *harness, _ kit.User) error { h.clock.Advance(10 * time.Minute); return kit.ErrExpiredToken },
		"reset": func(h *harness, _ kit.User) error {
			if err := h.ResetPassword(h.t.Context(), h.resetToken(testEmail), otherPassword); err != nil {
				return err
			}
			return kit.ErrRevokedToken
		},
		"password change": func(h *harness, _ kit.User) error {
			if _, err := h.ChangePassword(h.t.Context(), h.session, goodPassword, otherPassword); err != nil {
				return err
			}
			return kit.ErrRevokedToken
		},
		"deactivation": func(h *harness, u kit.User) error {
			if _, err := h.Deactivate(h.t.Context(), u.ID); err != nil {
				return err
			}
			return kit.ErrAccountDisabled
		},
		"six answers": func(h *harness, _ kit.User) error { return nil },
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t, withFactor)
			u := h.verified(testEmail)
			h.session = h.claims(h.enroll(h.login(testEmail, goodPassword)))
			token := h.half(h.Service)
			want := end(h, u)
			if want == nil {
				want = kit.ErrRevokedToken
				for range 5 {
					_, err := h.LoginWithFactor(t.Context(), token, "counter", "", code("0"))
					h.wantErr("a wrong code", err, kit.ErrInvalidCode)
				}
			}
			_, err := h.LoginWithFactor(t.Context(), token, "counter", "", code("2"))
			h.wantErr("the right code", err, want)
			_, err = h.ChallengeFactor(t.Context(), accesstoken.Claims{}, token, "counter")
			h.wantErr("a challenge", err, want)
		})
	}
}

// TestParallelAnswers: one code is one session, over two logins and two instances.
func TestParallelAnswers(t *testing.T) {
	for round := range 5 {
		h := newHarness(t, withFactor)
		h.verified(testEmail)
		h.enroll(h.login(testEmail, goodPassword))
		instances := []*kit.Service{h.Service, h.another()}
		logins := []string{h.half(instances[0]), h.half(instances[1])}
		var wg sync.WaitGroup
		begin := make(chan struct{})
		results := make([]error, 10)
		for i := range results {
			wg.Go(func() {
				<-begin
				_, results[i] = instances[i%2].LoginWithFactor(t.Context(), logins[i/2%2], "counter", "", code("2"))
			})
		}
		close(begin)
		wg.Wait()
		won := 0
		for _, err := range results {
			switch {
			case err == nil:
				won++
			case !errors.Is(err, kit.ErrInvalidCode) && !errors.Is(err, kit.ErrRevokedToken):
				t.Error(err)
			}
		}
		if won != 1 {
			t.Fatalf("round %d: %d of %d answers with one code logged in: %v", round, won, len(results), results)
		}
	}
}

// TestAnswerUsedMeanwhile: by another login, after this one has compared it.
func TestAnswerUsedMeanwhile(t *testing.T) {
	h := newHarness(t, withFactor)
	h.verified(testEmail)
	h.enroll(h.login(testEmail, goodPassword))
	first, second := h.half(h.Service), h.half(h.Service)
	other := errors.New("it did not come to that")
	h.faults.OnCall("credentials.Update", func() {
		_, other = h.another().LoginWithFactor(t.Context(), second, "counter", "", code("2"))
	})
	_, err := h.LoginWithFactor(t.Context(), first, "counter", "", code("2"))
	h.wantErr("the slower login", err, kit.ErrInvalidCode)
	h.wantErr("the quicker login", other, nil)
}

// TestFactorFailsClosed: where the name is set and the record or the feature is gone, nobody gets
// in without the factor.
func TestFactorFailsClosed(t *testing.T) {
	h := newHarness(t, withFactor)
	u := h.verified(testEmail)
	h.enroll(h.login(testEmail, goodPassword))
	rows, err := h.store.Credentials().ByUser(t.Context(), u.ID, "", 10)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		if row.Type == "factor/counter" {
			if err := h.store.Credentials().Delete(t.Context(), row.ID, row.Version); err != nil {
				t.Fatal(err)
			}
		}
	}
	_, err = h.LoginWithFactor(t.Context(), h.half(h.Service), "counter", "", code("2"))
	h.wantErr("without the record", err, kit.ErrNotEnrolled)

	// A Service that does not have the feature any more.
	plain := h.over(h.faults.Stores(h.store.Stores()), func(o *kit.Options) { o.Features = nil })
	_, err = plain.Login(t.Context(), testEmail, goodPassword)
	h.wantErr("without the feature", err, kit.ErrMFARequired)
}

// TestResetLeavesTheFactorOn: no proof of the address turns the factor of a verified account off.
func TestResetLeavesTheFactorOn(t *testing.T) {
	h := newHarness(t, withFactor)
	h.verified(testEmail)
	h.enroll(h.login(testEmail, goodPassword))
	if err := h.ResetPassword(t.Context(), h.resetToken(testEmail), otherPassword); err != nil {
		t.Fatal(err)
	}
	_, err := h.Login(t.Context(), testEmail, otherPassword)
	h.wantErr("login", err, kit.ErrMFARequired)
}

// TestFirstProofVoidsCredentials: whoever set up a factor before the owner proved the address
// was a stranger.
func TestFirstProofVoidsCredentials(t *testing.T) {
	h := newHarness(t, withFactor)
	u, err := h.Import(t.Context(), kit.User{Email: testEmail, Username: "Ada", Active: true, Factors: []string{"counter"}, Private: []byte(`{"customer":7}`)})
	if err != nil {
		t.Fatal(err)
	}
	if err := h.ResetPassword(t.Context(), h.resetToken(testEmail), goodPassword); err != nil {
		t.Fatal(err)
	}
	after := h.login(testEmail, goodPassword).User
	if len(after.Factors) > 0 || after.CredentialEpoch == u.CredentialEpoch || string(after.Private) != `{"customer":7}` {
		t.Errorf("after the first proof: factors %v, epoch %d, private %s", after.Factors, after.CredentialEpoch, after.Private)
	}
}

// TestAFactorThatTheServiceLacks: nobody gets past it, and the log says which option is missing.
func TestAFactorThatTheServiceLacks(t *testing.T) {
	h := newHarness(t)
	if _, err := h.Import(t.Context(), kit.User{Email: testEmail, Username: "Ada", PasswordHash: goodHash, Active: true, Verified: true, Factors: []string{"counter"}}); err != nil {
		t.Fatal(err)
	}
	_, err := h.Login(t.Context(), testEmail, goodPassword)
	h.wantErr("login", err, kit.ErrMFARequired)
	if log := h.log.String(); !strings.Contains(log, "Options.Features has none") || !strings.Contains(log, "counter") {
		t.Errorf("the log: %s", log)
	}
}

// TestEnrolmentDuringARemoval: a removal deletes the record that it removed, and not that of an
// enrolment meanwhile, whose owner could not log in any more.
func TestEnrolmentDuringARemoval(t *testing.T) {
	for _, op := range []string{"users.Update", "credentials.ByID", "users.ByID", "credentials.Delete"} {
		h := newHarness(t, withFactor)
		h.verified(testEmail)
		claims := h.claims(h.enroll(h.login(testEmail, goodPassword)))
		enroll := func() {
			p, err := h.EnrollFactor(t.Context(), claims, "counter", kit.Body{})
			if err == nil {
				_, err = h.ConfirmFactor(t.Context(), claims, "counter", p.Show["state"].(string), code("1"))
			}
			h.wantErr(op+": the enrolment", err, nil)
		}
		remove := func() { h.wantErr(op+": the removal", h.RemoveFactor(t.Context(), claims, "counter"), nil) }
		if op == "users.Update" { // of the enrolment; the removal has nothing to do
			remove()
			h.faults.OnCall(op, remove)
			enroll()
		} else {
			h.faults.OnCall("users.Update", func() { h.faults.OnCall(op, enroll) })
			remove()
		}
		if _, err := h.LoginWithFactor(t.Context(), h.half(h.Service), "counter", "", code("2")); err != nil {
			t.Errorf("%s: the login: %v", op, err)
		}
	}
}

// TestFactorsNeedTheSession: an access token is valid for a while after the logout. Whoever has
// it then can neither lock the owner out by a factor nor take the owner's off.
func TestFactorsNeedTheSession(t *testing.T) {
	h := newHarness(t, withFactor)
	u := h.verified(testEmail)
	factors := func() int {
		stored, err := h.UserByID(t.Context(), u.ID)
		if err != nil {
			t.Fatal(err)
		}
		return len(stored.Factors)
	}
	logout := func(tokens kit.TokenPair) {
		if err := h.Logout(t.Context(), string(tokens.RefreshToken)); err != nil {
			t.Fatal(err)
		}
	}
	over, own := h.login(testEmail, goodPassword), h.login(testEmail, goodPassword)
	claims := h.claims(over)
	p, err := h.EnrollFactor(t.Context(), claims, "counter", kit.Body{})
	if err != nil {
		t.Fatal(err)
	}
	logout(over)
	_, err = h.ConfirmFactor(t.Context(), claims, "counter", p.Show["state"].(string), code("1"))
	h.wantErr("confirm", err, kit.ErrRevokedToken)
	if factors() != 0 {
		t.Error("a session that is over enrolled a factor")
	}
	claims = h.claims(h.enroll(own))
	logout(own)
	h.wantErr("remove", h.RemoveFactor(t.Context(), claims, "counter"), kit.ErrRevokedToken)
	if factors() != 1 {
		t.Error("a session that is over removed a factor")
	}
}

// TestEnrolmentIsAlwaysTold: the owner hears of a factor that is set, also if the store fails then.
func TestEnrolmentIsAlwaysTold(t *testing.T) {
	h := newHarness(t, withFactor)
	h.verified(testEmail)
	claims := h.claims(h.login(testEmail, goodPassword))
	p, err := h.EnrollFactor(t.Context(), claims, "counter", kit.Body{})
	if err != nil {
		t.Fatal(err)
	}
	h.faults.OnCall("users.Update", func() { h.faults.Inject("credentials.ByID", kittest.Down, -1) })
	_, err = h.ConfirmFactor(t.Context(), claims, "counter", p.Show["state"].(string), code("1"))
	h.wantErr("confirm", err, kit.ErrUnavailable)
	h.nextMail(kit.MailFactorEnrolled)
	if n := h.count(kit.EventFactorEnrolled); n != 1 {
		t.Errorf("%d events", n)
	}
}

// TestCredentialsEndDuringAnEnrolment: a factor whose record is void from the start is not set.
func TestCredentialsEndDuringAnEnrolment(t *testing.T) {
	own := &probe{name: "probe"}
	h := newHarness(t, withFactor, func(o *kit.Options) { o.Features = append(o.Features, own) })
	u := h.verified(testEmail)
	claims := h.claims(h.login(testEmail, goodPassword))
	p, err := h.EnrollFactor(t.Context(), claims, "counter", kit.Body{})
	if err != nil {
		t.Fatal(err)
	}
	h.faults.OnCall("users.Update", func() {
		own.core.ChangeUser(t.Context(), u.ID, func(u *kit.User) error { u.CredentialEpoch++; return nil })
	})
	_, err = h.ConfirmFactor(t.Context(), claims, "counter", p.Show["state"].(string), code("1"))
	h.wantErr("confirm", err, kit.ErrRevokedToken)
	h.login(testEmail, goodPassword)
}

func TestFactorNeedsAVerifiedAddress(t *testing.T) {
	h := newHarness(t, withFactor)
	h.register(testEmail)
	_, err := h.EnrollFactor(t.Context(), h.claims(h.login(testEmail, goodPassword)), "counter", kit.Body{})
	h.wantErr("enroll", err, kit.ErrEmailNotVerified)
}

func TestRemovalNeedsTheFactor(t *testing.T) {
	h := newHarness(t, withFactor)
	h.verified(testEmail)
	own := h.login(testEmail, goodPassword)
	claims := h.claims(own)
	access := h.enroll(own)
	h.wantErr("claims without the factor", h.RemoveFactor(t.Context(), claims, "counter"), kit.ErrReauthenticationRequired)
	if err := h.EndAllSessions(t.Context(), own.User.ID); err != nil {
		t.Fatal(err)
	}
	forged := claims
	forged.AMR = append(forged.AMR, kit.AMRMultiple)
	h.wantErr("an ended session", h.RemoveFactor(t.Context(), forged, "counter"), kit.ErrRevokedToken)
	_, _, err := h.Authenticate(t.Context(), string(access.AccessToken))
	h.wantErr("an ended session", err, kit.ErrRevokedToken)
}

func TestCheckRecent(t *testing.T) {
	h := newHarness(t, withFactor, func(o *kit.Options) { o.RecentLogin = 5 * time.Minute })
	u := h.verified(testEmail)
	claims := h.claims(h.login(testEmail, goodPassword))
	with := u
	with.Factors = []string{"counter"}
	undated := claims
	undated.AuthTime = time.Time{}
	h.wantErr("at once", h.CheckRecent(u, claims), nil)
	h.wantErr("without the factor", h.CheckRecent(with, claims), kit.ErrReauthenticationRequired)
	h.wantErr("without auth_time", h.CheckRecent(u, undated), kit.ErrReauthenticationRequired)
	h.clock.Advance(5 * time.Minute)
	h.wantErr("five minutes later", h.CheckRecent(u, claims), nil)
	h.clock.Advance(time.Second)
	h.wantErr("a second too late", h.CheckRecent(u, claims), kit.ErrReauthenticationRequired)
	h.clock.Advance(-time.Hour)
	h.wantErr("a clock that was set back", h.CheckRecent(u, claims), kit.ErrReauthenticationRequired)
}

// TestFactorDataIsSealed: a dump of the store does not have what a factor knows.
func TestFactorDataIsSealed(t *testing.T) {
	h := newHarness(t, withFactor)
	u := h.verified(testEmail)
	h.enroll(h.login(testEmail, goodPassword))
	rows, err := h.store.Credentials().ByUser(t.Context(), u.ID, "", 10)
	if err != nil {
		t.Fatal(err)
	}
	at := slices.IndexFunc(rows, func(t kit.Token) bool { return t.Type == "factor/counter" })
	if at < 0 || string(rows[at].Data) == "1" {
		t.Fatalf("the records are %v", rows)
	}
	// The record of another user does not open.
	other := h.verified("Grace@example.com")
	h.enroll(h.login("Grace@example.com", goodPassword))
	theirs, err := h.store.Credentials().ByUser(t.Context(), other.ID, "", 10)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range theirs {
		if row.Type == "factor/counter" {
			row.Data = rows[at].Data
			if err := h.store.Credentials().Update(t.Context(), row); err != nil {
				t.Fatal(err)
			}
		}
	}
	var required *kit.MFARequired
	if _, err := h.Login(t.Context(), "Grace@example.com", goodPassword); !errors.As(err, &required) {
		t.Fatal(err)
	}
	if _, err := h.LoginWithFactor(t.Context(), string(required.Token), "counter", "", code("2")); err == nil || errors.Is(err, kit.ErrInvalidCode) {
		t.Errorf("with another user's record: %v", err)
	}
}

// TestFactorIsSealedAnew: a login seals what the factor knows under the first data key, so the old
// one can go, also when the factor has nothing new to know.
func TestFactorIsSealedAnew(t *testing.T) {
	for _, answer := range []string{"2", "sent"} {
		h := newHarness(t, withFactor)
		h.verified(testEmail)
		h.enroll(h.login(testEmail, goodPassword))
		before, after := []byte("a data key for tests: 32 bytes.."), []byte("the data key that comes after it")
		over := func(keys ...[]byte) *kit.Service {
			return h.over(h.faults.Stores(h.store.Stores()), func(o *kit.Options) {
				var err error
				if o.DataKeys, err = seal.NewKeyring(keys...); err != nil {
					t.Fatal(err)
				}
			})
		}
		login := func(s *kit.Service, answer string) error {
			token := h.half(s)
			p, err := s.ChallengeFactor(t.Context(), accesstoken.Claims{}, token, "counter")
			if err == nil {
				_, err = s.LoginWithFactor(t.Context(), token, "counter", p.Show["state"].(string), code(answer))
			}
			return err
		}
		h.wantErr("before the rotation", login(over(after), answer), seal.ErrUnknownKey)
		h.wantErr("with both keys", login(over(after, before), answer), nil)
		h.wantErr("after the rotation", login(over(after), "3"), nil)
	}
}

// TestOutageInTheSecondStep: whatever call of a store fails, the code is unused, or used with a
// session.
func TestOutageInTheSecondStep(t *testing.T) {
	for _, fault := range []kittest.Fault{kittest.Down, kittest.Lost, kittest.Conflict} {
		for n := 1; n <= 12; n++ { // more than the calls of a second step
			h := newHarness(t, withFactor)
			u := h.verified(testEmail)
			h.enroll(h.login(testEmail, goodPassword))
			token := h.half(h.Service)
			sessions := func() int {
				list, err := h.Sessions(t.Context(), u.ID)
				if err != nil {
					t.Fatal(err)
				}
				return len(list)
			}
			before := sessions()
			h.faults.InjectNth("*", fault, n)
			_, err := h.LoginWithFactor(t.Context(), token, "counter", "", code("2"))
			h.faults.Clear()
			if err != nil {
				// The client logs in again, with the same code or with the next.
				_, again := h.LoginWithFactor(t.Context(), h.half(h.Service), "counter", "", code("2"))
				used := errors.Is(again, kit.ErrInvalidCode)
				if again != nil && !used {
					t.Fatalf("%v at call %d: %v, and then %v", fault, n, err, again)
				}
				if used && sessions() == before {
					t.Errorf("%v at call %d: %v, and the code is used without a session", fault, n, err)
				}
			}
		}
	}
}
