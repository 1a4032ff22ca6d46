package admin_test

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"myauth.internal/kit"
)

type userPage struct {
	Users []user
	Next  string
}

// list reads one page.
func (o *office) list(query url.Values) userPage {
	o.t.Helper()
	p := decode[userPage](o.t, o.do("GET /admin/users?"+query.Encode(), ""))
	if p.Users == nil {
		o.t.Error("a page without users has no list")
	}
	return p
}

// walk reads all pages of a size, and calls between after each.
func (o *office) walk(prefix, limit string, between func()) (emails []string) {
	o.t.Helper()
	q := url.Values{"email_prefix": {prefix}, "limit": {limit}}
	for range 1000 {
		p := o.list(q)
		for _, u := range p.Users {
			emails = append(emails, u.Email)
		}
		if p.Next == "" {
			return emails
		}
		q.Set("after", p.Next)
		between()
	}
	o.t.Fatal("the list has no end")
	return nil
}

// A walk meets each account that stays once, in either order, whatever comes and goes; next is
// absent at the end, also where that is the end of a full page.
func TestList(t *testing.T) {
	o := newOffice(t)
	stay := []string{"boss@example.com"}
	for i := range 9 {
		stay = append(stay, o.another(fmt.Sprintf("Stays%d@example.com", i)).Email)
	}
	going := []kit.User{}
	for i := range 5 {
		going = append(going, o.another(fmt.Sprintf("stays%d-not@example.com", i)))
	}
	n := 0
	change := func() {
		n++
		o.another(fmt.Sprintf("stays0-new%d@example.com", n))
		if len(going) > 0 {
			if err := o.DeleteUser(t.Context(), going[0].ID); err != nil {
				t.Fatal(err)
			}
			going = going[1:]
		}
	}
	for _, limit := range []string{"1", "3"} {
		for _, prefix := range []string{"", "STAYS"} {
			seen := map[string]int{}
			for _, email := range o.walk(prefix, limit, change) {
				seen[email]++
			}
			for _, email := range stay {
				if want := strings.HasPrefix(strings.ToUpper(email), prefix); seen[email] != map[bool]int{true: 1}[want] {
					t.Errorf("prefix %q, limit %s: %s was seen %d times", prefix, limit, email, seen[email])
				}
			}
		}
	}
}

// The end of the list has no next, also where a full page is the last.
func TestLastPage(t *testing.T) {
	o := newOffice(t)
	for i := range 51 {
		o.another(fmt.Sprintf("user%d@example.com", i))
	}
	for _, tc := range []struct {
		prefix, limit string
		users         int
		more          bool
	}{
		{"", "", 50, true}, {"", "51", 51, true}, {"", "52", 52, false}, {"", "53", 52, false},
		{"user", "50", 50, true}, {"user", "51", 51, false}, {"user5", "1", 1, true}, {"user5", "2", 2, false}, {"nobody", "1", 0, false},
	} {
		p := o.list(url.Values{"email_prefix": {tc.prefix}, "limit": {tc.limit}})
		if len(p.Users) != tc.users || (p.Next != "") != tc.more {
			t.Errorf("prefix %q, limit %s: %d users, next %q; want %d, next %t", tc.prefix, tc.limit, len(p.Users), p.Next, tc.users, tc.more)
		}
	}
}

// No character of a prefix means another one.
func TestPrefixIsLiteral(t *testing.T) {
	o := newOffice(t)
	o.another("a_b@example.com")
	o.another("axb@example.com")
	o.another("100%@example.com")
	for prefix, want := range map[string][]string{
		"a_": {"a_b@example.com"}, "a%": {}, "%": {}, "_": {}, "*": {}, "[a]": {}, "A_B": {"a_b@example.com"}, "100%": {"100%@example.com"}, "a_b@example.com": {"a_b@example.com"},
		`\`: {}, "'": {}, "\u212a": {},
	} {
		if got := o.walk(prefix, "10", func() {}); !slices.Equal(append([]string{}, got...), want) {
			t.Errorf("%q: got %q, want %q", prefix, got, want)
		}
	}
}

// A cursor is good for the order and the prefix of its page, and nothing else is one.
func TestCursors(t *testing.T) {
	o := newOffice(t)
	for i := range 3 {
		o.another(fmt.Sprintf("ada%d@example.com", i))
	}
	next := func(prefix string) string { return o.list(url.Values{"email_prefix": {prefix}, "limit": {"1"}}).Next }
	byID, byAda, byA := next(""), next("ada"), next("a")
	encode := func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
	plain := func(cursor string) string {
		text, err := base64.RawURLEncoding.DecodeString(cursor)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	for _, tc := range []struct {
		prefix, cursor string
		good           bool
	}{
		{"", byID, true},
		{"ada", byAda, true},
		{"ADA", byAda, true},
		{"a", byA, true},
		{"", byAda, false},
		{"ada", byID, false},
		{"a", byAda, false},
		{"ada", byA, false},
		{"ada0", byAda, false},
		{"", o.admin.ID, false},
		{"ada", "ada0@example.com", false},
		{"", encode(o.admin.ID), false},
		{"ada", encode("ada0@example.com"), false},
		{"ada", encode(plain(byAda)[:5] + "bob@example.com"), false},
		{"ada", encode(plain(byAda)[:5]), false},
		{"", encode("i"), false},
		{"", encode("ia\x00b"), false},
		{"", encode("i\xff"), false},
		{"", encode("i" + strings.Repeat("x", 300)), false},
		{"", byID + "=", false},
		{"", byID[:len(byID)-1] + "!", false},
		{"", " ", false},
		{"", "%00", false},
	} {
		w := o.do("GET /admin/users?"+url.Values{"email_prefix": {tc.prefix}, "after": {tc.cursor}}.Encode(), "")
		if tc.good {
			want(t, w, 200, "")
			continue
		}
		want(t, w, 422, "validation_failed")
		if !strings.Contains(w.Body.String(), `"field":"after","code":"invalid_cursor"`) {
			t.Errorf("prefix %q, after %q: got %s", tc.prefix, tc.cursor, w.Body)
		}
	}
}

// What is wrong with a query is said, all at once.
func TestQueryRefused(t *testing.T) {
	o := newOffice(t)
	for query, rules := range map[string]string{
		"limit=0":                    "limit out_of_range",
		"limit=-1":                   "limit out_of_range",
		"limit=101":                  "limit out_of_range",
		"limit=99999999999999999999": "limit out_of_range",
		"limit=x":                    "limit invalid_type",
		"limit=1.0":                  "limit invalid_type",
		"limit=5%20":                 "limit invalid_type",
		"email_prefix=a%00":          "email_prefix invalid_characters",
		"email_prefix=%ff":           "email_prefix invalid_characters",
		"email_prefix=a%0a":          "email_prefix invalid_characters",
		"email_prefix=" + strings.Repeat("a", 255): "email_prefix too_long",
		"limit=0&email_prefix=%00&after=x":         "limit out_of_range, email_prefix invalid_characters, after invalid_cursor",
	} {
		w := o.do("GET /admin/users?"+query, "")
		var got []string
		for _, e := range decodeProblem(t, w.Body.Bytes()) {
			got = append(got, e.Field+" "+e.Code)
		}
		if w.Code != 422 || strings.Join(got, ", ") != rules {
			t.Errorf("%s: got %d %q, want %s", query, w.Code, got, rules)
		}
	}
	for _, query := range []string{"", "limit=1", "limit=100", "limit=&after=&email_prefix=", "email_prefix=" + strings.Repeat("a", 254)} {
		want(t, o.do("GET /admin/users?"+query, ""), 200, "")
	}
}
