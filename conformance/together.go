package conformance

import (
	"fmt"
	"time"

	"myauth.internal/kit"
)

// togetherRules are about a store of users beside a store of tokens, which may be two
// databases: first the records, then what two [kit.Service] make of them.
func togetherRules() []rule {
	return []rule{
		{id: "together/one-id", quote: noReference, prove: func(p *probe) {
			t := newToken("one", "ann")
			u := newUser("ann")
			u.ID = t.ID // each store numbers its own records
			p.add(p.a, u, t)
			p.check(u, "beside a token with the same ID")
			p.check(t, "beside a user with the same ID")
			p.must(t.delete(p.ctx(), p.b), "Delete of the token")
			p.check(u, "after Delete of a token with the same ID")
			p.add(p.b, t)
			p.must(p.a.Users.Delete(p.ctx(), u.ID), "Delete of the user")
			p.check(t, "after Delete of a user with the same ID")
		}},
		{id: "together/no-cascade", quote: noReference, prove: func(p *probe) {
			u, t := newUser("ann"), newToken("one", "user-ann")
			p.add(p.a, u, t)
			u.SessionEpoch++
			p.must(p.a.Users.Update(p.ctx(), u.User), "Update of the user")
			p.check(t, "after Update of its user")
			p.must(p.a.Users.Delete(p.ctx(), u.ID), "Delete of the user")
			p.check(t, "after Delete of its user")
		}},
		{id: "together/durable", quote: durable, needs: []Ability{Durability, Closing}, prove: func(p *probe) {
			u, t := newUser("ann"), newToken("one", "user-ann")
			p.add(p.a, u)
			t.ExpiresAt = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)
			p.add(p.b, t)
			p.reopen()
			p.check(u, "after opening again")
			p.check(t, "after opening again")
		}},
		{id: "together/sessions", quote: "any number of Services may share the same stores and keys", prove: func(p *probe) {
			s := p.services()
			defer s.close()
			u := s.register(annEmail)
			first, other := s.login(annEmail, password), s.login(annEmail, password)
			for i := range 3 {
				s.clock.Advance(time.Hour) // past the grace of the last refresh
				next, err := s.service(i).Refresh(p.ctx(), string(first.RefreshToken))
				p.must(err, "Refresh %d", i+1)
				again, err := s.service(i+1).Refresh(p.ctx(), string(first.RefreshToken))
				if err != nil || again.RefreshToken != next.RefreshToken || again.RefreshToken == first.RefreshToken {
					p.failf("Refresh of a token that the other Service has just replaced: got error %v, want none and the same successor", err)
				}
				first = next
			}
			if me, _, err := s.b.Authenticate(p.ctx(), string(first.AccessToken)); err != nil || me.ID != u.ID {
				p.failf("Authenticate: got user %s, error %v, want %s", brief(me.ID), err, brief(u.ID))
			}
			p.must(s.a.Logout(p.ctx(), string(first.RefreshToken)), "Logout")
			s.wantRefused(first.RefreshToken, kit.ErrRevokedToken, "after Logout")
			_, err := s.b.Refresh(p.ctx(), string(other.RefreshToken))
			p.must(err, "Refresh of another session after Logout of the first")
		}},
		{id: "together/epoch", quote: "EndAllSessions ends every session, access token and reset token of a user in one write.", prove: func(p *probe) {
			s := p.services()
			defer s.close()
			u := s.register(annEmail)
			for _, end := range []struct {
				call string
				end  func() error
			}{
				{"EndAllSessions", func() error { return s.b.EndAllSessions(p.ctx(), u.ID) }},
				{"ResetPassword", func() error { return s.b.ResetPassword(p.ctx(), s.resetToken(annEmail), password) }},
				{"ChangePassword", func() error {
					_, claims, err := s.b.Authenticate(p.ctx(), string(s.login(annEmail, password).AccessToken))
					p.must(err, "Authenticate")
					_, err = s.b.ChangePassword(p.ctx(), claims, password, password)
					return err
				}},
				{"Deactivate and Activate", func() error {
					_, err := s.a.Deactivate(p.ctx(), u.ID)
					p.must(err, "Deactivate")
					_, err = s.b.Activate(p.ctx(), u.ID)
					return err
				}},
			} {
				sessions := []kit.TokenPair{s.login(annEmail, password), s.login(annEmail, password)}
				reset := s.resetToken(annEmail)
				p.must(end.end(), "%s", end.call)
				for _, session := range sessions {
					s.wantRefused(session.RefreshToken, kit.ErrRevokedToken, "after "+end.call)
					s.wantOut(session.AccessToken, kit.ErrRevokedToken, "after "+end.call)
				}
				err := s.a.ResetPassword(p.ctx(), reset, newPassword)
				s.wantService(err, kit.ErrRevokedToken, "ResetPassword with a token from before "+end.call)
			}
			s.login(annEmail, password)
		}},
		{id: "together/delete", quote: "DeleteUser deletes an account with everything that belongs to it.", prove: func(p *probe) {
			s := p.services()
			defer s.close()
			u := s.register(annEmail)
			session := s.login(annEmail, password)
			s.resetToken(annEmail)
			credential := newToken("credential", u.ID)
			p.must(p.a.Credentials.Create(p.ctx(), credential.Token), "Create of a credential")
			p.must(s.b.DeleteUser(p.ctx(), u.ID), "DeleteUser")
			_, err := s.a.UserByID(p.ctx(), u.ID)
			s.wantService(err, kit.ErrUserNotFound, "UserByID after DeleteUser")
			s.wantOut(session.AccessToken, kit.ErrRevokedToken, "after DeleteUser")
			s.wantRefused(session.RefreshToken, kit.ErrInvalidToken, "after DeleteUser")
			for _, store := range []kit.TokenStore{p.a.Tokens, p.a.Credentials} {
				if left, err := store.ByUser(p.ctx(), u.ID, "", 1000); err != nil || len(left) > 0 {
					p.failf("ByUser after DeleteUser: got %d records, error %v, want none", len(left), err)
				}
			}
			s.register(annEmail) // the address is free
		}},
		{id: "together/purge", quote: "A time in the future counts as now, so a live token is never deleted.", prove: func(p *probe) {
			s := p.services()
			defer s.close()
			s.register(annEmail)
			live, ended := s.login(annEmail, password), s.login(annEmail, password)
			p.must(s.a.Logout(p.ctx(), string(ended.RefreshToken)), "Logout")
			s.resetToken(annEmail)
			for _, before := range []time.Time{epoch, epoch.AddDate(50, 0, 0)} {
				if n, err := s.b.PurgeExpired(p.ctx(), before); n != 0 || err != nil {
					p.failf("PurgeExpired before %v, with no expired token in the store: got %d, error %v, want 0 and none", before, n, err)
				}
			}
			s.wantRefused(ended.RefreshToken, kit.ErrRevokedToken, "after Logout and PurgeExpired")
			live, err := s.b.Refresh(p.ctx(), string(live.RefreshToken))
			p.must(err, "Refresh of a live session after PurgeExpired")
			s.clock.Advance(365 * 24 * time.Hour)
			s.wantRefused(live.RefreshToken, kit.ErrExpiredToken, "after a year")
			if n, err := s.a.PurgeExpired(p.ctx(), s.clock.Now()); n != 3 || err != nil {
				p.failf("PurgeExpired after a year: got %d, error %v, want the 2 sessions and the reset token", n, err)
			}
			s.wantRefused(live.RefreshToken, kit.ErrInvalidToken, "after PurgeExpired")
		}},
		lostUses(0),
		lostUses(1),
	}
}

