package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"myauth.internal/conformance"
	"myauth.internal/kit"
	"myauth.internal/kit/accesstoken"
	"myauth.internal/kit/seal"
	"myauth.internal/kit/totp"
	"myauth.internal/kit/transfer"
)

const (
	transferPassword = "pässwörd 😀"
	transferHash     = "$2b$04$/zABIeZSmVmflWBJiFc6uuqE7JhsH/KrEclgYn7UeIk0CJnX3jeLS"
)

// transferService is a Service of the reference server's kind over stores.
func transferService(t testing.TB, stores kit.Stores) *kit.Service {
	t.Helper()
	keys, err1 := accesstoken.HMAC([]byte(testSecret))
	dataKeys, err2 := seal.NewKeyring([]byte("a data key for tests: 32 bytes.."))
	svc, err3 := kit.New(stores, keys, &kit.Options{
		BcryptCost: 4, InsecureFastHash: true, InsecureUnlimited: true, DataKeys: dataKeys, Features: []kit.Feature{totp.New(nil)},
		OnEvent: func(context.Context, kit.Event) {}, StoreTimeout: patience,
	})
	if err := errors.Join(err1, err2, err3); err != nil {
		t.Fatal(err)
	}
	return svc
}

func codeBody(code string) kit.Body { return kit.Body{JSON: fmt.Appendf(nil, `{"code":%q}`, code)} }

// TestTransferOverEveryStore moves accounts from each store to each other one. What arrives is what left, field by
// field, and the owner logs in with the password, the app and a recovery code.
func TestTransferOverEveryStore(t *testing.T) {
	open := func(t *testing.T, name string) conformance.Stores {
		stores := databases[name](t, conformance.NewNetwork(t))(t)
		t.Cleanup(func() { _ = stores.Close() })
		return stores
	}
	for from := range databases {
		t.Run(from, func(t *testing.T) {
			stores := open(t, from)
			svc := transferService(t, kit.Stores{Users: stores.Users, Tokens: stores.Tokens, Credentials: stores.Credentials})
			secret, recovery := fillForTransfer(t, svc, stores.Credentials)
			var lines bytes.Buffer
			if _, err := transfer.Export(t.Context(), svc, &lines, nil); err != nil {
				t.Fatal(err)
			}
			for to := range databases {
				if to == from {
					continue
				}
				t.Run("to "+to, func(t *testing.T) {
					stores := open(t, to)
					svc := transferService(t, kit.Stores{Users: stores.Users, Tokens: stores.Tokens, Credentials: stores.Credentials})
					result, err := transfer.Import(t.Context(), svc, bytes.NewReader(lines.Bytes()), nil)
					if err != nil || result.Created != 51 || result.Refused != 0 {
						t.Fatalf("got %+v, %v", result, err)
					}
					var again bytes.Buffer
					if _, err := transfer.Export(t.Context(), svc, &again, nil); err != nil || again.String() != lines.String() {
						t.Errorf("exported again (%v):\n%.3000s\nwant\n%.3000s", err, again.String(), lines.String())
					}
					half := func() string {
						_, err := svc.Login(t.Context(), "ada@example.com", transferPassword)
						var due *kit.MFARequired
						if !errors.As(err, &due) {
							t.Fatalf("the password: %v, want a second step", err)
						}
						return string(due.Token)
					}
					code, err := totp.Code(secret, time.Now().Add(30*time.Second))
					if err != nil {
						t.Fatal(err)
					}
					if _, err := svc.LoginWithFactor(t.Context(), half(), "totp", "", codeBody(code)); err != nil {
						t.Error("the app:", err)
					}
					if _, err := svc.LoginWithFactor(t.Context(), half(), "recovery_code", "", codeBody(recovery)); err != nil {
						t.Error("a recovery code:", err)
					}
				})
			}
		})
	}
}

