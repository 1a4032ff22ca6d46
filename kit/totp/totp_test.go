package totp_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"myauth.internal/kit"
	"myauth.internal/kit/accesstoken"
	"myauth.internal/kit/kittest"
	"myauth.internal/kit/seal"
	"myauth.internal/kit/totp"
)

const email = "ada@example.com"

// phone is a user with an authenticator app.
type phone struct {
	*kittest.Kit
	t      testing.TB
	user   kit.User
	secret string
	tokens kit.TokenPair // of the session that enrolled
	codes  []kit.Secret  // for recovery
}

func withTOTP(o *kit.Options) { o.Features = append(o.Features, totp.New(nil)) }

// code is what the app shows, so many steps from now.
func (p *phone) code(steps int) string {
	text, err := totp.Code(p.secret, p.Clock.Now().Add(time.Duration(steps)*30*time.Second))
	if err != nil {
		p.t.Fatal(err)
	}
	return text
}

func answer(code string) kit.Body { return kit.Body{JSON: fmt.Appendf(nil, `{"code":%q}`, code)} }

func (p *phone) claims(tokens kit.TokenPair) accesstoken.Claims {
	_, claims, err := p.Authenticate(context.Background(), string(tokens.AccessToken))
	if err != nil {
		p.t.Fatal(err)
	}
	return claims
}

// enrolled is a user who has set the app up.
func enrolled(t testing.TB, change ...func(*kit.Options)) *phone {
	p := &phone{Kit: kittest.New(t, append([]func(*kit.Options){withTOTP}, change...)...), t: t}
	p.user, p.tokens = p.LogIn(email)
	shown, err := p.EnrollFactor(context.Background(), p.claims(p.tokens), "totp", kit.Body{})
	if err != nil {
		t.Fatal(err)
	}
	p.secret = shown.Show["secret"].(string)
	done, err := p.ConfirmFactor(context.Background(), p.claims(p.tokens), "totp", shown.Show["state"].(string), answer(p.code(0)))
	if err != nil {
		t.Fatal(err)
	}
	p.NextMail(kit.MailFactorEnrolled)
	p.tokens, p.codes = done.Tokens, done.RecoveryCodes
	return p
}

// half logs in with the password.
func (p *phone) half(s *kit.Service) string {
	_, err := s.Login(context.Background(), email, kittest.Password)
	var due *kit.MFARequired
	if !errors.As(err, &due) {
		p.t.Fatalf("login: got %v, want a MFARequired", err)
	}
	return string(due.Token)
}

// login completes a new login.
func (p *phone) login(s *kit.Service, code string) (kit.TokenPair, error) {
	return s.LoginWithFactor(context.Background(), p.half(s), "totp", "", answer(code))
}

func (p *phone) want(what string, err, want error) {
	p.t.Helper()
	if !errors.Is(err, want) {
		p.t.Errorf("%s: got error %v, want %v", what, err, want)
	}
}

func TestLife(t *testing.T) {
	p := &phone{Kit: kittest.New(t, withTOTP), t: t}
	_, p.tokens = p.LogIn(email)
	claims := p.claims(p.tokens)
	shown, err := p.EnrollFactor(t.Context(), claims, "totp", kit.Body{})
	if err != nil {
		t.Fatal(err)
	}
	p.secret = shown.Show["secret"].(string)
	uri, err := url.Parse(shown.Show["uri"].(string))
	if err != nil || uri.Query().Get("secret") != p.secret || uri.Path != "/myauth:"+email || len(p.secret) != 32 {
		t.Errorf("shown: %s, %v", uri, err)
	}
	state := shown.Show["state"].(string)
	_, err = p.ConfirmFactor(t.Context(), claims, "totp", state, answer(p.code(5)))
	p.want("a wrong code", err, kit.ErrInvalidCode)
	_, err = p.ConfirmFactor(t.Context(), claims, "totp", state, kit.Body{JSON: []byte(`{}`)})
	if fields := new(kit.ValidationError); !errors.As(err, &fields) {
		t.Errorf("no code: %v", err)
	}
	if u, _ := p.UserByEmail(t.Context(), email); len(u.Factors) > 0 || p.rows(u) > 0 {
		t.Error("an enrolment that was not confirmed wrote something")
	}
	done, err := p.ConfirmFactor(t.Context(), claims, "totp", state, answer(p.code(0)))
	if err != nil || len(done.RecoveryCodes) != 10 {
		t.Fatalf("%d recovery codes, %v", len(done.RecoveryCodes), err)
	}
	p.NextMail(kit.MailFactorEnrolled)
	_, err = p.EnrollFactor(t.Context(), p.claims(done.Tokens), "totp", kit.Body{})
	p.want("the secret again", err, kit.ErrAlreadyEnrolled)

	_, err = p.login(p.Service, p.code(0))
	p.want("the code that confirmed the enrolment", err, kit.ErrInvalidCode)
	_, err = p.login(p.Service, p.code(-1))
	p.want("the code before it", err, kit.ErrInvalidCode)
	next := p.code(1)
	tokens, err := p.login(p.Service, next[:3]+" "+next[3:])
	if err != nil {
		t.Fatal(err)
	}
	if amr := p.claims(tokens).AMR; !slices.Equal(amr, []string{"pwd", "otp", "mfa"}) {
		t.Errorf("amr is %v", amr)
	}
	p.Clock.Advance(30 * time.Second)
	_, err = p.login(p.Another(), p.code(0))
	p.want("the code again", err, kit.ErrInvalidCode)
	p.Clock.Advance(-time.Hour)
	for steps := -1; steps <= 1; steps++ {
		_, err = p.login(p.Another(), p.code(steps))
		p.want("a code of an hour ago, with the clock set back", err, kit.ErrInvalidCode)
	}
	p.Clock.Advance(2 * time.Hour)
	tokens, err = p.login(p.Another(), p.code(-1))
	p.want("a code of just now", err, nil)
	list, err := p.Factors(t.Context(), tokens.User)
	if err != nil || len(list) != 1 || list[0].Name != "totp" || list[0].LastUsedAt.IsZero() {
		t.Errorf("factors: %v, %v", list, err)
	}
}

