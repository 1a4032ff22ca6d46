package conformance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"myauth.internal/kit"
	"myauth.internal/kit/kittest"
	"myauth.internal/kit/throttle"
)

// attach lists the feature twice, and attaches one value to two Services over two data sets:
// one that keeps the last Core only would write to the wrong one.
func (f Feature) attach(tb testing.TB, cfg Config) {
	value := f.New()
	one, two := f.world(tb, cfg, value), f.world(tb, cfg)
	for _, other := range []kit.Feature{value, f.New()} {
		if _, err := two.service(f.New(), other); err == nil {
			tb.Errorf("kit.New with the feature twice in Options.Features: got no error")
		}
	}
	svc, err := two.service(value)
	if one.called()+two.called() > 0 {
		tb.Errorf("Attach called a store")
	}
	if err != nil {
		return // it is for one Service
	}
	two.services = append(two.services, svc)
	for _, sc := range f.Scenarios {
		for _, w := range []*world{one, two, one} {
			s, use := w.prepare(sc)
			if err := use.Call(context.Background(), w.services[0]); err != nil {
				tb.Errorf("%s, through one of two Services that share the feature: got error %v", sc.Name, err)
			}
			w.check(s, use, "through one of two Services that share the feature")
		}
	}
}

// prepare makes one try ready. It notes what Call returns.
func (w *world) prepare(sc Scenario) (*Scene, Use) {
	s := w.scene()
	use := sc.Prepare(s)
	call, succeeded := use.Call, atomic.Bool{}
	use.Call = func(ctx context.Context, svc *kit.Service) error {
		err := call(ctx, svc)
		fmt.Fprintln(w, err) // servers log it
		if err == nil && succeeded.Swap(true) && len(use.Already) > 0 {
			w.Errorf("a second Call succeeded, and there are errors in Already: what the first one used up is good for another")
		}
		return err
	}
	return s, use
}

// again uses the feature through either Service, once more through the other, and again when
// what it wrote has expired.
func (w *world) again(sc Scenario) {
	for i := range w.services {
		s, use := w.prepare(sc)
		for j, when := range []string{"the first call", "the same call through the other Service"} {
			err := use.Call(context.Background(), w.services[(i+j)%2])
			if err != nil && (j == 0 || !isOneOf(err, use.Already)) {
				w.Errorf("%s: got error %v", when, err)
			}
			w.check(s, use, "after "+when)
		}
		w.checkSessions()
		if _, err := w.services[i].PurgeExpired(context.Background(), w.clock.Now()); err != nil {
			w.Errorf("PurgeExpired: %v", err)
		}
		w.check(s, use, "after a purge")
		for _, later := range []time.Duration{time.Minute, 8 * time.Minute, 50 * time.Minute, 22 * time.Hour} {
			w.clock.Advance(later)
			_, err1 := w.services[i].PurgeExpired(context.Background(), w.clock.Now())
			if err := use.Call(context.Background(), w.services[i]); err != nil && !told(err) && !isOneOf(err, use.Already) || err1 != nil {
				w.Errorf("the same call once more, %v and a purge later: got error %v, and PurgeExpired %v", later, err, err1)
			}
		}
		w.leave(s)
	}
}

// trouble is what becomes of one store call, or what happens right before it.
type trouble struct {
	what    string
	fault   kittest.Fault
	forGood bool // it stays so
	then    func(w *world, s *Scene, use Use, other *kit.Service, leave func()) error
	deletes bool // the account is gone then
	// allows reports whether the scenario may return the error.
	allows func(err error, use Use) bool
}

var troubles = []trouble{
	{what: "is cut", fault: kittest.Down, allows: passes},
	{what: "hangs until its deadline", fault: kittest.Late, allows: passes},
	{what: "loses its answer", fault: kittest.Lost, allows: passes},
	{what: "is where the process ends", fault: kittest.Down, forGood: true, allows: passes},
	{what: "is where the client leaves", allows: passes, then: func(_ *world, _ *Scene, _ Use, _ *kit.Service, leave func()) error { leave(); return nil }},
	{what: "is where another call does the same", allows: repeats, then: func(_ *world, _ *Scene, use Use, other *kit.Service, _ func()) error {
		return use.Call(context.Background(), other)
	}},
	{what: "is where the account is deleted", deletes: true, allows: func(err error, _ Use) bool { return told(err) }, then: func(_ *world, s *Scene, _ Use, other *kit.Service, _ func()) error {
		return other.DeleteUser(context.Background(), s.User.ID)
	}},
}

// passes reports whether err is that of an interruption.
func passes(err error, _ Use) bool {
	return isOneOf(err, []error{kit.ErrUnavailable, context.Canceled, context.DeadlineExceeded})
}

