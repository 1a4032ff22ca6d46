package conformance

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"time"

	"myauth.internal/kit"
)

// epoch is the time around which the suite's records lie. No store compares it
// with a clock.
var epoch = time.Date(2024, time.February, 29, 23, 59, 59, 123456000, time.UTC)

// newUser returns a user whose fields are all set and differ from one name to
// another.
func newUser(name string) kit.User {
	sum := sha256.Sum256([]byte(name))
	return kit.User{
		ID:           "user-" + name,
		Email:        name + "@example.com",
		Username:     "Name of " + name,
		PasswordHash: kit.Secret("$2b$12$" + base64.RawStdEncoding.EncodeToString(sum[:])),
		Roles:        []string{"staff", "admin", name},
		Settings:     json.RawMessage(`{"name":"` + name + `","theme":{"dark":true}}`),
		Verified:     true,
		Active:       true,
		SessionEpoch: 3,
		CreatedAt:    epoch,
		UpdatedAt:    epoch.Add(time.Hour),
		Version:      1,
	}
}

// newToken returns a refresh token whose fields are all set and differ from one
// name to another.
func newToken(name, userID string) kit.Token {
	return kit.Token{
		ID:           tokenID(name),
		Type:         kit.RefreshToken,
		UserID:       userID,
		SessionID:    "session-" + name,
		Epoch:        3,
		SecretHash:   hashOf("secret " + name),
		PreviousHash: hashOf("previous " + name),
		Salt:         hashOf("salt " + name),
		CreatedAt:    epoch,
		RotatedAt:    epoch.Add(time.Minute),
		ExpiresAt:    epoch.Add(time.Hour),
		RevokedAt:    epoch.Add(2 * time.Minute),
		Version:      1,
	}
}

// newReset returns a password-reset token, with the fields empty that such a
// token leaves empty.
func newReset(name, userID string) kit.Token {
	t := newToken(name, userID)
	t.Type, t.SessionID = kit.PasswordResetToken, ""
	t.PreviousHash, t.Salt = nil, nil
	t.RotatedAt, t.RevokedAt = time.Time{}, time.Time{}
	return t
}

// tokenID returns 22 characters of base64url, the form that every token ID has.
func tokenID(name string) string {
	return base64.RawURLEncoding.EncodeToString(hashOf("id " + name)[:16])
}

func hashOf(s string) []byte {
	sum := sha256.Sum256([]byte(s))
	return sum[:]
}

// again repeats a write of which nobody else makes the like, where a store says that it
// does not know whether it happened. It happened when done is then the answer.
func again(done error, write func() error) error {
	err := write()
	for try := 0; try < 3 && errors.Is(err, kit.ErrUnavailable); try++ {
		if err = write(); errors.Is(err, done) {
			return nil
		}
	}
	return err
}

// addUser creates u through h, or ends the proof.
func (p *probe) addUser(h *handle, u kit.User) kit.User {
	p.must(again(kit.ErrUserExists, func() error { return h.Users.Create(p.ctx(), u.Clone()) }), "Create of user %s", brief(u.ID))
	return u
}

// addToken creates t through h, or ends the proof.
func (p *probe) addToken(h *handle, t kit.Token) kit.Token {
	p.must(again(kit.ErrConflict, func() error { return h.Tokens.Create(p.ctx(), t.Clone()) }), "Create of token %s", brief(t.ID))
	return t
}

// checkUser reads the user by ID and by email through both handles.
func (p *probe) checkUser(want kit.User, when string) {
	for _, h := range p.both() {
		got, err := h.Users.ByID(p.ctx(), want.ID)
		p.wantUser(got, err, want, "ByID of %s through handle %s %s", brief(want.ID), h.name, when)
		got, err = h.Users.ByEmail(p.ctx(), want.Email)
		p.wantUser(got, err, want, "ByEmail of %s through handle %s %s", brief(want.Email), h.name, when)
	}
}

// checkNoUser looks for an ID through both handles and wants it absent.
func (p *probe) checkNoUser(id, when string) {
	for _, h := range p.both() {
		_, err := h.Users.ByID(p.ctx(), id)
		p.wantErr(err, kit.ErrNotFound, "ByID of %s through handle %s %s", brief(id), h.name, when)
	}
}

// checkNoEmail looks for an address through both handles and wants it absent.
func (p *probe) checkNoEmail(email, when string) {
	for _, h := range p.both() {
		_, err := h.Users.ByEmail(p.ctx(), email)
		p.wantErr(err, kit.ErrNotFound, "ByEmail of %s through handle %s %s", brief(email), h.name, when)
	}
}

// checkToken reads the token by ID and in its user's list, through both handles.
func (p *probe) checkToken(want kit.Token, when string) {
	for _, h := range p.both() {
		got, err := h.Tokens.ByID(p.ctx(), want.ID)
		p.wantToken(got, err, want, "ByID of %s through handle %s %s", brief(want.ID), h.name, when)
		list, err := h.Tokens.ByUser(p.ctx(), want.UserID, "", 1000)
		p.must(err, "ByUser of %s", brief(want.UserID))
		listed := false
		for _, got := range list {
			if got.ID == want.ID {
				listed = true
				p.wantToken(got, nil, want, "ByUser of %s through handle %s %s, token %s", brief(want.UserID), h.name, when, brief(want.ID))
			}
		}
		if !listed {
			p.failf("ByUser of %s through handle %s %s: token %s is not in it", brief(want.UserID), h.name, when, brief(want.ID))
		}
	}
}

// checkNoToken wants the token absent, by its ID and in its user's list.
func (p *probe) checkNoToken(t kit.Token, when string) {
	for _, h := range p.both() {
		_, err := h.Tokens.ByID(p.ctx(), t.ID)
		p.wantErr(err, kit.ErrNotFound, "ByID of %s through handle %s %s", brief(t.ID), h.name, when)
		list, err := h.Tokens.ByUser(p.ctx(), t.UserID, "", 1000)
		p.must(err, "ByUser of %s", brief(t.UserID))
		for _, got := range list {
			if got.ID == t.ID {
				p.failf("ByUser of %s through handle %s %s: token %s is still in it", brief(t.UserID), h.name, when, brief(t.ID))
			}
		}
	}
}
