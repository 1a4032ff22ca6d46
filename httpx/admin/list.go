package admin

import (
	"context"
	"errors"
	"strconv"

	"myauth.internal/kit"
)

const (
	defaultLimit = 50
	maxLimit     = 100
)

// The codes of what is wrong with a query, beside those of package kit.
const (
	codeOutOfRange    = "out_of_range"
	codeInvalidCursor = "invalid_cursor"
)

// errNotListable says that the application's store cannot do it.
var errNotListable = kit.NewProblem(501, "not_listable", "Users not listable", "The store of this service cannot list users.")

// listUsers is GET /admin/users. The next page goes on after a key, not after a number of users, so
// those who come and go between two pages make it miss nobody.
func (a *api) listUsers(ctx context.Context, r kit.Request) (kit.Answer, error) {
	p, err := readPage(r)
	if err != nil {
		return kit.Answer{}, err
	}
	var users []kit.User // with the first of the next page
	if p.prefix == "" {
		users, err = a.core.Service().Users(ctx, p.after, p.limit+1)
	} else {
		users, err = a.core.Service().UsersByEmail(ctx, p.prefix, p.after, p.limit+1)
	}
	if errors.Is(err, errors.ErrUnsupported) {
		err = errNotListable
	}
	if err != nil {
		return kit.Answer{}, err
	}
	next := ""
	if len(users) > p.limit {
		users = users[:p.limit]
		next = p.next(users[p.limit-1])
	}
	b := make([]byte, 0, 64+512*len(users))
	b = append(b, `{"users":[`...)
	for i, u := range users {
		if i > 0 {
			b = append(b, ',')
		}
		if b, err = appendUser(b, u); err != nil {
			return kit.Answer{}, err
		}
	}
	b = append(b, ']')
	if next != "" {
		b = append(b, `,"next":"`+next+`"`...) // of letters, digits, - and _
	}
	return kit.Answer{Status: 200, Body: append(b, '}')}, nil
}

// readPage reads the query. The error names all that is wrong with it.
func readPage(r kit.Request) (page, error) {
	p := page{prefix: kit.EmailKey(r.QueryValue("email_prefix")), limit: defaultLimit}
	var bad []kit.FieldError
	if text := r.QueryValue("limit"); text != "" {
		n, err := strconv.Atoi(text)
		switch {
		case err != nil && !errors.Is(err, strconv.ErrRange):
			bad = append(bad, kit.FieldError{Field: "limit", Code: kit.CodeInvalidType, Message: "must be a whole number"})
		case err != nil || n < 1 || n > maxLimit:
			bad = append(bad, kit.FieldError{Field: "limit", Code: codeOutOfRange, Message: "must be 1 to 100"})
		}
		p.limit = n
	}
	switch {
	case len(p.prefix) > maxKey:
		bad = append(bad, kit.FieldError{Field: "email_prefix", Code: kit.CodeTooLong, Message: "must have at most 254 bytes"})
	case !plain(p.prefix):
		bad = append(bad, kit.FieldError{Field: "email_prefix", Code: kit.CodeInvalidCharacters, Message: "must be UTF-8 without control characters"})
	}
	if cursor := r.QueryValue("after"); cursor != "" {
		var ok bool
		if p.after, ok = p.key(cursor); !ok {
			bad = append(bad, kit.FieldError{Field: "after", Code: codeInvalidCursor, Message: "must be the next of an answer to the same email_prefix"})
		}
	}
	if len(bad) > 0 {
		return page{}, &kit.ValidationError{Fields: bad}
	}
	return p, nil
}
