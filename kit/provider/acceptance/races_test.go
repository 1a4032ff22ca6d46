package acceptance

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"myauth.internal/conformance"
	"myauth.internal/httpx"
	"myauth.internal/kit"
	"myauth.internal/kit/accesstoken"
	"myauth.internal/kit/kittest"
	"myauth.internal/kit/provider"
	"myauth.internal/kit/provider/internal/hostile"
	"myauth.internal/kit/seal"
)

// pair is the API of two instances over one data set of any store. Requests go to them in turn.
type pair struct {
	*app
	mailer *kittest.Mailer
	people map[string]hostile.JSON // their claims
	p      *scripted
	each   [2]http.Handler
	turn   int
}

func newPair(t *testing.T, open conformance.Open) *pair {
	t.Helper()
	b := &pair{mailer: &kittest.Mailer{}, people: map[string]hostile.JSON{}, p: &scripted{Provider: hostile.New(t), t: t}}
	clock := kittest.NewClock(time.Now())
	keys, err1 := accesstoken.HMAC([]byte("a secret for tests, 32 bytes or more"))
	dataKeys, err2 := seal.NewKeyring([]byte("a data key for tests: 32 bytes.."))
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	b.p.Script(func(s *hostile.Script) { s.Now = clock.Now })
	for i := range b.each {
		opened := open(t)
		svc, err := kit.New(opened.Stores, keys, &kit.Options{
			BcryptCost: 4, InsecureFastHash: true, Mailer: b.mailer, MailDelay: time.Millisecond, InsecureUnlimited: true, PublicURL: "https://app.example.com",
			DataKeys: dataKeys, Now: clock.Now, OnEvent: func(context.Context, kit.Event) {}, Logger: slog.New(slog.NewTextHandler(t.Output(), nil)),
			Features: []kit.Feature{b.p.feature(), wordFactor{}}, StoreTimeout: time.Minute,
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			_ = svc.Close(context.Background())
			if opened.Close != nil {
				_ = opened.Close()
			}
		})
		if b.each[i], err = httpx.New(svc, nil); err != nil {
			t.Fatal(err)
		}
	}
	b.app = &app{t: t, url: api, target: page, client: &http.Client{Transport: b}, visit: func(at *url.URL, person string) *url.URL {
		b.p.Script(func(s *hostile.Script) { s.Claims = b.people[person] })
		callback := *b.p.Login(at.String()).URL
		callback.Scheme, callback.Host = "https", "app.example.com"
		return &callback
	}}
	return b
}

// RoundTrip hands the request to one of the instances.
func (b *pair) RoundTrip(r *http.Request) (*http.Response, error) {
	b.mu.Lock()
	b.turn++
	handler := b.each[b.turn%2]
	b.mu.Unlock()
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	answer := w.Result()
	answer.Request = r
	return answer, nil
}

// know adds somebody to the provider.
func (b *pair) know(key, email string, verified bool) {
	b.people[key] = hostile.JSON{"sub": "subject of " + key, "email": email, "email_verified": verified, "name": key}
}

// register makes an account that nobody has proved the address of, and a session of it.
func (b *pair) register(email string) members {
	b.t.Helper()
	br := b.browser()
	br.send("POST", "/register", "", members{"email": email, "username": "Mallory", "password": kittest.Password}, 201)
	return br.send("POST", "/login", "", members{"email": email, "password": kittest.Password}, 200)
}

// mail returns the token of the last mail of a kind to an address.
func (b *pair) mail(kind kit.MailKind, to string) string {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), 20*time.Second)
	defer cancel()
	for {
		mail, err := b.mailer.Next(ctx)
		if err != nil {
			b.t.Fatalf("no mail %s to %s: %v", kind, to, err)
		}
		if mail.Kind == kind && mail.To == to {
			return string(mail.Token)
		}
	}
}

