package httpx

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"myauth.internal/kit"
	"myauth.internal/kit/accesstoken"
	"myauth.internal/kit/memstore"
)

// serve measures h behind a real listener: one connection for each processor, kept
// alive, with the same GET on it again and again.
func serve(b *testing.B, h http.Handler, header string) {
	server := httptest.NewServer(h)
	defer server.Close()
	request := []byte("GET /auth/me HTTP/1.1\r\nHost: example.com\r\n" + header + "\r\n")
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		conn, err := net.Dial("tcp", server.Listener.Addr().String())
		if err != nil {
			b.Error(err)
			return
		}
		defer conn.Close()
		answer := make([]byte, 4096)
		for pb.Next() {
			if _, err := conn.Write(request); err != nil {
				b.Error(err)
				return
			}
			// The answers are small and come in one piece.
			n, err := conn.Read(answer)
			if err != nil || !bytes.HasPrefix(answer[:n], []byte("HTTP/1.1 200 OK\r\n")) || !bytes.HasSuffix(answer[:n], []byte("}")) {
				b.Errorf("got %q, %v", answer[:n], err)
				return
			}
		}
	})
}

// BenchmarkMe is GET /auth/me beside a bare handler that runs the same query and
// writes the same bytes, without looking at a token. Over memory the query costs next
// to nothing, so this is the least favorable store there is.
func BenchmarkMe(b *testing.B) {
	rg := newRig(b, Options{})
	store := memstore.New()
	if err := store.Users().Create(b.Context(), rg.user); err != nil {
		b.Fatal(err)
	}
	bare := http.NewServeMux()
	bare.HandleFunc("GET /auth/me", func(w http.ResponseWriter, r *http.Request) {
		u, err := store.Users().ByID(r.Context(), rg.user.ID)
		if err != nil {
			http.Error(w, "no such user", http.StatusNotFound)
			return
		}
		body, err := u.AppendJSON(nil)
		if err != nil {
			http.Error(w, "internal error", http.StatusInternalServerError)
			return
		}
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Content-Type", "application/json")
		w.Write(body)
	})
	authorization := "Authorization: Bearer " + rg.accessToken(b) + "\r\n"
	b.Run("myauth", func(b *testing.B) { serve(b, rg, authorization) })
	b.Run("bare", func(b *testing.B) { serve(b, bare, authorization) })
}

// blank is a ResponseWriter that keeps nothing, so that what stands in front of it is
// measured alone.
type blank struct{ header http.Header }

func (b blank) Header() http.Header       { return b.header }
func (blank) WriteHeader(int)             {}
func (blank) Write(p []byte) (int, error) { return len(p), nil }

// BenchmarkRefresh is POST /auth/refresh without a grace, so that each rotates, beside a bare handler
// that reads the body, looks the session and its user up, writes the session and signs a token.
func BenchmarkRefresh(b *testing.B) {
	rg := newRig(b, Options{}, func(o *kit.Options) { o.RefreshGrace = -1 })
	tokens, err := rg.svc.Login(b.Context(), "ada@example.com", goodPassword)
	if err != nil {
		b.Fatal(err)
	}
	bare, token := newBareRefresh(b, rg)
	for _, side := range []struct {
		name, token string
		h           http.Handler
	}{{"myauth", string(tokens.RefreshToken), rg}, {"bare", token, bare}} {
		b.Run(side.name, func(b *testing.B) {
			reader := &bytes.Reader{}
			r := httptest.NewRequest(http.MethodPost, "/auth/refresh", reader)
			r.Header.Set("Content-Type", "application/json")
			w := &answered{blank: blank{http.Header{}}}
			body := make([]byte, 0, 256)
			b.ReportAllocs()
			for b.Loop() {
				body = append(append(append(body[:0], `{"refresh_token":"`...), side.token...), `"}`...)
				reader.Reset(body)
				side.h.ServeHTTP(w, r)
				if side.token = member(w.body, "refresh_token"); side.token == "" {
					b.Fatalf("%d %s", w.status, w.body)
				}
			}
		})
	}
}

// answered keeps the last answer.
type answered struct {
	blank
	status int
	body   []byte
}

func (a *answered) WriteHeader(status int) { a.status = status }

func (a *answered) Write(p []byte) (int, error) {
	a.body = append(a.body[:0], p...)
	return len(p), nil
}

// member returns a string of a flat JSON object.
func member(body []byte, name string) string {
	_, rest, _ := bytes.Cut(body, []byte(`"`+name+`":"`))
	value, _, _ := bytes.Cut(rest, []byte(`"`))
	return string(value)
}

// bareRefresh rotates the sessions of a map.
type bareRefresh struct {
	mu       sync.Mutex
	sessions map[string]bareSession
	users    *memstore.Users
	signer   *accesstoken.Signer
}

type bareSession struct {
	user    string
	hash    [sha256.Size]byte
	expires time.Time
}

func newBareRefresh(b *testing.B, rg *rig) (h *bareRefresh, token string) {
	store := memstore.New()
	if err := store.Users().Create(b.Context(), rg.user); err != nil {
		b.Fatal(err)
	}
	signer, err := accesstoken.NewSigner(rg.keys, "myauth", "myauth")
	if err != nil {
		b.Fatal(err)
	}
	secret := rand.Text()
	session := bareSession{rg.user.ID, sha256.Sum256([]byte(secret)), time.Now().Add(time.Hour)}
	return &bareRefresh{sessions: map[string]bareSession{"id": session}, users: store.Users(), signer: signer}, "id." + secret
}

func (h *bareRefresh) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var in struct {
		RefreshToken string `json:"refresh_token"`
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		http.Error(w, "bad request", http.StatusBadRequest)
		return
	}
	id, secret, _ := strings.Cut(in.RefreshToken, ".")
	presented, now, next := sha256.Sum256([]byte(secret)), time.Now(), rand.Text()
	h.mu.Lock()
	session := h.sessions[id]
	valid := subtle.ConstantTimeCompare(session.hash[:], presented[:]) == 1 && now.Before(session.expires)
	if valid {
		h.sessions[id] = bareSession{session.user, sha256.Sum256([]byte(next)), now.Add(time.Hour)}
	}
	h.mu.Unlock()
	u, err := h.users.ByID(r.Context(), session.user)
	if !valid || err != nil || !u.Active {
		http.Error(w, "unauthorized", http.StatusUnauthorized)
		return
	}
	access, err := h.signer.Sign(accesstoken.Claims{Subject: u.ID, SessionID: id, TokenID: rand.Text(), ClientID: "myauth", IssuedAt: now, ExpiresAt: now.Add(15 * time.Minute)})
	if err != nil {
		http.Error(w, "internal error", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_ = json.NewEncoder(w).Encode(map[string]any{"access_token": access, "refresh_token": id + "." + next, "token_type": "Bearer", "expires_in": 900, "user": u})
}