// rows counts the records of factors in the store.
func (p *phone) rows(u kit.User) int {
	return len(p.records(u))
}

func (p *phone) records(u kit.User) []kit.Token {
	rows, err := p.Store.Credentials().ByUser(context.Background(), u.ID, "", 100)
	if err != nil {
		p.t.Fatal(err)
	}
	return slices.DeleteFunc(rows, func(t kit.Token) bool { return !strings.HasPrefix(string(t.Type), "factor/") })
}

// TestOneCodeIsOneLogin: 20 parallel uses over two challenges and two instances (claim 51).
func TestOneCodeIsOneLogin(t *testing.T) {
	for range 5 {
		p := enrolled(t)
		instances := []*kit.Service{p.Service, p.Another()}
		var halves []string // five answers are one challenge's
		for i := range 4 {
			halves = append(halves, p.half(instances[i%2]))
		}
		code, results := p.code(1), make([]error, 20)
		var wg sync.WaitGroup
		begin := make(chan struct{})
		for i := range results {
			wg.Go(func() {
				<-begin
				_, results[i] = instances[i%2].LoginWithFactor(context.Background(), halves[i/5], "totp", "", answer(code))
			})
		}
		close(begin)
		wg.Wait()
		won := 0
		for _, err := range results {
			if err == nil {
				won++
			} else if !errors.Is(err, kit.ErrInvalidCode) && !errors.Is(err, kit.ErrRevokedToken) {
				t.Error(err)
			}
		}
		sessions, err := p.Sessions(t.Context(), p.user.ID)
		if won != 1 || err != nil || len(sessions) != 2 {
			t.Fatalf("%d uses of one code succeeded, and there are %d sessions, %v", won, len(sessions), err)
		}
	}
}

// TestChallenge is claim 52: once, ten minutes, five tries, and dead with the sessions.
func TestChallenge(t *testing.T) {
	p := enrolled(t)
	half := p.half(p.Service)
	for range 4 {
		_, err := p.LoginWithFactor(t.Context(), half, "totp", "", answer("000000"))
		p.want("a wrong code", err, kit.ErrInvalidCode)
	}
	_, err := p.LoginWithFactor(t.Context(), half, "totp", "", answer(p.code(1)))
	p.want("the fifth answer", err, nil)
	_, err = p.LoginWithFactor(t.Context(), half, "totp", "", answer(p.code(1)))
	p.want("the sixth", err, kit.ErrRevokedToken)
	half = p.half(p.Service)
	p.Clock.Advance(10 * time.Minute)
	_, err = p.LoginWithFactor(t.Context(), half, "totp", "", answer(p.code(0)))
	p.want("ten minutes later", err, kit.ErrExpiredToken)
	half = p.half(p.Service)
	p.want("end", p.EndAllSessions(t.Context(), p.user.ID), nil)
	_, err = p.LoginWithFactor(t.Context(), half, "totp", "", answer(p.code(0)))
	p.want("after sessions were ended", err, kit.ErrRevokedToken)
}

// TestGuesses: at most a hundred wrong codes in a row are compared, over any number of challenges
// and a day (claim 52).
func TestGuesses(t *testing.T) {
	p := enrolled(t, func(o *kit.Options) { o.InsecureUnlimited = false })
	compared := 0
	for range 400 {
		if _, err := p.login(p.Service, "000000"); errors.Is(err, kit.ErrInvalidCode) {
			compared++
		}
		p.Clock.Advance(time.Hour)
	}
	if compared != 100 {
		t.Errorf("%d wrong codes were compared", compared)
	}
	if _, err := p.login(p.Service, p.code(0)); err == nil {
		t.Error("the count did not stop the right code either")
	}
}

