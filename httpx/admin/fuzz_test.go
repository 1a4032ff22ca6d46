package admin_test

import (
	"net/url"
	"slices"
	"testing"

	"myauth.internal/httpx/admin"
	"myauth.internal/kit"
	"myauth.internal/kit/kittest"
)

// FuzzRequests sends queries and bodies that nobody has thought of: each is served or refused,
// none is an error of the server, and no page has a user that is not of its prefix.
func FuzzRequests(f *testing.F) {
	k := kittest.New(f, func(o *kit.Options) { o.Features = []kit.Feature{admin.New(nil)} })
	handler := handlerOf(f, k.Service)
	_, tokens := k.LogIn("boss@example.com", kit.AdminRole)
	ada, _ := k.LogIn("ada@example.com")
	f.Add("", "", "", `{}`)
	f.Add("ada", "ZWFkYQBhZGFAZXhhbXBsZS5jb20", "1", `{"roles":["x"],"is_active":false}`)
	f.Add("%_\\", "aWE", "100", `{"username":null,"roles":[null],"is_verified":1}`)
	f.Fuzz(func(t *testing.T, prefix, after, limit, body string) {
		query := url.Values{"email_prefix": {prefix}, "after": {after}, "limit": {limit}}
		w := send(handler, string(tokens.AccessToken), "GET /admin/users?"+query.Encode(), "")
		switch w.Code {
		case 200:
			for _, u := range decode[userPage](t, w).Users {
				if key := kit.EmailKey(prefix); len(u.Email) < len(key) || kit.EmailKey(u.Email)[:len(key)] != key {
					t.Errorf("the prefix %q finds %s", prefix, u.Email)
				}
			}
		case 422:
		default:
			t.Errorf("%q: got %d %s", query, w.Code, w.Body)
		}
		if w := send(handler, string(tokens.AccessToken), "PATCH /admin/users/"+ada.ID, body); !slices.Contains([]int{200, 400, 413, 415, 422}, w.Code) {
			t.Errorf("%q: got %d %s", body, w.Code, w.Body)
		}
	})
}