// verified makes an account whose address its owner has proved here, and a session of it.
func (b *pair) verified(email string) members {
	b.t.Helper()
	tokens := b.register(email)
	b.browser().send("POST", "/verify-email", "", members{"token": b.mail(kit.MailVerification, email)}, 204)
	return tokens
}

// overEveryStore runs a test of two instances over each store.
func overEveryStore(t *testing.T, test func(t *testing.T, b *pair)) {
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, newPair(t, open(t)))
		})
	}
}

const racers = 16

// atOnce sends the same kind of request by 16 browsers at once, and returns the answers.
func atOnce(t *testing.T, send func(i int) (int, string)) map[string]int {
	t.Helper()
	var barrier, all sync.WaitGroup
	barrier.Add(1)
	answers := make([]string, racers)
	for i := range racers {
		all.Go(func() {
			barrier.Wait()
			status, what := send(i)
			answers[i] = fmt.Sprintf("%d %s", status, what)
		})
	}
	barrier.Done()
	all.Wait()
	counts := map[string]int{}
	for _, answer := range answers {
		counts[answer]++
	}
	return counts
}

// answer sends a request without the test's help: other goroutines than its own may call it.
func (b *browser) answer(path string, token kit.Secret, body any) (int, members, error) {
	text, contentType := encode(body)
	r, err := http.NewRequestWithContext(context.Background(), "POST", b.url+path, bytes.NewReader(text))
	if err != nil {
		return 0, nil, err
	}
	r.Header.Set("Content-Type", contentType)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+string(token))
	}
	res, err := b.http.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer res.Body.Close()
	m := members{}
	return res.StatusCode, m, decode(res.Body, &m)
}

// TestFirstSignInsAtOnce: 16 first sign-ins of one person make one account and one identity.
func TestFirstSignInsAtOnce(t *testing.T) {
	overEveryStore(t, func(t *testing.T, b *pair) {
		for round := range 3 {
			email := fmt.Sprintf("ada.%d@example.com", round)
			b.know("ada", email, true)
			var codes [racers]string
			var browsers [racers]*browser
			for i := range racers {
				browsers[i] = b.browser()
				codes[i] = browsers[i].flow("ada", "").Get("code")
			}
			b.people["ada"]["sub"] = fmt.Sprintf("subject %d", round+1) // of the next round
			var mu sync.Mutex
			var last members
			got := atOnce(t, func(i int) (int, string) {
				status, m, err := browsers[i].answer("/providers/exchange", "", members{"code": codes[i]})
				if err != nil || status != 200 {
					return status, fmt.Sprint(m["code"], err)
				}
				mu.Lock()
				defer mu.Unlock()
				last = m
				return status, userID(m)
			})
			if len(got) != 1 || last == nil {
				t.Fatalf("the answers are %v, want 16 times one account", got)
			}
			if list := b.browser().identities(access(last)); len(list) != 1 {
				t.Errorf("the account has %d identities", len(list))
			}
		}
	})
}

// TestOneIdentityOfManyUsers: of users who link one account elsewhere, one does.
func TestOneIdentityOfManyUsers(t *testing.T) {
	overEveryStore(t, func(t *testing.T, b *pair) {
		b.know("ada", "ada@elsewhere.example", true)
		var tokens [racers]kit.Secret
		var codes [racers]string
		var browsers [racers]*browser
		for i := range racers {
			browsers[i] = b.browser()
			tokens[i] = access(b.verified(fmt.Sprintf("user.%d@example.com", i)))
			url := browsers[i].send("POST", "/providers/acme/link", tokens[i], members{}, 200)["url"].(string)
			codes[i] = browsers[i].back(browsers[i].toProvider(browsers[i].redirect(url), "ada")).Get("code")
		}
		got := atOnce(t, func(i int) (int, string) {
			status, m, err := browsers[i].answer("/providers/exchange", tokens[i], members{"code": codes[i]})
			if err != nil {
				return 0, err.Error()
			}
			code, _ := m["code"].(string)
			return status, code
		})
		if got["200 "] != 1 || got["409 already_registered"] != racers-1 {
			t.Errorf("the answers are %v, want one 200 and 15 times already_registered", got)
		}
		n := 0
		for i := range racers {
			n += len(browsers[i].identities(tokens[i]))
		}
		if n != 1 {
			t.Errorf("%d identities were linked", n)
		}
	})
}

