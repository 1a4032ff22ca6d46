package conformance

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	"myauth.internal/kit"
)

// wantUser reports the fields in which got differs from want.
func (p *probe) wantUser(got kit.User, err error, want kit.User, what string, args ...any) {
	what = fmt.Sprintf(what, args...)
	if err != nil {
		p.failf("%s: got error %v, want the user %s", what, err, brief(want.ID))
		return
	}
	for _, d := range userDiff(got, want, p.cfg.TimePrecision) {
		p.failf("%s: %s", what, d)
	}
}

// wantToken is the same for tokens.
func (p *probe) wantToken(got kit.Token, err error, want kit.Token, what string, args ...any) {
	what = fmt.Sprintf(what, args...)
	if err != nil {
		p.failf("%s: got error %v, want the token %s", what, err, brief(want.ID))
		return
	}
	for _, d := range tokenDiff(got, want, p.cfg.TimePrecision) {
		p.failf("%s: %s", what, d)
	}
}

// userDiff lists the fields that differ. An empty and a nil slice are the same,
// and so are two times that are one instant at the store's precision; the zone
// is a rule of its own.
func userDiff(got, want kit.User, precision time.Duration) []string {
	var d diff
	d.text("ID", got.ID, want.ID)
	d.text("Email", got.Email, want.Email)
	d.text("Username", got.Username, want.Username)
	d.text("PasswordHash", string(got.PasswordHash), string(want.PasswordHash))
	if !slices.Equal(got.Roles, want.Roles) {
		d.add("Roles", brief(got.Roles), brief(want.Roles))
	}
	d.bytes("Settings", got.Settings, want.Settings)
	d.value("Verified", got.Verified, want.Verified)
	d.value("Active", got.Active, want.Active)
	d.value("SessionEpoch", got.SessionEpoch, want.SessionEpoch)
	d.time("CreatedAt", got.CreatedAt, want.CreatedAt, precision)
	d.time("UpdatedAt", got.UpdatedAt, want.UpdatedAt, precision)
	d.value("Version", got.Version, want.Version)
	return d
}

// tokenDiff is the same for tokens.
func tokenDiff(got, want kit.Token, precision time.Duration) []string {
	var d diff
	d.text("ID", got.ID, want.ID)
	d.text("Type", string(got.Type), string(want.Type))
	d.text("UserID", got.UserID, want.UserID)
	d.text("SessionID", got.SessionID, want.SessionID)
	d.value("Epoch", got.Epoch, want.Epoch)
	d.bytes("SecretHash", got.SecretHash, want.SecretHash)
	d.bytes("PreviousHash", got.PreviousHash, want.PreviousHash)
	d.bytes("Salt", got.Salt, want.Salt)
	d.time("CreatedAt", got.CreatedAt, want.CreatedAt, precision)
	d.time("RotatedAt", got.RotatedAt, want.RotatedAt, precision)
	d.time("ExpiresAt", got.ExpiresAt, want.ExpiresAt, precision)
	d.time("RevokedAt", got.RevokedAt, want.RevokedAt, precision)
	d.value("Version", got.Version, want.Version)
	return d
}

// diff is a list of differences, one a field.
type diff []string

func (d *diff) add(field, got, want string) {
	*d = append(*d, fmt.Sprintf("%s: got %s, want %s", field, got, want))
}

func (d *diff) text(field, got, want string) {
	if got != want {
		d.add(field, brief(got), brief(want))
	}
}

func (d *diff) bytes(field string, got, want []byte) {
	if !bytes.Equal(got, want) {
		d.add(field, brief(got), brief(want))
	}
}

func (d *diff) value(field string, got, want any) {
	if got != want {
		d.add(field, fmt.Sprint(got), fmt.Sprint(want))
	}
}

func (d *diff) time(field string, got, want time.Time, precision time.Duration) {
	if !sameInstant(got, want, precision) {
		d.add(field, got.Format(time.RFC3339Nano), want.UTC().Format(time.RFC3339Nano))
	}
}

// sameInstant reports whether got may stand for want. What lies on the grid of
// the store's precision comes back exactly, and so does the zero Time; what lies
// between two points of it comes back as one of them.
func sameInstant(got, want time.Time, precision time.Duration) bool {
	if want.Equal(want.Truncate(precision)) {
		return got.Equal(want)
	}
	return got.Sub(want).Abs() < precision
}
