package kit_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"myauth.internal/kit"
	"myauth.internal/kit/kittest"
)

func TestAccessTokenEndsWithItsSession(t *testing.T) {
	h := newHarness(t, func(o *kit.Options) { o.SessionMaxAge = time.Hour; o.AccessTokenTTL = 24 * time.Hour })
	h.register(testEmail)
	tokens := h.login(testEmail, goodPassword)
	if tokens.ExpiresIn != time.Hour {
		t.Errorf("the access token of a session of one hour is valid for %v", tokens.ExpiresIn)
	}
	h.clock.Advance(time.Hour)
	_, _, err := h.Authenticate(t.Context(), string(tokens.AccessToken))
	h.wantErr("after the session's end", err, kit.ErrExpiredToken)
}

func TestAccessTokenNamesItsClient(t *testing.T) {
	for want, change := range map[string]func(*kit.Options){
		"myauth": func(*kit.Options) {},
		"api":    func(o *kit.Options) { o.JWTAudience = "api" },
		"web":    func(o *kit.Options) { o.JWTAudience, o.ClientID = "api", "web" },
	} {
		h := newHarness(t, change)
		h.register(testEmail)
		_, claims, err := h.Authenticate(t.Context(), string(h.login(testEmail, goodPassword).AccessToken))
		if err != nil || claims.ClientID != want {
			t.Errorf("client_id is %q, error %v, want %q", claims.ClientID, err, want)
		}
	}
}

// TestGrant: a login of a feature's or an application's own is judged by the account as it is
// now, and its proof is spent last, once.
func TestGrant(t *testing.T) {
	broken := errors.New("broken")
	for name, c := range map[string]struct {
		change    func(*kit.Options)
		meanwhile func(*harness, kit.User)
		spend     error
		want      error
		spent     int
	}{
		"granted":                {nil, nil, nil, nil, 1},
		"inactive":               {nil, func(h *harness, u kit.User) { h.Deactivate(t.Context(), u.ID) }, nil, kit.ErrAccountDisabled, 0},
		"unverified":             {func(o *kit.Options) { o.RequireVerifiedEmail = true }, nil, nil, kit.ErrEmailNotVerified, 0},
		"sessions ended":         {nil, func(h *harness, u kit.User) { h.EndAllSessions(t.Context(), u.ID) }, nil, kit.ErrRevokedToken, 0},
		"deleted":                {nil, func(h *harness, u kit.User) { h.DeleteUser(t.Context(), u.ID) }, nil, kit.ErrRevokedToken, 0},
		"an outage of users":     {nil, func(h *harness, u kit.User) { h.faults.Inject("users.ByID", kittest.Down, 1) }, nil, kit.ErrUnavailable, 0},
		"an outage of tokens":    {nil, func(h *harness, u kit.User) { h.faults.Inject("tokens.Create", kittest.Down, 1) }, nil, kit.ErrUnavailable, 0},
		"an answer that is lost": {nil, func(h *harness, u kit.User) { h.faults.Inject("tokens.Create", kittest.Lost, 1) }, nil, nil, 1},
		"a hook":                 {func(o *kit.Options) { o.Hooks.BeforeLogin = func(context.Context, kit.User) error { return broken } }, nil, nil, broken, 0},
		"claims": {func(o *kit.Options) {
			o.Claims = func(context.Context, kit.User) (map[string]any, error) { return nil, broken }
		}, nil, nil, broken, 0},
		"spent":                  {nil, nil, kit.ErrRevokedToken, kit.ErrRevokedToken, 1},
		"an outage of the proof": {nil, nil, kit.ErrUnavailable, kit.ErrUnavailable, 1},
	} {
		h := newHarness(t, func(o *kit.Options) {
			if c.change != nil {
				c.change(o)
			}
		})
		u, _ := h.register(testEmail)
		if c.meanwhile != nil {
			c.meanwhile(h, u)
		}
		spent := 0
		tokens, err := h.Grant(t.Context(), kit.Login{User: u, AMR: []string{"otp"}, Spend: func(ctx context.Context) error {
			spent++
			if len(h.sessionRows(u.ID)) != 1 {
				t.Errorf("%s: the proof is spent before its session is stored", name)
			}
			return c.spend
		}})
		h.wantErr(name, err, c.want)
		if spent != c.spent {
			t.Errorf("%s: the proof was spent %d times, want %d", name, spent, c.spent)
		}
		h.faults.Clear()
		rows := h.sessionRows(u.ID)
		switch {
		case c.want != nil && (len(rows) != 0 || tokens.AccessToken+tokens.RefreshToken != ""):
			t.Errorf("%s: rows %v, tokens %v", name, rows, tokens)
		case c.want == nil:
			if claims := h.claims(h.mustRefresh(tokens.RefreshToken)); claims.AMR[0] != "otp" {
				t.Errorf("%s: amr %v", name, claims.AMR)
			}
		}
		if n := h.count(kit.EventLoggedIn); n != map[bool]int{true: 1}[c.want == nil] {
			t.Errorf("%s: %d events of a login", name, n)
		}
		if errors.Is(c.want, kit.ErrRevokedToken) && name != "deleted" && h.last(kit.EventLoginFailed).UserID != u.ID {
			t.Errorf("%s: no event", name)
		}
	}
}

