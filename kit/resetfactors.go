package kit

import (
	"context"
	"strings"

	"myauth.internal/kit/throttle"
)

// ResetFactors removes every second factor of a user and the recovery codes, for an administrator
// who has made sure who asks: whoever has the password logs in afterwards. The same write ends
// every session and what devices remember; then what was counted of wrong codes is forgotten. The
// owner is told. Repeating it completes a call that was interrupted, and is no error.
//
// Errors: [ErrUserNotFound].
func (s *Service) ResetFactors(ctx context.Context, userID string) error {
	u, changed, err := s.changeUser(ctx, userID, func(u *User) error {
		if len(u.Factors) == 0 {
			return ErrUnchanged
		}
		u.Factors = nil
		u.SessionEpoch++
		return nil
	})
	if err != nil {
		return err
	}
	ctx = context.WithoutCancel(ctx)
	if changed {
		s.emit(ctx, Event{Kind: EventFactorsReset, UserID: u.ID})
		s.queueMail(ctx, MailFactorsReset, u)
	}
	s.clearCodes(ctx, u, "")
	return eachToken(ctx, s.credentials, u.ID, func(t Token) error {
		if t.Type == deviceType {
			s.clearCodes(ctx, u, t.ID)
		}
		if name, is := strings.CutPrefix(string(t.Type), string(factorType(""))); is {
			return s.removeFactorRecord(ctx, u.ID, name)
		}
		return nil
	})
}

// clearCodes forgets what was counted of wrong codes from a device, or from strangers.
func (s *Service) clearCodes(ctx context.Context, u User, device string) {
	s.clear(ctx, throttle.Attempt{Action: throttle.ActionFactor, Time: s.now(), EmailKey: EmailKey(u.Email), UserID: u.ID, Device: device})
}
