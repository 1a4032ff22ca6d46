package conformance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"myauth.internal/kit"
	"myauth.internal/kit/memstore"
	"myauth.internal/kit/seal"
)

// notes is a feature: a user keeps one note, and then has the role "noted". A second
// factor goes with it, a PIN. wrong has what a flaw changes.
type notes struct {
	core  *kit.Core
	wrong wrongs
}

type wrongs struct {
	name      string
	routes    func(*notes, []kit.Route) []kit.Route
	attach    func(*kit.Core) error
	store     func(ctx context.Context, n *notes, u kit.User, text string) error // in place of both writes
	row       func(*kit.Token)
	after     func(ctx context.Context, n *notes, u kit.User, text string) error
	read      func(ctx context.Context, n *notes, u kit.User) error
	observe   func(ctx context.Context, n *notes, e kit.Event)
	gate      func(ctx context.Context, n *notes, u kit.User) error
	spend     func(ctx context.Context, n *notes, u kit.User, link string, st kit.State) error
	factor    kit.Factor // in place of pin
	keepsLast bool
}

const notesDocument = `{"paths":{"/note":{"post":{},"get":{}},"/note/{name}":{"parameters":[],"delete":{}},"/note/login":{"post":{}}},
	"components":{"schemas":{"Note":{"properties":{"text":{"type":"string"},"address":{"type":"string"}}}}}}`

func (n *notes) Name() string { return "notes" + n.wrong.name }

func (n *notes) Attach(core *kit.Core) (kit.Extension, error) {
	if n.core != nil && !n.wrong.keepsLast {
		return kit.Extension{}, errors.New("notes: it serves one Service")
	}
	n.core = core
	if n.wrong.attach != nil {
		if err := n.wrong.attach(core); err != nil {
			return kit.Extension{}, err
		}
	}
	e := kit.Extension{
		Routes: []kit.Route{
			{Method: "POST", Path: "/note", Access: kit.SignedIn, Body: kit.JSONBody, Serve: n.put},
			{Method: "GET", Path: "/note", Access: kit.SignedIn, Serve: n.get},
			{Method: "DELETE", Path: "/note/{name}", Access: kit.SignedIn, Serve: n.remove},
			{Method: "POST", Path: "/note/login", Body: kit.JSONBody, Serve: n.login},
		},
		OpenAPI: []byte(notesDocument),
		Factor:  pin{},
	}
	if n.wrong.factor != nil {
		e.Factor = n.wrong.factor
	}
	if n.wrong.observe != nil {
		e.Observe = func(ctx context.Context, event kit.Event) { n.wrong.observe(ctx, n, event) }
	}
	if n.wrong.gate != nil {
		e.Gate = func(ctx context.Context, u kit.User, _ kit.Login) error { return n.wrong.gate(ctx, n, u) }
	}
	if n.wrong.name != "" {
		return kit.Extension{}, nil
	}
	if n.wrong.routes != nil {
		e.Routes = n.wrong.routes(n, e.Routes)
	}
	return e, nil
}

// put stores the note, and then sets the role: what is interrupted in between shows nothing.
func (n *notes) put(ctx context.Context, r kit.Request) (kit.Answer, error) {
	text, err := r.Body.One(kit.Field{Name: "text"})
	if err != nil {
		return kit.Answer{}, err
	}
	store := n.wrong.store
	if store == nil {
		store = func(ctx context.Context, n *notes, u kit.User, text string) error {
			if err := n.write(ctx, u, text); err != nil {
				return err
			}
			return n.mark(ctx, u)
		}
	}
	if err := store(ctx, n, r.User, text); err != nil {
		return kit.Answer{}, err
	}
	if n.wrong.after != nil {
		err = n.wrong.after(ctx, n, r.User, text)
	}
	return kit.Done(), err
}

func (n *notes) write(ctx context.Context, u kit.User, text string) error {
	row := n.core.Credential(u, "", u.ID)
	row.Data = []byte(text)
	if n.wrong.row != nil {
		n.wrong.row(&row)
	}
	return n.core.Put(ctx, row)
}

