package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"myauth.internal/kit"
	"myauth.internal/kit/accesstoken"
)

// BenchmarkRefresh is POST /auth/refresh without a grace, so that each rotates, beside a bare handler
// that reads a session and its user, writes the session and signs a token, on a database of the same
// kind: SQLite with synchronous=FULL, and PostgreSQL with fsync, which MYAUTH_TEST_POSTGRES_URL may name.
// 4000 requests: -benchtime=4000x.
func BenchmarkRefresh(b *testing.B) {
	keys, err := accesstoken.HMAC([]byte(testSecret))
	if err != nil {
		b.Fatal(err)
	}
	for _, database := range []struct {
		name string
		open func(*testing.B) (kit.Stores, bareSessions)
	}{{"sqlite", refreshSQLite}, {"postgres", refreshPostgres}} {
		for _, callers := range []int{1, 16} {
			b.Run(fmt.Sprintf("%s/callers=%d", database.name, callers), func(b *testing.B) {
				stores, bare := database.open(b)
				ours, theirs := refreshers(b, stores, keys, callers), bareRefreshers(b, bare, keys, callers)
				takeTurns(b, callers, func(i int) error { return ours[i].refresh() }, func(i int) error { return theirs[i].refresh() })
			})
		}
	}
}

// refresher is a keep-alive connection with a session.
type refresher struct {
	conn  net.Conn
	in    *bufio.Reader
	token string
}

func newRefresher(b *testing.B, addr, token string) *refresher {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { conn.Close() })
	return &refresher{conn, bufio.NewReader(conn), token}
}

func (c *refresher) refresh() error {
	body := `{"refresh_token":"` + c.token + `"}`
	if _, err := fmt.Fprintf(c.conn, "POST /auth/refresh HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body); err != nil {
		return err
	}
	res, err := http.ReadResponse(c.in, nil)
	if err != nil {
		return err
	}
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	_, rest, ok := strings.Cut(string(answer), `"refresh_token":"`)
	if c.token, _, _ = strings.Cut(rest, `"`); !ok || res.StatusCode != 200 {
		return fmt.Errorf("status %d: %s", res.StatusCode, answer)
	}
	return nil
}

func refreshers(b *testing.B, stores kit.Stores, keys *accesstoken.Keyring, callers int) (all []*refresher) {
	svc, err := kit.New(stores, keys, &kit.Options{BcryptCost: 4, InsecureFastHash: true, RefreshGrace: -1, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	addr := listen(b, handlerOf(b, svc))
	for i := range callers {
		address := fmt.Sprintf("ada%d@example.com", i)
		if _, err := svc.Register(b.Context(), kit.Registration{Email: address, Username: "Ada", Password: goodPassword}); err != nil {
			b.Fatal(err)
		}
		tokens, err := svc.Login(b.Context(), address, goodPassword)
		if err != nil {
			b.Fatal(err)
		}
		all = append(all, newRefresher(b, addr, string(tokens.RefreshToken)))
	}
	return all
}

// bareSessions is the least that a refresh needs of a store.
type bareSessions interface {
	// add makes a user with a session of the same id.
	add(ctx context.Context, id string, s bareSession) error
	session(ctx context.Context, id string) (bareSession, error)
	active(ctx context.Context, userID string) (bool, error)
	// rotate writes hash and expiry, and reports whether the session had that version.
	rotate(ctx context.Context, id string, s bareSession) (bool, error)
}

type bareSession struct {
	userID           string
	hash             []byte
	expires, version int64
}

func bareRefreshers(b *testing.B, sessions bareSessions, keys *accesstoken.Keyring, callers int) (all []*refresher) {
	signer, err := accesstoken.NewSigner(keys, "myauth", "myauth")
	if err != nil {
		b.Fatal(err)
	}
	addr := listen(b, &bareRefresh{sessions, signer})
	for i := range callers {
		id, secret := fmt.Sprintf("%032d", i), rand.Text()
		hash := sha256.Sum256([]byte(secret))
		if err := sessions.add(b.Context(), id, bareSession{hash: hash[:], expires: time.Now().Add(time.Hour).Unix(), version: 1}); err != nil {
			b.Fatal(err)
		}
		all = append(all, newRefresher(b, addr, id+"."+secret))
	}
	return all
}

// bareRefresh rotates with three calls.
type bareRefresh struct {
	sessions bareSessions
	signer   *accesstoken.Signer
}

func (h *bareRefresh) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, status := h.rotated(r)
	if status != http.StatusOK {
		http.Error(w, http.StatusText(status), status)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Write(body)
}

func (h *bareRefresh) rotated(r *http.Request) (body []byte, status int) {
	var request struct {
		RefreshToken string `json:"refresh_token"`
	}
	if err := json.NewDecoder(r.Body).Decode(&request); err != nil {
		return nil, http.StatusBadRequest
	}
	id, secret, _ := strings.Cut(request.RefreshToken, ".")
	presented, now := sha256.Sum256([]byte(secret)), time.Now()
	s, err := h.sessions.session(r.Context(), id)
	if err != nil || subtle.ConstantTimeCompare(s.hash, presented[:]) != 1 || s.expires < now.Unix() {
		return nil, http.StatusUnauthorized
	}
	if active, err := h.sessions.active(r.Context(), s.userID); err != nil || !active {
		return nil, http.StatusForbidden
	}
	next := rand.Text()
	hash := sha256.Sum256([]byte(next))
	s.hash, s.expires = hash[:], now.Add(time.Hour).Unix()
	switch rotated, err := h.sessions.rotate(r.Context(), id, s); {
	case err != nil:
		return nil, http.StatusInternalServerError
	case !rotated:
		return nil, http.StatusConflict
	}
	access, err := h.signer.Sign(accesstoken.Claims{
		Subject: s.userID, SessionID: id, TokenID: rand.Text(), ClientID: "myauth", IssuedAt: now, ExpiresAt: now.Add(15 * time.Minute),
	})
	if err != nil {
		return nil, http.StatusInternalServerError
	}
	var out bytes.Buffer
	if err := json.NewEncoder(&out).Encode(map[string]any{"access_token": access, "refresh_token": id + "." + next, "token_type": "Bearer", "expires_in": 900}); err != nil {
		return nil, http.StatusInternalServerError
	}
	return out.Bytes(), http.StatusOK
}
