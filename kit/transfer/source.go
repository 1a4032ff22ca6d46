package transfer

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"myauth.internal/kit"
	"myauth.internal/kit/ijson"
)

// Source is a form of lines.
type Source string

// The forms that [Import] reads. With each is how to make such lines, and what becomes of them.
const (
	// Any recognizes each line by its members.
	Any Source = ""

	// MyAuth is what [Export] writes.
	MyAuth Source = "myauth"

	// Python is a row of the Python MyAuth, with hashed_password (or password_hash), email, and
	// perhaps id, username, roles, user_settings (or settings), private, is_verified, is_active,
	// factors, created_at and updated_at. Lists and objects may be text, and flags 0 or 1:
	//
	//	psql "$OLD_DATABASE" -Atc 'SELECT row_to_json(u) FROM users u' > users.jsonl
	//	sqlite3 old.db "SELECT json_object('id', id, 'email', email, 'hashed_password', hashed_password) FROM users" > users.jsonl
	Python Source = "python"

	// Django is a row of auth.user, or of a model like it, as dumpdata writes it or with the fields as
	// members: password, email, username, is_active, date_joined, and is_verified if there is such a
	// field. groups become roles if they are names; is_staff and is_superuser are ignored.
	//
	//	python manage.py dumpdata auth.user --format jsonl --natural-foreign > users.jsonl
	Django Source = "django"

	// Devise is a row of its model: encrypted_password, email, id, username, confirmed_at,
	// created_at, updated_at. An account with locked_at or deleted_at is not active; one with
	// otp_required_for_login has a second factor that cannot be taken over. Hashes that were made
	// with a pepper match no password.
	//
	//	bin/rails runner 'User.find_each { |u| puts u.attributes.to_json }' > users.jsonl
	Devise Source = "devise"

	// Supabase is a row of auth.users: encrypted_password, email, id, email_confirmed_at, created_at,
	// updated_at. raw_user_meta_data become the settings, raw_app_meta_data are private, and an account whose
	// banned_until is to come is not active. Identities are in another table, and link
	// themselves when their owner signs in with a provider that proves the address.
	//
	//	psql "$OLD_DATABASE" -Atc 'SELECT row_to_json(u) FROM auth.users u WHERE deleted_at IS NULL' > users.jsonl
	Supabase Source = "supabase"

	// Bcrypt is a row of anything else: email and password_hash, and perhaps the other members of Python.
	//
	//	psql "$OLD_DATABASE" -Atc "SELECT json_build_object('email', mail, 'password_hash', pw) FROM people" > users.jsonl
	Bcrypt Source = "bcrypt"
)

// Sources are the forms by name.
func Sources() []Source { return []Source{MyAuth, Python, Django, Devise, Supabase, Bcrypt} }

// record is one line, understood.
type record struct {
	source      Source
	user        kit.User
	credentials []kit.Token
}

// read understands a line.
func (s Source) read(text []byte, now time.Time) (record, error) {
	m, err := parse(text)
	if err != nil {
		return record{}, err
	}
	if s == Any {
		s = recognize(m)
	}
	var r record
	switch s {
	case MyAuth:
		return decode(m)
	case Python, Bcrypt:
		r.user = m.row()
	case Django:
		r.user, err = m.django()
	case Devise:
		r.user = m.devise()
	case Supabase:
		r.user, err = m.supabase(now)
	default:
		err = errors.New("the form of the line was not recognized: name it (--from), or add the members of one")
	}
	if err = cmp.Or(err, m.err); err != nil {
		return record{}, err
	}
	r.source = s
	if r.user.Username == "" {
		r.user.Username = localPart(r.user.Email)
	}
	if r.user.ID == "" {
		r.user.ID = derivedID(s, r.user.Email)
	}
	return r, nil
}

func recognize(m *members) Source {
	switch {
	case m.has("myauth"):
		return MyAuth
	case m.has("model") && m.has("fields"), m.has("password") && (m.has("is_superuser") || m.has("date_joined")):
		return Django
	case m.has("raw_user_meta_data"), m.has("raw_app_meta_data"), m.has("email_confirmed_at"):
		return Supabase
	case m.has("encrypted_password"):
		return Devise
	case m.has("hashed_password"):
		return Python
	case m.has("password_hash"):
		return Bcrypt
	default:
		return Any
	}
}

// row reads what has the names of MyAuth's own.
func (m *members) row() kit.User {
	if !m.has("hashed_password") {
		m.require("email")
		if !m.has("password_hash") {
			m.fail("password_hash", "is missing: write null if the account has no password")
		}
	}
	settings := m.object("user_settings")
	if settings == nil {
		settings = m.object("settings")
	}
	return kit.User{
		ID: m.key("id"), Email: m.text("email"), Username: m.text("username"),
		PasswordHash: kit.Secret(m.text("hashed_password", "password_hash")),
		Roles:        m.texts("roles"), Factors: m.texts("factors"), Settings: settings, Private: m.object("private"),
		Verified: m.flag("is_verified", false), Active: m.flag("is_active", true),
		CreatedAt: m.time("created_at"), UpdatedAt: m.time("updated_at"),
	}
}

