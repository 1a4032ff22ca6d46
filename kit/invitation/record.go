package invitation

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"myauth.internal/kit"
)

// recordForm is the version of the form of records.
const recordForm = 1

// record is what the row of an invitation has beside its times. The row is a credential of the
// inviter, so it goes with that account, and its key is the mailbox. A row that is revoked stays until
// it expires, to tell whoever has its link; it has no address any more.
type record struct {
	Form int `json:"v"`
	// ID is random, and that of the row is not: it is a hash of the address, which people
	// could guess. So only the link has the one, and lists and events have the other.
	ID    string   `json:"id"`
	Email string   `json:"email,omitempty"`
	Roles []string `json:"roles,omitempty"`
	// Hash is that of the token's secret.
	Hash []byte `json:"hash"`
	// SessionEpoch is that of the inviter. The Epoch of the row is the CredentialEpoch.
	SessionEpoch int64 `json:"session_epoch,omitempty"`
}

// invitation is a record with its row.
type invitation struct {
	row kit.Token
	record
}

func decode(row kit.Token) (v invitation, err error) {
	v.row = row
	if err := json.Unmarshal(row.Data, &v.record); err != nil {
		return v, fmt.Errorf("invitation: a record is not readable: %w", err)
	}
	if v.Form > recordForm {
		return v, kit.ErrNewerRecord
	}
	return v, nil
}

func (r record) encode() []byte {
	r.Form = recordForm
	data, err := json.Marshal(r)
	if err != nil {
		panic(err) // never: strings and bytes
	}
	return data
}

// newID returns the public ID of an invitation.
func newID() string { return "in_" + strings.ToLower(rand.Text()) }

// shown is an invitation as administrators see it.
type shown struct {
	ID        string   `json:"id"`
	Email     string   `json:"email"`
	Roles     []string `json:"roles"`
	InvitedBy string   `json:"invited_by"`
	CreatedAt string   `json:"created_at"`
	ExpiresAt string   `json:"expires_at"`
}

func (v invitation) show() shown {
	return shown{
		ID: v.ID, Email: v.Email, Roles: append([]string{}, v.Roles...), InvitedBy: v.row.UserID,
		CreatedAt: jsonTime(v.row.CreatedAt), ExpiresAt: jsonTime(v.row.ExpiresAt),
	}
}

// jsonTime is RFC 3339 in UTC with six digits of fraction, as the times of a user are.
func jsonTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000Z07:00") }

// from reports whether u, who made the invitation, still stands for it: as an administrator, whose
// sessions and credentials have not been ended since.
func (v invitation) from(u kit.User) bool {
	return u.Active && u.HasRole(kit.AdminRole) && u.CredentialEpoch == v.row.Epoch && u.SessionEpoch == v.SessionEpoch
}

// end revokes an invitation: once, whether it was accepted or withdrawn. Of any number of calls one
// returns nil, and the others kit.ErrRevokedToken; they do, too, once another invitation has taken
// the place of this one.
func (i *invitations) end(ctx context.Context, v invitation) error {
	_, err := i.core.Change(ctx, v.row, func(row *kit.Token) error {
		now, err := decode(*row)
		if err != nil {
			return err
		}
		if !row.RevokedAt.IsZero() || !bytes.Equal(now.Hash, v.Hash) {
			return kit.ErrRevokedToken
		}
		row.RevokedAt = i.core.Now()
		row.Data = record{ID: v.ID, Hash: v.Hash}.encode()
		return nil
	})
	if errors.Is(err, kit.ErrNotFound) {
		err = kit.ErrRevokedToken
	}
	return err
}