func (n *notes) mark(ctx context.Context, u kit.User) error {
	_, _, err := n.core.ChangeUser(ctx, u.ID, func(u *kit.User) error {
		if u.HasRole("noted") {
			return kit.ErrUnchanged
		}
		u.Roles = append(u.Roles, "noted")
		return nil
	})
	return err
}

func (n *notes) get(ctx context.Context, r kit.Request) (kit.Answer, error) {
	if n.wrong.read != nil {
		return kit.Done(), n.wrong.read(ctx, n, r.User)
	}
	row, err := n.core.Find(ctx, "", r.User.ID)
	if errors.Is(err, kit.ErrNotFound) {
		return kit.Answer{}, kit.NewProblem(404, "no_note", "No note", "There is no note.")
	} else if err != nil {
		return kit.Answer{}, err
	}
	link, err := n.core.SealState("link", n.core.Now().Add(10*time.Minute), []byte(r.User.ID))
	if err != nil {
		return kit.Answer{}, err
	}
	return kit.JSON(200, map[string]string{"note": string(row.Data), "link": string(link)})
}

// login logs in by the link that comes with a note, once.
func (n *notes) login(ctx context.Context, r kit.Request) (kit.Answer, error) {
	link, err := r.Body.One(kit.Field{Name: "link"})
	if err != nil {
		return kit.Answer{}, err
	}
	st, err := n.core.OpenState("link", link)
	if err != nil {
		return kit.Answer{}, err
	}
	u, err := n.core.User(ctx, string(st.Data))
	if err != nil {
		return kit.Answer{}, err
	}
	tokens, err := n.core.Grant(ctx, kit.Login{User: u, AMR: []string{"link"}, Spend: func(ctx context.Context) error {
		if n.wrong.spend != nil {
			return n.wrong.spend(ctx, n, u, link, st)
		}
		return n.core.SpendState(ctx, u.ID, st)
	}})
	return kit.Answer{Tokens: tokens}, err
}

func (n *notes) remove(ctx context.Context, r kit.Request) (kit.Answer, error) {
	return kit.Answer{}, kit.NewProblem(404, "no_note", "No note", "There is no note called "+r.PathValue("name")+".")
}

// pin is a second factor: the PIN that was chosen at the enrolment.
type pin struct{}

func (pin) Enroll(context.Context, kit.User, kit.Body) (kit.Prompt, error) {
	return kit.Prompt{State: []byte{}}, nil
}

func (pin) Confirm(_ context.Context, _ kit.User, _ []byte, answer kit.Body) ([]byte, error) {
	code, err := answer.One(kit.Field{Name: "code"})
	return []byte(code), err
}

func (pin) Challenge(context.Context, kit.User, []byte) (kit.Prompt, error) { return kit.Prompt{}, nil }

func (pin) Verify(_ context.Context, _ kit.User, data, _ []byte, answer kit.Body) (kit.Proof, error) {
	code, err := answer.One(kit.Field{Name: "code"})
	if err == nil && code != string(data) {
		err = kit.ErrInvalidCode
	}
	return kit.Proof{AMR: []string{"pin"}}, err
}

// code is a second factor: a code that is good for one login.
type code struct{ pin }

func (c code) Verify(ctx context.Context, u kit.User, data, state []byte, answer kit.Body) (kit.Proof, error) {
	proof, err := c.pin.Verify(ctx, u, data, state, answer)
	proof.Data = []byte("used")
	return proof, err
}

// coding logs in by a code, from the password on.
var coding = Scenario{Name: "coding", Prepare: func(s *Scene) Use {
	if err := enrolling.Prepare(s).Call(context.Background(), s.Service); err != nil {
		s.Fatal(err)
	}
	return Use{
		Call: func(ctx context.Context, svc *kit.Service) error {
			var due *kit.MFARequired
			_, err := svc.Login(ctx, s.User.Email, s.Password)
			if errors.As(err, &due) {
				_, err = svc.LoginWithFactor(ctx, string(due.Token), "notes", "", kit.Body{JSON: []byte(`{"code":"7391-5528"}`)})
			}
			return err
		},
		Already: []error{kit.ErrInvalidCode},
		Whole:   func(context.Context, *kit.Service) error { return nil },
	}
}}

