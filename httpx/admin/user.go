package admin

import (
	"context"

	"myauth.internal/kit"
	"myauth.internal/kit/ijson"
)

// appendUser appends a user as administrators see it: what its owner sees, and whether it has a
// password and which second factors. Never the hash.
func appendUser(b []byte, u kit.User) ([]byte, error) {
	b, err := u.AppendJSON(b)
	if err != nil {
		return nil, err
	}
	b = append(b[:len(b)-1], `,"has_password":`...)
	if u.PasswordHash != "" {
		b = append(b, `true,"factors":[`...)
	} else {
		b = append(b, `false,"factors":[`...)
	}
	for i, name := range u.Factors {
		if i > 0 {
			b = append(b, ',')
		}
		b = ijson.AppendString(b, name)
	}
	return append(b, "]}"...), nil
}

func userAnswer(u kit.User) (kit.Answer, error) {
	b, err := appendUser(make([]byte, 0, 512+len(u.Settings)), u)
	return kit.Answer{Status: 200, Body: b}, err
}

// target returns the user whom a request is about. What cannot be an ID is nobody's, and no
// store is asked for it.
func (a *api) target(ctx context.Context, r kit.Request) (kit.User, error) {
	id := r.PathValue("id")
	for _, c := range []byte(id) {
		if c <= ' ' || c > '~' {
			return kit.User{}, kit.ErrUserNotFound
		}
	}
	if id == "" || len(id) > 64 {
		return kit.User{}, kit.ErrUserNotFound
	}
	return a.core.User(ctx, id)
}

// showUser is GET /admin/users/{id}.
func (a *api) showUser(ctx context.Context, r kit.Request) (kit.Answer, error) {
	u, err := a.target(ctx, r)
	if err != nil {
		return kit.Answer{}, err
	}
	return userAnswer(u)
}
