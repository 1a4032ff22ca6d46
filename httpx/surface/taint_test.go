package surface

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"myauth.internal/kit"
	"myauth.internal/kit/metrics"
)

// taint is claim 71 over all the tests of this package. Each secret that goes over the wire or into a
// mail, whatever the answer was, is remembered, and in the end looked for in all that an operator sees of
// an app: its logs in both formats, its events, its metrics, its traces, and what its values print. (What
// headers mails have is the business of mailx.) It is a feature for the events and the traces.
type taint struct {
	mailer  kit.Mailer // the one that it stands before
	metrics *metrics.Metrics
	jsonLog syncBuffer

	mu      sync.Mutex
	secrets map[string]string // what each one is
	shown   strings.Builder
}

// secretMembers are the members of bodies, the parameters of queries and the fields of forms that hold
// secrets: text, or anything with texts in it.
var secretMembers = []string{
	"password", "new_password", "current_password", "repeat", "token", "access_token", "refresh_token", "device_token", "mfa_token",
	"code", "state", "secret", "uri", "recovery_codes", "credential", "id_token", "nonce", "code_verifier", "pin",
}

func (*taint) Name() string { return "taint" }

func (ta *taint) Attach(*kit.Core) (kit.Extension, error) {
	return kit.Extension{
		Observe: func(_ context.Context, e kit.Event) { ta.show(fmt.Sprintf("event %+v %#v", e, e)) },
		Trace: func(ctx context.Context, op kit.Operation) (context.Context, func(string)) {
			ta.show(fmt.Sprintf("operation %+v", op))
			return ctx, func(outcome string) { ta.show("outcome " + outcome) }
		},
	}, nil
}

func (ta *taint) show(text string) {
	ta.mu.Lock()
	defer ta.mu.Unlock()
	ta.shown.WriteString(text + "\n")
}

// add remembers a secret. What is short, such as a number, or a word, which tests send where a secret
// belongs, may stand in a log by chance.
func (ta *taint) add(what, secret string) {
	if len(secret) < 8 || !strings.ContainsAny(secret, "0123456789") {
		return
	}
	ta.mu.Lock()
	defer ta.mu.Unlock()
	if ta.secrets == nil {
		ta.secrets = map[string]string{}
	}
	ta.secrets[secret] = what
}

// Send remembers the secrets of a mail, and shows its headers.
func (ta *taint) Send(ctx context.Context, m kit.Mail) error {
	ta.add("the token of a mail", string(m.Token))
	ta.show(fmt.Sprintf("mail to %s: %s %v %+v", m.To, m.Kind, m.Data, m))
	return ta.mailer.Send(ctx, m)
}

// RoundTrip remembers the secrets of a request and of its answer.
func (tr tainted) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil && r.ContentLength > 0 {
		text, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		r = r.Clone(r.Context())
		r.Body = io.NopCloser(bytes.NewReader(text))
		tr.body("sent", text, true)
	}
	for name, values := range r.URL.Query() {
		tr.values("the parameter "+name, name, values)
	}
	if _, token, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok {
		tr.add("an access token", token)
	}
	for _, c := range r.Cookies() {
		tr.add("the cookie "+c.Name, c.Value)
	}
	response, err := tr.base.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(response.Body)
	response.Body = io.NopCloser(bytes.NewReader(text))
	if err == nil && !strings.HasSuffix(r.URL.Path, "/openapi.json") { // which describes secrets
		tr.body("answered", text, false)
	}
	for _, c := range response.Cookies() {
		tr.add("the cookie "+c.Name, c.Value)
	}
	return response, err
}

type tainted struct {
	*taint
	base http.RoundTripper
}

func (ta *taint) values(what, name string, values []string) {
	if slices.Contains(secretMembers, name) {
		for _, v := range values {
			ta.add(what, v)
		}
	}
}

