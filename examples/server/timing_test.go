package main

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"math"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"myauth.internal/conformance"
	"myauth.internal/kit"
	"myauth.internal/kit/accesstoken"
)

// These tests take the time of requests that must not be told apart. The short form, which
// CI runs, finds a difference that some hundred requests would show. The long form takes
// more samples, holds them to less, and tries every store:
//
//	MYAUTH_TEST_TIMING=long go test -run 'ByTime' -v -timeout 1h .

// timing is what a comparison is held to.
type timing struct {
	samples int     // of each class
	ratio   float64 // of two medians, at most so far from 1
	rank    float64 // of two classes, at most so far from 1/2: see rankTest
}

func longTiming() bool { return os.Getenv("MYAUTH_TEST_TIMING") == "long" }

// class is one kind of request; call makes the request number i of it.
type class struct {
	name string
	call func(i int)
}

// wantSameTime fails t when a class can be told from the first by its time. The classes
// take turns in an order that changes, so what the machine does besides meets all of them
// alike. A difference that is there shows every time; one that a busy machine made up does
// not show three times in a row.
func wantSameTime(t *testing.T, want timing, classes ...class) {
	t.Helper()
	number := 0
	var found []string
	for range 3 {
		samples := make([][]float64, len(classes))
		for range want.samples {
			for _, c := range rand.Perm(len(classes)) {
				began := time.Now()
				classes[c].call(number)
				samples[c] = append(samples[c], float64(time.Since(began)))
			}
			number++
		}
		found = nil
		for i, c := range classes {
			ratio, rank := median(samples[i])/median(samples[0]), rankTest(samples[i], samples[0])
			t.Logf("%-12s median %8.1f µs, %.3f of %s; rank %.3f", c.name, median(samples[i])/1e3, ratio, classes[0].name, rank)
			if math.Abs(ratio-1) > want.ratio || math.Abs(rank-0.5) > want.rank {
				found = append(found, fmt.Sprintf("%s is told from %s by its time: medians are as %.3f to 1, and it is the slower in %.1f%% of pairs", c.name, classes[0].name, ratio, 100*rank))
			}
		}
		if found == nil {
			return
		}
	}
	t.Error(strings.Join(found, "\n"))
}

func median(samples []float64) float64 {
	sorted := slices.Sorted(slices.Values(samples))
	return sorted[len(sorted)/2]
}

// rankTest returns in which part of all pairs a sample of a is larger than one of b: the
// statistic of Mann and Whitney. It is 1/2 for two sets of one distribution, with a standard
// deviation of 0.41/√n for n samples each.
func rankTest(a, b []float64) float64 {
	type sample struct {
		value float64
		of    int
	}
	var all []sample
	for of, samples := range [][]float64{a, b} {
		for _, v := range samples {
			all = append(all, sample{v, of})
		}
	}
	slices.SortFunc(all, func(x, y sample) int { return cmp.Compare(x.value, y.value) })
	ranks := 0.0 // of a
	for i := 0; i < len(all); {
		j := i
		for j < len(all) && all[j].value == all[i].value {
			j++
		}
		for _, s := range all[i:j] {
			if s.of == 0 {
				ranks += float64(i+j+1) / 2 // what is equal shares its ranks
			}
		}
		i = j
	}
	n, m := float64(len(a)), float64(len(b))
	return (ranks - n*(n+1)/2) / (n * m)
}

func TestRankTest(t *testing.T) {
	for _, c := range []struct {
		a, b []float64
		want float64
	}{
		{[]float64{1, 2, 3}, []float64{4, 5}, 0},
		{[]float64{4, 5, 6}, []float64{1, 2}, 1},
		{[]float64{1, 4}, []float64{2, 3}, 0.5},
		{[]float64{1, 1}, []float64{1, 1, 1}, 0.5},
		{[]float64{2, 3}, []float64{1, 2}, 0.875},
	} {
		if got := rankTest(c.a, c.b); got != c.want {
			t.Errorf("%v and %v: %v, want %v", c.a, c.b, got, c.want)
		}
	}
}

// noMail takes every mail and keeps none.
type noMail struct{}

func (noMail) Send(context.Context, kit.Mail) error { return nil }