// writing stores a note through the route. Whole: who has the role has the note.
var writing = Scenario{Name: "writing", Prepare: func(s *Scene) Use {
	token, acknowledged := s.Login().AccessToken, false
	var mu sync.Mutex
	return Use{
		Call: func(ctx context.Context, svc *kit.Service) error {
			_, err := s.Serve(ctx, svc, "POST /note", `{"text":"a note of `+s.User.ID+`"}`, token)
			mu.Lock()
			defer mu.Unlock()
			acknowledged = acknowledged || err == nil
			return err
		},
		Whole: func(ctx context.Context, svc *kit.Service) error {
			u, err := svc.UserByID(ctx, s.User.ID)
			if err != nil {
				return err
			}
			answer, err := s.Serve(ctx, svc, "GET /note", "", token)
			switch {
			case (u.HasRole("noted") || acknowledged) && err != nil:
				return fmt.Errorf("the role %t, acknowledged %t, and GET /note: %w", u.HasRole("noted"), acknowledged, err)
			case acknowledged && (!u.HasRole("noted") || !strings.Contains(string(answer.Body), s.User.ID)):
				return errors.New("an acknowledged note is not there")
			}
			return nil
		},
	}
}}

// linking logs in by the link of a note.
var linking = Scenario{Name: "linking", Prepare: func(s *Scene) Use {
	ctx, token := context.Background(), s.Login().AccessToken
	_, err1 := s.Serve(ctx, s.Service, "POST /note", `{"text":"a note"}`, token)
	answer, err2 := s.Serve(ctx, s.Service, "GET /note", "", token)
	var body struct{ Link string }
	if err := errors.Join(err1, err2, json.Unmarshal(answer.Body, &body)); err != nil {
		s.Fatal(err)
	}
	return Use{
		Call: func(ctx context.Context, svc *kit.Service) error {
			_, err := s.Serve(ctx, svc, "POST /note/login", `{"link":"`+body.Link+`"}`, "")
			return err
		},
		Already: []error{kit.ErrRevokedToken},
		Whole:   func(context.Context, *kit.Service) error { return nil },
	}
}}

// enrolling confirms the second factor. Whole: who has it can log in with it.
var enrolling = Scenario{Name: "enrolling", Prepare: func(s *Scene) Use {
	ctx := context.Background()
	_, claims, err := s.Service.Authenticate(ctx, string(s.Login().AccessToken))
	if err != nil {
		s.Fatal(err)
	}
	name := "notes"
	prompt, err := s.Service.EnrollFactor(ctx, claims, name, kit.Body{})
	if err != nil {
		s.Fatal(err)
	}
	state := fmt.Sprint(prompt.Show["state"])
	s.Secret(state)
	body := kit.Body{JSON: []byte(`{"code":"7391-5528"}`)}
	return Use{
		Call: func(ctx context.Context, svc *kit.Service) error {
			_, err := svc.ConfirmFactor(ctx, claims, name, state, body)
			return err
		},
		Already: []error{kit.ErrRevokedToken, kit.ErrAlreadyEnrolled},
		Whole: func(ctx context.Context, svc *kit.Service) error {
			var due *kit.MFARequired
			_, err := svc.Login(ctx, s.User.Email, s.Password)
			if errors.As(err, &due) {
				_, err = svc.LoginWithFactor(ctx, string(due.Token), name, "", body)
			}
			return err
		},
	}
}}

