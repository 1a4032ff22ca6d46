package provider

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"myauth.internal/kit"
)

// recordForm is the version of the form of records.
const recordForm = 1

// record is what the row of an identity has beside its user and its times. RotatedAt of the row is
// the last login.
type record struct {
	Form     int    `json:"v"`
	ID       string `json:"id"` // for the owner: the row's says which subject it is
	Provider string `json:"provider"`
	Issuer   string `json:"issuer"`
	Subject  string `json:"subject"`
	// Email and Name are what the provider said last. They identify nobody.
	Email string `json:"email,omitempty"`
	Name  string `json:"name,omitempty"`
	// Token is an oauth2.Token, sealed: see Config.KeepTokens.
	Token []byte `json:"token,omitempty"`
}

func decode(t kit.Token) (r record, err error) {
	if err := json.Unmarshal(t.Data, &r); err != nil {
		return r, fmt.Errorf("provider: a record is not readable: %w", err)
	}
	if r.Form > recordForm {
		return r, kit.ErrNewerRecord
	}
	return r, nil
}

func (r record) encode() []byte {
	r.Form = recordForm
	data, err := json.Marshal(r)
	if err != nil {
		panic(err) // never: strings, a number and bytes
	}
	return data
}

// identity is an account elsewhere that logs in to an account here.
type identity struct {
	row kit.Token
	record
}

// key is what identifies somebody: never an address, and never the subject alone, which another
// issuer may have too.
func (a assertion) key() string { return a.Issuer + "\x00" + a.Subject }

// newIdentity returns an identity of u that is not stored yet.
func (p *providers) newIdentity(ctx context.Context, u kit.User, c client, a assertion) identity {
	k := identity{row: p.core.Credential(u, "", a.key()), record: record{ID: rand.Text(), Issuer: a.Issuer, Subject: a.Subject}}
	p.hear(ctx, &k.row, &k.record, c, a)
	return k
}

// hear takes over what a provider says of an identity now.
func (p *providers) hear(ctx context.Context, row *kit.Token, r *record, c client, a assertion) {
	r.Provider, r.Email, r.Name = c.Name, "", cleanName(a.Name)
	if email, ok := a.address(); ok {
		r.Email = email
	}
	p.keepToken(ctx, row, r, c, a.tokens)
	row.Data = r.encode()
}

// find returns the identity of an assertion, whoever has it, or kit.ErrNotFound.
func (p *providers) find(ctx context.Context, a assertion) (k identity, err error) {
	if k.row, err = p.core.Find(ctx, "", a.key()); err == nil {
		k.record, err = decode(k.row)
	}
	return k, err
}

// list returns the identities of u, the oldest first.
func (p *providers) list(ctx context.Context, u kit.User) ([]identity, error) {
	rows, err := p.core.List(ctx, u, "")
	if err != nil {
		return nil, err
	}
	list := make([]identity, len(rows))
	for i, row := range rows {
		if list[i].record, err = decode(row); err != nil {
			return nil, err
		}
		list[i].row = row
	}
	slices.SortFunc(list, func(a, b identity) int {
		return cmp.Or(a.row.CreatedAt.Compare(b.row.CreatedAt), cmp.Compare(a.ID, b.ID))
	})
	return list, nil
}

// change changes the record of an identity: see kit.Core.Change.
func (p *providers) change(ctx context.Context, k identity, change func(*kit.Token, *record) error) (identity, error) {
	row, err := p.core.Change(ctx, k.row, func(t *kit.Token) error {
		if !t.RevokedAt.IsZero() {
			return kit.ErrNotFound
		}
		r, err := decode(*t)
		if err != nil {
			return err
		}
		return change(t, &r)
	})
	if err != nil {
		return identity{}, err
	}
	k.row = row
	k.record, err = decode(row)
	return k, err
}

// shown is an identity as its owner sees it.
type shown struct {
	ID         string  `json:"id"`
	Provider   string  `json:"provider"`
	Label      string  `json:"label"`
	Email      string  `json:"email"`
	Name       string  `json:"name"`
	CreatedAt  string  `json:"created_at"`
	LastUsedAt *string `json:"last_used_at"`
}

func (p *providers) show(k identity) shown {
	s := shown{ID: k.ID, Provider: k.Provider, Label: p.label(k.Provider), Email: k.Email, Name: k.Name, CreatedAt: jsonTime(k.row.CreatedAt)}
	if !k.row.RotatedAt.IsZero() {
		used := jsonTime(k.row.RotatedAt)
		s.LastUsedAt = &used
	}
	return s
}

// label is how people call a provider, also one that has left the configuration.
func (p *providers) label(name string) string {
	if c, err := p.clientNamed(name); err == nil {
		return c.Label
	}
	return name
}

// jsonTime is RFC 3339 in UTC with six digits of fraction, as the times of a user are.
func jsonTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000Z07:00") }
