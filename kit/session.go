package kit

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"myauth.internal/kit/accesstoken"
	"myauth.internal/kit/internal/opaque"
	"myauth.internal/kit/useragent"
)

// Session describes one session, for a list of devices for example.
type Session struct {
	// ID is the sid of the session's access tokens.
	ID string
	// AMR is how the user logged in (RFC 8176), and Client where from.
	AMR    []string
	Client Client
	// CreatedAt is the time of the login, LastUsedAt that of the last rotation, which is at
	// most Options.RefreshGrace before the last refresh. The session ends at ExpiresAt if it
	// is not refreshed again.
	CreatedAt, LastUsedAt, ExpiresAt time.Time
}

// MarshalJSON returns the session as the HTTP API does: id, created_at, last_used_at, expires_at,
// ip (null if it is not known), user_agent, device and amr.
func (s Session) MarshalJSON() ([]byte, error) {
	var ip *string
	if s.Client.IP.IsValid() {
		text := s.Client.IP.String()
		ip = &text
	}
	return json.Marshal(struct {
		ID         string   `json:"id"`
		CreatedAt  string   `json:"created_at"`
		LastUsedAt string   `json:"last_used_at"`
		ExpiresAt  string   `json:"expires_at"`
		IP         *string  `json:"ip"`
		UserAgent  string   `json:"user_agent"`
		Device     string   `json:"device"`
		AMR        []string `json:"amr"`
	}{
		s.ID, s.CreatedAt.UTC().Format(jsonTime), s.LastUsedAt.UTC().Format(jsonTime), s.ExpiresAt.UTC().Format(jsonTime),
		ip, s.Client.UserAgent, useragent.Name(s.Client.UserAgent), append([]string{}, s.AMR...),
	})
}

// Sessions lists the user's live sessions, in no particular order. Errors:
// [ErrUserNotFound].
func (s *Service) Sessions(ctx context.Context, userID string) ([]Session, error) {
	u, err := s.UserByID(ctx, userID)
	if err != nil {
		return nil, err
	}
	var sessions []Session
	err = s.eachSession(ctx, userID, func(t Token) error {
		if s.checkRow(t, s.now()) == nil && checkEpoch(u, t.Epoch) == nil {
			data, err := decodeSession(t.Data)
			if err != nil {
				return err
			}
			session := Session{ID: t.SessionID, AMR: slices.Clone(data.amr), Client: data.client, CreatedAt: t.CreatedAt, LastUsedAt: t.RotatedAt, ExpiresAt: t.ExpiresAt}
			if t.RotatedAt.IsZero() {
				session.LastUsedAt = t.CreatedAt
			}
			sessions = append(sessions, session)
		}
		return nil
	})
	return sessions, err
}

// EndSession ends one session of a user by its ID, like a logout. A session that is unknown or
// over is no error.
func (s *Service) EndSession(ctx context.Context, userID, sessionID string) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	return s.eachSession(ctx, userID, func(t Token) error {
		if t.SessionID != sessionID || !t.RevokedAt.IsZero() {
			return nil
		}
		if err := s.revoke(context.WithoutCancel(ctx), t); err != nil {
			return err
		}
		s.emit(ctx, Event{Kind: EventSessionEnded, UserID: userID, SessionID: sessionID})
		return nil
	})
}

// EndAllSessions ends every session, access token and reset token of a user in one write.
// Errors: [ErrUserNotFound].
func (s *Service) EndAllSessions(ctx context.Context, userID string) error {
	_, _, err := s.changeUser(ctx, userID, func(u *User) error {
		u.SessionEpoch++
		return nil
	})
	if err == nil {
		s.emit(ctx, Event{Kind: EventSessionsEnded, UserID: userID})
	}
	return err
}

// EndOtherSessions ends every session, access token and reset token of the user whose access
// token has claims, in one write. The session of claims lives on with the new access token.
//
// Errors: [ErrRevokedToken] also when that session has ended, [ErrAccountDisabled].
func (s *Service) EndOtherSessions(ctx context.Context, claims accesstoken.Claims) (TokenPair, error) {
	_, session, err := s.signedIn(ctx, claims)
	if err != nil {
		return TokenPair{}, err
	}
	u, changed, err := s.changeUser(ctx, claims.Subject, func(u *User) error {
		if err := checkEpoch(*u, claims.Epoch); err != nil {
			return err
		}
		u.SessionEpoch++
		return nil
	})
	if errors.Is(err, ErrUserNotFound) || err == nil && !changed { // another session wrote the same in the same microsecond
		err = ErrRevokedToken
	}
	if err != nil {
		return TokenPair{}, err
	}
	s.emit(ctx, Event{Kind: EventSessionsEnded, UserID: u.ID, SessionID: session.SessionID})
	return s.keepSession(context.WithoutCancel(ctx), u, session, func(*sessionData) {})
}

// eachSession calls do for each session of a user, over and revoked ones too.
func (s *Service) eachSession(ctx context.Context, userID string, do func(Token) error) error {
	return eachToken(ctx, s.tokens, userID, func(t Token) error {
		if t.Type != RefreshToken {
			return nil
		}
		return do(t)
	})
}

// eachToken calls do for each record of a user in a store, and stops at the first error.
func eachToken(ctx context.Context, store guardedTokens, userID string, do func(Token) error) error {
	const page = 100
	for after := ""; ; {
		tokens, err := store.ByUser(ctx, userID, after, page)
		if err != nil {
			return err
		}
		for _, t := range tokens {
			if err := do(t); err != nil {
				return err
			}
			after = t.ID
		}
		if len(tokens) < page {
			return nil
		}
	}
}