// notesOf returns the feature with what is wrong with it.
func notesOf(wrong func(*wrongs), scenarios ...Scenario) Feature {
	n := 0
	return Feature{
		New: func() kit.Feature {
			f := &notes{}
			if wrong != nil {
				wrong(&f.wrong)
			}
			if n++; f.wrong.name == "#" {
				f.wrong.name = fmt.Sprint(n)
			}
			return f
		},
		Options: func() kit.Options {
			keys, err := seal.NewKeyring(hashOf("a data key"))
			if err != nil {
				panic(err)
			}
			return kit.Options{DataKeys: keys}
		},
		Scenarios: scenarios,
	}
}

var inMemory = Config{New: func(testing.TB) Open {
	store := memstore.New()
	return func(testing.TB) Stores { return Stores{Stores: store.Stores()} }
}}

func TestRunFeature(t *testing.T) {
	RunFeature(t, inMemory, notesOf(nil, writing, linking, enrolling))
	RunFeature(t, inMemory, notesOf(func(w *wrongs) { w.factor = code{} }, coding))
}

// TestUnusualFeature: a gate that lets in or refuses, a route for strangers, and a body that
// may be absent.
func TestUnusualFeature(t *testing.T) {
	for _, refuses := range []bool{true, false} {
		f := notesOf(func(w *wrongs) {
			w.gate = func(ctx context.Context, n *notes, u kit.User) error {
				if _, err := n.core.Find(ctx, "", u.ID); !refuses || !errors.Is(err, kit.ErrNotFound) {
					return ignoring(kit.ErrNotFound, err)
				}
				return kit.NewProblem(403, "no_note", "No note", "Write a note first.")
			}
			w.routes = func(n *notes, routes []kit.Route) []kit.Route {
				routes[0].Access, routes[0].Body, routes[0].Serve = kit.Public, kit.OptionalJSON, func(ctx context.Context, r kit.Request) (kit.Answer, error) {
					if string(r.Body.JSON) == "" {
						return kit.Answer{}, errors.New("no object")
					}
					return kit.Done(), n.core.Once(ctx, "", "guest", fmt.Sprint(time.Now().UnixNano()), n.core.Now().Add(time.Hour))
				}
				return routes
			}
		})
		f.Open = []string{"POST /note"}
		for _, c := range f.cases() {
			t.Run(fmt.Sprint(c.name, "/", refuses), func(t *testing.T) { c.run(t, inMemory) })
		}
	}
}

