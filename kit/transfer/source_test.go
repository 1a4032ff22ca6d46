package transfer_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"myauth.internal/kit"
	"myauth.internal/kit/kittest"
	"myauth.internal/kit/transfer"
)

// Hashes that the systems themselves made, of vectorPassword: see the vectors of package password.
const (
	vectorPassword = "pässwörd 😀"
	vectorHash     = "$2b$04$/zABIeZSmVmflWBJiFc6uuqE7JhsH/KrEclgYn7UeIk0CJnX3jeLS" // passlib 1.7.4
	passlibSHA256  = "$bcrypt-sha256$v=2,t=2b,r=4$GISWv/w4vyFR59xIRMzUKe$h2HjKYRQIZqCQl8hUcrj9AbYMmdmjLq"
	djangoBcrypt   = "bcrypt$$2b$04$HEarS0wMsE1c3gXRHabyzO6do/2ulFEtM6XcVls63Sz.D.l6AT5n2" // Django 3.2.25
	djangoSHA256   = "bcrypt_sha256$$2b$04$xbtiogEKVIaS52Nm0H93UeMGT5GbHq1kwrCoqj5kBOujfesik/RDa"
	wordPress      = "$wp$2y$04$HOTYIcu61B3wBaFsBdVbi.fiUZIjwJmmwFSCTdwcGGXqso2HLINm."
)

// gotrue is a hash as Supabase makes it, by the same function.
func gotrue(t *testing.T) string {
	hash, err := bcrypt.GenerateFromPassword([]byte(vectorPassword), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	return string(hash)
}

func at(text string) time.Time {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		panic(err)
	}
	return t.UTC()
}