// tokenRow reads the row of a presented token. Its secret is not checked.
func (s *Service) tokenRow(ctx context.Context, presented opaque.Token, t TokenType) (Token, error) {
	row, err := s.tokens.ByID(ctx, presented.RowID())
	if errors.Is(err, ErrNotFound) || err == nil && row.Type != t {
		return Token{}, ErrInvalidToken
	}
	return row, err
}

// ownedRow is tokenRow, with the user if the store reads both at once.
func (s *Service) ownedRow(ctx context.Context, presented opaque.Token, t TokenType) (owned, error) {
	o, err := s.tokens.WithOwner(ctx, presented.RowID())
	if errors.Is(err, ErrNotFound) || err == nil && o.token.Type != t {
		return owned{}, ErrInvalidToken
	}
	return o, err
}

// checkRow returns nil if the row of a token says that the token is neither revoked nor
// expired.
func (s *Service) checkRow(row Token, now time.Time) error {
	switch {
	case !row.RevokedAt.IsZero():
		return ErrRevokedToken
	case !now.Before(row.ExpiresAt):
		return ErrExpiredToken
	case row.Type == RefreshToken && s.opts.SessionMaxAge > 0 && !now.Before(row.CreatedAt.Add(s.opts.SessionMaxAge)):
		return ErrExpiredToken // the option was shorter than when the row was written
	}
	return nil
}

// liveUser returns the user of a token that was made under epoch, if no change of the user
// has ended the token since.
func (s *Service) liveUser(ctx context.Context, id string, epoch int64) (User, error) {
	u, err := s.users.ByID(ctx, id)
	if err != nil {
		return User{}, revokedIfGone(err)
	}
	if err := checkEpoch(u, epoch); err != nil {
		return User{}, err
	}
	return u, nil
}

// liveOwner is liveUser of a token's user, whom the store may have read with the token.
func (s *Service) liveOwner(ctx context.Context, o owned) (User, error) {
	if o.user.ID == "" {
		return s.liveUser(ctx, o.token.UserID, o.token.Epoch)
	}
	if err := checkEpoch(o.user, o.token.Epoch); err != nil {
		return User{}, err
	}
	return o.user, nil
}

// checkEpoch checks the epoch of a token against the user as stored. What a deactivation
// ended answers [ErrAccountDisabled]; what ended before it, or otherwise, was revoked.
func checkEpoch(u User, epoch int64) error {
	switch {
	case u.Active && epoch == u.SessionEpoch:
		return nil
	case !u.Active && (epoch == u.SessionEpoch || epoch == u.SessionEpoch-1):
		return ErrAccountDisabled
	default:
		return ErrRevokedToken
	}
}

// revoke marks a session, or another token, as revoked. Its row stays until it expires, so that
// the holder is told what happened.
func (s *Service) revoke(ctx context.Context, token Token) error {
	_, err := s.changeRecord(ctx, s.tokens, token, func(t *Token) error {
		if !t.RevokedAt.IsZero() {
			return ErrUnchanged
		}
		t.RevokedAt = s.now()
		return nil
	})
	return ignoreLoss(err) // ErrNotFound: it is gone
}

// liveSession returns the session of an access token, or [ErrRevokedToken] if it has ended: its
// access tokens stay valid a while.
func (s *Service) liveSession(ctx context.Context, claims accesstoken.Claims) (live Token, err error) {
	err = s.eachSession(ctx, claims.Subject, func(t Token) error {
		if t.SessionID == claims.SessionID && t.Epoch == claims.Epoch && s.checkRow(t, s.now()) == nil {
			live = t
		}
		return nil
	})
	if err == nil && live.ID == "" {
		err = ErrRevokedToken
	}
	return live, err
}

// signedIn returns the user and the live session of an access token.
func (s *Service) signedIn(ctx context.Context, claims accesstoken.Claims) (User, Token, error) {
	if err := s.enter(ctx); err != nil {
		return User{}, Token{}, err
	}
	u, err := s.liveUser(ctx, claims.Subject, claims.Epoch)
	if err != nil {
		return User{}, Token{}, err
	}
	session, err := s.liveSession(ctx, claims)
	if err != nil {
		return User{}, Token{}, err
	}
	data, err := decodeSession(session.Data)
	if err == nil && data.lacksFactor(u) {
		err = ErrRevokedToken // as for a refresh
	}
	return u, session, err
}

// keepSession lets a session live on after its caller has raised the epoch of u, by one at most,
// and makes an access token for it.
func (s *Service) keepSession(ctx context.Context, u User, session Token, change func(*sessionData)) (TokenPair, error) {
	if u.SessionEpoch > session.Epoch+1 { // another call ended it meanwhile
		return TokenPair{}, ErrRevokedToken
	}
	var data sessionData
	session, err := s.changeRecord(ctx, s.tokens, session, func(t *Token) (err error) {
		if !t.RevokedAt.IsZero() || t.Epoch > u.SessionEpoch {
			return ErrRevokedToken // it has ended, or another call has let it live on since u was read
		}
		if data, err = decodeSession(t.Data); err != nil {
			return err
		}
		change(&data)
		t.Data, t.Epoch = data.encode(), u.SessionEpoch
		return nil
	})
	if err != nil {
		return TokenPair{}, revokedIfGone(err)
	}
	return s.issueAccess(ctx, u, session, data, s.now())
}

// revokedIfGone turns [ErrNotFound] into [ErrRevokedToken]: a token whose user or row was
// deleted has ended.
func revokedIfGone(err error) error {
	if errors.Is(err, ErrNotFound) {
		return ErrRevokedToken
	}
	return err
}