func (m *members) django() (kit.User, error) {
	id := m.key("id")
	if fields := m.value("fields"); fields != nil {
		id = m.key("pk")
		inner, err := parse(fields)
		if err != nil {
			return kit.User{}, fmt.Errorf("fields: %w", err)
		}
		m.values = inner.values
	}
	if !m.has("password") {
		m.fail("password", "is missing")
	}
	u := kit.User{
		ID: id, Email: m.text("email"), Username: m.text("username"), PasswordHash: kit.Secret(m.text("password")),
		Roles: m.groups(), Verified: m.flag("is_verified", false), Active: m.flag("is_active", true), CreatedAt: m.time("date_joined", "created_at"),
	}
	if strings.HasPrefix(string(u.PasswordHash), "!") {
		u.PasswordHash = "" // Django's mark of an account without a password
	}
	if u.HasRole(kit.AdminRole) {
		return u, errors.New("groups has a group of the name of MyAuth's administrators: take it out, and give the role to whom it is due afterwards")
	}
	return u, nil
}

// groups returns those that are names or natural keys. The number of a group says nothing.
func (m *members) groups() (roles []string) {
	list := m.value("groups")
	if list == nil {
		return nil
	}
	err := ijson.Array(list, func(group []byte) error {
		name := group
		if ijson.Kind(group) == '[' {
			name = nil
			_ = ijson.Array(group, func(part []byte) error { name = part; return nil })
		}
		if text, err := ijson.String(name); err == nil {
			roles = append(roles, text)
		}
		return nil
	})
	if err != nil {
		m.fail("groups", "must be a list")
	}
	return roles
}

func (m *members) devise() kit.User {
	if !m.has("encrypted_password") {
		m.fail("encrypted_password", "is missing: the attributes of the model have it, its JSON form does not")
	}
	u := kit.User{
		ID: m.key("id"), Email: m.text("email"), Username: m.text("username", "name"), PasswordHash: kit.Secret(m.text("encrypted_password")),
		Verified: !m.time("confirmed_at").IsZero(), Active: m.time("locked_at").IsZero() && m.time("deleted_at").IsZero(),
		CreatedAt: m.time("created_at"), UpdatedAt: m.time("updated_at"),
	}
	if m.flag("otp_required_for_login", false) {
		u.Factors = []string{"totp"}
	}
	return u
}

func (m *members) supabase(now time.Time) (kit.User, error) {
	switch {
	case m.value("deleted_at") != nil:
		return kit.User{}, errors.New("deleted_at says that the account was deleted: leave it out")
	case m.text("email") == "" || m.flag("is_anonymous", false):
		return kit.User{}, errors.New("the account has no email address: leave it out, or give it one")
	}
	u := kit.User{
		ID: m.key("id"), Email: m.text("email"), PasswordHash: kit.Secret(m.text("encrypted_password")),
		Settings: m.object("raw_user_meta_data"), Private: m.object("raw_app_meta_data"),
		Verified: !m.time("email_confirmed_at", "confirmed_at").IsZero(), Active: !m.bannedUntil().After(now),
		CreatedAt: m.time("created_at"), UpdatedAt: m.time("updated_at"),
	}
	if u.Settings != nil {
		if data, err := parse(u.Settings); err == nil {
			u.Username = data.name("username", "user_name", "full_name", "name")
		}
	}
	if factors := m.value("factors"); factors != nil && string(factors) != "[]" {
		u.Factors = []string{"totp"}
	}
	return u, nil
}

// bannedUntil returns the end of a ban. PostgreSQL knows a ban without an end.
func (m *members) bannedUntil() time.Time {
	if m.text("banned_until") == "infinity" {
		return time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)
	}
	return m.time("banned_until")
}

// name returns the first member that is a possible username.
func (m *members) name(names ...string) string {
	for _, name := range names {
		if s, err := ijson.String(m.value(name)); err == nil && strings.TrimSpace(s) != "" && utf8.RuneCountInString(s) <= 64 {
			return s
		}
	}
	return ""
}

// localPart is the username of who has none.
func localPart(email string) string {
	local, _, _ := strings.Cut(strings.TrimSpace(email), "@")
	if runes := []rune(local); len(runes) > 64 {
		return string(runes[:64])
	}
	return local
}

// derivedID returns a UUID (RFC 9562, version 8) of a source and an address.
func derivedID(s Source, email string) string {
	sum := sha256.Sum256([]byte("myauth import\x00" + string(s) + "\x00" + kit.EmailKey(strings.TrimSpace(email))))
	sum[6] = sum[6]&0x0f | 0x80
	sum[8] = sum[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", sum[0:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])
}

// factorsWithout returns the factors of which the credentials have a record, and whether some have none.
func (r record) factorsWithout() (present []string, missing bool) {
	for _, name := range r.user.Factors {
		of := func(t kit.Token) bool { return t.Type == kit.TokenType("factor/"+name) }
		if slices.ContainsFunc(r.credentials, of) {
			present = append(present, name)
		} else {
			missing = true
		}
	}
	return present, missing
}