// TestPreHijack is claims 50 and 64: whoever has made an account with the address of somebody
// else, by a password or elsewhere, has nothing once the owner comes.
func TestPreHijack(t *testing.T) {
	const victim = "victim@example.com"
	overEveryStore(t, func(t *testing.T, b *pair) {
		b.know("victim", victim, true)               // the owner, whom the provider knows
		b.know("mallory", victim, false)             // who says that it is his address
		b.know("other", "m@elsewhere.example", true) // the account elsewhere of Mallory

		// A password and sessions. The owner comes by the provider.
		squatted := b.register(victim)
		half := b.browser()
		flow := half.flow("mallory", "") // a mail goes to the owner, who does not follow it
		if flow.Get("error") != "email_unverified" {
			t.Fatalf("an address that is not proved: %v", flow)
		}
		mallorys := b.mail(provider.MailConfirm, victim)
		// Mallory cannot add a way in before.
		b.browser().code("POST", "/providers/acme/link", access(squatted), members{}, 403)
		tokens := b.browser().signIn("victim")
		if tokens["user"].(members)["email"] != victim || tokens["user"].(members)["is_verified"] != true {
			t.Errorf("the owner logs in to %v", tokens["user"])
		}
		m := b.browser()
		m.code("POST", "/login", "", members{"email": victim, "password": kittest.Password}, 401)
		m.code("GET", "/me", access(squatted), nil, 401)
		m.code("POST", "/refresh", "", members{"refresh_token": squatted["refresh_token"]}, 401)
		if list := m.identities(access(tokens)); len(list) != 1 {
			t.Errorf("the account has %d identities", len(list))
		}

		// The owner follows, in another browser, the link in the mail that Mallory has caused:
		// it logs in, because the mailbox is proved, and links nothing.
		confirmed := b.browser().send("POST", "/providers/confirm", "", members{"token": mallorys}, 200)
		if confirmed["linked"] != false || userID(confirmed) != userID(tokens) {
			t.Errorf("confirmed: %v", confirmed)
		}
		if got := half.flow("mallory", ""); got.Get("error") != "email_unverified" {
			t.Errorf("Mallory comes again: %v", got)
		}
		_ = b.mail(provider.MailConfirm, victim)
		if list := m.identities(access(tokens)); len(list) != 1 {
			t.Errorf("the account has %d identities", len(list))
		}

		// An account with the identity of Mallory, whose address becomes another's: that is
		// not the provider's to say.
		other := b.browser().flow("other", "")
		if other.Get("error") != "email_unverified" {
			t.Fatalf("a domain that does not count: %v", other)
		}
		mine := b.browser().send("POST", "/providers/confirm", "", members{"token": b.mail(provider.MailConfirm, "m@elsewhere.example")}, 200)
		b.people["other"]["email"] = victim
		if login := b.browser().signIn("other"); userID(login) != userID(mine) || userID(login) == userID(tokens) {
			t.Errorf("an address logs in to %v", login["user"])
		}

		// A free address that Mallory says is his: the owner follows the link, and then the
		// account is the owner's, and Mallory's account elsewhere logs in to it only if the
		// browser is the one that began.
		const free = "free@example.com"
		b.know("mallory2", free, false)
		b.browser().flow("mallory2", "")
		taken := b.register(free) // by Mallory, in between
		fresh := b.browser().send("POST", "/providers/confirm", "", members{"token": b.mail(provider.MailConfirm, free)}, 200)
		m.code("GET", "/me", access(taken), nil, 401)
		m.code("POST", "/login", "", members{"email": free, "password": kittest.Password}, 401)
		if fresh["user"].(members)["is_verified"] != true {
			t.Errorf("confirmed: %v", fresh)
		}
	})
}
