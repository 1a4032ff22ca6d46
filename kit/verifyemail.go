package kit

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"time"

	"myauth.internal/kit/throttle"
)

// verificationType is the typ of email verification tokens. Their key and their audience
// differ from those of access tokens too, so each of the three keeps them apart.
const verificationType = "email-verification+jwt"

// verificationClaims bind a token to a user and an address. The token is stateless: a
// second use finds the address verified and changes nothing, and a change of address makes
// it invalid.
type verificationClaims struct {
	Issuer    string `json:"iss"`
	Audience  string `json:"aud"`
	Subject   string `json:"sub"`
	EmailKey  string `json:"email"`
	IssuedAt  int64  `json:"iat"`
	ExpiresAt int64  `json:"exp"`
	TokenID   string `json:"jti"`
}

// RequestEmailVerification queues the verification mail again, if there is an active account
// with that address, and the address is not verified. As with [Service.RequestPasswordReset],
// the work is the same for every address, and mails are limited.
//
// Errors: [ErrEmailNotConfigured], a [ValidationError], a [throttle.LimitError].
func (s *Service) RequestEmailVerification(ctx context.Context, email string) error {
	return s.requestMail(ctx, throttle.ActionVerifyEmailRequest, MailVerification, email, MailContent{})
}

// VerifyEmail marks the address for which a mailed token was made as verified. It neither
// logs in nor reactivates. Repeating it is no error.
//
// Errors: [ErrInvalidToken], [ErrExpiredToken], [ErrUserNotFound], a [throttle.LimitError].
func (s *Service) VerifyEmail(ctx context.Context, token string) (err error) {
	if err := s.enter(ctx); err != nil {
		return err
	}
	claims, err := s.parseVerification(token)
	if err != nil {
		return s.refuseToken(ctx, "verification", "", err)
	}
	c, err := s.attempt(ctx, throttle.Attempt{Action: throttle.ActionVerifyEmail, EmailKey: claims.EmailKey, UserID: claims.Subject}, token)
	if err != nil {
		return err
	}
	defer c.end(ctx, &err)
	u, changed, err := s.changeUser(ctx, claims.Subject, func(u *User) error {
		switch {
		case u.Email == deletedAddress(u.ID):
			return ErrUserNotFound
		case EmailKey(u.Email) != claims.EmailKey:
			return ErrInvalidToken
		case u.Verified:
			return ErrUnchanged
		}
		u.Verified = true
		return nil
	})
	if err == nil && changed {
		s.emit(ctx, Event{Kind: EventEmailVerified, UserID: u.ID})
	}
	return s.refuseToken(ctx, "verification", claims.Subject, err)
}

// DenyEmail deletes the account whose verification mail had the token, if its address is not
// verified: it is for the owner of an address who did not make the account. The sessions of
// the account end, and the address is free.
//
// Errors: [ErrInvalidToken], [ErrExpiredToken], [ErrRevokedToken] when the address has
// been verified, [ErrUserNotFound] when the account is gone, by an earlier denial
// perhaps, a [throttle.LimitError].
func (s *Service) DenyEmail(ctx context.Context, token string) (err error) {
	if err := s.enter(ctx); err != nil {
		return err
	}
	claims, err := s.parseVerification(token)
	if err != nil {
		return s.refuseToken(ctx, "verification", "", err)
	}
	c, err := s.attempt(ctx, throttle.Attempt{Action: throttle.ActionDenyEmail, EmailKey: claims.EmailKey, UserID: claims.Subject}, token)
	if err != nil {
		return err
	}
	defer c.end(ctx, &err)
	ctx = context.WithoutCancel(ctx) // finish even if the caller goes
	// A store's Delete has no condition, so this compare-and-swap decides between a
	// verification and a denial of one account. It also locks the stranger out if the
	// deletion fails; the token then still works.
	u, _, err := s.changeUser(ctx, claims.Subject, func(u *User) error {
		switch {
		case u.Email == deletedAddress(u.ID):
			return ErrUnchanged // an earlier denial was interrupted
		case EmailKey(u.Email) != claims.EmailKey:
			return ErrInvalidToken
		case u.Verified:
			return ErrRevokedToken
		}
		u.PasswordHash = ""
		u.SessionEpoch++
		return nil
	})
	if err != nil {
		return s.refuseToken(ctx, "verification", claims.Subject, err)
	}
	// The owner may register the address now, and then gets the mail at once.
	s.clear(ctx, mailAttempt(MailVerification, claims.EmailKey, s.now()))
	s.emit(ctx, Event{Kind: EventEmailDenied, UserID: u.ID})
	return s.DeleteUser(ctx, u.ID)
}

func (s *Service) verificationAudience() string { return s.opts.JWTAudience + "/verify-email" }

func (s *Service) signVerification(u User, now, expiresAt time.Time) (string, error) {
	payload, err := json.Marshal(verificationClaims{
		Issuer: s.opts.JWTIssuer, Audience: s.verificationAudience(), Subject: u.ID, EmailKey: EmailKey(u.Email),
		IssuedAt: now.Unix(), ExpiresAt: expiresAt.Unix(), TokenID: rand.Text(),
	})
	if err != nil {
		return "", err
	}
	return s.keys.Sign(verificationType, payload)
}

func (s *Service) parseVerification(token string) (verificationClaims, error) {
	var c verificationClaims
	payload, err := s.keys.Verify(verificationType, token)
	if err != nil {
		return c, ErrInvalidToken
	}
	// Only a Service has made it, so no two readers can differ on what it says.
	err = json.Unmarshal(payload, &c)
	if err != nil || c.Issuer != s.opts.JWTIssuer || c.Audience != s.verificationAudience() ||
		c.Subject == "" || c.EmailKey == "" || c.TokenID == "" || c.IssuedAt <= 0 || c.ExpiresAt <= c.IssuedAt {
		return c, ErrInvalidToken
	}
	now := s.now()
	if now.Unix() >= c.ExpiresAt {
		return c, ErrExpiredToken
	}
	if time.Unix(c.IssuedAt, 0).Sub(now) > time.Minute {
		return c, ErrInvalidToken // from the future: a clock was set back
	}
	return c, nil
}