// TestDump: a copy of the store yields no code without the data key, a record does not open in
// another user's place, and a rotated key opens and seals anew (claim 54).
func TestDump(t *testing.T) {
	p := enrolled(t)
	key := p.secret
	row := p.records(p.user)[slices.IndexFunc(p.records(p.user), func(t kit.Token) bool { return t.Type == "factor/totp" })]
	if bytes.Contains(row.Data, []byte(key)) || len(row.Data) < 49 {
		t.Error("the secret is in the store")
	}
	// The record of another.
	other, tokens := p.LogIn("bob@example.com")
	shown, err := p.EnrollFactor(t.Context(), p.claims(tokens), "totp", kit.Body{})
	if err != nil {
		t.Fatal(err)
	}
	bobs, err := totp.Code(shown.Show["secret"].(string), p.Clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	if _, err = p.ConfirmFactor(t.Context(), p.claims(tokens), "totp", shown.Show["state"].(string), answer(bobs)); err != nil {
		t.Fatal(err)
	}
	for _, theirs := range p.records(other) {
		if theirs.Type == "factor/totp" {
			theirs.Data = row.Data
			if err := p.Store.Credentials().Update(t.Context(), theirs); err != nil {
				t.Fatal(err)
			}
		}
	}
	var due *kit.MFARequired
	if _, err = p.Login(t.Context(), "bob@example.com", kittest.Password); !errors.As(err, &due) {
		t.Fatal(err)
	}
	_, err = p.LoginWithFactor(t.Context(), string(due.Token), "totp", "", answer(p.code(1)))
	p.want("a code of ada's for bob, with ada's record in place of his", err, seal.ErrInvalid)
}

func TestRotatedDataKey(t *testing.T) {
	first, second := []byte("a data key for tests: 32 bytes.."), []byte("the data key that comes after it")
	keyring := func(keys ...[]byte) func(*kit.Options) {
		return func(o *kit.Options) {
			var err error
			if o.DataKeys, err = seal.NewKeyring(keys...); err != nil {
				t.Fatal(err)
			}
		}
	}
	p := enrolled(t, keyring(first))
	over := func(keys ...[]byte) *kit.Service {
		o := &kit.Options{BcryptCost: 4, InsecureFastHash: true, Now: p.Clock.Now, InsecureUnlimited: true, Features: []kit.Feature{totp.New(nil)}}
		keyring(keys...)(o)
		s, err := kit.New(p.Store.Stores(), p.Keys, o)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close(context.Background()) })
		return s
	}
	_, err := p.login(over(second), p.code(1))
	p.want("without the key", err, seal.ErrUnknownKey)
	_, err = p.login(over(second, first), p.code(1))
	p.want("with both", err, nil)
	p.Clock.Advance(time.Minute)
	_, err = p.login(over(second), p.code(0))
	p.want("after a login with both", err, nil)
}

// TestOutage is claim 56: whatever call of a store fails, the code is unused, or used with a
// session.
func TestOutage(t *testing.T) {
	for _, fault := range []kittest.Fault{kittest.Down, kittest.Lost, kittest.Conflict} {
		for n := 1; n <= 12; n++ { // more than the calls of a second step
			p := enrolled(t)
			half := p.half(p.Service)
			sessions := func() int {
				list, err := p.Sessions(t.Context(), p.user.ID)
				if err != nil {
					t.Fatal(err)
				}
				return len(list)
			}
			before := sessions()
			p.Faults.InjectNth("*", fault, n)
			_, err := p.LoginWithFactor(t.Context(), half, "totp", "", answer(p.code(1)))
			p.Faults.Clear()
			_, again := p.login(p.Service, p.code(1))
			if err == nil && again == nil {
				t.Errorf("%v at call %d: one code logged in twice", fault, n)
			}
			if again != nil && sessions() == before {
				t.Errorf("%v at call %d: %v, and then %v: the code is used without a session", fault, n, err, again)
			}
		}
	}
}

func TestAttach(t *testing.T) {
	keys, err := accesstoken.HMAC([]byte("a secret for tests, 32 bytes or more"))
	if err != nil {
		t.Fatal(err)
	}
	for issuer, ok := range map[string]bool{"": true, "Example & Co": true, "a:b": false, " a": false, "a\nb": false, "\xff": false, strings.Repeat("ä", 65): false} {
		k := kittest.New(t)
		o := &kit.Options{Features: []kit.Feature{totp.New(&totp.Options{Issuer: issuer})}, BcryptCost: 4, InsecureFastHash: true}
		if o.DataKeys, err = seal.NewKeyring([]byte("a data key for tests: 32 bytes..")); err != nil {
			t.Fatal(err)
		}
		s, err := kit.New(k.Store.Stores(), keys, o)
		if (err == nil) != ok {
			t.Errorf("issuer %q: %v", issuer, err)
		}
		if err == nil {
			s.Close(t.Context())
		}
	}
	_, err = kit.New(kittest.New(t).Store.Stores(), keys, &kit.Options{Features: []kit.Feature{totp.New(nil)}})
	if !errors.Is(err, kit.ErrNoDataKeys) {
		t.Errorf("without data keys: %v", err)
	}
}
