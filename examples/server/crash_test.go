package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestKilledUnderLoad kills the server with SIGKILL while clients use it, starts it
// again on the same data, and holds it to every answer that it gave. The moment is a
// random number of answers, so the other clients' requests are cut off at any point
// of theirs.
//
// Within the grace, which outlasts a restart, every token of a session is answered with
// the same successor; without a grace a consumed one ends the session. There are 2 rounds
// each; for more, with a longer -timeout:
//
//	MYAUTH_TEST_CRASH_ROUNDS=1000 go test -run TestKilledUnderLoad -timeout 3h .
func TestKilledUnderLoad(t *testing.T) {
	rounds := 2
	if s := os.Getenv("MYAUTH_TEST_CRASH_ROUNDS"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 {
			t.Fatalf("MYAUTH_TEST_CRASH_ROUNDS is %q: write a number of rounds", s)
		}
		rounds = n
	}
	for _, c := range []struct {
		name, grace string
		url         func(t testing.TB) string // nil: the file of the default
	}{{"sqlite", "1m", nil}, {"sqlite without a grace", "0", nil}, {"postgres", "0", schema}, {"mongo", "1m", database}} {
		t.Run(c.name, func(t *testing.T) {
			// One client tries hundreds of old passwords.
			env := []string{"MYAUTH_JWT_SECRET=" + testSecret, "MYAUTH_REFRESH_GRACE=" + c.grace, "MYAUTH_THROTTLE=off"}
			if c.url != nil {
				env = append(env, "MYAUTH_STORE="+c.url(t))
			}
			killedUnderLoad(t, rounds, c.grace != "0", env)
		})
	}
}

func killedUnderLoad(t *testing.T, rounds int, grace bool, env []string) {
	const (
		seed    = 2026
		clients = 6
	)
	dir := t.TempDir()
	box := &mailbox{links: map[string]chan string{}}
	start := func() *process {
		p := launch(t, dir, box, env...)
		p.url = p.waitFor(`^listening on (http://\S+)$`)[1]
		return p
	}
	var total tally
	var all []*crashClient
	p := start()
	for round := range rounds {
		load := &crashLoad{t: t, p: p, box: box, tally: &total}
		rng := rand.New(rand.NewPCG(seed, uint64(round)))
		load.left.Store(int64(10 + rng.IntN(100)))
		var here []*crashClient
		for i := range clients {
			here = append(here, &crashClient{
				crashLoad: load, grace: grace, name: fmt.Sprintf("r%dc%d", round, i), rng: rand.New(rand.NewPCG(rng.Uint64(), uint64(i))),
			})
		}
		each(here, (*crashClient).use)
		<-p.done

		p = start()
		after := &crashLoad{t: t, p: p, box: box, tally: &total}
		for _, c := range here {
			c.crashLoad = after
		}
		each(here, (*crashClient).check)
		if t.Failed() {
			t.Fatalf("in round %d of seed %d", round, seed)
		}
		all = append(all, here...)
	}
	// What an earlier round left has seen every later kill.
	for _, c := range all {
		c.crashLoad = &crashLoad{t: t, p: p, box: box, tally: &total}
	}
	each(all, (*crashClient).checkPasswords)
	p.stop()
	t.Logf("%d rounds: %s", rounds, &total)
	for i, what := range crashOps {
		if total.acknowledged[i].Load() == 0 {
			t.Errorf("no %s was acknowledged: the test is worth nothing", what)
		}
	}
	if t.Failed() {
		t.Logf("the seed is %d", seed)
	}
}

// each runs do for the clients, as many as there are in a round at a time.
func each(clients []*crashClient, do func(*crashClient)) {
	var wg sync.WaitGroup
	places := make(chan struct{}, 6)
	for _, c := range clients {
		places <- struct{}{}
		wg.Go(func() {
			defer func() { <-places }()
			do(c)
		})
	}
	wg.Wait()
}

// crashOps are the requests under load. A tally counts those that were answered, and
// those that the kill cut off.
var crashOps = []string{"register", "login", "refresh", "logout", "password-reset-request", "password-reset"}

