package mailx

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"myauth.internal/kit"
)

func TestParseURL(t *testing.T) {
	for raw, want := range map[string]Config{
		"smtp://relay.example":                                 {Host: "relay.example", Port: 587},
		"smtp://relay.example/":                                {Host: "relay.example", Port: 587},
		"smtps://relay.example":                                {Host: "relay.example", Port: 465, Security: ImplicitTLS},
		"smtp://relay.example?tls=none":                        {Host: "relay.example", Port: 25, Security: InsecurePlaintext},
		"smtp://localhost:1025?tls=none":                       {Host: "localhost", Port: 1025, Security: InsecurePlaintext},
		"SMTP://user:pass@relay.example:2525":                  {Host: "relay.example", Port: 2525, Username: "user", Password: "pass"},
		"smtps://a%40b.example:p%2F%23%3F%25%3A%20%C3%A4@h:99": {Host: "h", Port: 99, Security: ImplicitTLS, Username: "a@b.example", Password: "p/#?%: ä"},
		"smtp://user:pass@h?auth=login":                        {Host: "h", Port: 587, Username: "user", Password: "pass", Auth: AuthLogin},
		"smtp://user:tok@h?auth=xoauth2":                       {Host: "h", Port: 587, Username: "user", Password: "tok", Auth: AuthXOAUTH2},
		"smtp://user@h?auth=oauthbearer":                       {Host: "h", Port: 587, Username: "user", Auth: AuthOAuthBearer},
		"smtp://u:p@h?auth=PLAIN&tls=none":                     {Host: "h", Port: 25, Security: InsecurePlaintext, Username: "u", Password: "p", Auth: AuthPlain},
		"smtp://u:p:q@[::1]:587":                               {Host: "::1", Port: 587, Username: "u", Password: "p:q"},
		"smtp://192.0.2.1":                                     {Host: "192.0.2.1", Port: 587},
	} {
		if got, err := ParseURL(raw); err != nil || got != want {
			t.Errorf("%s: got %+v %q, %v; want %+v", raw, got, string(got.Password), err, want)
		}
	}
}

// None of these is accepted, and no error quotes any of the password, wherever the
// missing percent-encoding puts its pieces.
var badURLs = []string{
	"", "relay.example", "relay.example:587", "//relay.example", "user:hunter2@relay.example:587", "http://relay.example",
	"hunter2://relay.example", "smtp:relay.example", "smtp://", "smtp:///path", "smtp://:587", "smtp://relay.example:",
	"smtp://relay.example:0", "smtp://relay.example:65536", "smtp://relay.example:hunter2", "smtp://relay.example/hunter2",
	"smtp://relay.example#hunter2", "smtp://relay.example#", "smtp://relay.example?hunter2=1", "smtp://relay.example?tls=hunter2",
	"smtp://relay.example?tls=", "smtp://relay.example?tls", "smtp://relay.example?TLS=none", "smtp://relay.example?tls=none&tls=none",
	"smtps://relay.example?tls=none", "smtp://u:p@relay.example?auth=", "smtp://u:p@relay.example?auth=hunter2",
	"smtp://relay.example?auth=plain", "smtp://relay.example?tls=none;auth=hunter2", "smtp://relay.example?%zz=hunter2",
	"smtp://@relay.example", "smtp://:hunter2@relay.example", "smtp://user:12/hunter2@relay.example", "smtp://user:12?hunter2@relay.example",
	"smtp://user:12#hunter2@relay.example", "smtp://user:hunter2%@relay.example", "smtp://user:hunter2 x@relay.example",
	"smtp://user:hunter2%00@relay.example", "smtp://us%0aer:hunter2@relay.example", "smtp://user:hunter2@relay example",
	"smtp://user:hunter2@rel%61y%0d%0a.example", "smtp://user:hunter2@relay_.exämple", "smtp://user:hunter2@a,b",
	" smtp://user:hunter2@relay.example", "smtp://user:hunter2@relay.example\n", "smtp://user:hunter2@[fe80::1", "smtp://user:@hunter2@relay.example:x",
	"smtp://user:hunter2@relay.example:465",
}

func TestBadURLs(t *testing.T) {
	for _, raw := range badURLs {
		c, err := ParseURL(raw)
		if err == nil {
			t.Errorf("%q is accepted as %+v", raw, c)
		} else if !strings.HasPrefix(err.Error(), "mailx: ") || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: %v", raw, err)
		}
	}
}

