package kit_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"myauth.internal/kit"
)

func TestUserJSON(t *testing.T) {
	u := kit.User{
		ID: "id", Email: "a@b.c", Username: "A \"quote\" <b> \u2028 \U0001F600", PasswordHash: "$2b$secret", Roles: []string{"x"},
		Settings: json.RawMessage(`{"n":1.0}`), Active: true, SessionEpoch: 7, CreatedAt: start, UpdatedAt: start.Add(time.Microsecond), Version: 9,
	}
	got, err := json.Marshal(u)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"id":"id","email":"a@b.c","username":"A \"quote\" \u003cb\u003e \u2028 😀","roles":["x"],"user_settings":{"n":1.0},"is_verified":false,"is_active":true,"created_at":"2026-11-23T12:00:00.000000Z","updated_at":"2026-11-23T12:00:00.000001Z"}`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if empty, _ := json.Marshal(kit.User{}); !strings.Contains(string(empty), `"roles":[],"user_settings":{}`) {
		t.Errorf("an empty user is %s", empty)
	}
}
