package transfer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"myauth.internal/kit"
	"myauth.internal/kit/ijson"
)

// form is the version of the lines.
const form = 1

// account is a line as it is written.
type account struct {
	Form            int             `json:"myauth"`
	ID              string          `json:"id"`
	Email           string          `json:"email"`
	Username        string          `json:"username"`
	PasswordHash    string          `json:"password_hash,omitempty"`
	Roles           []string        `json:"roles,omitempty"`
	Factors         []string        `json:"factors,omitempty"`
	Settings        json.RawMessage `json:"user_settings,omitempty"`
	Private         json.RawMessage `json:"private,omitempty"`
	Verified        bool            `json:"is_verified"`
	Active          bool            `json:"is_active"`
	SessionEpoch    int64           `json:"session_epoch"`
	CredentialEpoch int64           `json:"credential_epoch"`
	CreatedAt       time.Time       `json:"created_at"`
	UpdatedAt       time.Time       `json:"updated_at"`
	Credentials     []credential    `json:"credentials,omitempty"`
}

type credential struct {
	ID         string        `json:"id"`
	Type       kit.TokenType `json:"type"`
	Hash       []byte        `json:"hash"`
	Previous   []byte        `json:"previous,omitempty"`
	Salt       []byte        `json:"salt,omitempty"`
	Data       []byte        `json:"data,omitempty"`
	Version    int64         `json:"version"`
	CreatedAt  time.Time     `json:"created_at"`
	LastUsedAt time.Time     `json:"last_used_at,omitzero"`
	ExpiresAt  time.Time     `json:"expires_at"`
}

// encode returns an account as a line.
func encode(u kit.User, credentials []kit.Token) ([]byte, error) {
	a := account{
		Form: form, ID: u.ID, Email: u.Email, Username: u.Username, PasswordHash: string(u.PasswordHash),
		Roles: u.Roles, Factors: u.Factors, Settings: u.Settings, Private: u.Private,
		Verified: u.Verified, Active: u.Active, SessionEpoch: u.SessionEpoch, CredentialEpoch: u.CredentialEpoch,
		CreatedAt: u.CreatedAt.UTC(), UpdatedAt: u.UpdatedAt.UTC(),
	}
	for _, t := range credentials {
		a.Credentials = append(a.Credentials, credential{
			ID: t.ID, Type: t.Type, Hash: t.SecretHash, Previous: t.PreviousHash, Salt: t.Salt, Data: t.Data, Version: t.Version,
			CreatedAt: t.CreatedAt.UTC(), LastUsedAt: t.RotatedAt.UTC(), ExpiresAt: t.ExpiresAt.UTC(),
		})
	}
	var line bytes.Buffer
	e := json.NewEncoder(&line)
	e.SetEscapeHTML(false) // Settings and Private stay as they are
	if err := e.Encode(a); err != nil {
		return nil, fmt.Errorf("transfer: user %s: %w", u.ID, err)
	}
	if line.Len() > MaxLine {
		return nil, fmt.Errorf("transfer: user %s needs a line of %d bytes, and import reads at most %d", u.ID, line.Len(), MaxLine)
	}
	return line.Bytes(), nil
}

// known are the members of an account and of a credential.
var (
	knownOfAccount    = names(account{})
	knownOfCredential = names(credential{})
)

// decode reads what encode wrote.
func decode(m *members) (record, error) {
	if m.integer("myauth") != form {
		return record{}, fmt.Errorf("myauth must be %d: a newer version has written this line, so import it with that version", form)
	}
	if err := m.onlyKnown(knownOfAccount); err != nil {
		return record{}, err
	}
	m.require("id", "email", "is_verified", "is_active", "created_at")
	r := record{source: MyAuth, user: kit.User{
		ID: m.text("id"), Email: m.text("email"), Username: m.text("username"), PasswordHash: kit.Secret(m.text("password_hash")),
		Roles: m.texts("roles"), Factors: m.texts("factors"), Settings: m.object("user_settings"), Private: m.object("private"),
		Verified: m.flag("is_verified", false), Active: m.flag("is_active", false),
		SessionEpoch: m.integer("session_epoch"), CredentialEpoch: m.integer("credential_epoch"),
		CreatedAt: m.time("created_at"), UpdatedAt: m.time("updated_at"),
	}}
	if list := m.value("credentials"); list != nil {
		err := ijson.Array(list, func(text []byte) error {
			t, err := decodeCredential(text)
			r.credentials = append(r.credentials, t)
			return err
		})
		if errors.Is(err, ijson.ErrType) {
			m.fail("credentials", "must be a list")
		} else if err != nil {
			return record{}, fmt.Errorf("credential %d: %w", len(r.credentials), err)
		}
	}
	return r, m.err
}

func decodeCredential(text []byte) (kit.Token, error) {
	m, err := parse(text)
	if err != nil {
		return kit.Token{}, err
	}
	if err := m.onlyKnown(knownOfCredential); err != nil {
		return kit.Token{}, err
	}
	m.require("id", "type", "hash", "expires_at")
	return kit.Token{
		ID: m.text("id"), Type: kit.TokenType(m.text("type")),
		SecretHash: m.bytes("hash"), PreviousHash: m.bytes("previous"), Salt: m.bytes("salt"), Data: m.bytes("data"), Version: m.integer("version"),
		CreatedAt: m.time("created_at"), RotatedAt: m.time("last_used_at"), ExpiresAt: m.time("expires_at"),
	}, m.err
}