// repeats reports whether err is that of an interruption or of a repetition.
func repeats(err error, use Use) bool { return passes(err, use) || isOneOf(err, use.Already) }

// interrupted lets something become of each store call of a scenario in turn. The scenario is
// repeated through the other Service and through the same one, in turn.
func (w *world) interrupted(sc Scenario) {
	for i, trouble := range troubles {
		for nth := 1; w.interrupt(sc, trouble, nth, w.services[(i+nth)%2]); nth++ {
			if nth == 200 {
				w.Fatalf("it makes %d store calls or more: the suite tries no further ones", nth)
			}
		}
	}
}

// interrupt lets something become of the nth store call, and repeats the scenario through
// other. It reports whether there was an nth store call.
func (w *world) interrupt(sc Scenario, trouble trouble, nth int, other *kit.Service) bool {
	s, use := w.prepare(sc)
	defer w.leave(s)
	ctx, leave := context.WithCancel(context.Background())
	defer leave()
	first := w.services[0]
	if trouble.forGood && other == first {
		first = w.services[1]
	}
	t, what := &trial{trouble: trouble, nth: nth}, ""
	t.then = func(op string) {
		what = fmt.Sprintf("when store call %d, %s, %s", nth, op, trouble.what)
		if trouble.then == nil {
			return
		}
		if err := trouble.then(w, s, use, other, leave); err != nil && !trouble.allows(err, use) {
			w.Errorf("%s: what came between got error %v", what, err)
		}
	}
	err := use.Call(context.WithValue(ctx, trialKey{}, t), first)
	if what == "" {
		if err != nil {
			w.Errorf("with stores that work: got error %v", err)
		}
		return false
	}
	if err != nil && !trouble.allows(err, use) {
		w.Errorf("%s: got error %v", what, err)
	}
	if trouble.deletes {
		if _, err := other.UserByID(context.Background(), s.User.ID); !errors.Is(err, kit.ErrUserNotFound) {
			w.Errorf("%s: UserByID: got error %v, want kit.ErrUserNotFound", what, err)
		}
		w.checkRows(what, true)
		return true
	}
	w.check(s, use, what)
	if err := use.Call(context.Background(), other); err != nil && !isOneOf(err, use.Already) {
		w.Errorf("%s, and then once more: got error %v, want none or one of Already", what, err)
	}
	w.check(s, use, what+", and then once more")
	return true
}

// atOnce uses the feature by 16 callers at once, for one account, through both Services.
func (w *world) atOnce(sc Scenario) {
	for range rounds {
		s, use := w.prepare(sc)
		won := 0
		for _, err := range atOnce(racers, func(i int) error { return use.Call(context.Background(), w.services[i%2]) }) {
			switch {
			case err == nil:
				won++
			case !repeats(err, use):
				w.Errorf("by %d callers at once: got error %v, want none or one of Already", racers, err)
			}
		}
		if won == 0 {
			w.Errorf("by %d callers at once: none succeeded", racers)
		}
		w.check(s, use, "after calls at once")
		w.leave(s)
	}
}

// check wants the state whole, and the records in order.
func (w *world) check(s *Scene, use Use, when string) {
	for _, svc := range w.services {
		if err := use.Whole(context.Background(), svc); err != nil {
			w.Errorf("%s: the state is not whole: %v", when, err)
		}
		u, err := svc.UserByID(context.Background(), s.User.ID)
		if err != nil && !errors.Is(err, kit.ErrUserNotFound) {
			w.Errorf("%s: UserByID: %v", when, err)
		}
		enrolled, err := svc.Factors(context.Background(), u)
		missing := slices.ContainsFunc(enrolled, func(f kit.EnrolledFactor) bool { return f.CreatedAt.IsZero() })
		if err != nil || missing || len(enrolled) != len(u.Factors) {
			w.Errorf("%s: the user has the factors %q, and of them the Service has %v, error %v", when, u.Factors, enrolled, err)
		}
	}
	w.checkRows(when, false)
}

// leave deletes the account, with which all its records go.
func (w *world) leave(s *Scene) {
	if err := w.services[0].DeleteUser(context.Background(), s.User.ID); err != nil && !errors.Is(err, kit.ErrUserNotFound) {
		w.Errorf("DeleteUser: %v", err)
	}
	w.checkRows("after DeleteUser", false)
}