// TestSources: an account of each system keeps what it had, and its owner's password logs in. The file is
// imported twice, with and without the name of the form.
func TestSources(t *testing.T) {
	for _, c := range []struct {
		name string
		from transfer.Source
		line string
		want kit.User
	}{
		{"python", transfer.Python, `{"id":1042,"email":"ada@example.com","username":"Ada","hashed_password":"` + vectorHash + `","roles":["admin","staff"],"user_settings":{"theme":"<dark>"},"is_verified":true,"is_active":true,"created_at":"2021-05-01T08:00:00.123456+00:00","updated_at":"2021-05-02T08:00:00"}`,
			kit.User{ID: "1042", Username: "Ada", Roles: []string{"admin", "staff"}, Settings: []byte(`{"theme":"<dark>"}`), Verified: true, Active: true, CreatedAt: at("2021-05-01T08:00:00.123456Z"), UpdatedAt: at("2021-05-02T08:00:00Z")}},
		{"python in SQLite", transfer.Python, `{"id":"7","email":"ada@example.com","username":"Ada","hashed_password":"` + passlibSHA256 + `","roles":"[\"staff\"]","settings":"{\"a\":1}","is_verified":0,"is_active":1,"created_at":"2021-05-01 08:00:00.5"}`,
			kit.User{ID: "7", Username: "Ada", Roles: []string{"staff"}, Settings: []byte(`{"a":1}`), Active: true, CreatedAt: at("2021-05-01T08:00:00.5Z"), UpdatedAt: at("2021-05-01T08:00:00.5Z")}},
		{"django's dumpdata", transfer.Django, `{"model":"auth.user","pk":3,"fields":{"password":"` + djangoSHA256 + `","last_login":null,"is_superuser":true,"username":"ada","first_name":"","last_name":"","email":"ada@example.com","is_staff":true,"is_active":true,"date_joined":"2021-05-01T08:00:00.123Z","groups":[["editors"],["staff"]],"user_permissions":[]}}`,
			kit.User{ID: "3", Username: "ada", Roles: []string{"editors", "staff"}, Active: true, CreatedAt: at("2021-05-01T08:00:00.123Z"), UpdatedAt: at("2021-05-01T08:00:00.123Z")}},
		{"a row of django", transfer.Django, `{"id":3,"password":"` + djangoBcrypt + `","is_superuser":false,"username":"ada","email":"ada@example.com","is_active":true,"is_verified":true,"date_joined":"2021-05-01T08:00:00+00:00","groups":[4]}`,
			kit.User{ID: "3", Username: "ada", Verified: true, Active: true, CreatedAt: at("2021-05-01T08:00:00Z"), UpdatedAt: at("2021-05-01T08:00:00Z")}},
		{"devise", transfer.Devise, `{"id":12,"email":"ada@example.com","encrypted_password":"` + strings.Replace(vectorHash, "$2b$", "$2a$", 1) + `","reset_password_token":null,"confirmed_at":"2021-05-01T09:00:00.000Z","locked_at":null,"otp_required_for_login":false,"created_at":"2021-05-01T08:00:00.000Z","updated_at":"2021-06-01 08:00:00 UTC"}`,
			kit.User{ID: "12", Username: "ada", Verified: true, Active: true, CreatedAt: at("2021-05-01T08:00:00Z"), UpdatedAt: at("2021-06-01T08:00:00Z")}},
		{"supabase", transfer.Supabase, `{"instance_id":"00000000-0000-0000-0000-000000000000","id":"7e0c6f3a-1111-4222-8333-444455556666","aud":"authenticated","email":"ada@example.com","encrypted_password":"` + gotrue(t) + `","email_confirmed_at":"2021-05-01T09:00:00+00:00","banned_until":"2021-06-01T00:00:00+00:00","raw_app_meta_data":{"provider":"email"},"raw_user_meta_data":{"full_name":"Ada L"},"is_anonymous":false,"deleted_at":null,"created_at":"2021-05-01T08:00:00.123456+00:00","updated_at":"2021-05-01T08:00:01+00"}`,
			kit.User{ID: "7e0c6f3a-1111-4222-8333-444455556666", Username: "Ada L", Settings: []byte(`{"full_name":"Ada L"}`), Private: []byte(`{"provider":"email"}`), Verified: true, Active: true, CreatedAt: at("2021-05-01T08:00:00.123456Z"), UpdatedAt: at("2021-05-01T08:00:01Z")}},
		{"bcrypt", transfer.Bcrypt, `{"email":"ada@example.com","password_hash":"` + wordPress + `"}`,
			kit.User{Username: "ada", Active: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			k := kittest.New(t)
			text := "\ufeff\r\n" + c.line + "\r\n"
			if result, refused := imported(t, k.Service, text, transfer.ImportOptions{}); result.Created != 1 {
				t.Fatal(refused)
			}
			k.Clock.Advance(time.Hour)
			if result, _ := imported(t, k.Service, text, transfer.ImportOptions{From: c.from}); result.Existing != 1 {
				t.Errorf("again: %+v", result)
			}
			u, err := k.UserByEmail(t.Context(), email)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := k.Login(t.Context(), email, vectorPassword); err != nil {
				t.Error("login:", err)
			}
			want := c.want
			want.Email, want.PasswordHash = email, u.PasswordHash
			want.Version = 1
			if want.ID == "" { // derived, and there is no time of creation
				want.ID, want.CreatedAt, want.UpdatedAt = u.ID, u.CreatedAt, u.UpdatedAt
			}
			if want.Settings == nil {
				want.Settings = []byte("{}")
			}
			if got, want := fmt.Sprintf("%+v", u), fmt.Sprintf("%+v", want); got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
			// After a login, a change of address and a new hash it is still the same account.
			if result, _ := imported(t, k.Service, text, transfer.ImportOptions{}); result.Existing != 1 {
				t.Errorf("after a login: %+v", result)
			}
		})
	}
}

