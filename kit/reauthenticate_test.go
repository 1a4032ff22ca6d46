package kit_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"myauth.internal/kit"
	"myauth.internal/kit/accesstoken"
	"myauth.internal/kit/kittest"
)

func TestReauthenticate(t *testing.T) {
	h := newHarness(t)
	u, _ := h.register(testEmail)
	tokens, other := h.login(testEmail, goodPassword), h.login(testEmail, goodPassword)
	h.clock.Advance(20 * time.Minute)
	claims := h.claims(tokens)
	h.wantErr("a login 20 minutes ago", h.CheckRecent(u, claims), kit.ErrReauthenticationRequired)
	_, err := h.Reauthenticate(t.Context(), claims, otherPassword)
	h.wantErr("a wrong password", err, kit.ErrInvalidCredentials)
	if e := h.last(kit.EventLoginFailed); e.UserID != u.ID || e.SessionID != claims.SessionID {
		t.Errorf("the event of it is %+v", e)
	}
	tokens = h.mustRefresh(tokens.RefreshToken)
	h.wantErr("after a wrong password", h.CheckRecent(u, h.claims(tokens)), kit.ErrReauthenticationRequired)
	fresh, err := h.Reauthenticate(t.Context(), claims, goodPassword)
	if err != nil {
		t.Fatal(err)
	}
	if e := h.last(kit.EventReauthenticated); e.UserID != u.ID || e.SessionID != claims.SessionID {
		t.Errorf("the event of it is %+v", e)
	}
	now := h.clock.Now()
	h.clock.Advance(time.Minute)
	tokens = h.mustRefresh(tokens.RefreshToken)
	for what, pair := range map[string]kit.TokenPair{"the answer": fresh, "a refresh after it": tokens} {
		if c := h.claims(pair); c.SessionID != claims.SessionID || !c.AuthTime.Equal(now) || !slices.Equal(c.AMR, []string{"pwd"}) {
			t.Errorf("%s: %+v", what, c)
		}
		h.wantErr(what, h.CheckRecent(u, h.claims(pair)), nil)
	}
	if fresh.RefreshToken != "" {
		t.Error("the answer has a refresh token")
	}
	h.wantErr("another session", h.CheckRecent(u, h.claims(h.mustRefresh(other.RefreshToken))), kit.ErrReauthenticationRequired)
	over(h, tokens)
	_, err = h.Reauthenticate(t.Context(), h.claims(tokens), goodPassword)
	h.wantErr("in a session that is over", err, kit.ErrRevokedToken)
	_, err = h.Reauthenticate(t.Context(), accesstoken.Claims{}, goodPassword)
	h.wantErr("without claims", err, kit.ErrRevokedToken)
}