func FuzzParseURL(f *testing.F) {
	for _, raw := range badURLs {
		f.Add(raw)
	}
	f.Add("smtps://a%40b:c%3a@relay.example:465/?auth=plain")
	f.Add("smtp://[::1%25eth0]:25?tls=none")
	known := map[string]bool{}
	f.Fuzz(func(t *testing.T, raw string) {
		c, err := ParseURL(raw)
		if err != nil {
			// Fixed sentences alone, so nothing of the input.
			if known[err.Error()] = true; len(known) > 20 || !strings.HasPrefix(err.Error(), "mailx: ") {
				t.Errorf("%q: %v", raw, err)
			}
			return
		}
		if again, err := c.check(); err != nil || again != c {
			t.Errorf("%q: %+v is not stable: %v", raw, c, err)
		}
		if c.Security == InsecurePlaintext && !strings.Contains(raw, "tls=none") {
			t.Errorf("%q is plaintext without asking for it", raw)
		}
	})
}

func TestNewChecks(t *testing.T) {
	good := Config{Host: "relay.example", Username: "u", Password: "hunter2"}
	token := func(context.Context) (string, error) { return "hunter2", nil }
	for field, change := range map[string]func(*Config, *Options){
		"Config.Host":                     func(c *Config, _ *Options) { c.Host = "" },
		"Config.Host must":                func(c *Config, _ *Options) { c.Host = "u:hunter2@relay.example" },
		"Config.Port":                     func(c *Config, _ *Options) { c.Port = -1 },
		"Config.Security":                 func(c *Config, _ *Options) { c.Security = 3 },
		"Config.Auth":                     func(c *Config, _ *Options) { c.Auth = "hunter2" },
		"Config.Username is required":     func(c *Config, _ *Options) { c.Username = "" },
		"control characters":              func(c *Config, _ *Options) { c.Password += "\x00" },
		"Config.Username needs":           func(c *Config, _ *Options) { c.Password = "" },
		"Options.Token needs":             func(c *Config, o *Options) { o.Token, c.Auth = token, AuthPlain },
		"Options.Token needs Config.User": func(c *Config, o *Options) { *c, o.Token = Config{Host: "h"}, token },
		"Options.Timeout":                 func(_ *Config, o *Options) { o.Timeout = -time.Second },
		"Options.LocalName":               func(_ *Config, o *Options) { o.LocalName = "a\r\nMAIL" },
		"Options.LocalName must":          func(_ *Config, o *Options) { o.LocalName = "192.0.2.1" },
		"Options.LocalName must be":       func(_ *Config, o *Options) { o.LocalName = "[2001:db8::1]" },
		"Options.LocalName must be a":     func(_ *Config, o *Options) { o.LocalName = "[192.0.2.1" },
		"Options.From":                    func(_ *Config, o *Options) { o.From = "Shop" },
		"Options.From must":               func(_ *Config, o *Options) { o.From = `Shop <"a b"@shop.example>` },
		"name in Options.From":            func(_ *Config, o *Options) { o.From = strings.Repeat("x", 201) + " <a@shop.example>" },
		"Options.Bounce":                  func(_ *Config, o *Options) { o.Bounce = "Shop <a@shop.example>" },
		"Options.ProductName":             func(_ *Config, o *Options) { o.ProductName = "a\nb" },
		"Options.TLS.MinVersion":          func(_ *Config, o *Options) { o.TLS = &tls.Config{MinVersion: tls.VersionTLS11} },
	} {
		cfg, opts := good, Options{}
		change(&cfg, &opts)
		if _, err := New(cfg, &opts); err == nil || !strings.Contains(err.Error(), field) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("got %v, want an error about %s", err, field)
		}
	}
	if _, err := New(good, nil); err != nil {
		t.Error(err)
	}
}

// No way of printing what holds the password or a link shows it.
func TestNothingPrintsSecrets(t *testing.T) {
	cfg := Config{Host: "relay.example", Username: "user", Password: "hunter2"}
	m, err := New(cfg, nil)
	if err != nil {
		t.Fatal(err)
	}
	data := newData("Shop", kit.Mail{Link: "https://hunter2", Token: "hunter2"})
	var b strings.Builder
	logger := slog.New(slog.NewJSONHandler(&b, nil))
	for _, v := range []any{cfg, &cfg, m, *m, []Config{cfg}, map[string]any{"c": cfg}, struct{ C Config }{cfg}, data, &data} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			fmt.Fprintf(&b, verb+"\n", v)
		}
		logger.Info("v", "v", v)
	}
	encoded, err := json.Marshal(cfg)
	if out := b.String() + string(encoded); err != nil || strings.Contains(out, "hunter2") || strings.Contains(out, fmt.Sprintf("%x", "hunter2")) {
		t.Errorf("%v, printed:\n%s", err, out)
	}
	if got := fmt.Sprint(cfg); got != `{relay.example:0 over STARTTLS, user "user", auth ""}` {
		t.Error(got)
	}
}

func TestLogNeedsWriter(t *testing.T) {
	if _, err := NewLog(nil, nil); err == nil {
		t.Error("no error without a writer")
	}
	if _, err := NewLog(io.Discard, &Options{From: "x"}); err == nil {
		t.Error("no error for a bad From")
	}
}