// TestStates: who may not log in there may not log in here, and what is not an account is none.
func TestStates(t *testing.T) {
	hash := func(name string) string { return `"` + name + `":"` + vectorHash + `","email":"ada@example.com"` }
	supabase := func(rest string) string {
		return `{` + hash("encrypted_password") + `,"raw_user_meta_data":{},` + rest + `}`
	}
	for line, want := range map[string]string{
		`{` + hash("encrypted_password") + `,"confirmed_at":null}`:                                    "active, not verified",
		`{` + hash("encrypted_password") + `,"locked_at":"2021-05-01T08:00:00Z"}`:                     "not active",
		`{` + hash("encrypted_password") + `,"deleted_at":"2021-05-01T08:00:00Z"}`:                    "not active",
		`{` + hash("encrypted_password") + `,"otp_required_for_login":true}`:                          "refused: second factor",
		`{"password":"!x","email":"ada@example.com","is_superuser":true}`:                             "active, not verified",
		`{` + hash("password") + `,"is_superuser":true,"is_active":false}`:                            "not active",
		`{` + hash("password") + `,"is_superuser":true,"groups":["admin"]}`:                           "refused: administrators",
		`{"password":"pbkdf2_sha256$1$a$b","email":"ada@example.com","is_superuser":true}`:            "refused: PBKDF2",
		`{"password":"x","email":"","is_superuser":true}`:                                             "refused: email",
		supabase(`"banned_until":"2100-01-01T00:00:00Z"`):                                             "not active",
		supabase(`"banned_until":"infinity"`):                                                         "not active",
		supabase(`"banned_until":"2026-11-24T11:00:00Z","email_confirmed_at":"2021-05-01T08:00:00Z"`): "active, verified",
		supabase(`"deleted_at":"2021-05-01T08:00:00Z"`):                                               "refused: deleted",
		supabase(`"is_anonymous":true`):                                                               "refused: no email",
		supabase(`"factors":[{"factor_type":"totp"}]`):                                                "refused: second factor",
		`{"encrypted_password":null,"email":null,"phone":"1","raw_user_meta_data":{}}`:                "refused: no email",
		`{` + hash("password_hash") + `,"is_active":false}`:                                           "not active",
		`{` + hash("password_hash") + `,"roles":"x"}`:                                                 "refused: roles must be a list",
		`{` + hash("password_hash") + `,"user_settings":[]}`:                                          "refused: user_settings must be an object",
		`{` + hash("password_hash") + `,"created_at":"yesterday"}`:                                    "refused: created_at must be a time",
		`{` + hash("password_hash") + `,"is_verified":"yes"}`:                                         "refused: is_verified must be",
		`{` + hash("password_hash") + `,"id":1.5}`:                                                    "refused: id must be",
		`{` + hash("password_hash") + `,"username":" "}`:                                              "refused: username",
		`{"email":"ada@example.com","password_hash":"5f4dcc3b5aa765d61d8327deb882cf99"}`:              "refused: unknown kind",
		`{"email":"ada@example.com"}`:                                                                 "refused: not recognized",
		`{"email":"ada@example.com","email":"b@example.com","password_hash":""}`:                      "refused: two members",
		`[1]`:                   "refused: not exactly one JSON object",
		`{"myauth":2,"id":"1"}`: "refused: newer version",
		`{"myauth":1,"id":"1","email":"ada@example.com","is_verified":true,"is_active":true}`:                                                                       "refused: created_at is missing",
		`{"myauth":1,"id":"1","email":"ada@example.com","is_verified":true,"is_active":true,"created_at":"2021-05-01T08:00:00Z","rolls":[]}`:                        "refused: rolls",
		`{"myauth":1,"id":"1","email":"ada@example.com","username":"a","is_verified":true,"is_active":true,"created_at":"2021-05-01T08:00:00Z"}`:                    "active, verified",
		`{"myauth":1,"id":"1","email":"ada@example.com","username":"a","is_verified":true,"is_active":true,"created_at":"2021-05-01T08:00:00Z","credentials":[{}]}`: "refused: credential 1: id is missing",
		`{"myauth":1,"id":"1","email":"ada@example.com","username":"a","is_verified":true,"is_active":true,"created_at":"2021-05-01T08:00:00Z","credentials":{}}`:   "refused: credentials must be a list",
		`{"myauth":1,"id":"1","email":"ada@example.com","username":"a","is_verified":true,"is_active":true,"created_at":"2021-05-01T08:00:00Z","factors":["totp"]}`: "refused: second factor",
	} {
		k := kittest.New(t)
		_, refused := imported(t, k.Service, line, transfer.ImportOptions{Now: k.Clock.Now})
		var got string
		u, err := k.UserByEmail(t.Context(), email)
		switch {
		case len(refused) == 1:
			reason, ok := strings.CutPrefix(want, "refused: ")
			if !ok || !strings.Contains(refused[0].Err.Error(), reason) || string(refused[0].Text) != line || refused[0].Line != 1 {
				t.Errorf("%s\ngot refused: %v, want %s", line, refused[0].Err, want)
			}
			if !errors.Is(err, kit.ErrUserNotFound) {
				t.Errorf("%s\nwas refused, and is there: %v", line, err)
			}
			continue
		case err != nil:
			t.Errorf("%s\n%v", line, err)
			continue
		case !u.Active:
			got = "not active"
		case u.Verified:
			got = "active, verified"
		default:
			got = "active, not verified"
		}
		if got != want {
			t.Errorf("%s\ngot %s, want %s", line, got, want)
		}
	}
}