// TestReauthenticateWithFactor: the password alone is not enough, and the token between the two
// steps is good in its own session only.
func TestReauthenticateWithFactor(t *testing.T) {
	h := newHarness(t, withFactor)
	u := h.verified(testEmail)
	tokens := h.login(testEmail, goodPassword)
	claims := h.claims(h.enroll(tokens))
	_, err := h.LoginWithFactor(t.Context(), h.half(h.Service), "counter", "", code("2"))
	if err != nil {
		t.Fatal(err)
	}
	second, err := h.LoginWithFactor(t.Context(), h.half(h.Service), "counter", "", code("3"))
	if err != nil {
		t.Fatal(err)
	}
	others := h.claims(second)
	h.clock.Advance(20 * time.Minute)
	with, err := h.UserByID(t.Context(), u.ID)
	if err != nil {
		t.Fatal(err)
	}

	step, login := h.halfAgain(claims), h.half(h.Service)
	_, err = h.LoginWithFactor(t.Context(), step, "counter", "", code("4"))
	h.wantErr("its token at a login", err, kit.ErrInvalidToken)
	_, err = h.ReauthenticateWithFactor(t.Context(), others, step, "counter", "", code("4"))
	h.wantErr("its token in another session", err, kit.ErrInvalidToken)
	_, err = h.ReauthenticateWithFactor(t.Context(), accesstoken.Claims{Subject: u.ID}, step, "counter", "", code("4"))
	h.wantErr("its token without a session", err, kit.ErrRevokedToken)
	_, err = h.ReauthenticateWithFactor(t.Context(), claims, login, "counter", "", code("4"))
	h.wantErr("a login's token", err, kit.ErrInvalidToken)
	_, err = h.ReauthenticateWithFactor(t.Context(), accesstoken.Claims{Subject: u.ID}, login, "counter", "", code("4"))
	h.wantErr("a login's token without a session", err, kit.ErrRevokedToken)
	_, err = h.ChallengeFactor(t.Context(), accesstoken.Claims{}, step, "counter")
	h.wantErr("a challenge of its token at a login", err, kit.ErrInvalidToken)
	_, err = h.ChallengeFactor(t.Context(), claims, login, "counter")
	h.wantErr("a challenge of a login's token", err, kit.ErrInvalidToken)
	p, err := h.ChallengeFactor(t.Context(), claims, step, "counter")
	if err != nil {
		t.Fatal(err)
	}
	_, err = h.ReauthenticateWithFactor(t.Context(), claims, step, "counter", "", code("3"))
	h.wantErr("a code that was used", err, kit.ErrInvalidCode)
	if e := h.last(kit.EventFactorFailed); e.UserID != u.ID || e.SessionID != claims.SessionID {
		t.Errorf("the event of it is %+v", e)
	}
	before := len(h.sessionRows(u.ID))
	fresh, err := h.ReauthenticateWithFactor(t.Context(), claims, step, "counter", p.Show["state"].(string), code("sent"))
	if err != nil {
		t.Fatal(err)
	}
	if len(h.sessionRows(u.ID)) != before || fresh.RefreshToken != "" {
		t.Error("a session was made")
	}
	for what, pair := range map[string]kit.TokenPair{"the answer": fresh, "a refresh after it": h.mustRefresh(tokens.RefreshToken)} {
		if c := h.claims(pair); c.SessionID != claims.SessionID || h.CheckRecent(with, c) != nil || !slices.Equal(c.AMR, []string{"pwd", "mfa", "sms"}) {
			t.Errorf("%s: %+v", what, c)
		}
	}
	_, err = h.ReauthenticateWithFactor(t.Context(), claims, step, "counter", "", code("5"))
	h.wantErr("its token again", err, kit.ErrRevokedToken)
	h.wantErr("another session", h.CheckRecent(with, others), kit.ErrReauthenticationRequired)

	step = h.halfAgain(claims)
	over(h, h.mustRefresh(tokens.RefreshToken))
	_, err = h.ReauthenticateWithFactor(t.Context(), claims, step, "counter", "", code("5"))
	h.wantErr("in a session that is over", err, kit.ErrRevokedToken)
}

// TestOneAnswerRenewsOneSession: over two sessions and two instances, one code is good for one.
func TestOneAnswerRenewsOneSession(t *testing.T) {
	for range 5 {
		h := newHarness(t, withFactor)
		h.verified(testEmail)
		one := h.claims(h.enroll(h.login(testEmail, goodPassword)))
		tokens, err := h.LoginWithFactor(t.Context(), h.half(h.Service), "counter", "", code("2"))
		if err != nil {
			t.Fatal(err)
		}
		claims := []accesstoken.Claims{one, h.claims(tokens)}
		steps := []string{h.halfAgain(claims[0]), h.halfAgain(claims[1])}
		instances := []*kit.Service{h.Service, h.another()}
		won := 0
		// Each session has five tries.
		for _, err := range race(10, func(i int) error {
			_, err := instances[i%2].ReauthenticateWithFactor(t.Context(), claims[i/2%2], steps[i/2%2], "counter", "", code("3"))
			return err
		}) {
			switch {
			case err == nil:
				won++
			case !errors.Is(err, kit.ErrInvalidCode) && !errors.Is(err, kit.ErrRevokedToken):
				t.Error(err)
			}
		}
		if won != 1 || h.count(kit.EventReauthenticated) != 1 {
			t.Errorf("%d answers of 10 were accepted, with %d events", won, h.count(kit.EventReauthenticated))
		}
	}
}