// wrongFeatures are each caught by the case that they name.
var wrongFeatures = []struct {
	name, by string
	wrong    func(w *wrongs)
}{
	{"keeps a record of a deleted user", "writing/again", func(w *wrongs) {
		w.observe = func(ctx context.Context, n *notes, e kit.Event) {
			if e.Kind == kit.EventUserDeleted {
				_ = n.core.Credentials().Create(ctx, n.core.Credential(kit.User{ID: e.UserID}, "deleted", e.UserID))
			}
		}
	}},
	{"calls itself otherwise each time", "attach", func(w *wrongs) { w.name = "#" }},
	{"looks for users when it is attached", "attach", func(w *wrongs) {
		w.attach = func(core *kit.Core) error { _, _ = core.User(context.Background(), "one"); return nil }
	}},
	{"serves the last Service that it was attached to", "attach", func(w *wrongs) { w.keepsLast = true }},
	{"forgets a route in its document", "routes", func(w *wrongs) {
		w.routes = func(n *notes, routes []kit.Route) []kit.Route {
			return append(routes, kit.Route{Method: "PUT", Path: "/note", Access: kit.SignedIn, Serve: n.get})
		}
	}},
	{"describes a route that is not there", "routes", func(w *wrongs) {
		w.routes = func(_ *notes, routes []kit.Route) []kit.Route { return routes[:2] }
	}},
	{"returns the error of the store", "routes", func(w *wrongs) {
		w.read = func(ctx context.Context, n *notes, u kit.User) error {
			_, err := n.core.Find(ctx, "", u.ID)
			return err
		}
	}},
	{"writes for a GET", "routes", func(w *wrongs) {
		w.read = func(ctx context.Context, n *notes, u kit.User) error { return n.mark(ctx, u) }
	}},
	{"keeps what strangers send", "routes", func(w *wrongs) {
		w.routes = func(n *notes, routes []kit.Route) []kit.Route {
			routes[0].Access = kit.Public
			routes[0].Serve = func(ctx context.Context, _ kit.Request) (kit.Answer, error) {
				return kit.Done(), n.core.Once(ctx, "", "seen", fmt.Sprint(n.core.Now()), n.core.Now().Add(time.Hour))
			}
			return routes
		}
	}},
	{"keeps the addresses that strangers send", "routes", func(w *wrongs) {
		w.routes = func(n *notes, routes []kit.Route) []kit.Route {
			routes[0].Access = kit.Public
			routes[0].Serve = func(ctx context.Context, r kit.Request) (kit.Answer, error) {
				address, err := r.Body.One(kit.Field{Name: "address"})
				if err == nil && !strings.Contains(address, "@") {
					err = kit.Invalid("address", "invalid_email", "must be an address")
				}
				if err != nil {
					return kit.Answer{}, err
				}
				return kit.Done(), n.core.Once(ctx, "", "address", address, n.core.Now().Add(time.Hour))
			}
			return routes
		}
	}},
	{"lets everybody in when a store is away", "gate", func(w *wrongs) {
		w.gate = func(ctx context.Context, n *notes, u kit.User) error {
			if _, err := n.core.Find(ctx, "", u.ID); errors.Is(err, kit.ErrNotFound) {
				return kit.NewProblem(403, "no_note", "No note", "Write a note first.")
			}
			return nil
		}
	}},
	{"refuses with an error of its own when a store is away", "gate", func(w *wrongs) {
		w.gate = func(ctx context.Context, n *notes, u kit.User) error {
			if _, err := n.core.Find(ctx, "", u.ID); ignoring(kit.ErrNotFound, err) != nil {
				return errors.New("notes: the store is away")
			}
			return nil
		}
	}},
	{"answers with the status 200 and an error", "routes", func(w *wrongs) {
		w.routes = func(_ *notes, routes []kit.Route) []kit.Route {
			routes[1].Serve = func(context.Context, kit.Request) (kit.Answer, error) { return kit.Answer{Status: 404}, nil }
			return routes
		}
	}},
	{"keeps notes in memory", "writing/again", func(w *wrongs) {
		kept := map[string]bool{}
		w.store = func(_ context.Context, _ *notes, u kit.User, _ string) error { kept[u.ID] = true; return nil }
		w.read = func(_ context.Context, _ *notes, u kit.User) error {
			if !kept[u.ID] {
				return kit.NewProblem(404, "no_note", "No note", "")
			}
			return nil
		}
	}},
	{"refuses a repetition with an error of its own", "writing/again", func(w *wrongs) {
		w.store = func(ctx context.Context, n *notes, u kit.User, text string) error {
			row := n.core.Credential(u, "", u.ID)
			row.Data = []byte(text)
			if err := n.core.Create(ctx, row); err != nil {
				return err
			}
			return n.mark(ctx, u)
		}
	}},
	{"writes a record of nobody", "writing/again", func(w *wrongs) { w.row = func(t *kit.Token) { t.UserID = "somebody" } }},
	{"writes a record that a purge removes", "writing/again", func(w *wrongs) { w.row = func(t *kit.Token) { t.ExpiresAt = time.Time{} } }},
	{"writes a record that is too long", "writing/again", func(w *wrongs) {
		w.row = func(t *kit.Token) { t.Data = append(t.Data, make([]byte, kit.MaxTokenData)...) }
	}},
	{"keeps a token for ever", "writing/again", func(w *wrongs) {
		w.after = func(ctx context.Context, n *notes, u kit.User, _ string) error {
			t := n.core.Credential(u, "for ever", fmt.Sprint(u.ID, u.UpdatedAt))
			return ignoring(kit.ErrConflict, n.core.Tokens().Create(ctx, t))
		}
	}},
	{"keeps what is nobody's for a hundred years", "writing/again", func(w *wrongs) {
		w.after = func(ctx context.Context, n *notes, u kit.User, _ string) error {
			return ignoring(kit.ErrConflict, n.core.Once(ctx, "", "noted", u.ID, n.core.Now().AddDate(100, 0, 0)))
		}
	}},
	{"starts a session without Grant", "writing/again", func(w *wrongs) {
		w.after = func(ctx context.Context, n *notes, u kit.User, _ string) error {
			t := n.core.Credential(u, "", u.ID)
			t.Type, t.SessionID, t.ExpiresAt = kit.RefreshToken, "session of "+u.ID, n.core.Now().Add(time.Hour)
			return ignoring(kit.ErrConflict, n.core.Tokens().Create(ctx, t))
		}
	}},
	{"counts how often a note is read", "writing/again", func(w *wrongs) {
		w.read = func(ctx context.Context, n *notes, u kit.User) error {
			row, err := n.core.Find(ctx, "", u.ID)
			if err != nil {
				return kit.NewProblem(404, "no_note", "No note", "")
			}
			_, err = n.core.Change(ctx, row, func(t *kit.Token) error { t.Data = append(t.Data, '.'); return nil })
			return err
		}
	}},
	{"logs in twice by one link", "linking/again", func(w *wrongs) {
		w.spend = func(context.Context, *notes, kit.User, string, kit.State) error { return nil }
	}},
	{"forgets that a link was used before it expires", "linking/again", func(w *wrongs) {
		w.spend = func(ctx context.Context, n *notes, u kit.User, link string, _ kit.State) error {
			if err := n.core.Once(ctx, u.ID, "link", link, n.core.Now().Add(time.Minute)); !errors.Is(err, kit.ErrConflict) {
				return err
			}
			return kit.ErrRevokedToken
		}
	}},
	{"looks whether a link was used, and then uses it", "linking/at-once", func(w *wrongs) {
		w.spend = func(ctx context.Context, n *notes, u kit.User, link string, _ kit.State) error {
			if _, err := n.core.Find(ctx, "used", link); err == nil {
				return kit.ErrRevokedToken
			}
			yield()
			return n.core.Put(ctx, n.core.Credential(u, "used", link))
		}
	}},
	{"accepts a code at two logins", "coding/again", func(w *wrongs) { w.factor = pin{} }},
	{"accepts a code at logins at once", "coding/at-once", func(w *wrongs) { w.factor = pin{} }},
	{"logs its user's access token", "writing/again", func(w *wrongs) {
		w.after = func(_ context.Context, n *notes, _ kit.User, _ string) error {
			n.core.Logger().Debug("notes", "password", password)
			return nil
		}
	}},
	{"tells an observer of a secret", "writing/again", func(w *wrongs) {
		w.after = func(ctx context.Context, n *notes, u kit.User, _ string) error {
			n.core.Emit(ctx, kit.Event{Kind: "noted", UserID: u.ID, Err: errors.New(password)})
			return nil
		}
	}},
	{"enrols a factor that there is not", "writing/again", func(w *wrongs) {
		w.after = func(ctx context.Context, n *notes, u kit.User, _ string) error {
			_, _, err := n.core.ChangeUser(ctx, u.ID, func(u *kit.User) error { u.Factors = []string{"another"}; return nil })
			return err
		}
	}},
	{"changes the user first", "writing/interrupted", func(w *wrongs) {
		w.store = func(ctx context.Context, n *notes, u kit.User, text string) error {
			if err := n.mark(ctx, u); err != nil {
				return err
			}
			return n.write(ctx, u, text)
		}
	}},
	{"takes the user's role back when the note could not be stored", "writing/interrupted", func(w *wrongs) {
		w.store = func(ctx context.Context, n *notes, u kit.User, text string) error {
			if err := n.mark(ctx, u); err != nil {
				return err
			}
			err := n.write(ctx, u, text)
			if err != nil {
				_, _, _ = n.core.ChangeUser(context.WithoutCancel(ctx), u.ID, func(u *kit.User) error { u.Roles = nil; return nil })
			}
			return err
		}
	}},
	{"puts a secret into the error of an outage", "writing/interrupted", func(w *wrongs) {
		w.store = func(ctx context.Context, n *notes, u kit.User, text string) error {
			if err := n.write(ctx, u, text); err != nil {
				return fmt.Errorf("for a user with the password %s: %w", password, err)
			}
			return n.mark(ctx, u)
		}
	}},
	{"says that it stored a note that it could not", "writing/interrupted", func(w *wrongs) {
		w.store = func(ctx context.Context, n *notes, u kit.User, text string) error {
			_ = n.write(ctx, u, text)
			return n.mark(ctx, u)
		}
	}},
	{"answers an outage with an error of its own", "writing/interrupted", func(w *wrongs) {
		w.store = func(ctx context.Context, n *notes, u kit.User, text string) error {
			if err := n.write(ctx, u, text); err != nil {
				return kit.NewProblem(404, "no_note", "No note", "It could not be stored.")
			}
			return n.mark(ctx, u)
		}
	}},
	{"stores a note without another look at the user", "writing/interrupted", func(w *wrongs) {
		w.store = func(ctx context.Context, n *notes, u kit.User, text string) error {
			row := n.core.Credential(u, "", u.ID)
			row.Data = []byte(text)
			if err := ignoring(kit.ErrConflict, n.core.Credentials().Create(ctx, row)); err != nil {
				return err
			}
			return n.mark(ctx, u)
		}
	}},
	{"remembers in memory that it has stored a note", "writing/interrupted", func(w *wrongs) {
		begun := map[string]bool{}
		w.store = func(ctx context.Context, n *notes, u kit.User, text string) error {
			if !begun[u.ID] {
				begun[u.ID] = true
				if err := n.write(ctx, u, text); err != nil {
					return err
				}
			}
			return n.mark(ctx, u)
		}
	}},
	{"looks for a note and then stores one", "writing/at-once", func(w *wrongs) {
		w.store = func(ctx context.Context, n *notes, u kit.User, text string) error {
			if list, err := n.core.List(ctx, u, ""); err != nil || len(list) > 0 {
				return err
			}
			yield()
			row := n.core.Credential(u, "", u.ID)
			row.Data = []byte(text)
			if err := n.core.Create(ctx, row); err != nil {
				return err
			}
			return n.mark(ctx, u)
		}
	}},
}

