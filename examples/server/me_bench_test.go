package main

import (
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"myauth.internal/kit"
	"myauth.internal/kit/accesstoken"
	"myauth.internal/kit/transfer"
)

// BenchmarkMe is GET /auth/me beside a handler that reads the same user from the same SQLite store and
// writes the same bytes: one that believes a header who asks, and one that checks the token too.
// MYAUTH_BENCH_USERS are the numbers of users, such as 1000,1000000; the requests are those of a
// thousand of them.
func BenchmarkMe(b *testing.B) {
	for _, users := range benchUsers(b) {
		var s *meServers
		for side, name := range []string{"no-token", "token"} {
			for _, callers := range []int{1, 16} {
				b.Run(fmt.Sprintf("%s/users=%d/callers=%d", name, users, callers), func(inner *testing.B) {
					if s == nil { // here, so that users are made for what runs
						s = newMeServers(b, users)
					}
					takeTurns(inner, callers, s.asking(inner, s.ours, callers), s.asking(inner, s.bare[side], callers))
				})
			}
		}
	}
}

// benchUsers reads MYAUTH_BENCH_USERS.
func benchUsers(b *testing.B) (sizes []int) {
	text := os.Getenv("MYAUTH_BENCH_USERS")
	if text == "" {
		return []int{1000}
	}
	for field := range strings.SplitSeq(text, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(field))
		if err != nil || n < 1 {
			b.Fatalf("MYAUTH_BENCH_USERS is %q: write numbers with commas between them, such as 1000,1000000", text)
		}
		sizes = append(sizes, n)
	}
	return sizes
}

// meServers are the addresses of the sides, and requests that each answers.
type meServers struct {
	ours     string
	bare     [2]string // without a look at the token, and with one
	requests [][]byte
}

func newMeServers(b *testing.B, users int) *meServers {
	b.Helper()
	svc, store, keys := newSQLiteService(b, kit.Options{})
	email := func(i int) string { return fmt.Sprintf("user%07d@example.com", i) }
	lines, in := io.Pipe()
	go func() {
		for i := range users {
			fmt.Fprintf(in, `{"email":%q,"username":"Ada","password_hash":%q}`+"\n", email(i), transferHash)
		}
		in.Close()
	}()
	if done, err := transfer.Import(b.Context(), svc, lines, &transfer.ImportOptions{Transaction: store.Transaction}); err != nil || done.Created != users {
		b.Fatal(done, err)
	}
	signer, err := accesstoken.NewSigner(keys, "myauth", "myauth")
	if err != nil {
		b.Fatal(err)
	}
	verifier, err := accesstoken.NewVerifier(keys, "myauth", "myauth", nil)
	if err != nil {
		b.Fatal(err)
	}
	believe := func(r *http.Request) (string, error) { return r.Header.Get("X-User"), nil }
	check := func(r *http.Request) (string, error) {
		claims, err := verifier.Verify(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))
		return claims.Subject, err
	}
	now := time.Now()
	s := &meServers{ours: listen(b, handlerOf(b, svc)), bare: [2]string{listen(b, bareMe(store.Users(), believe)), listen(b, bareMe(store.Users(), check))}}
	for i := range min(users, 1000) {
		u, err := svc.UserByEmail(b.Context(), email(i*7919%users)) // a prime: neighbours lie apart
		if err != nil {
			b.Fatal(err)
		}
		token, err := signer.Sign(accesstoken.Claims{
			Subject: u.ID, SessionID: rand.Text(), TokenID: rand.Text(), ClientID: "myauth", Epoch: u.SessionEpoch, IssuedAt: now, ExpiresAt: now.Add(24 * time.Hour),
		})
		if err != nil {
			b.Fatal(err)
		}
		s.requests = append(s.requests, []byte("GET /auth/me HTTP/1.1\r\nHost: x\r\nX-User: "+u.ID+"\r\nAuthorization: Bearer "+token+"\r\n\r\n"))
	}
	return s
}

// asking returns what makes the next request of a caller.
func (s *meServers) asking(b *testing.B, addr string, callers int) func(caller int) error {
	all := make([]*caller, callers)
	next := make([]int, callers)
	for i := range all {
		c, body, err := dial(addr, string(s.requests[0]))
		if err != nil {
			b.Fatal(err)
		}
		if !strings.Contains(body, `"email":"user0000000@example.com"`) {
			b.Fatalf("body %s", body)
		}
		b.Cleanup(func() { c.conn.Close() })
		all[i], next[i] = c, i*len(s.requests)/callers
	}
	return func(i int) error {
		next[i] = (next[i] + 1) % len(s.requests)
		all[i].request = s.requests[next[i]]
		return all[i].call()
	}
}

// bareMe is the least that answers the same to whom asker finds.
func bareMe(users kit.UserStore, asker func(*http.Request) (id string, err error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id, err := asker(r)
		if err != nil {
			http.Error(w, err.Error(), http.StatusUnauthorized)
			return
		}
		u, err := users.ByID(r.Context(), id)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		body, err := u.AppendJSON(nil)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		h := w.Header()
		h.Set("Content-Type", "application/json")
		h.Set("Cache-Control", "no-store")
		h.Set("X-Content-Type-Options", "nosniff")
		w.Write(body)
	})
}
