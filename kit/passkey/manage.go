package passkey

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"time"

	"myauth.internal/kit"
)

// serveList is GET /passkeys.
func (p *passkeys) serveList(ctx context.Context, r kit.Request) (kit.Answer, error) {
	list, err := p.list(ctx, r.User)
	if err != nil {
		return kit.Answer{}, err
	}
	all := make([]shown, len(list))
	for i, k := range list {
		all[i] = k.show()
	}
	return kit.JSON(200, map[string]any{"passkeys": all})
}

// own returns the passkey of a request. That of another account is the same as none.
func (p *passkeys) own(ctx context.Context, r kit.Request) (passkey, error) {
	id, err := base64URL.DecodeString(r.PathValue("id"))
	if err != nil {
		return passkey{}, errNotFound
	}
	k, err := p.find(ctx, id)
	if errors.Is(err, kit.ErrNotFound) || err == nil && k.row.UserID != r.User.ID {
		err = errNotFound
	}
	return k, err
}

// serveRename is PATCH /passkeys/{id}.
func (p *passkeys) serveRename(ctx context.Context, r kit.Request) (kit.Answer, error) {
	name, err := r.Body.One(kit.Field{Name: "name", Empty: true})
	if err == nil {
		name, err = checkName(name, "")
	}
	if err != nil {
		return kit.Answer{}, err
	}
	k, err := p.own(ctx, r)
	if err != nil {
		return kit.Answer{}, err
	}
	k, err = p.change(ctx, k, func(_ *kit.Token, r *record) error { r.Name = name; return nil })
	if err != nil {
		return kit.Answer{}, goneIsNotFound(err)
	}
	return kit.JSON(200, k.show())
}

func goneIsNotFound(err error) error {
	if errors.Is(err, kit.ErrNotFound) {
		return errNotFound
	}
	return err
}

// serveRemove is DELETE /passkeys/{id}.
func (p *passkeys) serveRemove(ctx context.Context, r kit.Request) (kit.Answer, error) {
	u := r.User
	k, err := p.own(ctx, r)
	if err == nil && u.PasswordHash == "" && k.UserVerified {
		k, err = p.leaveAnother(ctx, u, k)
	}
	if err == nil {
		err = p.remove(ctx, u, k, r.Claims.SessionID)
	}
	return kit.Done(), err
}

// remove ends a passkey. Of calls at once one ends it, and the others get errNotFound.
func (p *passkeys) remove(ctx context.Context, u kit.User, k passkey, session string) error {
	ctx = context.WithoutCancel(ctx)
	removal := k.Removing
	k, err := p.change(ctx, k, func(t *kit.Token, r *record) error {
		if removal != "" && (r.Removing != removal || !r.isRemoving(p.core.Now().Add(removingFor/2))) {
			return kit.ErrUnavailable // it took so long that another one has begun, or soon may
		}
		t.RevokedAt = p.core.Now()
		t.ExpiresAt = t.RevokedAt // a purge deletes it, should that fail below
		return nil
	})
	if err != nil {
		return goneIsNotFound(err)
	}
	p.core.Emit(ctx, kit.Event{Kind: EventRemoved, UserID: u.ID, SessionID: session})
	p.core.Mail(ctx, MailRemoved, u, kit.MailContent{Data: map[string]string{"name": k.Name}})
	if err := p.core.Remove(ctx, k.row); err != nil {
		p.core.Logger().WarnContext(ctx, "myauth: a passkey that was removed remains until the next purge", "user_id", u.ID, "err", err)
	}
	return nil
}

// removingFor is how long a removal that has begun counts, should it not end.
const removingFor = time.Minute

func (r record) isRemoving(now time.Time) bool {
	return r.Removing != "" && now.Before(time.Unix(r.RemovingSince, 0).Add(removingFor))
}

// leaveAnother refuses to remove the last passkey that logs in to an account without a password.
// It marks the passkey first, as no other removal can meanwhile, and then looks for another one
// without a mark. So of two removals of the last two passkeys at once, one at least sees the mark of the
// other, and both may be refused.
func (p *passkeys) leaveAnother(ctx context.Context, u kit.User, k passkey) (passkey, error) {
	now, removal := p.core.Now(), rand.Text()
	k, err := p.change(ctx, k, func(_ *kit.Token, r *record) error {
		if r.isRemoving(now) {
			return kit.ErrUnavailable // until that one has ended
		}
		r.Removing, r.RemovingSince = removal, now.Unix()
		return nil
	})
	if err != nil {
		return passkey{}, goneIsNotFound(err)
	}
	list, err := p.list(ctx, u)
	if err != nil {
		return passkey{}, err
	}
	if slices.ContainsFunc(list, func(other passkey) bool {
		return other.row.ID != k.row.ID && other.UserVerified && !other.isRemoving(now)
	}) {
		return k, nil
	}
	if _, err := p.change(ctx, k, func(_ *kit.Token, r *record) error {
		if r.Removing != removal {
			return kit.ErrUnchanged
		}
		r.Removing, r.RemovingSince = "", 0
		return nil
	}); err != nil {
		return passkey{}, goneIsNotFound(err)
	}
	return passkey{}, errLastCredential
}
