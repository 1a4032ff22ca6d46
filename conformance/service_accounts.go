package conformance

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"myauth.internal/kit"
)

// serviceAccountRules are about what is changed of an account, and about its list of
// sessions, which a Service reads by ByUser.
func serviceAccountRules() []rule {
	return []rule{
		{
			id:    "service/sessions/live",
			quote: "Sessions lists the user's live sessions, in no particular order.",
			prove: func(p *probe) {
				s := p.instancesOf(0)
				defer s.close()
				u := s.registered()
				s.resetToken() // is a token of the user, and no session
				p.addToken(p.a, newToken("of another", "bob"))
				want := map[string]kit.Session{}
				ended := s.login(s.b)
				for i := range 2 {
					s.clock.Advance(time.Hour)
					tokens := s.login(s.service(i))
					id := s.sessionID(tokens)
					want[id] = kit.Session{ID: id, CreatedAt: s.clock.Now(), LastUsedAt: s.clock.Now(), ExpiresAt: s.clock.Now().Add(tokens.RefreshTokenExpiresIn)}
					if i == 1 {
						s.clock.Advance(time.Hour)
						tokens, err := s.a.Refresh(p.ctx(), string(tokens.RefreshToken))
						p.must(err, "Refresh")
						session := want[id]
						session.LastUsedAt, session.ExpiresAt = s.clock.Now(), s.clock.Now().Add(tokens.RefreshTokenExpiresIn)
						want[id] = session
					}
				}
				p.must(s.a.Logout(p.ctx(), string(ended.RefreshToken)), "Logout")
				for i := range 230 { // more than a Service reads at once
					t := newToken(fmt.Sprint("more ", i), u.ID)
					t.Epoch, t.CreatedAt, t.RotatedAt, t.ExpiresAt = u.SessionEpoch, s.clock.Now(), time.Time{}, s.clock.Now().Add(time.Hour)
					if t.RevokedAt = (time.Time{}); i%2 == 0 {
						t.RevokedAt = s.clock.Now()
					} else {
						want[t.SessionID] = kit.Session{ID: t.SessionID, CreatedAt: t.CreatedAt, LastUsedAt: t.CreatedAt, ExpiresAt: t.ExpiresAt}
					}
					p.addToken(p.both()[i%2], t)
				}
				s.wantSessions(u.ID, want, "after four logins, one logout and 230 sessions of which half were ended")
			},
		},
		{
			id:    "service/sessions/end-one",
			quote: "EndSession ends one session of a user by its ID, as a logout would.",
			prove: func(p *probe) {
				s := p.instancesOf(0)
				defer s.close()
				u := s.registered()
				one, two := s.login(s.a), s.login(s.b)
				p.must(s.b.EndSession(p.ctx(), "somebody else", s.sessionID(one)), "EndSession of a session of another user")
				one, err := s.a.Refresh(p.ctx(), string(one.RefreshToken))
				p.must(err, "Refresh after EndSession in the name of another user")
				p.must(s.b.EndSession(p.ctx(), u.ID, s.sessionID(one)), "EndSession")
				s.wantRefused(one.RefreshToken, kit.ErrRevokedToken, "after EndSession")
				p.must(s.a.EndSession(p.ctx(), u.ID, s.sessionID(one)), "EndSession of one that is over")
				sessions, err := s.a.Sessions(p.ctx(), u.ID)
				if err != nil || len(sessions) != 1 || sessions[0].ID != s.sessionID(two) {
					p.failf("Sessions after EndSession of one of two: got %v, error %v, want the other one", sessions, err)
				}
				_, err = s.a.Refresh(p.ctx(), string(two.RefreshToken))
				p.must(err, "Refresh of another session, after EndSession of the first")
			},
		},
		{
			id:    "service/account/deactivate",
			quote: "in one write it can no longer log in, and every session and token of it ends",
			prove: func(p *probe) {
				s := p.instancesOf(0)
				defer s.close()
				u := s.registered()
				tokens, reset := s.login(s.a), s.resetToken()
				for i := range 2 { // repeating it is no error
					got, err := s.service(i).Deactivate(p.ctx(), u.ID)
					if err != nil || got.Active {
						p.failf("Deactivate %d: got active %v, error %v, want an inactive user", i+1, got.Active, err)
					}
				}
				for i := range 2 {
					if _, err := s.service(i).Login(p.ctx(), serviceEmail, servicePassword); !errors.Is(err, kit.ErrAccountDisabled) {
						p.failf("Login after Deactivate: got error %v, want %q", err, kit.ErrAccountDisabled)
					}
					if _, _, err := s.service(i).Authenticate(p.ctx(), string(tokens.AccessToken)); !errors.Is(err, kit.ErrAccountDisabled) {
						p.failf("Authenticate after Deactivate: got error %v, want %q", err, kit.ErrAccountDisabled)
					}
					// The first one ends the session for good, too.
					if _, err := s.service(i).Refresh(p.ctx(), string(tokens.RefreshToken)); !errors.Is(err, kit.ErrAccountDisabled) && !errors.Is(err, kit.ErrRevokedToken) {
						p.failf("Refresh after Deactivate: got error %v, want %q", err, kit.ErrAccountDisabled)
					}
				}
				if err := s.a.ResetPassword(p.ctx(), string(reset), serviceNewPassword); !errors.Is(err, kit.ErrRevokedToken) {
					p.failf("ResetPassword after Deactivate: got error %v, want %q", err, kit.ErrRevokedToken)
				}
			},
		},
		{
			id:    "service/account/activate",
			quote: "Activate lets a deactivated account log in again; what ended stays ended.",
			prove: func(p *probe) {
				s := p.instancesOf(0)
				defer s.close()
				u := s.registered()
				tokens, reset := s.login(s.a), s.resetToken()
				_, err := s.a.Deactivate(p.ctx(), u.ID)
				p.must(err, "Deactivate")
				for i := range 2 {
					got, err := s.service(i).Activate(p.ctx(), u.ID)
					if err != nil || !got.Active {
						p.failf("Activate %d: got active %v, error %v, want an active user", i+1, got.Active, err)
					}
				}
				s.wantEnded(tokens, reset, "after Deactivate and Activate")
				s.login(s.b)
			},
		},
		{
			id:    "service/password/change",
			quote: "Like a reset it ends every session and token of the user, the caller's too",
			prove: func(p *probe) {
				s := p.instancesOf(0)
				defer s.close()
				u := s.registered()
				tokens, reset := s.login(s.a), s.resetToken()
				if err := s.a.ChangePassword(p.ctx(), u.ID, serviceNewPassword, servicePassword); !errors.Is(err, kit.ErrInvalidCredentials) {
					p.failf("ChangePassword with another password than the current one: got error %v, want %q", err, kit.ErrInvalidCredentials)
				}
				s.login(s.b)
				p.must(s.b.ChangePassword(p.ctx(), u.ID, servicePassword, serviceNewPassword), "ChangePassword")
				s.wantEnded(tokens, reset, "after ChangePassword")
				for i := range 2 {
					if _, err := s.service(i).Login(p.ctx(), serviceEmail, servicePassword); !errors.Is(err, kit.ErrInvalidCredentials) {
						p.failf("Login with the password before ChangePassword: got error %v, want %q", err, kit.ErrInvalidCredentials)
					}
					if _, err := s.service(i).Login(p.ctx(), serviceEmail, serviceNewPassword); err != nil {
						p.failf("Login with the password of ChangePassword: got error %v, want none", err)
					}
				}
			},
		},
		{
			id:    "service/email/change",
			quote: "gives the user another address, not verified yet, and queues its verification mail",
			prove: func(p *probe) {
				s := p.instancesOf(0)
				defer s.close()
				const changed, taken = "Countess@example.com", "bob@example.com"
				u := s.registered()
				_, err := s.b.Register(p.ctx(), kit.Registration{Email: taken, Username: "Bob", Password: servicePassword})
				p.must(err, "Register of another account")
				tokens, reset := s.login(s.a), s.resetToken()
				if _, err := s.a.ChangeEmail(p.ctx(), u.ID, strings.ToUpper(taken)); !errors.Is(err, kit.ErrUserExists) {
					p.failf("ChangeEmail to an address of another account: got error %v, want %q", err, kit.ErrUserExists)
				}
				s.login(s.b)
				got, err := s.b.ChangeEmail(p.ctx(), u.ID, changed)
				if err != nil || got.Email != changed || got.Verified {
					p.failf("ChangeEmail: got %s, verified %v, error %v, want %s, not verified", brief(got.Email), got.Verified, err, brief(changed))
				}
				s.wantEnded(tokens, reset, "after ChangeEmail")
				for i := range 2 {
					if _, err := s.service(i).Login(p.ctx(), serviceEmail, servicePassword); !errors.Is(err, kit.ErrInvalidCredentials) {
						p.failf("Login with the address before ChangeEmail: got error %v, want %q", err, kit.ErrInvalidCredentials)
					}
					if _, err := s.service(i).Login(p.ctx(), strings.ToLower(changed), servicePassword); err != nil {
						p.failf("Login with the address of ChangeEmail: got error %v, want none", err)
					}
				}
				p.must(s.a.VerifyEmail(p.ctx(), string(s.mail(kit.MailVerification, changed).Token)), "VerifyEmail with the token in the mail to the new address")
				if got, err := s.b.UserByID(p.ctx(), u.ID); err != nil || !got.Verified || got.Email != changed {
					p.failf("UserByID after VerifyEmail: got %s, verified %v, error %v, want %s, verified", brief(got.Email), got.Verified, err, brief(changed))
				}
				_, err = s.a.Register(p.ctx(), kit.Registration{Email: serviceEmail, Username: "Ann", Password: servicePassword})
				p.must(err, "Register of the address before ChangeEmail, which is free")
			},
		},
		{
			id:    "service/account/delete",
			quote: "DeleteUser removes the account, and then its tokens",
			prove: func(p *probe) {
				s := p.instancesOf(0)
				defer s.close()
				u := s.registered()
				tokens := s.login(s.a)
				s.resetToken()
				p.must(s.b.DeleteUser(p.ctx(), u.ID), "DeleteUser")
				if _, err := s.a.UserByID(p.ctx(), u.ID); !errors.Is(err, kit.ErrUserNotFound) {
					p.failf("UserByID after DeleteUser: got error %v, want %q", err, kit.ErrUserNotFound)
				}
				if _, _, err := s.a.Authenticate(p.ctx(), string(tokens.AccessToken)); !errors.Is(err, kit.ErrRevokedToken) {
					p.failf("Authenticate after DeleteUser: got error %v, want %q", err, kit.ErrRevokedToken)
				}
				s.wantRefused(tokens.RefreshToken, kit.ErrInvalidToken, "after DeleteUser")
				left, err := p.a.Tokens.ByUser(p.ctx(), u.ID, "", 1000)
				if err != nil || len(left) > 0 {
					p.failf("ByUser after DeleteUser: got %d tokens, error %v, want none", len(left), err)
				}
				s.registered() // the address is free
			},
		},
		{
			id:    "service/purge/batches",
			quote: "in batches of at most 1,000, and returns how many it deleted",
			prove: func(p *probe) {
				s := p.instancesOf(0)
				defer s.close()
				for i := range 1105 {
					p.addExpiring(fmt.Sprint("dead ", i), epoch.Add(-time.Duration(i%9)*time.Hour))
				}
				live := p.addExpiring("live", epoch.Add(time.Microsecond))
				if n, err := s.a.PurgeExpired(p.ctx(), epoch); n != 1105 || err != nil {
					p.failf("PurgeExpired with 1105 expired tokens in the store: got %d, error %v", n, err)
				}
				if got := p.count(); got != 1 {
					p.failf("after PurgeExpired: %d tokens are left, want the live one", got)
				}
				p.checkToken(live, "after PurgeExpired")
			},
		},
		{
			id:    "service/purge/spares-the-live",
			quote: "A time in the future counts as now, so a live token is never touched.",
			prove: func(p *probe) {
				s := p.instancesOf(0)
				defer s.close()
				u := s.registered()
				one, two := s.login(s.a), s.login(s.b)
				p.must(s.a.Logout(p.ctx(), string(two.RefreshToken)), "Logout")
				s.resetToken()
				for _, before := range []time.Time{s.clock.Now(), s.clock.Now().Add(50 * 365 * 24 * time.Hour)} {
					if n, err := s.b.PurgeExpired(p.ctx(), before); n != 0 || err != nil {
						p.failf("PurgeExpired before %v, with no expired token in the store: got %d, error %v", before, n, err)
					}
				}
				s.wantRefused(two.RefreshToken, kit.ErrRevokedToken, "after Logout and PurgeExpired")
				_, err := s.b.Refresh(p.ctx(), string(one.RefreshToken))
				p.must(err, "Refresh after PurgeExpired of a live session of %s", brief(u.ID))
			},
		},
	}
}

