package conformance

import (
	"encoding/json"
	"fmt"
	"strings"

	"myauth.internal/kit"
)

// userValueRules are what a user has that a token has not, and what is long.
var userValueRules = []rule{
	keeps("users/values/long-strings", everyString, func() []record {
		ascii, wide := newUser("ascii"), newUser("wide")
		ascii.Email = strings.Repeat("l", 64) + "@" + strings.Repeat(strings.Repeat("d", 60)+".", 3) + "ex.com"
		ascii.Username = strings.Repeat("u", 64)
		ascii.PasswordHash = kit.Secret(strings.Repeat("h", 256))
		wide.Email = strings.Repeat("é", 32) + "@" + strings.Repeat(strings.Repeat("é", 30)+".", 3) + "ex.com"
		wide.Username = strings.Repeat("\U0001f600", 64)
		wide.Roles = []string{strings.Repeat("\U0001f600", 64), strings.Repeat("r", 64)}
		return []record{ascii, wide}
	}),
	keeps("users/values/roles-order", rolesInOrder, func() []record {
		var many []string
		for i := range 200 {
			many = append(many, fmt.Sprintf("%03d %s", (i*37)%200, strings.Repeat("é", 60)))
		}
		var users []record
		for i, roles := range [][]string{
			{"b", "a", "c"}, {"c", "b", "a"}, {"10", "9", "1"},
			{"admin", "Admin", "ADMIN", "admin ", " admin"},
			{"caf\u00e9", "cafe\u0301", "cafe"},
			{"a,b", "a", "b", `["a"]`, "a b", "{a}", `a"b`},
			{" "}, {","}, {`""`}, many,
		} {
			u := newUser(fmt.Sprint("n", i))
			u.Roles = roles
			users = append(users, u)
		}
		return users
	}),
	keeps("users/values/settings-bytes", settingsBytes, func() []record {
		var users []record
		for i, text := range append(settingsTexts, deepSettings(), largeSettings()) {
			u := newUser(fmt.Sprint("n", i))
			u.Settings = json.RawMessage(text)
			users = append(users, u)
		}
		return users
	}),
}