// timedService is a Service as the server makes it, with fast hashes, and without the
// spacing of mails: each mail that is asked for is made and sent.
func timedService(t *testing.T, stores conformance.Stores, change func(*kit.Options)) *kit.Service {
	t.Helper()
	keys, err := accesstoken.HMAC([]byte(testSecret))
	if err != nil {
		t.Fatal(err)
	}
	o := &kit.Options{
		BcryptCost: 4, InsecureFastHash: true, Mailer: noMail{}, PublicURL: "https://example.com", InsecureUnlimited: true,
		Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
	}
	change(o)
	s, err := kit.New(stores.Stores, keys, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.Close(context.Background())
		if err := stores.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// addAccount imports an account without a password that anybody knows.
func addAccount(t *testing.T, s *kit.Service, u kit.User) {
	t.Helper()
	u.Username = "Ada"
	if _, err := s.Import(t.Context(), u); err != nil {
		t.Fatal(err)
	}
}

// timedStores are those that a timing test runs over.
func timedStores() map[string]func(testing.TB, *conformance.Network) conformance.Open {
	all := map[string]func(testing.TB, *conformance.Network) conformance.Open{"memory": inMemory, "sqlite": databases["sqlite"]}
	if longTiming() {
		for name, open := range databases {
			all[name] = open
		}
	}
	return all
}

// requester sends a JSON body and wants that status.
type requester func(path, body string, status int)

// direct asks the handler itself: what a request does shows most when nothing surrounds it.
func direct(t *testing.T, h http.Handler) requester {
	return func(path, body string, status int) {
		r := httptest.NewRequest("POST", path, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		if h.ServeHTTP(w, r); w.Code != status {
			t.Fatalf("%s: %d %s", path, w.Code, w.Body)
		}
	}
}

// overTCP asks over a connection, as an attacker does: the answer then takes long enough
// for what a request has started to get in its way.
func overTCP(t *testing.T, h http.Handler) requester {
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	client := server.Client()
	return func(path, body string, status int) {
		r, err := client.Post(server.URL+path, "application/json", bytes.NewReader([]byte(body)))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, r.Body); err != nil || r.StatusCode != status {
			t.Fatalf("%s: %d, %v", path, r.StatusCode, err)
		}
		r.Body.Close()
	}
}

// TestMailRequestsTellNothingByTime: whether an address has an account, and in which state,
// does not show in how long a request for a mail takes.
func TestMailRequestsTellNothingByTime(t *testing.T) {
	want := timing{samples: 500, ratio: 0.25, rank: 0.12}
	if longTiming() {
		want = timing{samples: 2000, ratio: 0.05, rank: 0.05}
	}
	for name, open := range timedStores() {
		for way, requester := range map[string]func(*testing.T, http.Handler) requester{"direct": direct, "over TCP": overTCP} {
			t.Run(name+" "+way, func(t *testing.T) {
				s := timedService(t, open(t, conformance.NewNetwork(t))(t), func(*kit.Options) {})
				// Of addresses with an account there are as many as there are without.
				const accounts = 50
				states := []kit.User{{Active: true}, {Active: true, Verified: true}, {Verified: true}}
				names := []string{"unverified", "verified", "disabled"}
				for i, u := range states {
					for n := range accounts {
						u.Email = fmt.Sprintf("%s%d@example.com", names[i], n)
						addAccount(t, s, u)
					}
				}
				ask := requester(t, handlerOf(t, s))
				for _, path := range []string{"/auth/password-reset-request", "/auth/verify-email-request"} {
					var classes []class
					for _, name := range append([]string{"unknown"}, names...) {
						classes = append(classes, class{name, func(i int) {
							ask(path, fmt.Sprintf(`{"email":"%s%d@example.com"}`, name, i%accounts), 202)
						}})
					}
					wantSameTime(t, want, classes...)
				}
			})
		}
	}
}

// TestEmailChangesTellNothingByTime: whether another account has the new address does not show in
// how long the request for a change takes.
func TestEmailChangesTellNothingByTime(t *testing.T) {
	want := timing{samples: 250, ratio: 0.25, rank: 0.12}
	if longTiming() {
		want = timing{samples: 1000, ratio: 0.05, rank: 0.05}
	}
	for name, open := range timedStores() {
		t.Run(name, func(t *testing.T) {
			s := timedService(t, open(t, conformance.NewNetwork(t))(t), func(*kit.Options) {})
			const accounts = 50
			var sessions []accesstoken.Claims
			for n := range accounts {
				addAccount(t, s, kit.User{Email: fmt.Sprintf("taken%d@example.com", n), Active: true, Verified: true})
				u, err := s.Import(t.Context(), kit.User{Email: fmt.Sprintf("user%d@example.com", n), Username: "Ada", Active: true, Verified: true})
				if err != nil {
					t.Fatal(err)
				}
				tokens, err := s.Grant(t.Context(), kit.Login{User: u})
				if err != nil {
					t.Fatal(err)
				}
				claims, err := s.Verifier().Verify(string(tokens.AccessToken))
				if err != nil {
					t.Fatal(err)
				}
				sessions = append(sessions, claims)
			}
			ask := func(name string) class {
				return class{name, func(i int) {
					if err := s.RequestEmailChange(t.Context(), sessions[i%accounts], fmt.Sprintf("%s%d@example.com", name, i%accounts)); err != nil {
						t.Fatal(err)
					}
				}}
			}
			wantSameTime(t, want, ask("free"), ask("taken"))
		})
	}
}

// TestLoginRefusalsTellNothingByTime: neither does it show in how long a refusal takes.
func TestLoginRefusalsTellNothingByTime(t *testing.T) {
	want, cost := timing{samples: 100, ratio: 0.2, rank: 0.25}, 4
	if longTiming() {
		want, cost = timing{samples: 500, ratio: 0.05, rank: 0.15}, 6
	}
	for name, open := range timedStores() {
		t.Run(name, func(t *testing.T) {
			s := timedService(t, open(t, conformance.NewNetwork(t))(t), func(o *kit.Options) {
				o.BcryptCost = cost
				o.RequireVerifiedEmail, o.ConcealAccounts = true, true
			})
			// An account with a password, to take its hash from.
			made, err := s.Register(t.Context(), kit.Registration{Email: "unverified@example.com", Username: "Ada", Password: goodPassword})
			if err != nil {
				t.Fatal(err)
			}
			u, err := s.UserByID(t.Context(), made.ID)
			if err != nil {
				t.Fatal(err)
			}
			addAccount(t, s, kit.User{Email: "wrong@example.com", PasswordHash: u.PasswordHash, Active: true, Verified: true})
			addAccount(t, s, kit.User{Email: "disabled@example.com", PasswordHash: u.PasswordHash, Verified: true})
			addAccount(t, s, kit.User{Email: "none@example.com", Active: true, Verified: true})
			names := []string{"wrong", "unknown", "disabled", "unverified", "none"}
			ask := direct(t, handlerOf(t, s))
			var classes []class
			for _, name := range names {
				classes = append(classes, class{name, func(int) {
					ask("/auth/login", fmt.Sprintf(`{"email":"%s@example.com","password":"Wr0ng!Passw0rd"}`, name), 401)
				}})
			}
			// With concealment the very password of an unverified account is refused too.
			classes = append(classes, class{"concealed", func(int) {
				ask("/auth/login", fmt.Sprintf(`{"email":"unverified@example.com","password":%q}`, goodPassword), 401)
			}})
			wantSameTime(t, want, classes...)
		})
	}
}

// TestConcealedRegistrationsTellNothingByTime: nor in how long a registration takes, where
// its answer conceals that.
func TestConcealedRegistrationsTellNothingByTime(t *testing.T) {
	want := timing{samples: 100, ratio: 1, rank: 0.25}
	if longTiming() {
		want = timing{samples: 1000, ratio: 0.05, rank: 0.1}
	}
	for name, open := range timedStores() {
		t.Run(name, func(t *testing.T) {
			s := timedService(t, open(t, conformance.NewNetwork(t))(t), func(o *kit.Options) {
				o.RequireVerifiedEmail, o.ConcealAccounts = true, true
			})
			ask := direct(t, handlerOf(t, s))
			register := func(email string) {
				ask("/auth/register", fmt.Sprintf(`{"email":%q,"username":"Ada","password":%q}`, email, goodPassword), 202)
			}
			const accounts = 50
			for i := range accounts {
				register(fmt.Sprintf("taken%d@example.com", i))
			}
			wantSameTime(t, want,
				class{"free", func(i int) { register(fmt.Sprintf("free%d@example.com", i)) }},
				class{"taken", func(i int) { register(fmt.Sprintf("taken%d@example.com", i%accounts)) }})
		})
	}
}
