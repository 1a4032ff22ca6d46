package admin

import (
	"context"
	"encoding/json"

	"myauth.internal/kit"
)

// editUser is PATCH /admin/users/{id}.
func (a *api) editUser(ctx context.Context, r kit.Request) (kit.Answer, error) {
	e, err := readEdit(r.Body)
	if err != nil {
		return kit.Answer{}, err
	}
	u, err := a.target(ctx, r)
	if err == nil {
		u, err = a.core.EditUser(ctx, r.User, u.ID, e)
	}
	if err != nil {
		return kit.Answer{}, err
	}
	answer, err := userAnswer(u)
	return a.signedOut(ctx, r, answer), err
}

// readEdit reads a body. A member that is there has a value of its type, and never null. The
// error names each that has not; kit's rules come after that.
func readEdit(body kit.Body) (kit.Edit, error) {
	var username, roles, active, verified json.RawMessage
	fields := []kit.Field{
		{Name: "username", Any: &username, Optional: true},
		{Name: "roles", Any: &roles, Optional: true},
		{Name: "is_active", Any: &active, Optional: true},
		{Name: "is_verified", Any: &verified, Optional: true},
	}
	if err := body.Decode(fields, nil); err != nil {
		return kit.Edit{}, err
	}
	var bad []kit.FieldError
	e := kit.Edit{
		Username: value[string](username, "username", "must be a string", &bad),
		Roles:    readRoles(roles, &bad),
		Active:   value[bool](active, "is_active", "must be true or false", &bad),
		Verified: value[bool](verified, "is_verified", "must be true or false", &bad),
	}
	if len(bad) > 0 {
		return kit.Edit{}, &kit.ValidationError{Fields: bad}
	}
	return e, nil
}

// value returns the value of a member, or nil if it is not there or of another type, which goes to
// bad. text is valid JSON.
func value[T any](text json.RawMessage, field, message string, bad *[]kit.FieldError) (v *T) {
	if text == nil {
		return nil
	}
	if err := json.Unmarshal(text, &v); err != nil || v == nil { // null
		*bad = append(*bad, kit.FieldError{Field: field, Code: kit.CodeInvalidType, Message: message})
		return nil
	}
	return v
}

// readRoles returns nil if there is no member, and an empty list for one.
func readRoles(text json.RawMessage, bad *[]kit.FieldError) []string {
	const field, message = "roles", "must be a list of strings"
	list := value[[]json.RawMessage](text, field, message, bad)
	if list == nil {
		return nil
	}
	roles := []string{}
	for _, element := range *list {
		role := value[string](element, field, message, bad)
		if role == nil {
			return nil
		}
		roles = append(roles, *role)
	}
	return roles
}
