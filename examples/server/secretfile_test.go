package main

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func writeSecret(t *testing.T, content string) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestSecretsAsFiles: each variable that holds a secret can be given as a file, with
// the same effect, the same checks and the name of the variable that was used.
func TestSecretsAsFiles(t *testing.T) {
	values := map[string]struct{ good, bad string }{
		"MYAUTH_STORE":       {"postgres://app:s3cret@db/app", "mysql://app:s3cret@db/app"},
		"MYAUTH_TOKEN_STORE": {"redis://:s3cret@cache:6379/0", "redis:s3cret"},
		"MYAUTH_JWT_SECRET":  {"s3cret, with \r and \n and 32 bytes", "s3cret"},
		"MYAUTH_DATA_KEY":    {testDataKey, "s3cret"},
		"MYAUTH_SMTP_URL":    {"smtp://app:s3cret@relay.example:587", "http://app:s3cret@relay.example"},
	}
	for _, row := range settingsTable {
		if !row.secret {
			continue
		}
		t.Run(row.name, func(t *testing.T) {
			name, value := row.name+"_FILE", values[row.name]
			want, err := parseSettings(env(row.name + "=" + value.good))
			if err != nil {
				t.Fatal(err)
			}
			for _, end := range []string{"", "\n", "\r\n"} {
				path := writeSecret(t, value.good+end)
				want.fromFile = map[string]string{row.name: path}
				got, err := parseSettings(env(name + "=" + path))
				if fmt.Sprint(got.opts.DataKeys) == fmt.Sprint(want.opts.DataKeys) { // their IDs; ciphers are not to be compared
					got.opts.DataKeys = want.opts.DataKeys
				}
				if err != nil || !reflect.DeepEqual(got, want) {
					t.Errorf("with %q at its end: %v, another effect: %v", end, err, !reflect.DeepEqual(got, want))
				}
			}
			bad := writeSecret(t, value.bad)
			absent := filepath.Join(t.TempDir(), "absent")
			for _, test := range []struct {
				env  []string
				want string
			}{
				{[]string{name + "=" + bad}, ""},
				{[]string{name + "=" + bad, row.name + "=" + value.good}, row.name + " is set too"},
				{[]string{name + "=" + absent}, absent},
				{[]string{name + "=" + t.TempDir()}, "directory"},
				{[]string{name + "=" + writeSecret(t, "")}, "is empty"},
				{[]string{name + "=" + writeSecret(t, "\r\n")}, "is empty"},
				{[]string{name + "=" + writeSecret(t, strings.Repeat("s3cret", 20000))}, "more than 65536 bytes"},
				{[]string{name + "=" + value.good}, "no such file"},                    // the secret where its path belongs
				{[]string{name + "=" + strings.Repeat("s3cret", 100)}, "no such file"}, // too long for a path
				{[]string{name + "=/s3cret://" + value.good}, "no such file"},
				{[]string{name + "=/s3cretAfterASlash"}, "no such file"}, // base64 may begin so
			} {
				_, err := parseSettings(env(test.env...))
				if err == nil {
					t.Errorf("%q: accepted", test.env)
					continue
				}
				checkBadSetting(t, err.Error(), name, test.want)
			}
		})
	}
}

// TestServesWithSecretsAsFiles: what fails after the settings were read is named by
// the variable that was used, too.
func TestServesWithSecretsAsFiles(t *testing.T) {
	secret := "MYAUTH_JWT_SECRET_FILE=" + writeSecret(t, testSecret+"\n")
	p := startServer(t, t.TempDir(), secret, "MYAUTH_STORE_FILE="+writeSecret(t, "memory:\n"))
	p.do(201, "POST", "/auth/register", "", registration)
	p.stop()
	if strings.Contains(p.stderr(), "MYAUTH_JWT_SECRET is not set") {
		t.Error("the secret is random")
	}
	p = launch(t, t.TempDir(), nil, secret, "MYAUTH_STORE_FILE="+writeSecret(t, "postgres://u:s3cret@127.0.0.1:1/auth?sslmode=disable"))
	if status := p.status(); status != exitFailed {
		t.Errorf("exit status %d", status)
	}
	checkBadSetting(t, p.stderr(), "MYAUTH_STORE_FILE", "refused")
}