// TestOutageInAReauthentication: whatever call of a store fails, no session counts as recent by an
// answer that is good for another one.
func TestOutageInAReauthentication(t *testing.T) {
	renewed := 0
	for _, fault := range []kittest.Fault{kittest.Down, kittest.Lost, kittest.Conflict} {
		for n := 1; n <= 14; n++ { // more than the calls of a second step
			h := newHarness(t, withFactor)
			h.verified(testEmail)
			tokens := h.login(testEmail, goodPassword)
			claims := h.claims(h.enroll(tokens))
			h.clock.Advance(20 * time.Minute)
			step := h.halfAgain(claims)
			h.faults.InjectNth("*", fault, n)
			_, err := h.ReauthenticateWithFactor(t.Context(), claims, step, "counter", "", code("2"))
			h.faults.Clear()
			u, readErr := h.UserByEmail(t.Context(), testEmail)
			if readErr != nil {
				t.Fatal(readErr)
			}
			recent := h.CheckRecent(u, h.claims(h.mustRefresh(tokens.RefreshToken))) == nil
			if err == nil && !recent {
				t.Errorf("%v at call %d: the session is not recent", fault, n)
			}
			_, again := h.LoginWithFactor(t.Context(), h.half(h.Service), "counter", "", code("2"))
			if recent {
				renewed++
				h.wantErr("the answer once more", again, kit.ErrInvalidCode)
			}
		}
	}
	if renewed == 0 {
		t.Error("no session was renewed")
	}
}

// suspender is a feature whose gate keeps what it refuses.
type suspender struct {
	*kit.Core
	on   bool
	kept kit.Secret
}

func (*suspender) Name() string { return "suspender" }

func (f *suspender) Attach(core *kit.Core) (kit.Extension, error) {
	f.Core = core
	return kit.Extension{Gate: func(ctx context.Context, _ kit.User, l kit.Login) (err error) {
		if f.on {
			if f.kept, err = f.Suspend(ctx, l, core.Now().Add(time.Hour)); err == nil {
				err = errShut
			}
		}
		return err
	}}, nil
}

// TestSuspendedReauthentication: what a gate suspends goes on in its session, if that is alive, as
// of the time of the proof.
func TestSuspendedReauthentication(t *testing.T) {
	gate := &suspender{}
	h := newHarness(t, func(o *kit.Options) { o.Features = append(o.Features, gate) })
	u := h.verified(testEmail)
	tokens := h.login(testEmail, goodPassword)
	claims := h.claims(tokens)
	h.clock.Advance(20 * time.Minute)
	proved := h.clock.Now()
	gate.on = true
	resume := func(meanwhile func()) (kit.TokenPair, error) {
		_, err := h.Reauthenticate(t.Context(), claims, goodPassword)
		h.wantErr("suspended", err, errShut)
		h.clock.Advance(time.Minute)
		meanwhile()
		login, err := gate.Resume(string(gate.kept))
		if err != nil {
			t.Fatal(err)
		}
		gate.on = false
		defer func() { gate.on = true }()
		return gate.Grant(t.Context(), login)
	}
	fresh, err := resume(func() {})
	if err != nil || fresh.RefreshToken != "" || len(h.sessionRows(u.ID)) != 1 {
		t.Fatalf("resumed: %v, %d sessions", err, len(h.sessionRows(u.ID)))
	}
	if c := h.claims(fresh); c.SessionID != claims.SessionID || !c.AuthTime.Equal(proved) {
		t.Errorf("resumed: %+v", c)
	}
	_, err = resume(func() { over(h, tokens) })
	h.wantErr("after a logout", err, kit.ErrRevokedToken)
}

// TestPasswordChangedMeanwhile: a re-authentication that was begun before a change of password in
// the same session, and ends after it, leaves the session alive.
func TestPasswordChangedMeanwhile(t *testing.T) {
	h := newHarness(t)
	h.register(testEmail)
	tokens := h.login(testEmail, goodPassword)
	claims := h.claims(tokens)
	h.faults.OnCall("tokens.Update", func() {
		if _, err := h.ChangePassword(t.Context(), claims, goodPassword, otherPassword); err != nil {
			t.Error(err)
		}
	})
	_, err := h.Reauthenticate(t.Context(), claims, goodPassword)
	h.wantErr("with the old password", err, kit.ErrRevokedToken)
	h.mustRefresh(tokens.RefreshToken)
}