type tally struct{ acknowledged, cutOff [6]atomic.Int64 }

func (c *tally) String() string {
	var b strings.Builder
	for i, what := range crashOps {
		fmt.Fprintf(&b, "%s %d (%d cut off), ", what, c.acknowledged[i].Load(), c.cutOff[i].Load())
	}
	return strings.TrimSuffix(b.String(), ", ")
}

// mailbox takes the links to reset a password out of what the server logs. A mail
// counts when it was printed to its end.
type mailbox struct {
	to, link string // of the mail that is being read

	mu    sync.Mutex
	links map[string]chan string
}

func (m *mailbox) Write(line []byte) (int, error) {
	text := strings.TrimSpace(string(line))
	if to, ok := strings.CutPrefix(text, "To: "); ok {
		m.to, m.link = to, ""
	} else if _, token, ok := strings.Cut(text, "/reset-password?token="); ok {
		m.link = token
	} else if text == "--- end of mail ---" && m.link != "" {
		m.of(m.to) <- m.link
		m.link = ""
	}
	return len(line), nil
}

// of returns what arrives for an address, in its order.
func (m *mailbox) of(address string) chan string {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.links[address] == nil {
		m.links[address] = make(chan string, 1000)
	}
	return m.links[address]
}

// crashLoad is what the clients of one server share. left is the number of answers
// to go until it is killed; if it was never set, no process is killed.
type crashLoad struct {
	t      *testing.T
	p      *process
	box    *mailbox
	tally  *tally
	left   atomic.Int64
	killed atomic.Bool
	client http.Client
}

// crashClient makes one request after the other, to accounts that are its own, so it
// knows what must be stored.
type crashClient struct {
	*crashLoad
	grace    bool
	name     string
	rng      *rand.Rand
	accounts []*crashAccount
}

type crashAccount struct {
	email     string
	passwords []string // each reset adds one; the last is valid
	created   bool     // acknowledged
	cutOff    string   // the new password of a reset without an answer
	sessions  []*crashSession
	resets    []*crashReset
}

func (a *crashAccount) password() string { return a.passwords[len(a.passwords)-1] }

type crashSession struct {
	access string
	tokens []string // refresh tokens; each refresh adds one
	fate   fate
}

type crashReset struct {
	token string
	fate  fate
}

// fate is what became of a session or reset token.
type fate int

const (
	live   fate = iota
	cutOff      // what would end it got no answer
	ended
)

// crashReply is what any answer is read into.
type crashReply struct {
	status       int
	Code         string
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token"`
}

func (r crashReply) String() string { return strings.TrimSpace(fmt.Sprint(r.status, " ", r.Code)) }

// send makes one request. No ok: the connection broke, which only a kill may do.
func (c *crashClient) send(op, token string, fields map[string]string) (reply crashReply, ok bool) {
	method, body := http.MethodPost, []byte(nil)
	if fields == nil {
		method = http.MethodGet
	} else {
		body, _ = json.Marshal(fields)
	}
	req, err := http.NewRequest(method, c.p.url+"/auth/"+op, strings.NewReader(string(body)))
	if err != nil {
		c.t.Error(err)
		return reply, false
	}
	req.Header.Set("Content-Type", "application/json")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := c.client.Do(req)
	if err == nil {
		defer res.Body.Close()
		reply.status = res.StatusCode
		if body, err = io.ReadAll(res.Body); err == nil && len(body) > 0 {
			err = json.Unmarshal(body, &reply)
		}
	}
	if err != nil && !c.killed.Load() {
		c.t.Errorf("%s %s: %v", c.name, op, err)
	}
	return reply, err == nil
}

// under sends the request number op of the load. The answer that is the last one to
// come kills the server. No ok: there was none, or a wrong one.
func (c *crashClient) under(op int, want int, fields map[string]string) (crashReply, bool) {
	reply, ok := c.send(crashOps[op], "", fields)
	if !ok {
		c.tally.cutOff[op].Add(1)
		return reply, false
	}
	if reply.status != want {
		c.t.Errorf("%s %s under load: %s, want %d", c.name, crashOps[op], reply, want)
	}
	c.tally.acknowledged[op].Add(1)
	if c.left.Add(-1) == 0 || reply.status != want {
		c.killed.Store(true)
		c.p.cmd.Process.Kill()
	}
	return reply, reply.status == want
}

