package kit

import (
	"context"
	"strings"
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
	if err := s.clearCodes(ctx, u); err != nil {
		return err
	}
	return eachToken(ctx, s.credentials, u.ID, func(t Token) error {
		if name, is := strings.CutPrefix(string(t.Type), string(factorType(""))); is {
			return s.removeFactorRecord(ctx, u.ID, name)
		}
		return nil
	})
}
