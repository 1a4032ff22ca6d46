package passkey

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"myauth.internal/kit"
	"myauth.internal/kit/passkey/internal/webauthn"
)

// maxPasskeys is how many an account may have. It bounds what a list reads.
const maxPasskeys = 20

// recordForm is the version of the form of records.
const recordForm = 1

// record is what the row of a passkey has beside its user and its times. RotatedAt of the row is
// the last login.
type record struct {
	Form       int      `json:"v"`
	ID         []byte   `json:"id"`
	Key        []byte   `json:"key"` // a COSE_Key
	Name       string   `json:"name"`
	Transports []string `json:"transports,omitempty"`
	AAGUID     []byte   `json:"aaguid"`
	SignCount  uint32   `json:"count"`
	// UserVerified: the key has verified its user when that user was known otherwise too, at the
	// registration or in a second step. Before that, whoever finds a key without a PIN can set
	// one, so the key is a second factor only.
	UserVerified   bool `json:"uv"`
	BackupEligible bool `json:"be"`
	BackedUp       bool `json:"bs"`
}

func decode(t kit.Token) (r record, err error) {
	if err := json.Unmarshal(t.Data, &r); err != nil {
		return r, fmt.Errorf("passkey: a record is not readable: %w", err)
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
		panic(err) // never: strings, numbers and bytes
	}
	return data
}

// passkey is a record with its row.
type passkey struct {
	row kit.Token
	record
}

// find returns the passkey with a credential ID, whoever has it, or kit.ErrNotFound.
func (p *passkeys) find(ctx context.Context, id []byte) (k passkey, err error) {
	if k.row, err = p.core.Find(ctx, "", string(id)); err == nil {
		k.record, err = decode(k.row)
	}
	return k, err
}

// list returns the passkeys of u, the oldest first.
func (p *passkeys) list(ctx context.Context, u kit.User) ([]passkey, error) {
	rows, err := p.core.List(ctx, u, "")
	if err != nil {
		return nil, err
	}
	list := make([]passkey, len(rows))
	for i, row := range rows {
		if list[i].record, err = decode(row); err != nil {
			return nil, err
		}
		list[i].row = row
	}
	slices.SortFunc(list, func(a, b passkey) int {
		if c := a.row.CreatedAt.Compare(b.row.CreatedAt); c != 0 {
			return c
		}
		return slices.Compare(a.ID, b.ID)
	})
	return list, nil
}

// change changes the record of a passkey: see kit.Core.Change.
func (p *passkeys) change(ctx context.Context, k passkey, change func(*kit.Token, *record) error) (passkey, error) {
	row, err := p.core.Change(ctx, k.row, func(t *kit.Token) error {
		if !t.RevokedAt.IsZero() {
			return kit.ErrNotFound
		}
		r, err := decode(*t)
		if err != nil {
			return err
		}
		if err := change(t, &r); err != nil {
			return err
		}
		t.Data = r.encode()
		return nil
	})
	if err != nil {
		return passkey{}, err
	}
	k.row = row
	k.record, err = decode(row)
	return k, err
}

// shown is a passkey as its owner sees it.
type shown struct {
	ID         string  `json:"id"`
	Name       string  `json:"name"`
	CreatedAt  string  `json:"created_at"`
	LastUsedAt *string `json:"last_used_at"`
	BackedUp   bool    `json:"backed_up"`
}

func (k passkey) show() shown {
	s := shown{ID: base64URL.EncodeToString(k.ID), Name: k.Name, CreatedAt: jsonTime(k.row.CreatedAt), BackedUp: k.BackedUp}
	if !k.row.RotatedAt.IsZero() {
		used := jsonTime(k.row.RotatedAt)
		s.LastUsedAt = &used
	}
	return s
}

// jsonTime is RFC 3339 in UTC with six digits of fraction, as the times of a user are.
func jsonTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000Z07:00") }

var base64URL = base64.RawURLEncoding.Strict()

// descriptor is a PublicKeyCredentialDescriptorJSON.
type descriptor struct {
	Type       string   `json:"type"`
	ID         string   `json:"id"`
	Transports []string `json:"transports,omitempty"`
}

func descriptors(list []passkey) []descriptor {
	all := make([]descriptor, len(list))
	for i, k := range list {
		all[i] = descriptor{"public-key", base64URL.EncodeToString(k.ID), k.Transports}
	}
	return all
}

// amr returns how a passkey logged its user in (RFC 8176): with a key of hardware, or one that
// can leave its device.
func amr(f webauthn.Flags) []string {
	methods := []string{"hwk"}
	if f.BackupEligible() {
		methods[0] = "swk"
	}
	if f.UserVerified() {
		methods = append(methods, "user")
	}
	return methods
}
