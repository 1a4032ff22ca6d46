// Command protect shows how an application protects routes of its own: by the
// user, by the token alone, by a verified address, by a role, and by what only the
// application knows.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log"
	"net/http"
	"sync"

	"myauth.internal/examples/demo"
	"myauth.internal/httpx"
	"myauth.internal/kit"
)

// app is an application that keeps notes.
type app struct {
	auth  *httpx.Handler
	mu    sync.Mutex
	notes map[string]note // by number
}

type note struct {
	Owner string `json:"-"` // the user's ID
	Text  string `json:"text"`
}

// routes protects each route by as much as it needs, and by no more.
func (a *app) routes() http.Handler {
	var (
		user     = a.auth.RequireUser          // exists, is active, was not logged out everywhere: one look-up
		verified = a.auth.RequireVerified      // and has verified the address
		token    = a.auth.RequireToken         // no look-up: for hot paths, and for servers without the users
		admin    = a.auth.RequireRole("admin") // inside one of them
	)
	mux := http.NewServeMux()
	mux.Handle("/auth/", a.auth)
	mux.HandleFunc("GET /notes", a.howMany)
	mux.Handle("GET /notes/{number}", user(http.HandlerFunc(a.readNote)))
	mux.Handle("POST /notes/{number}", verified(http.HandlerFunc(a.writeNote)))
	mux.Handle("DELETE /notes", user(admin(http.HandlerFunc(a.removeAll))))
	mux.Handle("GET /whoami", token(http.HandlerFunc(a.whoAmI)))
	return mux
}

func (a *app) howMany(w http.ResponseWriter, _ *http.Request) {
	a.mu.Lock()
	n := len(a.notes)
	a.mu.Unlock()
	fmt.Fprintf(w, "%d notes\n", n)
}

// readNote answers the same for another user's note as for none, so that only its owner
// learns that it exists.
func (a *app) readNote(w http.ResponseWriter, r *http.Request) {
	user, _ := httpx.UserFrom(r.Context())
	a.mu.Lock()
	n, found := a.notes[r.PathValue("number")]
	a.mu.Unlock()
	if !found || n.Owner != user.ID {
		a.auth.WriteError(w, r, &kit.Problem{Status: http.StatusNotFound, Code: "note_not_found", Title: "No such note"})
		return
	}
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(n); err != nil {
		log.Print(err)
	}
}

func (a *app) writeNote(w http.ResponseWriter, r *http.Request) {
	user, _ := httpx.UserFrom(r.Context())
	var n note
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 64<<10)).Decode(&n); err != nil {
		a.auth.WriteError(w, r, &kit.Problem{Status: http.StatusBadRequest, Code: "malformed_request", Title: "A note is a JSON object with text"})
		return
	}
	n.Owner = user.ID
	a.mu.Lock()
	previous, taken := a.notes[r.PathValue("number")]
	if taken = taken && previous.Owner != user.ID; !taken {
		a.notes[r.PathValue("number")] = n
	}
	a.mu.Unlock()
	if taken {
		a.auth.WriteError(w, r, &kit.Problem{Status: http.StatusConflict, Code: "note_taken", Title: "Choose another number"})
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (a *app) removeAll(w http.ResponseWriter, _ *http.Request) {
	a.mu.Lock()
	clear(a.notes)
	a.mu.Unlock()
	w.WriteHeader(http.StatusNoContent)
}

func (a *app) whoAmI(w http.ResponseWriter, r *http.Request) {
	claims, _ := httpx.ClaimsFrom(r.Context())
	fmt.Fprintln(w, claims.Subject, claims.Roles)
}

// newApp connects the application with a Service.
func newApp(svc *kit.Service) (http.Handler, error) {
	auth, err := httpx.New(svc, nil)
	if err != nil {
		return nil, err
	}
	a := &app{auth: auth, notes: make(map[string]note)}
	return a.routes(), nil
}

func main() {
	addr := demo.Addr()
	flag.Parse()
	svc, err := demo.Service(nil)
	if err != nil {
		log.Fatal(err)
	}
	handler, err := newApp(svc)
	if err != nil {
		log.Fatal(err)
	}
	err = demo.Serve(*addr, handler)
	if err := errors.Join(err, svc.Close(context.Background())); err != nil {
		log.Fatal(err)
	}
}