// TestCheckPassword: the account whatever its state, and no session.
func TestCheckPassword(t *testing.T) {
	h := newHarness(t, func(o *kit.Options) { o.RequireVerifiedEmail = true })
	u, _ := h.register(testEmail)
	h.Deactivate(t.Context(), u.ID)
	got, err := h.CheckPassword(t.Context(), " "+testEmail, goodPassword)
	if err != nil || got.ID != u.ID || got.Active {
		t.Errorf("got %v, %v", got, err)
	}
	for _, c := range [][2]string{{testEmail, otherPassword}, {"bob@example.com", goodPassword}, {"no address", goodPassword}, {testEmail, ""}} {
		before := h.Stats().Hashing.Admitted
		got, err := h.CheckPassword(t.Context(), c[0], c[1])
		if !errors.Is(err, kit.ErrInvalidCredentials) || got.ID != "" {
			t.Errorf("%q: %v, %v", c[0], got, err)
		}
		if n := h.Stats().Hashing.Admitted - before; n != 1 {
			t.Errorf("%q: %d comparisons, want one for everybody", c[0], n)
		}
	}
	if rows := h.sessionRows(u.ID); len(rows) != 0 || h.count(kit.EventLoggedIn) != 0 {
		t.Errorf("sessions %v", rows)
	}
}

// TestAuthTimeStays: through every refresh, and so do the methods of the login.
func TestAuthTimeStays(t *testing.T) {
	for _, grace := range []time.Duration{0, -1} {
		h := newHarness(t, func(o *kit.Options) { o.RefreshGrace = grace })
		u, _ := h.register(testEmail)
		ctx := kit.WithClient(t.Context(), kit.Client{UserAgent: "agent"})
		tokens, err := h.Grant(ctx, kit.Login{User: u, AMR: []string{"pwd", "otp", "mfa"}})
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if c := h.claims(tokens); !c.AuthTime.Equal(start) || !slices.Equal(c.AMR, []string{"pwd", "otp", "mfa"}) {
				t.Errorf("auth_time %v, amr %v", c.AuthTime, c.AMR)
			}
			h.clock.Advance(15 * time.Minute)
			tokens = h.mustRefresh(tokens.RefreshToken)
		}
		h.wantErr("a recent login", h.CheckRecent(u, h.claims(tokens)), kit.ErrReauthenticationRequired)
		sessions, err := h.Sessions(t.Context(), u.ID)
		if err != nil || len(sessions) != 1 || sessions[0].Client.UserAgent != "agent" || len(sessions[0].AMR) != 3 {
			t.Fatalf("sessions %+v, %v", sessions, err)
		}
		sessions[0].AMR[0] = "changed" // by the caller, who must not reach those of others
	}
	h := newHarness(t)
	u, _ := h.register(testEmail)
	h.login(testEmail, goodPassword)
	first, _ := h.Sessions(t.Context(), u.ID)
	first[0].AMR[0] = "changed"
	if second, _ := h.Sessions(t.Context(), u.ID); second[0].AMR[0] != "pwd" || h.claims(h.login(testEmail, goodPassword)).AMR[0] != "pwd" {
		t.Error("a caller changed the methods of others")
	}
}

// TestCorruptSessionData neither answers tokens nor ends the session.
func TestCorruptSessionData(t *testing.T) {
	h := newHarness(t)
	u, _ := h.register(testEmail)
	tokens := h.login(testEmail, goodPassword)
	row := h.sessionRows(u.ID)[0]
	good := row.Data
	row.Data = []byte(`{"amr":["pwd"`)
	if err := h.store.Tokens().Update(t.Context(), row); err != nil {
		t.Fatal(err)
	}
	if got, err := h.refresh(tokens.RefreshToken); err == nil || errors.Is(err, kit.ErrInvalidToken) || errors.Is(err, kit.ErrRevokedToken) {
		t.Errorf("got %v, %v", got, err)
	}
	row = h.sessionRows(u.ID)[0]
	row.Data = good
	if err := h.store.Tokens().Update(t.Context(), row); err != nil {
		t.Fatal(err)
	}
	h.mustRefresh(tokens.RefreshToken)
}

// TestClaims: an application's own, and none that is registered. While they cannot be made no
// session ends, however long that lasts.
func TestClaims(t *testing.T) {
	var extra map[string]any
	var broken error
	h := newHarness(t, func(o *kit.Options) {
		o.Claims = func(_ context.Context, u kit.User) (map[string]any, error) { return extra, broken }
	})
	u, _ := h.register(testEmail)
	extra = map[string]any{"tenant": map[string]int{"id": 7}}
	tokens := h.login(testEmail, goodPassword)
	if c := h.claims(tokens); string(c.Extra) != `{"tenant":{"id":7}}` {
		t.Errorf("the claims are %s", c.Extra)
	}
	for _, name := range []string{"sub", "amr", "auth_time", "roles", "epoch", "scope", "act"} {
		extra = map[string]any{name: "x"}
		if _, err := h.Login(t.Context(), testEmail, goodPassword); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("a claim %s: error %v", name, err)
		}
	}
	for _, c := range []map[string]any{{"f": func() {}}, {"long": strings.Repeat("x", 16<<10)}} {
		extra = c
		if _, err := h.Login(t.Context(), testEmail, goodPassword); err == nil {
			t.Errorf("the claims %v are accepted", c)
		}
	}
	extra, broken = nil, errors.New("broken")
	for range 3 {
		_, err := h.refresh(tokens.RefreshToken)
		h.wantErr("a refresh without claims", err, broken)
		h.clock.Advance(time.Minute) // more than the grace
	}
	broken = nil
	h.mustRefresh(tokens.RefreshToken)
	if n := len(h.sessionRows(u.ID)); n != 1 {
		t.Errorf("%d sessions", n)
	}
}
