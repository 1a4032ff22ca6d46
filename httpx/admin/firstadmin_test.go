package admin_test

import (
	"context"
	"slices"
	"sync"
	"testing"

	"myauth.internal/httpx/admin"
	"myauth.internal/kit"
	"myauth.internal/kit/kittest"
)

const firstAddress = "First@example.com"

// start is a Service whose first administrator comes from the options.
type start struct {
	*kittest.Kit
	t      *testing.T
	mu     sync.Mutex
	events []kit.Event
}

func newStart(t *testing.T) *start {
	t.Helper()
	s := &start{t: t}
	s.Kit = kittest.New(t, func(o *kit.Options) {
		o.Features = []kit.Feature{admin.New(&admin.Options{FirstAdmin: firstAddress})}
		o.OnEvent = func(_ context.Context, e kit.Event) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.events = append(s.events, e)
		}
	})
	return s
}

// admins are the addresses of the administrators.
func (s *start) admins(want ...string) {
	s.t.Helper()
	list, err := s.Administrators(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	var got []string
	for _, u := range list {
		got = append(got, u.Email)
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		s.t.Errorf("the administrators are %q, want %q", got, want)
	}
}

// granted are the events of roles since the start.
func (s *start) granted() (list []kit.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.events {
		if e.Kind == kit.EventRolesChanged {
			list = append(list, e)
		}
	}
	return list
}

// register makes an account whose address is not verified, and logs it in.
func (s *start) register(email string) kit.User {
	s.t.Helper()
	u, err := s.Register(s.t.Context(), kit.Registration{Email: email, Username: "x", Password: kittest.Password})
	if err == nil {
		_, err = s.Login(s.t.Context(), email, kittest.Password)
	}
	if err != nil {
		s.t.Fatal(err)
	}
	return u
}

// The account with the address becomes the administrator once it is verified, and no other
// does: not one without proof, not one with a similar address, not one that is disabled.
func TestFirstAdmin(t *testing.T) {
	s := newStart(t)
	ctx := t.Context()
	first := s.register("first@EXAMPLE.com")
	s.admins()
	s.LogIn("first@example.com.evil.example")
	s.LogIn("xfirst@example.com")
	s.admins()
	if err := s.VerifyEmail(ctx, string(s.NextMail(kit.MailVerification).Token)); err != nil {
		t.Fatal(err)
	}
	s.admins("first@EXAMPLE.com")
	granted := s.granted()
	if len(granted) != 1 || granted[0].UserID != first.ID || granted[0].Actor != "first_admin" {
		t.Errorf("the events are %+v", granted)
	}
	s.LogIn("other@example.com")
	s.LogIn(firstAddress)
	if n := len(s.granted()); n != 1 {
		t.Errorf("there are %d events", n)
	}
}

func TestFirstAdminAtALogin(t *testing.T) {
	s := newStart(t)
	u, err := s.CreateUser(t.Context(), kit.Registration{Email: firstAddress, Username: "x", Password: kittest.Password}, "editor")
	if err != nil {
		t.Fatal(err)
	}
	s.admins()
	if _, err := s.Login(t.Context(), firstAddress, kittest.Password); err != nil {
		t.Fatal(err)
	}
	s.admins(firstAddress)
	if u, err = s.UserByID(t.Context(), u.ID); err != nil || !slices.Equal(u.Roles, []string{"editor", kit.AdminRole}) {
		t.Errorf("the roles are %q, error %v", u.Roles, err)
	}
}

// A change of address to the one of the options counts once its mailbox has proved it.
func TestFirstAdminByAChangeOfAddress(t *testing.T) {
	s := newStart(t)
	_, tokens := s.LogIn("ada@example.com")
	claims, err := s.Verifier().Verify(string(tokens.AccessToken))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.RequestEmailChange(t.Context(), claims, firstAddress); err != nil {
		t.Fatal(err)
	}
	s.admins()
	var token kit.Secret
	for range 2 {
		m, err := s.Mailer.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if m.Kind == kit.MailEmailChange {
			token = m.Token
		}
	}
	s.LogIn("ada@example.com")
	s.admins()
	if err := s.ConfirmEmailChange(t.Context(), string(token)); err != nil {
		t.Fatal(err)
	}
	s.admins(firstAddress)
}

// While there is an administrator nobody becomes one by the options: not for the first time, and not
// again after the role was taken away, through a new instance neither.
func TestFirstAdminIsTheFirst(t *testing.T) {
	s := newStart(t)
	s.LogIn("boss@example.com", kit.AdminRole)
	first, _ := s.LogIn(firstAddress)
	s.admins("boss@example.com")

	if _, err := s.AddRole(t.Context(), first.ID, kit.AdminRole); err != nil {
		t.Fatal(err)
	}
	if _, err := s.RemoveRole(t.Context(), first.ID, kit.AdminRole); err != nil {
		t.Fatal(err)
	}
	s.LogIn(firstAddress)
	if _, err := s.Another().Login(t.Context(), firstAddress, kittest.Password); err != nil {
		t.Fatal(err)
	}
	s.admins("boss@example.com")
}

// An account that is disabled, no longer verified, or has another address does not become the
// administrator, also when that happens in the middle.
func TestFirstAdminOfNow(t *testing.T) {
	edit := func(e kit.Edit) func(*kit.Service, string) error {
		return func(svc *kit.Service, id string) error { _, err := svc.EditUser(t.Context(), id, e); return err }
	}
	for what, spoil := range map[string]func(svc *kit.Service, id string) error{
		"disabled": edit(kit.Edit{Active: new(bool)}), "unverified": edit(kit.Edit{Verified: new(bool)}),
		"moved": func(svc *kit.Service, id string) error {
			_, err := svc.ChangeEmail(t.Context(), id, "moved@example.com")
			if err == nil {
				_, err = svc.EditUser(t.Context(), id, kit.Edit{Verified: new(true)})
			}
			return err
		},
	} {
		t.Run(what, func(t *testing.T) {
			s := newStart(t)
			ctx := t.Context()
			u, err := s.CreateUser(ctx, kit.Registration{Email: firstAddress, Username: "x", Password: kittest.Password})
			if err != nil {
				t.Fatal(err)
			}
			var once sync.Once
			s.Faults.OnCall("users.Update", func() { // the grant's
				once.Do(func() {
					s.Faults.Clear()
					if err := spoil(s.Another(), u.ID); err != nil {
						t.Error(err)
					}
				})
			})
			_, _ = s.Login(ctx, firstAddress, kittest.Password)
			s.admins()
			if u, err = s.UserByID(ctx, u.ID); err != nil || u.HasRole(kit.AdminRole) {
				t.Errorf("the roles are %q, error %v", u.Roles, err)
			}
			if granted := s.granted(); len(granted) > 0 {
				t.Errorf("the events are %+v", granted)
			}
		})
	}
}

// Of logins at once, through two instances, one makes the administrator, and one event.
func TestFirstAdminAtOnce(t *testing.T) {
	s := newStart(t)
	if _, err := s.CreateUser(t.Context(), kit.Registration{Email: firstAddress, Username: "x", Password: kittest.Password}); err != nil {
		t.Fatal(err)
	}
	services := []*kit.Service{s.Service, s.Another()}
	begin := make(chan struct{})
	var group sync.WaitGroup
	for i := range 16 {
		group.Go(func() {
			<-begin
			if _, err := services[i%2].Login(t.Context(), firstAddress, kittest.Password); err != nil {
				t.Error(err)
			}
		})
	}
	close(begin)
	group.Wait()
	s.admins(firstAddress)
	if granted := s.granted(); len(granted) != 1 {
		t.Errorf("there are %d events", len(granted))
	}
}

// An outage fails no login, and the next login makes up for it.
func TestFirstAdminAfterAnOutage(t *testing.T) {
	for _, fault := range []kittest.Fault{kittest.Down, kittest.Lost, kittest.Panic} {
		for _, op := range []string{"credentials.ByID", "credentials.Create", "users.Update"} {
			s := newStart(t)
			if _, err := s.CreateUser(t.Context(), kit.Registration{Email: firstAddress, Username: "x", Password: kittest.Password}); err != nil {
				t.Fatal(err)
			}
			s.Faults.Inject(op, fault, 1)
			if _, err := s.Login(t.Context(), firstAddress, kittest.Password); err != nil {
				t.Errorf("%s: %v", op, err)
			}
			s.Faults.Clear()
			if _, err := s.Another().Login(t.Context(), firstAddress, kittest.Password); err != nil {
				t.Errorf("%s: %v", op, err)
			}
			s.admins(firstAddress)
		}
	}
}

// Once there is an administrator, a login costs no more than without the setting.
func TestFirstAdminCostsNothing(t *testing.T) {
	login := func(k *kittest.Kit) (calls int) {
		k.LogIn("ada@example.com")
		k.Faults.Each(func(context.Context, string, any) kittest.Fault { calls++; return 0 })
		k.LogIn("ada@example.com")
		return calls
	}
	s := newStart(t)
	before := login(s.Kit)
	s.LogIn(firstAddress)
	after, without := login(s.Kit), login(kittest.New(t))
	if after != without || before <= after {
		t.Errorf("a login makes %d calls of the stores, %d while there is no administrator, and %d without the setting", after, before, without)
	}
}