func ignoring(what, err error) error {
	if errors.Is(err, what) {
		return nil
	}
	return err
}

// TestWrongFeaturesAreCaught runs each wrong feature through the case that it names.
func TestWrongFeaturesAreCaught(t *testing.T) {
	for _, c := range wrongFeatures {
		t.Run(c.name, func(t *testing.T) {
			cases := notesOf(c.wrong, writing, linking, enrolling, coding).cases()
			at := slices.IndexFunc(cases, func(f featureCase) bool { return f.name == c.by })
			noted := &notingTB{TB: t}
			done := make(chan struct{})
			go func() { // Fatal ends it
				defer close(done)
				defer noted.cleanup()
				cases[at].run(noted, inMemory)
			}()
			<-done
			if len(noted.failures) == 0 {
				t.Errorf("not caught by %s", c.by)
			}
			for _, failure := range noted.failures[:min(1, len(noted.failures))] {
				t.Log(failure)
			}
		})
	}
}

// notingTB notes failures.
type notingTB struct {
	testing.TB
	mu       sync.Mutex
	failures []string
	cleanups []func()
}

func (n *notingTB) Errorf(format string, args ...any) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.failures = append(n.failures, fmt.Sprintf(format, args...))
}

func (n *notingTB) Fatalf(format string, args ...any) { n.Errorf(format, args...); runtime.Goexit() }
func (n *notingTB) Fatal(args ...any)                 { n.Fatalf("%s", fmt.Sprintln(args...)) }
func (n *notingTB) Cleanup(f func())                  { n.cleanups = append(n.cleanups, f) }
func (n *notingTB) cleanup() {
	for _, f := range slices.Backward(n.cleanups) {
		f()
	}
}