// lostUses makes the calls of a Service that write, each again and again with another
// one of its exchanges lost. Whatever the caller is told, a second try ends well.
func lostUses(half int) rule {
	return rule{
		id:    "together/network/lost-" + halves[half].name,
		quote: "Repeating a call that failed this way is safe, whether or not it took effect.",
		needs: []Ability{Networking},
		prove: func(p *probe) {
			s := p.services()
			defer s.close()
			for i, use := range uses {
				for nth := 1; ; nth++ {
					if nth > exchanges {
						p.fatalf(tooManyExchanges, use.name, exchanges)
					}
					call, check := use.prepare(s, fmt.Sprintf("u%dx%d@example.com", i, nth))
					stop := halves[half].lose(p.network, nth)
					err := call()
					if !stop() {
						p.must(err, "%s over a network that works", use.name)
						break
					}
					p.settle(userKind, "after one connection was reset")
					p.settle(tokenKind, "after one connection was reset")
					if err != nil {
						what := fmt.Sprintf("%s while exchange %d with the server is lost", use.name, nth)
						p.wantErr(err, kit.ErrUnavailable, "%s", what)
						if again := call(); again != nil && errProblem(again, use.already) != "" {
							p.fatalf("%s, and then once more: got error %v, want none", what, again)
						}
					}
					check()
				}
			}
		},
	}
}
