package transfer_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"myauth.internal/kit"
	"myauth.internal/kit/kittest"
	"myauth.internal/kit/memstore"
	"myauth.internal/kit/totp"
	"myauth.internal/kit/transfer"
)

const email = "ada@example.com"

// keys is a feature that keeps a credential, as a passkey is one.
type keys struct{ core *kit.Core }

func (*keys) Name() string { return "keys" }

func (k *keys) Attach(core *kit.Core) (kit.Extension, error) {
	k.core = core
	return kit.Extension{}, nil
}

func withFeatures(o *kit.Options) { o.Features = append(o.Features, totp.New(nil), &keys{}) }

func body(code string) kit.Body { return kit.Body{JSON: fmt.Appendf(nil, `{"code":%q}`, code)} }

// old is a Service with an account that has everything: roles, settings, private data, an app, recovery
// codes and a key.
type old struct {
	*kittest.Kit
	user     kit.User
	secret   string
	recovery []kit.Secret
}

func newOld(t *testing.T) old {
	t.Helper()
	feature := &keys{}
	k := kittest.New(t, func(o *kit.Options) { o.Features = append(o.Features, totp.New(nil), feature) })
	ctx := t.Context()
	u, tokens := k.LogIn(email, "staff", "editor")
	_, claims, err1 := k.Authenticate(ctx, string(tokens.AccessToken))
	shown, err2 := k.EnrollFactor(ctx, claims, "totp", kit.Body{})
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	o := old{Kit: k, secret: shown.Show["secret"].(string)}
	done, err1 := k.ConfirmFactor(ctx, claims, "totp", shown.Show["state"].(string), body(o.code(t, k.Clock.Now())))
	_, err2 = k.SetPrivate(ctx, u.ID, json.RawMessage(`{"customer":"<7> & co"}`))
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	o.recovery = done.RecoveryCodes
	if o.user, err1 = k.UserByID(ctx, u.ID); err1 != nil {
		t.Fatal(err1)
	}
	if err := feature.core.Create(ctx, feature.core.Credential(o.user, "key", "1")); err != nil {
		t.Fatal(err)
	}
	return o
}

func (o old) code(t *testing.T, at time.Time) string {
	t.Helper()
	code, err := totp.Code(o.secret, at)
	if err != nil {
		t.Fatal(err)
	}
	return code
}