// sessionID returns the ID of the session that tokens belong to.
func (s *instances) sessionID(tokens kit.Tokens) string {
	claims, err := s.a.Verifier().Verify(string(tokens.AccessToken))
	s.must(err, "verifying an access token")
	return claims.SessionID
}

// wantSessions compares the list of sessions with those that are known to live.
func (s *instances) wantSessions(userID string, want map[string]kit.Session, when string) {
	for i := range 2 {
		got, err := s.service(i).Sessions(s.ctx(), userID)
		s.must(err, "Sessions %s", when)
		ids := map[string]bool{}
		for _, session := range got {
			expected, live := want[session.ID]
			switch {
			case !live || ids[session.ID]:
				s.failf("Sessions %s: session %s is listed, and is over or was listed before", when, brief(session.ID))
			case !slices.EqualFunc(timesOf(session), timesOf(expected), time.Time.Equal):
				s.failf("Sessions %s: session %s has times %v, want %v", when, brief(session.ID), timesOf(session), timesOf(expected))
			}
			ids[session.ID] = true
		}
		if len(ids) < len(want) {
			s.failf("Sessions %s: %d live sessions are listed, want %d", when, len(ids), len(want))
		}
	}
}

func timesOf(session kit.Session) []time.Time {
	return []time.Time{session.CreatedAt, session.LastUsedAt, session.ExpiresAt}
}

// wantEnded wants everything that was handed out before to be dead everywhere.
func (s *instances) wantEnded(tokens kit.Tokens, reset kit.Secret, when string) {
	s.wantRefused(tokens.RefreshToken, kit.ErrRevokedToken, "of a session from before, "+when)
	for i := range 2 {
		if _, _, err := s.service(i).Authenticate(s.ctx(), string(tokens.AccessToken)); !errors.Is(err, kit.ErrRevokedToken) {
			s.failf("Authenticate with an access token from before, %s: got error %v, want %q", when, err, kit.ErrRevokedToken)
		}
		if err := s.service(i).ResetPassword(s.ctx(), string(reset), serviceNewPassword+"!"); !errors.Is(err, kit.ErrRevokedToken) {
			s.failf("ResetPassword with a token from before, %s: got error %v, want %q", when, err, kit.ErrRevokedToken)
		}
	}
}
