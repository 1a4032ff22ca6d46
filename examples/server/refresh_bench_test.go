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
// that gives the same answer: it reads a session and its user, writes the session, and signs a token with the
// same claims. Each has a database of the same kind: SQLite with synchronous=FULL, PostgreSQL with fsync, which
// MYAUTH_TEST_POSTGRES_URL may name, and Redis that keeps nothing on disk, in place of which
// MYAUTH_TEST_REDIS_URL may name another.
// 4000 requests: -benchtime=4000x.
func BenchmarkRefresh(b *testing.B) {
	keys, err := accesstoken.HMAC([]byte(testSecret))
	if err != nil {
		b.Fatal(err)
	}
	for _, database := range []struct {
		name string
		open func(*testing.B) (kit.Stores, bareSessions)
	}{{"sqlite", refreshSQLite}, {"postgres", refreshPostgres}, {"redis", refreshRedis}} {
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
	add(ctx context.Context, id string, u bareUser, s bareSession) error
	session(ctx context.Context, id string) (bareSession, error)
	user(ctx context.Context, id string) (bareUser, error)
	// rotate writes hash and expiry, and reports whether the session had that version.
	rotate(ctx context.Context, id string, s bareSession) (bool, error)
}

// bareSession is what a refresh checks, and what it puts into the access token.
type bareSession struct {
	userID                            string
	hash                              []byte
	amr                               string
	authTime, epoch, expires, version int64
}

// bareUser is the user of the answer, and the epoch.
type bareUser struct {
	ID        string          `json:"id"`
	Email     string          `json:"email"`
	Username  string          `json:"username"`
	Roles     json.RawMessage `json:"roles"`
	Settings  json.RawMessage `json:"user_settings"`
	Verified  bool            `json:"is_verified"`
	Active    bool            `json:"is_active"`
	CreatedAt time.Time       `json:"created_at"`
	UpdatedAt time.Time       `json:"updated_at"`
	epoch     int64
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
		u := bareUser{Email: id + "@example.com", Username: "Ada", Roles: []byte("[]"), Settings: []byte("{}"), Active: true, CreatedAt: time.Now(), UpdatedAt: time.Now()}
		session := bareSession{hash: hash[:], amr: "pwd", authTime: time.Now().Unix(), expires: time.Now().Add(bareLifetime).UnixMicro(), version: 1}
		if err := sessions.add(b.Context(), id, u, session); err != nil {
			b.Fatal(err)
		}
		all = append(all, newRefresher(b, addr, id+"."+secret))
	}
	return all
}

// bareLifetime is that of a session which is not refreshed.
const bareLifetime = 7 * 24 * time.Hour

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
	if err != nil || subtle.ConstantTimeCompare(s.hash, presented[:]) != 1 || s.expires < now.UnixMicro() {
		return nil, http.StatusUnauthorized
	}
	u, err := h.sessions.user(r.Context(), s.userID)
	if err != nil || !u.Active || u.epoch != s.epoch {
		return nil, http.StatusForbidden
	}
	var roles []string
	if err := json.Unmarshal(u.Roles, &roles); err != nil {
		return nil, http.StatusInternalServerError
	}
	next := rand.Text()
	hash := sha256.Sum256([]byte(next))
	s.hash, s.expires = hash[:], now.Add(bareLifetime).UnixMicro()
	switch rotated, err := h.sessions.rotate(r.Context(), id, s); {
	case err != nil:
		return nil, http.StatusInternalServerError
	case !rotated:
		return nil, http.StatusConflict
	}
	access, err := h.signer.Sign(accesstoken.Claims{
		Subject: s.userID, SessionID: id, TokenID: rand.Text(), ClientID: "myauth", Roles: roles, Epoch: s.epoch, AMR: strings.Fields(s.amr),
		AuthTime: time.Unix(s.authTime, 0), IssuedAt: now, ExpiresAt: now.Add(30 * time.Minute),
	})
	if err != nil {
		return nil, http.StatusInternalServerError
	}
	var out bytes.Buffer
	if err := json.NewEncoder(&out).Encode(struct {
		Access         string   `json:"access_token"`
		Type           string   `json:"token_type"`
		Expires        int      `json:"expires_in"`
		Refresh        string   `json:"refresh_token"`
		RefreshExpires int      `json:"refresh_token_expires_in"`
		User           bareUser `json:"user"`
	}{access, "bearer", 1800, id + "." + next, int(bareLifetime.Seconds()), u}); err != nil {
		return nil, http.StatusInternalServerError
	}
	return out.Bytes(), http.StatusOK
}
