package conformance

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"myauth.internal/kit"
	"myauth.internal/kit/accesstoken"
	"myauth.internal/kit/kittest"
)

// RunTrips tests that the methods of a [kit.Service] cost what they must: each calls the stores as
// often as it does over those in memory, and each call goes to the data once; that of a
// [kit.OwnedTokenStore] stands for two calls. Trips returns how
// often that happened so far: the answers of a server ([Network.Answers]), or the statements of an
// embedded database; nil if only calls are counted. More names what a store has a reason to need more
// trips for, and how many more: a call, such as "tokens.ByUser" or "users.List", or a method, such as
// "ConfirmEmailChange". With these the numbers must be exact.
//
// The client has no device token, and the throttle is in memory. Every method runs twice, and the
// second time counts: pools are filled then, and statements are prepared. Nothing else may use the
// stores meanwhile.
func RunTrips(t *testing.T, stores kit.Stores, trips func() int, more map[string]int) {
	t.Helper()
	keys, err := accesstoken.HMAC([]byte("a secret for tests, 32 bytes or more"))
	if err != nil {
		t.Fatal(err)
	}
	var calls, wanted atomic.Int64 // of the stores, and the trips for them
	var faults kittest.Faults      // which lets everything through
	faults.Each(func(_ context.Context, call string, _ any) kittest.Fault {
		calls.Add(1)
		if call == "tokens.WithOwner" { // in place of two
			calls.Add(1)
		}
		wanted.Add(1 + int64(more[call]))
		return 0
	})
	j := &journey{TB: t, clock: kittest.NewClock(epoch), mailer: &kittest.Mailer{}, mails: map[kit.MailKind]kit.Mail{}}
	j.svc, err = kit.New(faults.Stores(stores), keys, &kit.Options{
		BcryptCost: 4, InsecureFastHash: true,
		RefreshGrace: 10 * time.Second,
		Mailer:       j.mailer, PublicURL: "https://example.com", MailDelay: time.Millisecond,
		OnEvent:      func(context.Context, kit.Event) {},
		Logger:       slog.New(slog.DiscardHandler),
		StoreTimeout: time.Minute,
		Now:          j.clock.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := j.svc.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	}()
	for _, counts := range []bool{false, true} {
		j.email = fmt.Sprintf("counts-%v@example.com", counts)
		for _, leg := range legs {
			if leg.before != nil {
				leg.before(j, t.Context())
			}
			j.clock.Advance(leg.later)
			made := func() int64 { return 0 }
			if trips != nil {
				made = func() int64 { return int64(trips()) }
			}
			callsBefore, wantedBefore, madeBefore := calls.Load(), wanted.Load(), made()
			leg.run(j, t.Context())
			if !counts {
				continue
			}
			if got := calls.Load() - callsBefore; got != leg.calls {
				t.Errorf("%s: %d calls of the stores, want %d", leg.method, got, leg.calls)
			}
			want, got := wanted.Load()-wantedBefore+int64(more[leg.method]), made()-madeBefore
			if trips != nil && got != want {
				t.Errorf("%s: %d trips to the data, want %d", leg.method, got, want)
			}
		}
	}
}

// journey is the life of one account.
type journey struct {
	testing.TB
	svc    *kit.Service
	clock  *kittest.Clock
	mailer *kittest.Mailer

	email  string
	user   kit.User
	tokens kit.TokenPair
	claims accesstoken.Claims
	mails  map[kit.MailKind]kit.Mail // the last of each kind
}

// legs are the methods in the order in which an account may meet them.
var legs = []struct {
	method string
	calls  int64                                 // of the stores
	before func(j *journey, ctx context.Context) // does not count
	later  time.Duration                         // the time that passes after it
	run    func(j *journey, ctx context.Context)
}{
	{method: "Register", calls: 2, run: (*journey).register},
	{method: "RequestEmailVerification", calls: 2, later: 10 * time.Minute, run: func(j *journey, ctx context.Context) {
		j.must(j.svc.RequestEmailVerification(ctx, j.email), kit.MailVerification)
	}},
	{method: "VerifyEmail", calls: 2, run: func(j *journey, ctx context.Context) {
		j.must(j.svc.VerifyEmail(ctx, string(j.mails[kit.MailVerification].Token)))
	}},
	{method: "Login with a new device", calls: 4, run: (*journey).loginWithDevice},
	{method: "Login", calls: 2, run: (*journey).login},
	{method: "Refresh", calls: 3, later: time.Minute, run: (*journey).refresh},
	{method: "Refresh within the grace", calls: 2, run: (*journey).refresh},
	{method: "Authenticate", calls: 1, run: func(j *journey, ctx context.Context) {
		_, _, err := j.svc.Authenticate(ctx, string(j.tokens.AccessToken))
		j.must(err)
	}},
	{method: "AuthenticateLive", calls: 2, run: func(j *journey, ctx context.Context) {
		_, _, err := j.svc.AuthenticateLive(ctx, string(j.tokens.AccessToken))
		j.must(err)
	}},
	{method: "Reauthenticate", calls: 4, run: func(j *journey, ctx context.Context) {
		_, err := j.svc.Reauthenticate(ctx, j.claims, password)
		j.must(err)
	}},
	{method: "ChangeOwnProfile", calls: 2, run: func(j *journey, ctx context.Context) {
		name := "Ann B."
		_, err := j.svc.ChangeOwnProfile(ctx, j.claims, kit.Profile{Username: &name})
		j.must(err)
	}},
	{method: "Sessions", calls: 2, run: func(j *journey, ctx context.Context) {
		_, err := j.svc.Sessions(ctx, j.user.ID)
		j.must(err)
	}},
	{method: "EndOtherSessions", calls: 5, before: (*journey).login, run: func(j *journey, ctx context.Context) {
		_, err := j.svc.EndOtherSessions(ctx, j.claims)
		j.must(err)
	}},
	{method: "EndSession", calls: 2, run: func(j *journey, ctx context.Context) {
		j.must(j.svc.EndSession(ctx, j.user.ID, j.claims.SessionID))
	}},
	{method: "Logout", calls: 2, before: (*journey).login, run: func(j *journey, ctx context.Context) {
		j.must(j.svc.Logout(ctx, string(j.tokens.RefreshToken)))
	}},
	{method: "ChangePassword", calls: 6, before: (*journey).login, run: func(j *journey, ctx context.Context) {
		_, err := j.svc.ChangePassword(ctx, j.claims, password, newPassword)
		j.must(err, kit.MailPasswordChanged)
	}},
	{method: "RequestPasswordReset", calls: 3, run: func(j *journey, ctx context.Context) {
		j.must(j.svc.RequestPasswordReset(ctx, j.email), kit.MailPasswordReset)
	}},
	{method: "ResetPassword", calls: 4, run: func(j *journey, ctx context.Context) {
		j.must(j.svc.ResetPassword(ctx, string(j.mails[kit.MailPasswordReset].Token), password), kit.MailPasswordChanged)
	}},
	{method: "RequestEmailChange", calls: 4, before: (*journey).login, run: func(j *journey, ctx context.Context) {
		j.must(j.svc.RequestEmailChange(ctx, j.claims, "new-"+j.email), kit.MailEmailChange, kit.MailEmailChangeRequested)
	}},
	{method: "ConfirmEmailChange", calls: 5, run: func(j *journey, ctx context.Context) {
		j.must(j.svc.ConfirmEmailChange(ctx, string(j.mails[kit.MailEmailChange].Token)), kit.MailEmailChanged)
	}},
	{method: "UserByID", calls: 1, run: func(j *journey, ctx context.Context) {
		_, err := j.svc.UserByID(ctx, j.user.ID)
		j.must(err)
	}},
	{method: "UserByEmail", calls: 1, run: func(j *journey, ctx context.Context) {
		_, err := j.svc.UserByEmail(ctx, "new-"+j.email)
		j.must(err)
	}},
	{method: "Users", calls: 1, run: func(j *journey, ctx context.Context) {
		_, err := j.svc.Users(ctx, "", 10)
		j.must(err)
	}},
	{method: "UsersByEmail", calls: 1, run: func(j *journey, ctx context.Context) {
		_, err := j.svc.UsersByEmail(ctx, "new-", "", 10)
		j.must(err)
	}},
	{method: "SetRoles", calls: 2, run: func(j *journey, ctx context.Context) {
		_, err := j.svc.SetRoles(ctx, j.user.ID, "editor")
		j.must(err)
	}},
	{method: "EndAllSessions", calls: 2, run: func(j *journey, ctx context.Context) {
		j.must(j.svc.EndAllSessions(ctx, j.user.ID))
	}},
	{method: "DeleteUser", calls: 5 + 2, before: (*journey).alone, run: func(j *journey, ctx context.Context) { // and two records
		j.must(j.svc.DeleteUser(ctx, j.user.ID))
	}},
	{method: "PurgeExpired", calls: 3, before: (*journey).alone, later: 365 * 24 * time.Hour, run: func(j *journey, ctx context.Context) {
		n, err := j.svc.PurgeExpired(ctx, j.clock.Now())
		j.must(err)
		if n != 2 {
			j.Fatalf("%d records have expired, want 2", n)
		}
	}},
}

func (j *journey) register(ctx context.Context) {
	var err error
	j.user, err = j.svc.Register(ctx, kit.Registration{Email: j.email, Username: "Ann", Password: password})
	j.must(err, kit.MailVerification)
}

func (j *journey) login(ctx context.Context) {
	var err error
	j.tokens, err = j.svc.Login(ctx, j.email, password)
	j.must(err)
	j.claims, err = j.svc.Verifier().Verify(string(j.tokens.AccessToken))
	j.must(err)
}

func (j *journey) loginWithDevice(ctx context.Context) { j.login(kit.WithDevice(ctx, "")) }

func (j *journey) refresh(ctx context.Context) {
	tokens, err := j.svc.Refresh(ctx, string(j.tokens.RefreshToken))
	j.must(err)
	j.tokens = tokens
}

// alone goes on with another account, which has one session and one device, and nobody else has any.
func (j *journey) alone(ctx context.Context) {
	j.clock.Advance(365 * 24 * time.Hour)
	_, err := j.svc.PurgeExpired(ctx, j.clock.Now())
	j.must(err)
	j.email = "again-" + j.email
	j.register(ctx)
	j.loginWithDevice(ctx)
}

// must ends the test at an error, and waits for mails of these kinds.
func (j *journey) must(err error, kinds ...kit.MailKind) {
	j.Helper()
	if err != nil {
		j.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(j.Context(), time.Minute)
	defer cancel()
	for range kinds {
		mail, err := j.mailer.Next(ctx)
		if err != nil || !slices.Contains(kinds, mail.Kind) {
			j.Fatalf("a mail of kind %q, %v, want %q", mail.Kind, err, kinds)
		}
		j.mails[mail.Kind] = mail
	}
}
