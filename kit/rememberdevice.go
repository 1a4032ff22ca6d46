package kit

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strconv"
	"strings"
	"time"

	"myauth.internal/kit/accesstoken"
)

type rememberKey struct{}

// RememberDevice returns a context in which a [Service.LoginWithFactor] remembers the device, if
// there is one: see [WithDevice]. Later logins of the account from there then need no second
// factor, for 90 days, and until sessions are ended or the factors change: by a reset or change of
// the password or of the address, an enrolment or a removal, [Service.EndAllSessions] and its
// like. Such a login is never recent for [Service.CheckRecent], and its access tokens do not claim
// a factor.
func RememberDevice(ctx context.Context) context.Context {
	return context.WithValue(ctx, rememberKey{}, true)
}

// factorMark changes with the factors of u, and when sessions are ended.
func factorMark(u User) string {
	sum := sha256.Sum256([]byte("remembered\x00" + strconv.FormatInt(u.SessionEpoch, 10) + "\x00" + strings.Join(u.Factors, "\x00")))
	return base64.RawURLEncoding.EncodeToString(sum[:9])
}

// remember notes on the device of a login of u that the second factor was given there, if the
// user wishes that.
func (d *device) remember(ctx context.Context, u User, amr []string, now time.Time) {
	if ctx.Value(rememberKey{}) != nil && keepsDevice(ctx) && len(u.Factors) > 0 && slices.Contains(amr, AMRMultiple) {
		d.data.Remembered, d.data.RememberedAt = factorMark(u), now.Unix()
	}
}

// remembers reports whether the second factor of u was given on d, and is not due again.
func (d device) remembers(u User, now time.Time) bool {
	age := now.Sub(time.Unix(d.data.RememberedAt, 0))
	return d.of(u) && d.data.Remembered == factorMark(u) && -accesstoken.ClockSkew <= age && age < deviceTTL
}

// rememberedLogin marks a login whose second factor would be due as one from a device that
// remembers it. A re-authentication is none.
func (s *Service) rememberedLogin(ctx context.Context, l *Login, now time.Time) (err error) {
	if l.session != "" || !factorDue(l.User, l.AMR) {
		return nil
	}
	if l.device.row.ID == "" {
		if l.device, err = s.presentedDevice(ctx); err != nil {
			return err
		}
	}
	l.remembered = l.device.remembers(l.User, now)
	return nil
}
