package main

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"myauth.internal/drivers/sqlite"
	"myauth.internal/kit"
	"myauth.internal/kit/accesstoken"
)

// BenchmarkRefresh is POST /auth/refresh without a grace, so that each rotates, beside a bare handler
// that reads a session and its user, writes the session and signs a token, each on a file with
// synchronous=FULL. The two take turns, and the middle half of them counts. 4000 requests:
// -benchtime=4000x.
func BenchmarkRefresh(b *testing.B) {
	keys, err := accesstoken.HMAC([]byte(testSecret))
	if err != nil {
		b.Fatal(err)
	}
	for _, callers := range []int{1, 16} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			sides := [][]*refresher{refreshers(b, keys, callers), bareRefreshers(b, keys, callers)}
			const most = 100
			turns := max(1, min(most, b.N/(8*callers)))
			var took [2][]float64
			b.ResetTimer()
			for turn := range turns {
				each := max(1, b.N/turns/callers)
				for k := range sides {
					side := (turn + k) % 2
					began := time.Now()
					refreshAll(b, sides[side], each)
					took[side] = append(took[side], float64(time.Since(began).Nanoseconds())/float64(each*callers))
				}
			}
			for side := range took {
				slices.Sort(took[side])
			}
			ours, bare := middle(took[0]), middle(took[1])
			b.ReportMetric(ours, "ns/op")
			b.ReportMetric(bare, "bare-ns/op")
			b.ReportMetric(bare/ours, "ratio")
		})
	}
}

// middle is the mean of the middle half.
func middle(sorted []float64) (mean float64) {
	half := sorted[len(sorted)/4 : len(sorted)-len(sorted)/4]
	for _, v := range half {
		mean += v / float64(len(half))
	}
	return mean
}

func refreshAll(b *testing.B, callers []*refresher, each int) {
	var group sync.WaitGroup
	for _, c := range callers {
		group.Go(func() {
			for range each {
				if err := c.refresh(); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
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

func refreshers(b *testing.B, keys *accesstoken.Keyring, callers int) (all []*refresher) {
	store, err := sqlite.Open(b.Context(), filepath.Join(b.TempDir(), "auth.db"), nil)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { store.Close() })
	svc, err := kit.New(store.Stores(), keys, &kit.Options{BcryptCost: 4, InsecureFastHash: true, RefreshGrace: -1, Logger: slog.New(slog.DiscardHandler)})
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

// bareRefresh rotates with three statements.
type bareRefresh struct {
	session, user, rotate *sql.Stmt
	signer                *accesstoken.Signer
}

func bareRefreshers(b *testing.B, keys *accesstoken.Keyring, callers int) (all []*refresher) {
	db, err := sql.Open("sqlite3", "file:"+filepath.Join(b.TempDir(), "bare.db")+"?_pragma=busy_timeout(5000)&_pragma=journal_mode(wal)&_pragma=synchronous(full)")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { db.Close() })
	db.SetMaxOpenConns(8)
	db.SetMaxIdleConns(8)
	if _, err := db.ExecContext(b.Context(), `CREATE TABLE users (id TEXT PRIMARY KEY, email TEXT UNIQUE, password TEXT, active INT);
		CREATE TABLE sessions (id TEXT PRIMARY KEY, user_id TEXT, hash BLOB, expires_at INT, version INT) WITHOUT ROWID;
		CREATE INDEX sessions_expire ON sessions (expires_at)`); err != nil {
		b.Fatal(err)
	}
	prepare := func(text string) *sql.Stmt {
		stmt, err := db.PrepareContext(b.Context(), text)
		if err != nil {
			b.Fatal(err)
		}
		return stmt
	}
	signer, err := accesstoken.NewSigner(keys, "myauth", "myauth")
	if err != nil {
		b.Fatal(err)
	}
	addr := listen(b, &bareRefresh{
		session: prepare("SELECT user_id, hash, expires_at, version FROM sessions WHERE id = $1"),
		user:    prepare("SELECT active FROM users WHERE id = $1"),
		rotate:  prepare("UPDATE sessions SET hash = $1, expires_at = $2, version = version + 1 WHERE id = $3 AND version = $4"),
		signer:  signer,
	})
	for i := range callers {
		id, secret := fmt.Sprintf("%032d", i), rand.Text()
		hash := sha256.Sum256([]byte(secret))
		if _, err := db.ExecContext(b.Context(), "INSERT INTO users VALUES ($1, $1, 'x', 1)", id); err != nil {
			b.Fatal(err)
		}
		if _, err := db.ExecContext(b.Context(), "INSERT INTO sessions VALUES ($1, $1, $2, $3, 1)", id, hash[:], time.Now().Add(time.Hour).Unix()); err != nil {
			b.Fatal(err)
		}
		all = append(all, newRefresher(b, addr, id+"."+secret))
	}
	return all
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
	var userID string
	var stored []byte
	var expires, version int64
	var active bool
	presented, now := sha256.Sum256([]byte(secret)), time.Now()
	switch {
	case h.session.QueryRowContext(r.Context(), id).Scan(&userID, &stored, &expires, &version) != nil,
		subtle.ConstantTimeCompare(stored, presented[:]) != 1, expires < now.Unix():
		return nil, http.StatusUnauthorized
	case h.user.QueryRowContext(r.Context(), userID).Scan(&active) != nil, !active:
		return nil, http.StatusForbidden
	}
	next := rand.Text()
	hash := sha256.Sum256([]byte(next))
	result, err := h.rotate.ExecContext(r.Context(), hash[:], now.Add(time.Hour).Unix(), id, version)
	if err != nil {
		return nil, http.StatusInternalServerError
	}
	if n, err := result.RowsAffected(); err != nil || n != 1 {
		return nil, http.StatusConflict
	}
	access, err := h.signer.Sign(accesstoken.Claims{
		Subject: userID, SessionID: id, TokenID: rand.Text(), ClientID: "myauth", IssuedAt: now, ExpiresAt: now.Add(15 * time.Minute),
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