// body remembers the secrets of a body. The member code is one in a request; in an answer it is that of
// the problem.
func (ta *taint) body(what string, text []byte, request bool) {
	var v any
	if json.Unmarshal(text, &v) == nil {
		ta.json(what, v, false, request)
	} else if form, err := url.ParseQuery(string(text)); err == nil && request {
		for name, values := range form {
			ta.values("the field "+name, name, values)
		}
	}
}

func (ta *taint) json(what string, v any, secret, request bool) {
	switch v := v.(type) {
	case string:
		if secret {
			ta.add(what, v)
		}
	case []any:
		for _, item := range v {
			ta.json(what, item, secret, request)
		}
	case map[string]any:
		for name, item := range v {
			ta.json(what+" "+name, item, secret || slices.Contains(secretMembers, name) && (request || name != "code"), request)
		}
	}
}

// check looks for the secrets once the app has ended.
func (ta *taint) check(a *app) {
	a.t.Helper()
	w := httptest.NewRecorder()
	ta.metrics.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	ta.mu.Lock()
	defer ta.mu.Unlock()
	for where, text := range map[string]string{
		"the log": a.log.String(), "the log in JSON": ta.jsonLog.String(), "the metrics": w.Body.String(), "an event, a trace or the value of a mail": ta.shown.String(),
		"the Service": fmt.Sprintf("%v %+v %#v", a.Service, a.Service, a.Service),
	} {
		for secret, what := range ta.secrets {
			if at := strings.Index(text, secret); at >= 0 {
				a.t.Errorf("%s shows a secret, %s: …%.100s", where, what, text[max(0, at-100):at])
			}
		}
	}
}

// TestTaintIsSeen: what the check looks at is there, and a secret in any of it would be found.
func TestTaintIsSeen(t *testing.T) {
	ta := &taint{}
	ta.body("sent", []byte(`{"email":"ada@example.com","password":"`+goodPassword+`","credential":{"response":{"signature":"signature-1"}}}`), true)
	ta.body("answered", []byte(`{"code":"invalid_credentials","recovery_codes":["recovery-code-1"]}`), false)
	ta.body("sent", []byte("grant_type=refresh_token&refresh_token=myauth_rt_1"), true)
	for _, secret := range []string{goodPassword, "signature-1", "recovery-code-1", "myauth_rt_1"} {
		if ta.secrets[secret] == "" {
			t.Errorf("%s is not remembered", secret)
		}
	}
	if len(ta.secrets) != 4 {
		t.Errorf("%d secrets: %v", len(ta.secrets), ta.secrets)
	}
	a := newApp(t)
	a.register()
	a.mail(kit.MailVerification) // which goes later than the answer
	a.login()
	a.post("/login", "email", testEmail, "password", otherPassword).is(401, "invalid_credentials")
	jsonLog := a.taint.jsonLog.String()
	for where, seen := range map[string]bool{
		"the log": strings.Contains(a.log.String(), "event=login_failed"), "the log in JSON": strings.Contains(jsonLog, `"event":"login_failed"`),
		"events": strings.Contains(a.taint.text(), "event {Kind:login_failed"), "traces": strings.Contains(a.taint.text(), "operation {Kind:hash Name:compare}\noutcome ok"),
		"mails": strings.Contains(a.taint.text(), "mail to "+testEmail), "the password": a.taint.secrets[otherPassword] != "" && a.taint.secrets[goodPassword] != "",
	} {
		if !seen {
			t.Errorf("%s: nothing is seen", where)
		}
	}
}

func (ta *taint) text() string {
	ta.mu.Lock()
	defer ta.mu.Unlock()
	return ta.shown.String()
}

// newLogger logs to both buffers. The time is left out: its digits could be those of a code.
func newLogger(text, inJSON io.Writer) *slog.Logger {
	opts := &slog.HandlerOptions{Level: slog.LevelDebug, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}
	return slog.New(slog.NewMultiHandler(slog.NewTextHandler(text, opts), slog.NewJSONHandler(inJSON, opts)))
}