func export(t *testing.T, svc *kit.Service) string {
	t.Helper()
	var out bytes.Buffer
	if _, err := transfer.Export(t.Context(), svc, &out, nil); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// imported imports text, and collects what is refused.
func imported(t *testing.T, svc *kit.Service, text string, opts transfer.ImportOptions) (transfer.Result, []transfer.Refusal) {
	t.Helper()
	var refused []transfer.Refusal
	opts.Refused = func(r transfer.Refusal) error {
		refused = append(refused, r)
		return nil
	}
	result, err := transfer.Import(t.Context(), svc, strings.NewReader(text), &opts)
	if err != nil {
		t.Fatal(err)
	}
	if len(refused) != result.Refused {
		t.Errorf("%d lines were refused, and %d told of", result.Refused, len(refused))
	}
	return result, refused
}

// dump is what is stored: users and credentials.
func dump(t *testing.T, store *memstore.Store) string {
	t.Helper()
	users, err := store.Users().List(t.Context(), "", 1000)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, u := range users {
		u.Version = 1
		fmt.Fprintf(&b, "%+v %s\n", u, string(u.PasswordHash))
		rows, err := store.Credentials().ByUser(t.Context(), u.ID, "", 1000)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range rows {
			type plain kit.Token
			fmt.Fprintf(&b, "  %+v\n", plain(r))
		}
	}
	return b.String()
}

// TestRoundTrip: what comes out of one store goes into another, field by field, and the owner logs in
// with what they had. Sessions stay behind.
func TestRoundTrip(t *testing.T) {
	o := newOld(t)
	for i := range 600 { // more than two pages
		o.LogIn(fmt.Sprintf("user%03d@example.com", i))
	}
	lines := export(t, o.Service)
	if n := strings.Count(lines, "\n"); n != 601 {
		t.Fatalf("%d lines, want 601", n)
	}
	k := kittest.New(t, withFeatures)
	result, refused := imported(t, k.Service, lines, transfer.ImportOptions{})
	if result.Created != 601 || len(refused) > 0 || result.Bytes != int64(len(lines)) {
		t.Fatalf("got %+v, %v", result, refused)
	}
	if got, want := dump(t, k.Store), dump(t, o.Store); got != want {
		t.Errorf("got\n%.2000s\nwant\n%.2000s", got, want)
	}
	if again := export(t, k.Service); again != lines {
		t.Error("an export of what was imported is another")
	}

	half := func() string {
		_, err := k.Login(t.Context(), email, kittest.Password)
		var due *kit.MFARequired
		if !errors.As(err, &due) {
			t.Fatalf("the password: %v, want a second step", err)
		}
		return string(due.Token)
	}
	if _, err := k.LoginWithFactor(t.Context(), half(), "totp", "", body(o.code(t, k.Clock.Now()))); !errors.Is(err, kit.ErrInvalidCode) {
		t.Errorf("the code that was used in the old store: %v", err)
	}
	k.Clock.Advance(time.Minute)
	if _, err := k.LoginWithFactor(t.Context(), half(), "totp", "", body(o.code(t, k.Clock.Now()))); err != nil {
		t.Error("the app:", err)
	}
	if _, err := k.LoginWithFactor(t.Context(), half(), "recovery_code", "", body(string(o.recovery[3]))); err != nil {
		t.Error("a recovery code:", err)
	}
	if sessions, err := k.Sessions(t.Context(), o.user.ID); err != nil || len(sessions) != 2 {
		t.Errorf("%d sessions, %v, want those of the two logins", len(sessions), err)
	}
}

// TestExportWhileUsersComeAndGo: each account that stays is exported once.
func TestExportWhileUsersComeAndGo(t *testing.T) {
	k := kittest.New(t)
	stay := map[string]bool{}
	var gone []string
	for i := range 700 {
		u, _ := k.LogIn(fmt.Sprintf("user%03d@example.com", i))
		if i%3 == 0 {
			gone = append(gone, u.ID)
		} else {
			stay[u.ID] = true
		}
	}
	next := 0
	var out bytes.Buffer
	_, err := transfer.Export(t.Context(), k.Service, &out, &transfer.ExportOptions{Progress: func(transfer.Exported) {
		for range 60 {
			if err := k.DeleteUser(t.Context(), gone[next]); err != nil {
				t.Error(err)
			}
			k.LogIn(fmt.Sprintf("new%d@example.com", next))
			next++
		}
	}})
	if err != nil || next == 0 {
		t.Fatal(err, next)
	}
	seen := map[string]int{}
	for line := range strings.Lines(out.String()) {
		var a struct{ ID, Email string }
		if err := json.Unmarshal([]byte(line), &a); err != nil {
			t.Fatal(err)
		}
		seen[a.ID]++
		if strings.HasSuffix(a.Email, "@myauth.invalid") {
			t.Errorf("%s is being deleted", a.ID)
		}
	}
	for id := range stay {
		if seen[id] != 1 {
			t.Errorf("%s is %d times in the export", id, seen[id])
		}
	}
}

// TestInterruptedImport: whatever call of a store is the last one of the process, the same import again
// leaves what one that was not interrupted leaves.
func TestInterruptedImport(t *testing.T) {
	o := newOld(t)
	for i := range 6 {
		o.LogIn(fmt.Sprintf("user%d@example.com", i), "admin")
	}
	lines := export(t, o.Service) + `{"email":"plain@example.com","password_hash":null,"created_at":"2020-01-01T00:00:00Z"}` + "\n"
	whole := kittest.New(t, withFeatures)
	imported(t, whole.Service, lines, transfer.ImportOptions{})
	want := dump(t, whole.Store)
	// One call after the other, so that the tenth is the same in each round.
	for skip, failed := 0, true; failed; skip++ {
		k := kittest.New(t, withFeatures)
		k.Faults.InjectAfter("*", kittest.Broken, skip)
		_, err := transfer.Import(t.Context(), k.Service, strings.NewReader(lines), &transfer.ImportOptions{Refused: func(r transfer.Refusal) error { return r.Err }})
		failed = err != nil
		k.Faults.Clear()
		result, refused := imported(t, k.Another(), lines, transfer.ImportOptions{})
		if len(refused) > 0 || result.Created+result.Existing != 8 {
			t.Fatalf("after %d calls, again: %+v, %v", skip, result, refused)
		}
		if got := dump(t, k.Store); got != want {
			t.Fatalf("after %d calls, again:\n%s\nwant\n%s", skip, got, want)
		}
		if admins, err := k.Administrators(t.Context()); err != nil || len(admins) != 6 {
			t.Fatalf("after %d calls, again: %d administrators, %v", skip, len(admins), err)
		}
		if skip > 500 {
			t.Fatal("it never succeeds")
		}
	}
}

// TestImportsAtOnce: of sixteen imports of one file over two instances each ends well, and each account is
// there once.
func TestImportsAtOnce(t *testing.T) {
	o := newOld(t)
	lines := export(t, o.Service)
	for i := range 300 {
		lines += fmt.Sprintf(`{"email":"user%d@example.com","password_hash":""}`+"\n", i%290)
	}
	k := kittest.New(t, withFeatures)
	services := []*kit.Service{k.Service, k.Another()}
	var all sync.WaitGroup
	begin, results, errs := make(chan struct{}), make([]transfer.Result, 16), make([]error, 16)
	for i := range results {
		all.Go(func() {
			<-begin
			results[i], errs[i] = transfer.Import(context.Background(), services[i%2], strings.NewReader(lines), nil)
		})
	}
	close(begin)
	all.Wait()
	for i, r := range results {
		if errs[i] != nil || r.Refused != 0 || r.Created+r.Existing != 301 {
			t.Errorf("import %d: %+v, %v", i, r, errs[i])
		}
	}
	if n := strings.Count(export(t, k.Service), "\n"); n != 291 {
		t.Errorf("%d accounts, want 291", n)
	}
}

// TestOutagePasses: an outage for a moment ends no import, and a longer one ends it with an error, not with
// refused lines.
func TestOutagePasses(t *testing.T) {
	k := kittest.New(t)
	k.Faults.Inject("users.Create", kittest.Down, 1)
	line := `{"email":"ada@example.com","password_hash":""}`
	if result, _ := imported(t, k.Service, line, transfer.ImportOptions{}); result.Created != 1 {
		t.Errorf("got %+v", result)
	}
	k = kittest.New(t)
	k.Faults.Inject("users.Create", kittest.Down, -1)
	ctx, cancel := context.WithCancel(t.Context())
	k.Faults.OnCall("users.Create", cancel)
	result, err := transfer.Import(ctx, k.Service, strings.NewReader(line), nil)
	if !errors.Is(err, context.Canceled) || result != (transfer.Result{}) {
		t.Errorf("got %+v, %v", result, err)
	}
}

// TestTransactions: refused lines cost the others of their batch nothing, a batch whose commit fails is done
// again, and events come after the commit.
func TestTransactions(t *testing.T) {
	var events, commits int
	k := kittest.New(t, func(o *kit.Options) { o.OnEvent = func(context.Context, kit.Event) { events++ } })
	lines := ""
	for i := range 600 {
		lines += fmt.Sprintf(`{"email":"user%d@example.com","password_hash":""}`+"\n", i)
		if i%100 == 0 {
			lines += fmt.Sprintf(`{"email":"user%d@example.com","password_hash":"","id":"other%d"}`+"\n", i, i)
		}
	}
	stores := k.Store.Stores()
	result, refused := imported(t, k.Service, lines, transfer.ImportOptions{Transaction: func(ctx context.Context, do func(kit.Stores) error) error {
		if commits++; commits == 2 {
			return fmt.Errorf("no commit: %w", kit.ErrUnavailable)
		}
		err := do(stores)
		if got := events; err == nil && got != 0 && commits == 1 {
			t.Errorf("%d events before the commit", got)
		}
		return err
	}})
	if result.Created != 600 || len(refused) != 6 || commits != 4 || events != 600 {
		t.Errorf("got %+v, %d refused, %d transactions, %d events", result, len(refused), commits, events)
	}
	if !slices.IsSortedFunc(refused, func(a, b transfer.Refusal) int { return a.Line - b.Line }) || refused[1].Line != 103 {
		t.Errorf("refused lines: %v", refused)
	}
}

// TestBrokenTransaction: if a batch cannot be stored at once, the record that is to blame is found.
func TestBrokenTransaction(t *testing.T) {
	k := kittest.New(t)
	k.Faults.Each(func(_ context.Context, op string, record any) kittest.Fault {
		if u, ok := record.(kit.User); ok && u.Email == "user3@example.com" && op == "users.Create" {
			return kittest.Broken
		}
		return 0
	})
	lines := ""
	for i := range 9 {
		lines += fmt.Sprintf(`{"email":"user%d@example.com","password_hash":""}`+"\n", i)
	}
	result, refused := imported(t, k.Service, lines, transfer.ImportOptions{Transaction: func(ctx context.Context, do func(kit.Stores) error) error {
		return do(k.Faults.Stores(memstore.New().Stores())) // which a rollback would leave empty
	}})
	if result.Created != 8 || len(refused) != 1 || refused[0].Line != 4 {
		t.Errorf("got %+v, %v", result, refused)
	}
}

// TestDryRun says what an import would do, and writes nothing.
func TestDryRun(t *testing.T) {
	o := newOld(t)
	lines := export(t, o.Service)
	k := kittest.New(t, withFeatures)
	k.LogIn("taken@example.com")
	before := dump(t, k.Store)
	text := lines + lines + strings.Join([]string{
		`{"email":"TAKEN@example.com","password_hash":null}`,
		`{"email":"new@example.com","password_hash":null,"roles":["admin"]}`,
		`{"email":"NEW@example.com","password_hash":null,"id":"2"}`,
		`{"email":"bad@example.com","password_hash":"$argon2id$x"}`,
	}, "\n")
	result, refused := imported(t, k.Service, text, transfer.ImportOptions{DryRun: true})
	if result.Created != 2 || len(refused) != 4 {
		t.Errorf("got %+v, %v", result, refused)
	}
	if dump(t, k.Store) != before {
		t.Error("something was written")
	}
	if admins, err := k.Administrators(t.Context()); err != nil || len(admins) != 0 {
		t.Error("administrators:", admins, err)
	}
}

// TestLostFactors: an account with a second factor that is not in the line is refused, unless told
// otherwise.
func TestLostFactors(t *testing.T) {
	line := `{"email":"ada@example.com","password_hash":"` + vectorHash + `","factors":["totp"]}`
	for policy, want := range map[transfer.Factors]string{transfer.RefuseLost: "", transfer.DropLost: "in", transfer.KeepLost: "due"} {
		k := kittest.New(t, withFeatures)
		result, refused := imported(t, k.Service, line, transfer.ImportOptions{Factors: policy})
		if want == "" {
			if len(refused) != 1 || !strings.Contains(refused[0].Err.Error(), "second factor") {
				t.Errorf("got %+v, %v", result, refused)
			}
			continue
		}
		got := "in"
		var due *kit.MFARequired
		if _, err := k.Login(t.Context(), email, vectorPassword); errors.As(err, &due) {
			got = "due"
		} else if err != nil {
			t.Error(err)
		}
		if got != want || (result.FactorsDropped == 1) != (want == "in") {
			t.Errorf("%v: %s, %+v", policy, got, result)
		}
	}
}

// TestNothingSecretIsPrinted: neither a refusal nor its reason shows the line.
func TestNothingSecretIsPrinted(t *testing.T) {
	k := kittest.New(t)
	_, refused := imported(t, k.Service, `{"email":"ada@example.com","password_hash":"$2b$04$taintedtaintedtaintedtainted","is_active":"tainted"}`+"\n"+
		`{"email":"ada@example.com","password_hash":"$2b$04$taintedtaintedtaintedtainted"}`+"\n"+`{"myauth":1,"tainted`, transfer.ImportOptions{})
	if text := fmt.Sprintf("%+v %v %#v", refused, refused, refused); len(refused) != 3 || strings.Contains(text, "tainted") {
		t.Errorf("%d refused: %s", len(refused), text)
	}
}