// gate interrupts logins, of accounts that did nothing with the feature. Whom a gate refuses it
// refuses whatever fails.
func (f Feature) gate(tb testing.TB, cfg Config) {
	w := f.world(tb, cfg, f.New(), f.New())
	if w.brings.Gate == nil {
		return
	}
	w.interrupted(Scenario{Prepare: func(s *Scene) Use {
		_, refused := s.Service.Login(context.Background(), s.User.Email, s.Password)
		return Use{
			Call: func(ctx context.Context, svc *kit.Service) error {
				_, err := svc.Login(ctx, s.User.Email, s.Password)
				switch {
				case err == nil && refused != nil:
					return fmt.Errorf("it let in whom it refuses otherwise, with: %w", refused)
				case refused != nil && !passes(err, Use{}):
					return nil
				}
				return err
			},
			Whole: func(context.Context, *kit.Service) error { return nil },
		}
	}})
}

// routes wants the document and the routes of the feature to be one, and sends nonsense to
// every route.
func (f Feature) routes(tb testing.TB, cfg Config) {
	w := f.world(tb, cfg, f.New())
	members := described(tb, w.brings)
	named := func(value string) string {
		body := map[string]string{"state": value, "code": value, "token": value}
		for _, name := range members {
			body[name] = value
		}
		text, _ := json.Marshal(body) // of strings
		return string(text)
	}
	for _, route := range w.services[0].Routes() {
		s := w.scene() // one route may end the sessions of its user
		token := s.Login().AccessToken
		target := route.Method + " " + strings.NewReplacer("{$}", "", "...}", "", "{", "", "}", "").Replace(route.Path)
		for _, body := range []string{"", "{", "[]", "{}", `{"state":7,"code":[]}`, named("x"), named("a.stranger@example.com")} {
			ctx := context.Background()
			if route.Access == kit.Public && !slices.Contains(f.Open, route.Method+" "+route.Path) {
				ctx = context.WithValue(ctx, readingKey{}, fmt.Sprintf("%s %s, with the body %q of a stranger", route.Method, route.Path, body))
			}
			answer, err := s.Serve(ctx, w.services[0], target, body, token)
			switch {
			case err != nil && !told(err):
				tb.Errorf("%s %s with the body %q: got error %v, which is an internal error to clients: want a kit.Problem, or an error of kit's Service", route.Method, route.Path, body, err)
			case err == nil && answer.Tokens.AccessToken == "" && (answer.Status < 200 || answer.Status > 399):
				tb.Errorf("%s %s with the body %q: got status %d", route.Method, route.Path, body, answer.Status)
			}
		}
	}
}

// described wants the fragment to describe exactly the routes. It returns the names of all
// properties in it.
func described(tb testing.TB, e kit.Extension) []string {
	var document struct{ Paths map[string]map[string]any }
	if err := json.Unmarshal(e.OpenAPI, &document); err != nil && len(e.OpenAPI) > 0 {
		tb.Errorf("Extension.OpenAPI: %v", err)
	}
	var described, served []string
	for path, item := range document.Paths {
		for method := range item {
			if slices.Contains([]string{"get", "put", "post", "delete", "patch", "head", "options"}, method) {
				described = append(described, strings.ToUpper(method)+" "+path)
			}
		}
	}
	for _, r := range e.Routes {
		served = append(served, r.Method+" "+strings.NewReplacer("{$}", "", "...}", "}").Replace(r.Path))
	}
	slices.Sort(described)
	slices.Sort(served)
	if !slices.Equal(described, served) {
		tb.Errorf("Extension.OpenAPI describes %q, and the routes are %q", described, served)
	}
	var all any
	_ = json.Unmarshal(e.OpenAPI, &all) // which was tried above
	return properties(all)
}

// properties returns the names of all members of members called properties.
func properties(v any) (names []string) {
	switch v := v.(type) {
	case []any:
		for _, element := range v {
			names = append(names, properties(element)...)
		}
	case map[string]any:
		for name, value := range v {
			if object, ok := value.(map[string]any); ok && name == "properties" {
				names = slices.AppendSeq(names, maps.Keys(object))
			}
			names = append(names, properties(value)...)
		}
	}
	return names
}

func isOneOf(err error, all []error) bool {
	return slices.ContainsFunc(all, func(one error) bool { return errors.Is(err, one) })
}

// told reports whether clients can be told of an error.
func told(err error) bool {
	return errors.As(err, new(*kit.Problem)) || errors.As(err, new(*kit.ValidationError)) || passes(err, Use{}) || isOneOf(err, []error{
		kit.ErrInvalidCredentials, kit.ErrInvalidToken, kit.ErrExpiredToken, kit.ErrRevokedToken, kit.ErrInvalidCode, kit.ErrMFARequired,
		kit.ErrReauthenticationRequired, kit.ErrAlreadyEnrolled, kit.ErrNotEnrolled, kit.ErrEmailNotVerified, kit.ErrAccountDisabled,
		kit.ErrUserNotFound, kit.ErrUserExists, kit.ErrEmailNotConfigured, throttle.ErrTooManyRequests,
	})
}
