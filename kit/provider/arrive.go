package provider

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	"myauth.internal/kit"
)

// arrival is one sign-in, over all its rounds.
type arrival struct {
	p *providers
	c client
	a assertion
	g grounds
	// seen is the account that is to be claimed, as this sign-in first saw it. If its credentials
	// were voided since, another call has claimed it.
	seen    kit.User
	claimed bool // by this call: the owner is to be told
	linked  bool // the identity is the account's
}

// arrive takes the steps that an assertion leads to. linked: its identity is the account's.
func (p *providers) arrive(ctx context.Context, c client, a assertion, g grounds) (u kit.User, linked bool, err error) {
	ctx = context.WithoutCancel(ctx) // an account that was made gets its identity
	s := &arrival{p: p, c: c, a: a, g: g}
	for range rounds {
		o, err := p.look(ctx, c, a, g)
		if err == nil {
			u, err = s.take(ctx, o)
		}
		if errors.Is(err, errLost) {
			continue
		} else if err != nil {
			return kit.User{}, false, err
		}
		if s.claimed {
			p.notify(ctx, MailClaimed, u, c)
		}
		return u, s.linked, nil
	}
	return kit.User{}, false, errContention
}

// take takes one step. Errors: errLost.
func (s *arrival) take(ctx context.Context, o outlook) (kit.User, error) {
	s.linked = o.step != stepVisit
	if !s.linked && s.g.toLink {
		return kit.User{}, errLinkRequired
	}
	switch o.step {
	case stepLogin:
		return o.user, s.use(ctx, o.identity)
	case stepVerify:
		return s.verify(ctx, o.user.ID, o.identity.row.Epoch)
	case stepCreate:
		email, _ := s.a.address()
		u, err := s.p.core.Register(ctx, email, s.a.username())
		if errors.Is(err, kit.ErrUserExists) {
			err = errLost
		}
		if err != nil {
			return kit.User{}, err
		}
		return s.settle(ctx, u)
	case stepClaim:
		return s.claim(ctx, o.user)
	case stepAttach:
		return o.user, s.attach(ctx, o.user)
	}
	return o.user, nil // visit
}

// settle gives an account that nobody has verified its first identity, and marks its address as
// verified after that. So whatever is interrupted leaves an account that the next try finds or claims.
func (s *arrival) settle(ctx context.Context, u kit.User) (kit.User, error) {
	if err := s.add(ctx, u); err != nil {
		return kit.User{}, err
	}
	return s.verify(ctx, u.ID, u.CredentialEpoch)
}

// attach adds an identity to an account that has other ways in.
func (s *arrival) attach(ctx context.Context, u kit.User) error {
	err := s.p.room(ctx, u)
	if err == nil {
		err = s.add(ctx, u)
	}
	if err == nil {
		s.p.notify(ctx, MailLinked, u, s.c)
	}
	return err
}

// add stores the identity of the assertion, which logs in now.
func (s *arrival) add(ctx context.Context, u kit.User) error {
	k := s.p.newIdentity(ctx, u, s.c, s.a)
	k.row.RotatedAt = k.row.CreatedAt
	err := s.p.core.Create(ctx, k.row)
	switch {
	case errors.Is(err, kit.ErrConflict), errors.Is(err, kit.ErrRevokedToken):
		return errLost // it is somebody's, or the account was claimed or deleted
	case err == nil:
		s.p.core.Emit(ctx, kit.Event{Kind: EventLinked, UserID: u.ID})
	}
	return err
}

// use records a login.
func (s *arrival) use(ctx context.Context, k identity) error {
	now := s.p.core.Now()
	_, err := s.p.change(ctx, k, func(row *kit.Token, r *record) error {
		before := string(row.Data)
		s.p.hear(ctx, row, r, s.c, s.a)
		if !now.After(row.RotatedAt) && before == string(row.Data) {
			return kit.ErrUnchanged
		}
		row.RotatedAt = now
		return nil
	})
	if errors.Is(err, kit.ErrNotFound) {
		err = errLost // it was removed
	}
	return err
}

