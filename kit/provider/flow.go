package provider

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"myauth.internal/kit"
)

// How long things are good for.
const (
	flowTTL    = 10 * time.Minute // from the start to the callback
	codeTTL    = time.Minute      // from the callback to the exchange
	linkTTL    = 5 * time.Minute  // from POST link to the start
	confirmTTL = time.Hour        // the link in a mail, and the cookie of the flow that it is for
)

// unprinted makes a struct that has secrets print as nothing, whatever the verb.
type unprinted struct{}

func (unprinted) Format(f fmt.State, _ rune) { io.WriteString(f, "[redacted]") }

// LogValue is for handlers that write JSON: a state of the same struct is JSON too, with its secrets.
func (unprinted) LogValue() slog.Value { return slog.StringValue("[redacted]") }

// The kinds of states.
const (
	stateFlow = "flow"
	stateCode = "code"
	stateLink = "link"
)

// stage is how far a flow has come.
type stage int

const (
	begun    stage = iota + 1 // the browser is at the provider
	answered                  // the page has a code
	mailed                    // the owner of the address has a mail
)

// flow is a login from its start to its end. It travels in a cookie of the browser, so nobody else
// can go on with it, and a login that is not finished leaves nothing in the store.
type flow struct {
	unprinted

	ID       string `json:"-"` // in the name of the cookie, and the front of State
	Stage    stage  `json:"g"`
	Provider string `json:"p,omitempty"`
	State    string `json:"s,omitempty"`
	Nonce    string `json:"n,omitempty"`
	Verifier string `json:"v,omitempty"`
	want
}

// want is what a page wants of a flow.
type want struct {
	Redirect  string   `json:"r,omitempty"` // one of Feature.redirects
	Challenge string   `json:"c,omitempty"` // of the page's own PKCE
	Link      *linking `json:"l,omitempty"` // nil: a login
}

// linking says that a flow ends in a new identity of an account.
type linking struct {
	User    string `json:"u"`
	Session string `json:"s"`
	Nonce   string `json:"n"` // which the callback uses up
	Until   int64  `json:"e"` // of the link, in seconds since 1970
}

// newFlow begins a flow. IDs that are made later sort later.
func newFlow(c client, w want, now time.Time) flow {
	id := fmt.Sprintf("%08x", now.Unix()) + rand.Text()[:12]
	return flow{
		ID: id, Stage: begun, Provider: c.Name, State: id + "." + rand.Text(), Nonce: rand.Text(), Verifier: oauth2.GenerateVerifier(), want: w,
	}
}

// cookiePrefix and the ID of a flow are the name of its cookie: several flows may run in one browser.
const cookiePrefix = "__Host-myauth_pv_"

// cookie returns the cookie of f, which is good until a time.
func (p *providers) cookie(f flow, until time.Time, crossSite bool) (kit.Cookie, error) {
	data, err := encode(f)
	if err != nil {
		return kit.Cookie{}, err
	}
	sealed, err := p.core.SealState(stateFlow, until, data, f.ID)
	return kit.Cookie{Name: cookiePrefix + f.ID, Value: string(sealed), MaxAge: until.Sub(p.core.Now()), CrossSite: crossSite}, err
}

// noCookie removes the cookie of a flow.
func noCookie(id string) kit.Cookie { return kit.Cookie{Name: cookiePrefix + id, MaxAge: -1} }

// flowOf returns the flow with an ID, if the browser that sends r has begun it and it is at that
// stage. Errors: an errStale.
func (p *providers) flowOf(r kit.Source, id string, at stage) (flow, kit.State, error) {
	if !isID(id) {
		return flow{}, kit.State{}, fmt.Errorf("%w: it has no state of ours", errStale)
	}
	value := r.CookieValue(cookiePrefix + id)
	if value == "" {
		return flow{}, kit.State{}, fmt.Errorf("%w: the browser has no cookie of it", errStale)
	}
	st, err := p.core.OpenState(stateFlow, value, id)
	if err != nil {
		return flow{}, kit.State{}, fmt.Errorf("%w: the cookie: %w", errStale, err)
	}
	f := flow{ID: id}
	if err := json.Unmarshal(st.Data, &f); err != nil {
		return flow{}, kit.State{}, err
	}
	if f.Stage != at {
		return flow{}, kit.State{}, fmt.Errorf("%w: its flow is at another stage", errStale)
	}
	return f, st, nil
}

// isID reports whether a text can be the ID of a flow, and so a part of the name of a cookie.
func isID(id string) bool {
	return id != "" && len(id) <= 32 && !strings.ContainsFunc(id, func(c rune) bool {
		return (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z')
	})
}

// maxFlows is how many flows run at once in a browser: each cookie makes all its requests longer.
const maxFlows = 5

// tooOld returns cookies that remove the oldest flows of a browser which begins another.
func tooOld(r kit.Request) []kit.Cookie {
	var ids []string
	for _, line := range r.HeaderValues("Cookie") {
		for pair := range strings.SplitSeq(line, ";") {
			name, _, _ := strings.Cut(strings.TrimSpace(pair), "=")
			// On http://localhost package httpx leaves the prefix __Host- out.
			if id, ours := strings.CutPrefix("__Host-"+strings.TrimPrefix(name, "__Host-"), cookiePrefix); ours && isID(id) {
				ids = append(ids, id)
			}
		}
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	var removed []kit.Cookie
	for len(ids) >= maxFlows {
		removed, ids = append(removed, noCookie(ids[0])), ids[1:]
	}
	return removed
}

// want returns what a page wants, after the checks of what it says.
func (p *providers) want(redirectTo, challenge string) (want, error) {
	w := want{Redirect: redirectTo, Challenge: challenge}
	if w.Redirect == "" {
		w.Redirect = p.redirects[0]
	}
	if !slices.Contains(p.redirects, w.Redirect) {
		return want{}, kit.Invalid("redirect_to", codeNotAllowed, "must be one of the URLs that a login may return to, exactly")
	}
	if sum, err := base64URL.DecodeString(challenge); challenge != "" && (err != nil || len(sum) != 32 || len(challenge) != 43) { // the decoder skips line breaks
		return want{}, kit.Invalid("code_challenge", codeNotAllowed, "must be the SHA-256 of the code_verifier in base64url, 43 characters (RFC 7636, method S256)")
	}
	return w, nil
}

const codeNotAllowed = "not_allowed"

var base64URL = base64.RawURLEncoding.Strict()

// with returns a target with one more parameter in its query.
func with(target, name, value string) string {
	separator := "?"
	if strings.Contains(target, "?") {
		separator = "&"
	}
	return target + separator + name + "=" + value
}

// same compares secrets in constant time.
func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// encode is v as JSON. Characters that only HTML needs to escape stay one byte each.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// failed tells the audit stream that a login by a provider has failed, and why.
func (p *providers) failed(ctx context.Context, c client, userID string, err error) {
	p.core.Emit(ctx, kit.Event{Kind: kit.EventLoginFailed, UserID: userID, Err: fmt.Errorf("%s: %w", c.Name, err)})
}