// fillForTransfer makes an account with an app, recovery codes, a passkey and an identity, and fifty others.
func fillForTransfer(t *testing.T, svc *kit.Service, credentials kit.TokenStore) (secret, recovery string) {
	t.Helper()
	ctx := t.Context()
	u, err := svc.Import(ctx, kit.User{
		Email: "ada@example.com", Username: "Ada", PasswordHash: transferHash, Active: true, Verified: true,
		Roles: []string{"staff", "ä"}, Settings: []byte(`{"a":"<&>"}`), Private: []byte(`{"b":1.50}`), SessionEpoch: 3, CredentialEpoch: 5,
	})
	if err != nil {
		t.Fatal(err)
	}
	tokens, err := svc.Login(ctx, u.Email, transferPassword)
	if err != nil {
		t.Fatal(err)
	}
	_, claims, err1 := svc.Authenticate(ctx, string(tokens.AccessToken))
	shown, err2 := svc.EnrollFactor(ctx, claims, "totp", kit.Body{})
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	secret = shown.Show["secret"].(string)
	code, err := totp.Code(secret, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	done, err := svc.ConfirmFactor(ctx, claims, "totp", shown.Show["state"].(string), codeBody(code))
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now().UTC().Truncate(time.Microsecond)
	for i, kind := range []kit.TokenType{"passkey", "provider"} {
		row := kit.Token{
			ID: fmt.Sprintf("%022d", i), Type: kind, UserID: u.ID, Epoch: u.CredentialEpoch, SecretHash: bytes.Repeat([]byte{byte(i + 1)}, 32), Salt: bytes.Repeat([]byte{9}, 32),
			Data: []byte("any \x00 bytes \xff"), CreatedAt: now, RotatedAt: now, ExpiresAt: time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC), Version: 1 << 61,
		}
		if err := credentials.Create(ctx, row); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 50 {
		if _, err := svc.Import(ctx, kit.User{ID: fmt.Sprint(i), Email: fmt.Sprintf("user%d@example.com", i), Username: "u", Active: i%2 == 0}); err != nil {
			t.Fatal(err)
		}
	}
	return secret, string(done.RecoveryCodes[0])
}

// command runs the program as it is, within this process.
func transferCommand(t *testing.T, dir string, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	env := map[string]string{"MYAUTH_STORE": "sqlite:" + filepath.Join(dir, "auth.db"), "MYAUTH_JWT_SECRET": testSecret}
	var out, errs bytes.Buffer
	status = run(args, surroundings{
		lookup: func(name string) (string, bool) { v, ok := env[name]; return v, ok },
		stdin:  strings.NewReader(""), stdout: &out, stderr: &errs,
	})
	return status, out.String(), errs.String()
}

// TestImportCommand: what cannot be imported is told with its line, kept in a file and makes the status 1;
// the same command again, and the corrected file, complete the import.
func TestImportCommand(t *testing.T) {
	dir := t.TempDir()
	in, rejects := filepath.Join(dir, "in.jsonl"), filepath.Join(dir, "rejects.jsonl")
	const bad = `{"email":"not an address","password_hash":null}`
	text := `{"email":"ada@example.com","password_hash":"` + transferHash + `"}` + "\n\n" + bad + "\n"
	if err := os.WriteFile(in, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	status, out, errs := transferCommand(t, dir, "import", in, "--dry-run")
	if status != 1 || !strings.Contains(out, "1 would be created") || !strings.Contains(errs, "line 3: email") {
		t.Errorf("dry run: %d\n%s%s", status, out, errs)
	}
	for _, want := range []string{"1 created, 0 there already, 1 refused", "0 created, 1 there already, 1 refused"} {
		status, out, errs = transferCommand(t, dir, "users", "import", "--rejects", rejects, in)
		if status != 1 || strings.TrimSpace(out) != want {
			t.Errorf("got %d\n%s%s\nwant %s", status, out, errs, want)
		}
	}
	kept, err := os.ReadFile(rejects)
	if err != nil || string(kept) != bad+"\n" {
		t.Errorf("rejects: %q, %v", kept, err)
	}
	if err := os.WriteFile(rejects, []byte(strings.Replace(string(kept), "not an address", "grace@example.com", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	// The file that is read may be the one that is written.
	status, out, errs = transferCommand(t, dir, "import", rejects, "--rejects", rejects, "--json")
	if want := `{"created":1,"existing":0,"refused":0,"without_hash":0,"factors_dropped":0,"dry_run":false}`; status != 0 || strings.TrimSpace(out) != want {
		t.Errorf("corrected: %d\n%s%s", status, out, errs)
	}
	if left, err := os.ReadFile(rejects); err != nil || len(left) != 0 {
		t.Errorf("left in the file: %q, %v", left, err)
	}
	if status, out, errs = transferCommand(t, dir, "import", "-"); status != 0 || !strings.HasPrefix(out, "0 created") {
		t.Errorf("an empty standard input: %d\n%s%s", status, out, errs)
	}
	for _, args := range [][]string{{"import"}, {"import", in, "--from", "oracle"}, {"import", in, "--lost-factors", "perhaps"}} {
		if status, _, errs := transferCommand(t, dir, args...); status != exitBadSetting {
			t.Errorf("%v: %d, %s", args, status, errs)
		}
	}
	for _, name := range []string{dir, filepath.Join(dir, "nothing")} {
		if status, _, errs := transferCommand(t, dir, "import", name); status != exitFailed {
			t.Errorf("%s: %d, %s", name, status, errs)
		}
	}
}

// TestExportCommand: a file is complete and only its owner's, and one that fails leaves the old one.
func TestExportCommand(t *testing.T) {
	dir := t.TempDir()
	in, file := filepath.Join(dir, "in.jsonl"), filepath.Join(dir, "export.jsonl")
	if err := os.WriteFile(in, []byte(`{"email":"ada@example.com","password_hash":null,"id":"7"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if status, _, errs := transferCommand(t, dir, "import", in); status != 0 {
		t.Fatal(errs)
	}
	if err := os.WriteFile(file, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	if status, out, errs := transferCommand(t, dir, "users", "export", file); status != 0 || out != "" || !strings.Contains(errs, "accounts: 1,") {
		t.Errorf("got %d, %s%s", status, out, errs)
	}
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	kept, _ := os.ReadFile(file)
	status, out, errs := transferCommand(t, dir, "export")
	if status != 0 || out != string(kept) || !strings.Contains(out, `"id":"7"`) {
		t.Errorf("to standard output: %d, %s%s, want %s", status, out, errs, kept)
	}
	f, err := createPrivate(file)
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(f, "half of it")
	f.abandon()
	if now, _ := os.ReadFile(file); string(now) != string(kept) {
		t.Errorf("an export that failed has left %q", now)
	}
	left, err := filepath.Glob(filepath.Join(dir, ".export*"))
	if err != nil || len(left) != 0 {
		t.Errorf("temporary files are left: %v, %v", left, err)
	}
	if status, _, errs := transferCommand(t, dir, "export", dir); status != exitFailed {
		t.Errorf("to a directory: %d, %s", status, errs)
	}
}

// TestExportSparesADatabase: a name that has been mistaken destroys nothing.
func TestExportSparesADatabase(t *testing.T) {
	c := commander{t, t.TempDir(), nil}
	c.want(0, "users", "create", "ada@example.com")
	if o := c.want(exitFailed, "export", "myauth.db"); !strings.Contains(o.err, "name another file") {
		t.Error(o.err)
	}
	if o := c.run("{}", "import", "-", "--rejects", "myauth.db"); o.status != exitFailed || !strings.Contains(o.err, "name another file") {
		t.Error(o)
	}
	c.want(0, "users", "show", "ada@example.com")
}

// TestImportKeepsItsInput: an import that ends early, or is a trial, does not replace the file that it reads by
// the lines that it has refused.
func TestImportKeepsItsInput(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "rejects.jsonl")
	text := "{}\n" + strings.Repeat(" ", transfer.MaxLine) + "\n{}\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for status, args := range map[int][]string{exitFailed: nil, exitBadSetting: {"--dry-run"}} {
		got, out, errs := transferCommand(t, dir, append([]string{"import", file, "--rejects", file}, args...)...)
		if got != status {
			t.Errorf("%v: %d\n%s%s", args, got, out, errs)
		}
		if left, err := os.ReadFile(file); err != nil || string(left) != text {
			t.Errorf("%v: %d bytes are left, %v, want %d", args, len(left), err, len(text))
		}
	}
}

// TestImportStopped: Ctrl-C ends an import that waits for a pipe.
func TestImportStopped(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, in := range []string{"-", "pipe"} {
		cmd := shellProcess(t, dir, nil, "import", in)
		var errs bytes.Buffer
		cmd.Stderr = &errs
		input, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if in == "pipe" {
			input.Close()
			if input, err = os.OpenFile(filepath.Join(dir, in), os.O_WRONLY, 0); err != nil { // once the import reads it
				t.Fatal(err)
			}
		}
		// More than a pipe and a batch hold, so that it waits for more once all is written.
		if _, err := io.WriteString(input, strings.Repeat("{}\n", 1<<17)); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Process.Signal(os.Interrupt); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait() // for ever, if it does not end
		input.Close()
		if cmd.ProcessState.ExitCode() != exitFailed || !strings.Contains(errs.String(), "the same command again") {
			t.Errorf("%s: %v\n%.1000s", in, cmd.ProcessState, errs.String())
		}
	}
}
