package oidc

import "context"

// Complete adds to the claims of an ID token those that the UserInfo endpoint has beside them, if
// the provider has one: OpenID Connect Core 1.0, section 5.3. Many providers put the address of
// the user there alone (section 5.4). What the ID token says counts: its signature is the proof.
//
// Errors: a [RefusedError], [ErrUnavailable].
func (i *Issuer) Complete(ctx context.Context, c Claims, accessToken string) (Claims, error) {
	m, err := i.Metadata(ctx)
	if err != nil || m.UserinfoEndpoint == "" || accessToken == "" {
		return c, err
	}
	text, err := i.get(ctx, m.UserinfoEndpoint, "Bearer "+accessToken)
	if err != nil {
		return Claims{}, unavailable(err)
	}
	more, err := readClaims(text)
	if err != nil {
		return Claims{}, RefusedError{"its UserInfo response is not one JSON object with each member once and a sub"}
	}
	if more.Subject != c.Subject {
		return Claims{}, RefusedError{"its UserInfo response is of another user"} // section 5.3.2
	}
	for _, m := range more.members {
		if c.value(m.name) == nil {
			c.members = append(c.members, m)
		}
	}
	return c, nil
}
