package ijson_test

import (
	"testing"

	"myauth.internal/kit/ijson"
)

var loginBody = []byte(`{"email": "ada.lovelace@example.org", "password": "correct horse battery staple 1A!"}`)

func readLogin(body []byte) (email, password string, err error) {
	err = ijson.Object(body, 16, func(key, value []byte) (err error) {
		switch string(key) {
		case "email":
			email, err = ijson.String(value)
		case "password":
			password, err = ijson.String(value)
		}
		return err
	})
	return email, password, err
}

// The two strings, and nothing else, go to the heap.
func TestLoginAllocations(t *testing.T) {
	if n := testing.AllocsPerRun(100, func() { _, _, _ = readLogin(loginBody) }); n > 2 {
		t.Errorf("%v allocations for a login, want at most 2", n)
	}
	if n := testing.AllocsPerRun(100, func() { _ = ijson.Object(loginBody, 16, nil) }); n > 0 {
		t.Errorf("%v allocations to validate a login, want none", n)
	}
}