// use works until the server is gone.
func (c *crashClient) use() {
	for ok := true; ok; {
		if len(c.accounts) == 0 || c.rng.IntN(12) == 0 {
			ok = c.register()
			continue
		}
		a := c.accounts[c.rng.IntN(len(c.accounts))]
		session, reset := pick(c.rng, a.sessions), pick(c.rng, a.resets)
		switch n := c.rng.IntN(16); {
		case session == nil || session.fate != live:
			ok = c.login(a)
		case n < 6:
			ok = c.refresh(session)
		case n < 9:
			ok = c.logout(session)
		case n < 12 && reset != nil && reset.fate == live:
			ok = c.reset(a, reset)
		case n < 14:
			ok = c.requestReset(a)
		default:
			ok = c.login(a)
		}
	}
}

func pick[T any](rng *rand.Rand, from []*T) *T {
	if len(from) == 0 {
		return nil
	}
	return from[rng.IntN(len(from))]
}

func (c *crashClient) register() bool {
	a := &crashAccount{email: fmt.Sprintf("%sa%d@example.com", c.name, len(c.accounts)), passwords: []string{goodPassword}}
	c.accounts = append(c.accounts, a)
	_, a.created = c.under(0, 201, a.registration())
	return a.created
}

func (a *crashAccount) registration() map[string]string {
	return map[string]string{"email": a.email, "username": "u", "password": a.passwords[0]}
}

func (c *crashClient) login(a *crashAccount) bool {
	r, ok := c.under(1, 200, map[string]string{"email": a.email, "password": a.password()})
	if ok {
		a.sessions = append(a.sessions, &crashSession{access: r.AccessToken, tokens: []string{r.RefreshToken}})
	}
	return ok
}

func (c *crashClient) refresh(s *crashSession) bool {
	r, ok := c.under(2, 200, map[string]string{"refresh_token": s.last()})
	if !ok && !c.grace {
		s.fate = cutOff // its token may be consumed, with no way back
	}
	if ok {
		s.access, s.tokens = r.AccessToken, append(s.tokens, r.RefreshToken)
	}
	return ok
}

func (s *crashSession) last() string { return s.tokens[len(s.tokens)-1] }

func (c *crashClient) logout(s *crashSession) bool {
	s.fate = cutOff
	_, ok := c.under(3, 204, map[string]string{"refresh_token": s.last()})
	if ok {
		s.fate = ended
	}
	return ok
}

// requestReset asks for a link and waits for the mail. One that is printed when the
// server dies arrived all the same.
func (c *crashClient) requestReset(a *crashAccount) bool {
	if _, ok := c.under(4, 202, map[string]string{"email": a.email}); !ok {
		return false
	}
	select {
	case token := <-c.box.of(a.email):
		a.resets = append(a.resets, &crashReset{token: token})
		return true
	case <-c.p.done:
	case <-time.After(patience):
		c.t.Errorf("%s: no mail came", a.email)
		c.p.cmd.Process.Kill()
	}
	return false
}

func (c *crashClient) reset(a *crashAccount, r *crashReset) bool {
	a.cutOff, r.fate = fmt.Sprintf("%s-%d", goodPassword, len(a.passwords)), cutOff
	_, ok := c.under(5, 204, map[string]string{"token": r.token, "new_password": a.cutOff})
	if ok {
		a.changed()
	}
	return ok
}

// changed notes a reset that happened.
func (a *crashAccount) changed() {
	a.passwords, a.cutOff = append(a.passwords, a.cutOff), ""
	for _, s := range a.sessions {
		s.fate = ended
	}
	for _, r := range a.resets {
		r.fate = ended
	}
}

