package oidc

import (
	"context"
	"crypto/subtle"
	"slices"
	"strings"
	"time"

	"myauth.internal/kit/ijson"
)

const (
	skew      = time.Minute
	maxFuture = 366 * 24 * time.Hour // how long an ID token may be good
	maxAud    = 32
)

// Want is what an ID token must say.
type Want struct {
	// Audiences are the client ids whose tokens are taken: one of them must be in aud, and azp must
	// be one if it is there. Android apps have tokens of Google whose aud is the web client and whose
	// azp is the app, so both are audiences there.
	Audiences []string
	// Nonces are the values of which the nonce must be one. Without any, no token is taken.
	Nonces []string
}

// Claims are the claims of an ID token that has been verified.
type Claims struct {
	// Issuer and Subject are the user: 1 to 255 printable ASCII characters the latter.
	Issuer, Subject string
	// Expires is when the token is no longer taken, apart from the minute by which clocks may differ.
	Expires time.Time

	members []member
}

type member struct {
	name  string
	value []byte
}

func (c Claims) value(name string) []byte {
	for _, m := range c.members {
		if m.name == name {
			return m.value
		}
	}
	return nil
}

// Text returns a claim that is a string; empty without one.
func (c Claims) Text(name string) string {
	text, _ := ijson.String(c.value(name))
	return text
}

// Flag reports whether a claim is true: true, 1, or one of them as a string, as Apple's email_verified
// and Microsoft's xms_edov are.
func (c Claims) Flag(name string) bool {
	switch string(c.value(name)) {
	case "true", `"true"`, "1", `"1"`:
		return true
	}
	return false
}

// Verify returns the claims of an ID token that the issuer has signed for one of those who are wanted, and
// that is good now: OpenID Connect Core 1.0, section 3.1.3.7. Once the issuer is known it makes no
// request, except one a minute for a key that it does not know.
//
// Errors: a [RefusedError], [ErrNonce], [ErrUnavailable].
func (i *Issuer) Verify(ctx context.Context, idToken string, want Want) (Claims, error) {
	text, k, err := i.verified(ctx, idToken)
	if err != nil {
		return Claims{}, err
	}
	c, err := readClaims(text)
	if err != nil {
		return Claims{}, err
	}
	if i.alias != "" && c.Issuer == i.alias {
		c.Issuer = i.issuer
	}
	if err := i.checkIssuer(c, k); err != nil {
		return Claims{}, err
	}
	if err := c.checkAudience(want); err != nil {
		return Claims{}, err
	}
	if err := c.checkTimes(i.now()); err != nil {
		return Claims{}, err
	}
	if err := c.checkNonce(want.Nonces); err != nil {
		return Claims{}, err
	}
	return c, nil
}

func readClaims(text []byte) (Claims, error) {
	c := Claims{members: make([]member, 0, 16)}
	err := ijson.Object(text, 16, func(name, value []byte) error {
		c.members = append(c.members, member{string(name), value})
		return nil
	})
	if err != nil {
		return Claims{}, RefusedError{"its claims are not one JSON object with each member once"}
	}
	c.Issuer, c.Subject = c.Text("iss"), c.Text("sub")
	if !isSubject(c.Subject) {
		return Claims{}, RefusedError{"its sub is not 1 to 255 ASCII characters"}
	}
	return c, nil
}

func isSubject(s string) bool {
	return len(s) >= 1 && len(s) <= 255 && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' })
}

// checkIssuer compares iss. For a template it must be that of the user's tenant, and the key one for
// that tenant: Microsoft signs personal accounts and organizations with different keys of one set.
func (i *Issuer) checkIssuer(c Claims, k key) error {
	expected, of := i.expected, k.issuer
	if i.template {
		tid := c.Text("tid")
		if !isGUID(tid) {
			return RefusedError{"its tid is not a GUID"}
		}
		expected = strings.Replace(expected, tenant, tid, 1)
		of = strings.Replace(of, tenant, tid, 1)
	}
	if c.Issuer != expected {
		return RefusedError{"its iss is another issuer"}
	}
	if i.template && of != "" && of != c.Issuer {
		return RefusedError{"its key is that of another tenant"}
	}
	return nil
}

// isGUID reports whether s is a GUID in the one form that Microsoft writes, so that a tenant has one
// issuer.
func isGUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i, c := range []byte(s) {
		dash := i == 8 || i == 13 || i == 18 || i == 23
		if dash != (c == '-') || !dash && !strings.ContainsRune("0123456789abcdef", rune(c)) {
			return false
		}
	}
	return true
}

// checkAudience takes a token for several audiences only if azp says that it was issued to one that is
// wanted.
func (c Claims) checkAudience(want Want) error {
	value := c.value("aud")
	var aud []string
	if one, err := ijson.String(value); err == nil {
		aud = []string{one}
	} else if aud, err = ijson.Strings(value); err != nil || len(aud) > maxAud {
		return RefusedError{"its aud is not valid"}
	}
	if !slices.ContainsFunc(aud, func(a string) bool { return slices.Contains(want.Audiences, a) }) {
		return RefusedError{"it is for another audience"}
	}
	if c.value("azp") == nil {
		if len(aud) > 1 {
			return RefusedError{"it is for several audiences, and has no azp"}
		}
		return nil
	}
	if azp := c.Text("azp"); azp == "" || !slices.Contains(want.Audiences, azp) {
		return RefusedError{"its azp is another client"}
	}
	return nil
}

// checkTimes checks exp, iat and nbf, and sets Expires.
func (c *Claims) checkTimes(now time.Time) error {
	exp, err := ijson.Int64(c.value("exp"))
	if err != nil {
		return RefusedError{"its exp is not a whole number"}
	}
	iat, err := ijson.Int64(c.value("iat"))
	if err != nil {
		return RefusedError{"its iat is not a whole number"}
	}
	nbf := int64(0)
	if value := c.value("nbf"); value != nil {
		if nbf, err = ijson.Int64(value); err != nil {
			return RefusedError{"its nbf is not a whole number"}
		}
	}
	latest := now.Add(skew).Unix()
	switch {
	case exp <= now.Add(-skew).Unix():
		return RefusedError{"it has expired"}
	case exp > now.Add(maxFuture).Unix():
		return RefusedError{"its exp is too far in the future"}
	case iat > latest, nbf > latest:
		return RefusedError{"it is of the future"}
	}
	c.Expires = time.Unix(exp, 0)
	return nil
}

// checkNonce compares in constant time.
func (c Claims) checkNonce(nonces []string) error {
	value := c.value("nonce")
	nonce, err := ijson.String(value)
	if value != nil && err != nil {
		return RefusedError{"its nonce is not a string"}
	}
	for _, want := range nonces {
		if want != "" && subtle.ConstantTimeCompare([]byte(nonce), []byte(want)) == 1 {
			return nil
		}
	}
	return ErrNonce
}
