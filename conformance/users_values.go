package conformance

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// userValueRules are what a user has that a token has not, and what is long.
var userValueRules = []rule{
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
			u.Roles, u.Factors = roles, slices.Clone(roles)
			slices.Reverse(u.Factors)
			users = append(users, u)
		}
		return users
	}),
	keeps("users/values/settings-bytes", settingsBytes, func() []record {
		var users []record
		texts := append(slices.Clip(settingsTexts), deepSettings(), largeSettings())
		for i, text := range texts {
			u := newUser(fmt.Sprint("n", i))
			u.Settings, u.Private = json.RawMessage(text), json.RawMessage(texts[len(texts)-1-i])
			users = append(users, u)
		}
		return users
	}),
}