// claim makes an account that nobody has verified the owner's. Nothing that was set up in it works any
// more: it is as kit.Core.Register makes it. By a mailbox alone the account is verified in the same
// write, and gets no identity: who has followed the link may have made the account, and a stranger have
// begun the sign-in.
func (s *arrival) claim(ctx context.Context, found kit.User) (kit.User, error) {
	ours, err := s.isOurs(ctx, found)
	if err != nil {
		return kit.User{}, err
	}
	if ours {
		return s.settle(ctx, found)
	}
	if s.seen.ID != found.ID {
		s.seen = found
	}
	if s.linked = s.g.proof != byMailbox; !s.linked && s.g.toLink {
		return kit.User{}, errLinkRequired
	}
	u, changed, err := s.p.core.ChangeUser(ctx, found.ID, func(u *kit.User) error { return s.strip(u, !s.linked) })
	if errors.Is(err, kit.ErrUserNotFound) {
		err = errLost
	}
	if err != nil {
		return kit.User{}, err
	}
	if changed {
		s.claimed = true
		s.p.core.Emit(ctx, kit.Event{Kind: EventClaimed, UserID: u.ID})
		if u.Verified {
			s.p.core.Emit(ctx, kit.Event{Kind: kit.EventEmailVerified, UserID: u.ID})
		}
	}
	if !s.linked {
		return u, nil
	}
	return s.settle(ctx, u)
}

// isOurs reports whether an account is as a sign-in of this identity that was interrupted leaves it,
// or one that runs now: there is nothing in it, so nobody need be thrown out. By a mailbox it must have
// been made since the link was mailed.
func (s *arrival) isOurs(ctx context.Context, u kit.User) (bool, error) {
	if !isBare(u) || u.Version != 1 || u.Username != s.a.username() || u.CreatedAt.Before(s.g.since) {
		return false, nil
	}
	rows, err := s.p.core.Credentials().ByUser(ctx, u.ID, "", 2)
	own := s.p.core.Credential(u, "", s.a.key()).ID
	return !slices.ContainsFunc(rows, func(row kit.Token) bool { return row.ID != own }), err
}

// strip takes everything off an account that somebody may have set up in it, for
// kit.Core.ChangeUser. Roles and Private, which no user sets, stay.
func (s *arrival) strip(u *kit.User, verified bool) error {
	email, _ := s.a.address()
	claimed := u.CredentialEpoch != s.seen.CredentialEpoch // by this call, or by another
	switch {
	case !u.Active || kit.EmailKey(u.Email) != kit.EmailKey(email):
		return errLost
	case claimed && verified && u.Verified, claimed && !verified && isBare(*u):
		return kit.ErrUnchanged
	case u.Verified:
		return errLost
	}
	u.PasswordHash, u.Factors = "", nil
	u.SessionEpoch++
	u.CredentialEpoch++
	u.Username = s.a.username()
	u.Settings = json.RawMessage("{}")
	u.Verified = verified
	return nil
}

// verify marks the address of an account as verified, and ends whatever sessions it had before. epoch
// is that of its identity.
func (s *arrival) verify(ctx context.Context, id string, epoch int64) (kit.User, error) {
	u, changed, err := s.p.core.ChangeUser(ctx, id, func(u *kit.User) error {
		switch {
		case u.CredentialEpoch != epoch:
			return errLost
		case u.Verified:
			return kit.ErrUnchanged
		case !isBare(*u):
			return errLost
		}
		u.Verified = true
		u.SessionEpoch++
		return nil
	})
	if errors.Is(err, kit.ErrUserNotFound) {
		err = errLost
	}
	if err == nil && changed {
		s.p.core.Emit(ctx, kit.Event{Kind: kit.EventEmailVerified, UserID: u.ID})
	}
	return u, err
}
