package invitation_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"myauth.internal/kit"
	"myauth.internal/kit/invitation"
	"myauth.internal/kit/kittest"
)

const (
	graceMail = "Grace@Example.com"
	grace     = "grace@example.com"
	password  = "Compiler#1952"
)

// world is a Service with invitations and an administrator, Ada, beside another, Root.
type world struct {
	*kittest.Kit
	t    *testing.T
	ada  kit.User
	root kit.User

	mu     sync.Mutex
	events []kit.Event
}

func newWorld(t *testing.T, change ...func(*kit.Options)) *world {
	w := &world{t: t}
	w.Kit = kittest.New(t, append([]func(*kit.Options){func(o *kit.Options) {
		o.Registration = kit.RegistrationInvited
		o.Features = append(o.Features, invitation.New(nil))
		o.OnEvent = func(_ context.Context, e kit.Event) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.events = append(w.events, e)
		}
	}}, change...)...)
	w.ada, _ = w.LogIn("ada@example.com", kit.AdminRole)
	w.root, _ = w.LogIn("root@example.com", kit.AdminRole)
	return w
}

// heard returns the events of a kind, and forgets all.
func (w *world) heard(kind kit.EventKind) (of []kit.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, e := range w.events {
		if e.Kind == kind {
			of = append(of, e)
		}
	}
	w.events = nil
	return of
}

type source struct {
	kit.Source
	id string
}

func (s source) PathValue(string) string { return s.id }

// send sends a request to a route in the name of a user.
func (w *world) send(ctx context.Context, svc *kit.Service, as kit.User, method, path, id string, body any) (kit.Answer, error) {
	text, err := json.Marshal(body)
	if err != nil {
		panic(err)
	}
	for _, route := range svc.Routes() {
		if route.Method == method && route.Path == path {
			if (route.Access == kit.AdminOnly) != (as.ID != "") {
				w.t.Errorf("%s %s has the access %v", method, path, route.Access)
			}
			if as.ID != "" {
				ctx = kit.WithActor(ctx, as.ID)
			}
			return route.Serve(ctx, kit.Request{User: as, Body: kit.Body{JSON: text}, Source: source{id: id}})
		}
	}
	w.t.Fatalf("there is no route %s %s", method, path)
	return kit.Answer{}, nil
}

// shown is an invitation in answers.
type shown struct {
	ID        string   `json:"id"`
	Email     string   `json:"email"`
	Roles     []string `json:"roles"`
	InvitedBy string   `json:"invited_by"`
	CreatedAt string   `json:"created_at"`
	ExpiresAt string   `json:"expires_at"`
}

func (w *world) tryInvite(as kit.User, email string, roles ...string) (shown, error) {
	body := map[string]any{"email": email}
	if len(roles) > 0 {
		body["roles"] = roles
	}
	answer, err := w.send(w.t.Context(), w.Service, as, "POST", "/admin/invitations", "", body)
	var v shown
	if err == nil {
		if err := json.Unmarshal(answer.Body, &v); err != nil || answer.Status != 201 {
			w.t.Errorf("%d %s, %v", answer.Status, answer.Body, err)
		}
	}
	return v, err
}

// invite returns an invitation of Grace by a user, and the token of its mail.
func (w *world) invite(as kit.User, roles ...string) (shown, string) {
	w.t.Helper()
	v, err := w.tryInvite(as, graceMail, roles...)
	if err != nil {
		w.t.Fatal(err)
	}
	return v, string(w.NextMail(invitation.MailInvitation).Token)
}

func (w *world) list(as kit.User) []shown {
	w.t.Helper()
	answer, err := w.send(w.t.Context(), w.Service, as, "GET", "/admin/invitations", "", nil)
	var list struct{ Invitations []shown }
	if err == nil {
		err = json.Unmarshal(answer.Body, &list)
	}
	if err != nil || list.Invitations == nil {
		w.t.Fatalf("%s %v", answer.Body, err)
	}
	return list.Invitations
}

func (w *world) revoke(svc *kit.Service, as kit.User, id string) error {
	_, err := w.send(w.t.Context(), svc, as, "DELETE", "/admin/invitations/{id}", id, nil)
	return err
}

func (w *world) acceptBy(ctx context.Context, svc *kit.Service, token, username, password string) (map[string]any, error) {
	answer, err := w.send(ctx, svc, kit.User{}, "POST", "/invitations/accept", "", map[string]string{"token": token, "username": username, "password": password})
	if err != nil {
		return nil, err
	}
	u := map[string]any{}
	if err := json.Unmarshal(answer.Body, &u); err != nil || answer.Status != 201 {
		w.t.Errorf("%d %s, %v", answer.Status, answer.Body, err)
	}
	return u, nil
}

func (w *world) accept(token string) error {
	_, err := w.acceptBy(w.t.Context(), w.Service, token, "Grace", password)
	return err
}

// account is Grace's, if there is one.
func (w *world) account() (kit.User, bool) {
	w.t.Helper()
	u, err := w.UserByEmail(w.t.Context(), grace)
	if err != nil && !errors.Is(err, kit.ErrUserNotFound) {
		w.t.Fatal(err)
	}
	return u, err == nil
}

// wants wants one of some errors, and says of what.
func (w *world) wants(what string, err error, want ...error) {
	w.t.Helper()
	if !slices.ContainsFunc(want, func(one error) bool { return errors.Is(err, one) }) {
		w.t.Errorf("%s: got %v, want one of %v", what, err, want)
	}
}

// hasCode reports whether an error is a problem with a code.
func hasCode(err error, code string) bool {
	var p *kit.Problem
	return errors.As(err, &p) && p.Code == code
}

// atOnce makes 16 calls that begin together.
func atOnce(call func(i int) error) []error {
	errs := make([]error, 16)
	begin := make(chan struct{})
	var group sync.WaitGroup
	for i := range errs {
		group.Go(func() {
			<-begin
			errs[i] = call(i)
		})
	}
	close(begin)
	group.Wait()
	return errs
}

func (w *world) must(what string, err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatalf("%s: %v", what, err)
	}
}

// dump is all that is stored of some users.
func (w *world) dump(users ...kit.User) (text string) {
	for _, u := range users {
		stored, err := w.Store.Users().ByID(w.t.Context(), u.ID)
		w.must("dump", err)
		text += fmt.Sprintf("%#v %s\n", stored, stored.Private)
		for _, store := range []kit.TokenStore{w.Store.Credentials(), w.Store.Tokens()} {
			rows, err := store.ByUser(w.t.Context(), u.ID, "", 1000)
			w.must("dump", err)
			for _, row := range rows {
				text += fmt.Sprintf("%s %s %x %x %x %s\n", row.ID, row.Type, row.SecretHash, row.PreviousHash, row.Salt, row.Data)
			}
		}
	}
	return text
}