// want sends a request after the restart. It reports whether the answer is one of
// those wanted, written like "401 revoked_token", and fails the test if it is not.
func (c *crashClient) want(why, op, token string, fields map[string]string, wanted ...string) (crashReply, bool) {
	r, ok := c.send(op, token, fields)
	for _, w := range wanted {
		if ok && r.String() == w {
			return r, true
		}
	}
	c.t.Errorf("%s: %s: %s answers %s, want %s", c.name, why, op, r, strings.Join(wanted, " or "))
	return r, false
}

const revoked = "401 revoked_token"

// check compares the restarted server with what this client was told.
func (c *crashClient) check() {
	for _, a := range c.accounts {
		for mails := c.box.of(a.email); len(mails) > 0; {
			a.resets = append(a.resets, &crashReset{token: <-mails})
		}
		if !a.created {
			// Nobody knows; but there is a whole user or none.
			c.want("a registration that was cut off", "register", "", a.registration(), "201", "409 user_already_exists")
			a.created = true
		}
		c.settleReset(a)
		c.checkPassword(a)
		for _, s := range a.sessions {
			c.checkSession(a, s)
		}
		c.checkResets(a)
	}
}

// settleReset finds out what became of a reset without an answer: all of it, or
// nothing.
func (c *crashClient) settleReset(a *crashAccount) {
	if a.cutOff == "" {
		return
	}
	if r, _ := c.want(a.email+"'s new password of a reset that was cut off", "login", "",
		map[string]string{"email": a.email, "password": a.cutOff}, "200", "401 invalid_credentials"); r.status == 200 {
		a.changed()
		return
	}
	a.cutOff = ""
	for _, r := range a.resets {
		if r.fate == cutOff {
			r.fate = live
		}
	}
}

// checkPassword logs in with the account's password, and tries the one before.
func (c *crashClient) checkPassword(a *crashAccount) {
	c.want(a.email+"'s password", "login", "", map[string]string{"email": a.email, "password": a.password()}, "200")
	if n := len(a.passwords); n > 1 {
		c.want(a.email+"'s old password", "login", "", map[string]string{"email": a.email, "password": a.passwords[n-2]}, "401 invalid_credentials")
	}
}

func (c *crashClient) checkPasswords() {
	for _, a := range c.accounts {
		c.checkPassword(a)
	}
}

func (c *crashClient) checkSession(a *crashAccount, s *crashSession) {
	present := func(why, token string, wanted ...string) crashReply {
		r, _ := c.want(a.email+"'s "+why, "refresh", "", map[string]string{"refresh_token": token}, wanted...)
		return r
	}
	switch s.fate {
	case ended:
		present("session that was ended", s.last(), revoked)
		return
	case cutOff:
		present("session of a logout or refresh that was cut off", s.last(), "200", revoked)
		return
	}
	c.want(a.email+"'s access token", "me", s.access, nil, "200")
	next := present("last refresh token", s.last(), "200")
	if !c.grace {
		present("consumed refresh token", s.last(), revoked)
		present("session after a reuse", next.RefreshToken, revoked)
		s.fate = ended
		return
	}
	// It may have been replaced by a refresh that was cut off. Either way the session
	// has one current token for as long as the grace lasts.
	for _, token := range s.tokens {
		if again := present("token within the grace", token, "200"); again.RefreshToken != next.RefreshToken {
			c.t.Errorf("%s: a refresh token has two successors", a.email)
		}
	}
}

// checkResets tries every reset token again. Of those that are still live the first
// works, and ends everything.
func (c *crashClient) checkResets(a *crashAccount) {
	for _, r := range a.resets {
		wanted := revoked
		if r.fate == live {
			wanted = "204"
		}
		a.cutOff = fmt.Sprintf("%s-%d", goodPassword, len(a.passwords))
		fields := map[string]string{"token": r.token, "new_password": a.cutOff}
		if _, ok := c.want(a.email+"'s reset token", "password-reset", "", fields, wanted); !ok || wanted == revoked {
			continue
		}
		a.changed()
		c.want(a.email+"'s reset token, used", "password-reset", "", fields, revoked)
		c.checkPassword(a)
		for _, s := range a.sessions {
			c.checkSession(a, s)
			c.want(a.email+"'s access token after a reset", "me", s.access, nil, revoked)
		}
	}
}