// TestOptionsOfForeignLines: unknown hashes are left out when told, and addresses count as verified.
func TestOptionsOfForeignLines(t *testing.T) {
	k := kittest.New(t)
	result, refused := imported(t, k.Service, `{"password":"pbkdf2_sha256$1$a$b","email":"ada@example.com","is_superuser":false}`, transfer.ImportOptions{WithoutUnknownHashes: true, Verified: true})
	u, err := k.UserByEmail(t.Context(), email)
	if err != nil || result.WithoutHash != 1 || u.PasswordHash != "" || !u.Verified {
		t.Errorf("got %+v, %v, %+v, %v", result, refused, u, err)
	}
	line := `{"myauth":1,"id":"9","email":"b@example.com","username":"b","is_verified":false,"is_active":true,"created_at":"2021-05-01T08:00:00Z"}`
	imported(t, k.Service, line, transfer.ImportOptions{Verified: true})
	if u, err := k.UserByEmail(t.Context(), "b@example.com"); err != nil || u.Verified {
		t.Errorf("an account of MyAuth: verified %v, %v: it knows that itself", u.Verified, err)
	}
}

// TestOtherAccounts: a line for an address or an ID of another account is refused, and changes nothing.
func TestOtherAccounts(t *testing.T) {
	k := kittest.New(t)
	u, _ := k.LogIn(email)
	before := dump(t, k.Store)
	_, refused := imported(t, k.Service, `{"email":"ADA@example.com","password_hash":""}`+"\n"+
		fmt.Sprintf(`{"id":%q,"email":"other@example.com","password_hash":""}`, u.ID)+"\n"+
		fmt.Sprintf(`{"id":%q,"email":"ada@example.com","password_hash":"","created_at":"2020-01-01T00:00:00Z"}`, u.ID), transfer.ImportOptions{})
	if len(refused) != 3 || !strings.Contains(refused[0].Err.Error(), "address") || !strings.Contains(refused[1].Err.Error(), "id") {
		t.Errorf("refused: %v", refused)
	}
	if dump(t, k.Store) != before {
		t.Error("something was written")
	}
}

// TestMendedRejects: lines that were refused can be corrected and imported alone.
func TestMendedRejects(t *testing.T) {
	k := kittest.New(t)
	_, refused := imported(t, k.Service, `{"email":"ada at example.com","password_hash":""}`+"\n"+`{"email":"b@example.com","password_hash":""}`, transfer.ImportOptions{})
	if len(refused) != 1 {
		t.Fatal(refused)
	}
	mended := strings.Replace(string(refused[0].Text), " at ", "@", 1)
	if result, refused := imported(t, k.Service, mended, transfer.ImportOptions{}); result.Created != 1 {
		t.Error(refused)
	}
}

// TestSettingsStayAsTheyAre, byte for byte, whatever characters they have.
func TestSettingsStayAsTheyAre(t *testing.T) {
	k := kittest.New(t)
	u, _ := k.LogIn(email)
	settings := json.RawMessage("{\"a\":\"<&>\u2028\\u2029 \\ud83d\\ude00\",\"n\":1.50e+3}")
	if _, err := k.SetPrivate(t.Context(), u.ID, settings); err != nil {
		t.Fatal(err)
	}
	other := kittest.New(t)
	imported(t, other.Service, export(t, k.Service), transfer.ImportOptions{})
	if got, err := other.UserByID(t.Context(), u.ID); err != nil || string(got.Private) != string(settings) {
		t.Errorf("got %s, %v", got.Private, err)
	}
}
