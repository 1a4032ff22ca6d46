package kit_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"myauth.internal/kit"
	"myauth.internal/kit/kittest"
	"myauth.internal/kit/throttle"
)

func throttled(o *kit.Options) { o.InsecureUnlimited = false }

// from returns the context of a client that keeps device tokens and has this one.
func (h *harness) from(ip, agent string, device kit.Secret) context.Context {
	ctx := kit.WithClient(h.t.Context(), kit.Client{IP: netip.MustParseAddr(ip), UserAgent: agent})
	return kit.WithDevice(ctx, string(device))
}

func (h *harness) loginFrom(ctx context.Context, email, password string) kit.TokenPair {
	h.t.Helper()
	tokens, err := h.Login(ctx, email, password)
	if err != nil {
		h.t.Fatal("login:", err)
	}
	return tokens
}

// devices returns the records of a user's devices.
func (h *harness) devices(userID string) []kit.Token {
	h.t.Helper()
	list, err := h.store.Credentials().ByUser(h.t.Context(), userID, "", 100)
	if err != nil {
		h.t.Fatal(err)
	}
	return slices.DeleteFunc(list, func(t kit.Token) bool { return t.Type != "device" })
}

const firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"

// guessUntilStopped makes strangers guess until nothing is compared any more.
func (h *harness) guessUntilStopped(email string) {
	h.t.Helper()
	failed := 0
	for i := 0; failed < 100; i++ {
		ip := netip.AddrFrom4([4]byte{203, 0, byte(i >> 8), byte(i)}).String()
		_, err := h.Login(h.from(ip, "", ""), email, fmt.Sprint("guess ", i))
		var wait *throttle.LimitError
		switch {
		case errors.Is(err, kit.ErrInvalidCredentials):
			failed++
		case errors.As(err, &wait):
			h.clock.Advance(wait.RetryAfter)
		default:
			h.t.Fatal(err)
		}
	}
	h.clock.Advance(24 * time.Hour)
	if _, err := h.Login(h.from("192.0.2.1", firefox, ""), email, goodPassword); !errors.Is(err, throttle.ErrTooManyRequests) {
		h.t.Fatalf("after 100 wrong guesses: %v", err)
	}
}

// TestDeviceLogsInWhileStrangersGuess: the owner is never locked out (claim 39).
func TestDeviceLogsInWhileStrangersGuess(t *testing.T) {
	h := newHarness(t, throttled)
	h.verified(testEmail)
	h.register("bob@example.com")
	device := h.loginFrom(h.from("192.0.2.1", firefox, ""), testEmail, goodPassword).DeviceToken
	bobs := h.loginFrom(h.from("192.0.2.2", firefox, ""), "bob@example.com", goodPassword).DeviceToken
	if device == "" || bobs == "" {
		t.Fatal("a login made no device token")
	}
	h.guessUntilStopped(testEmail)
	for name, c := range map[string]context.Context{
		"no device":       h.from("192.0.2.1", firefox, ""),
		"another's":       h.from("192.0.2.1", firefox, bobs),
		"a changed token": h.from("192.0.2.1", firefox, device[:len(device)-1]+"~"),
	} {
		if _, err := h.Login(c, testEmail, goodPassword); !errors.Is(err, throttle.ErrTooManyRequests) {
			t.Errorf("%s: %v, want a refusal", name, err)
		}
	}
	if tokens := h.loginFrom(h.from("198.51.100.1", firefox, device), testEmail, goodPassword); tokens.DeviceToken != "" {
		t.Error("a known device got another token")
	}
	// The owner was there: strangers begin anew, and so does the owner without a device.
	h.loginFrom(h.from("192.0.2.9", firefox, ""), testEmail, goodPassword)

	// A device has a row of its own.
	h.clock.Advance(time.Hour)
	refused := false
	for i := range 10 {
		_, err := h.Login(h.from("192.0.2.1", firefox, device), testEmail, fmt.Sprint("thief ", i))
		refused = refused || errors.Is(err, throttle.ErrTooManyRequests)
	}
	if !refused {
		t.Error("who has stolen a device token may guess without end")
	}
	h.loginFrom(h.from("192.0.2.9", firefox, ""), testEmail, goodPassword)
}

// TestLoginFromDeviceReadsTheAccountOnce: to know the device as one of the account, and to check
// the password.
func TestLoginFromDeviceReadsTheAccountOnce(t *testing.T) {
	h := newHarness(t)
	h.verified(testEmail)
	device := h.loginFrom(h.from("192.0.2.1", firefox, ""), testEmail, goodPassword).DeviceToken
	var calls []string
	h.faults.Each(func(_ context.Context, call string, _ any) kittest.Fault {
		calls = append(calls, call)
		return 0
	})
	h.loginFrom(h.from("192.0.2.1", firefox, device), testEmail, goodPassword)
	if want := []string{"credentials.ByID", "users.ByID", "tokens.Create"}; !slices.Equal(calls, want) {
		t.Errorf("the calls of the stores are %v, want %v", calls, want)
	}
}

// TestRefusedLoginDoesNotLookForTheAddress: no hash hides how long that takes, also not from a client
// with a device of another account.
func TestRefusedLoginDoesNotLookForTheAddress(t *testing.T) {
	limit := error(nil)
	h := newHarness(t, func(o *kit.Options) { o.Limiter = limiterFunc(func(throttle.Attempt) error { return limit }) })
	h.register(testEmail)
	h.register("bob@example.com")
	bobs := h.loginFrom(h.from("192.0.2.2", firefox, ""), "bob@example.com", goodPassword).DeviceToken
	limit = &throttle.LimitError{RetryAfter: time.Minute}
	before := h.faults.Calls("users.ByEmail")
	for _, device := range []kit.Secret{"", bobs} {
		if _, err := h.Login(h.from("192.0.2.2", firefox, device), testEmail, goodPassword); !errors.Is(err, throttle.ErrTooManyRequests) {
			t.Fatalf("%v, want a refusal", err)
		}
	}
	if n := h.faults.Calls("users.ByEmail") - before; n != 0 {
		t.Errorf("%d look-ups of the address", n)
	}
}

// TestResetEndsRowAndDevices: after a reset the owner is free, and no device is known.
func TestResetEndsRowAndDevices(t *testing.T) {
	h := newHarness(t, throttled, func(o *kit.Options) { o.WithoutMails = []kit.MailKind{kit.MailPasswordGuessing} })
	h.verified(testEmail)
	device := h.loginFrom(h.from("192.0.2.1", firefox, ""), testEmail, goodPassword).DeviceToken
	h.guessUntilStopped(testEmail)
	h.wantErr("reset", h.ResetPassword(t.Context(), h.resetToken(testEmail), otherPassword), nil)
	h.loginFrom(h.from("192.0.2.5", firefox, ""), testEmail, otherPassword)
	h.guessUntilStopped(testEmail)
	if _, err := h.Login(h.from("192.0.2.1", firefox, device), testEmail, otherPassword); !errors.Is(err, throttle.ErrTooManyRequests) {
		t.Errorf("a device of before the reset is still known: %v", err)
	}
}

// TestPasswordChangeKeepsItsDevice, and no other.
func TestPasswordChangeKeepsItsDevice(t *testing.T) {
	h := newHarness(t, throttled)
	h.verified(testEmail)
	own := h.loginFrom(h.from("192.0.2.1", firefox, ""), testEmail, goodPassword)
	other := h.loginFrom(h.from("192.0.2.2", firefox, ""), testEmail, goodPassword)
	if _, err := h.ChangePassword(t.Context(), h.claims(own), goodPassword, otherPassword); err != nil {
		t.Fatal(err)
	}
	h.guessUntilStopped(testEmail)
	_, err := h.Login(h.from("192.0.2.2", firefox, other.DeviceToken), testEmail, otherPassword)
	h.wantErr("another device", err, throttle.ErrTooManyRequests)
	h.loginFrom(h.from("192.0.2.1", firefox, own.DeviceToken), testEmail, otherPassword)
}

// TestRehashKeepsDevices: a hash that is replaced by one of another cost is the same password.
func TestRehashKeepsDevices(t *testing.T) {
	h := newHarness(t)
	h.verified(testEmail)
	one := h.loginFrom(h.from("192.0.2.1", firefox, ""), testEmail, goodPassword).DeviceToken
	other := h.loginFrom(h.from("192.0.2.2", firefox, ""), testEmail, goodPassword).DeviceToken
	h.Service = h.over(h.faults.Stores(h.store.Stores()), func(o *kit.Options) { o.BcryptCost = 5 })
	told := h.count(kit.EventNewDevice)
	for _, device := range []kit.Secret{one, other} {
		if tokens := h.loginFrom(h.from("198.51.100.1", firefox, device), testEmail, goodPassword); tokens.DeviceToken != "" {
			t.Error("a known device got another token")
		}
	}
	if n := h.count(kit.EventNewDevice) - told; n != 0 {
		t.Errorf("%d devices are new", n)
	}
}

// TestDevices: what is stored of them, and when the owner is told of a new one.
func TestDevices(t *testing.T) {
	h := newHarness(t)
	u := h.verified(testEmail)
	news := func() int { return h.count(kit.EventNewDevice) }
	first := h.loginFrom(h.from("192.0.2.1", firefox, ""), testEmail, goodPassword).DeviceToken
	if news() != 0 {
		t.Error("the first login of a new account is no news")
	}
	h.loginFrom(h.from("192.0.2.2", "curl/8.5.0", ""), testEmail, goodPassword)
	if m := h.nextMail(kit.MailNewDevice); m.Data["ip"] != "192.0.2.2" || m.Data["device"] != "curl" || news() != 1 {
		t.Errorf("got %+v after %d events", m, news())
	}
	// As good as known: same user agent, same source; a client that keeps no token; no more records.
	plain := kit.WithClient(t.Context(), kit.Client{IP: netip.MustParseAddr("192.0.2.2"), UserAgent: "curl/8.5.0"})
	for range 3 {
		if tokens := h.loginFrom(plain, testEmail, goodPassword); tokens.DeviceToken != "" {
			t.Error("a client that keeps no token got one")
		}
	}
	h.login(testEmail, goodPassword) // nothing is known of it
	if n := len(h.devices(u.ID)); n != 2 || news() != 1 {
		t.Errorf("%d devices, %d news, want 2 and 1", n, news())
	}
	for range 5 {
		h.loginFrom(h.from("192.0.2.2", "curl/8.5.0", ""), testEmail, goodPassword)
	}
	if n := len(h.devices(u.ID)); n != 4 {
		t.Errorf("%d devices, want the browser and three of the same", n)
	}
	// Ten at most, also when many come at once; the one that was used last stays.
	h.clock.Advance(48 * time.Hour)
	h.loginFrom(h.from("192.0.2.1", firefox, first), testEmail, goodPassword)
	for range 3 {
		race(20, func(i int) error {
			_, err := h.Login(h.from(fmt.Sprintf("198.51.100.%d", i), "", ""), testEmail, goodPassword)
			return err
		})
		h.clock.Advance(time.Second)
	}
	list := h.devices(u.ID)
	if len(list) != 10 {
		t.Errorf("%d devices, want 10", len(list))
	}
	// Ninety days after its last login a device is forgotten.
	for _, d := range list {
		if d.ExpiresAt.Sub(h.clock.Now()) > 90*24*time.Hour || len(d.Data) > 8<<10 {
			t.Errorf("a device's record: %+v", d)
		}
	}
}

// TestDeviceOfTheFirstStep: the answer to a second factor is counted for the device that the
// password came from.
func TestDeviceOfTheFirstStep(t *testing.T) {
	h := newHarness(t, withFactor, throttled)
	u := h.verified(testEmail)
	tokens := h.loginFrom(h.from("192.0.2.1", firefox, ""), testEmail, goodPassword)
	device := tokens.DeviceToken
	h.enroll(tokens)
	step := func(ctx context.Context) string {
		var due *kit.MFARequired
		if _, err := h.Login(ctx, testEmail, goodPassword); !errors.As(err, &due) {
			t.Fatal(err)
		}
		return string(due.Token)
	}
	guess := func(ctx context.Context) {
		for refused := false; !refused; {
			half := step(ctx)
			for range 5 {
				refused = refused || errors.Is(answer(h, half, "1"), throttle.ErrTooManyRequests)
			}
		}
	}
	guess(h.from("203.0.113.1", "", "")) // strangers with the password use up what they have
	h.wantErr("a stranger's right answer", answer(h, step(h.from("203.0.113.1", "", "")), "2"), throttle.ErrTooManyRequests)
	h.wantErr("the owner's", answer(h, step(h.from("192.0.2.1", firefox, device)), "2"), nil)
	h.wantErr("a stranger's after the owner's", answer(h, step(h.from("203.0.113.1", "", "")), "3"), throttle.ErrTooManyRequests)
	guess(h.from("192.0.2.1", firefox, device))
	h.wantErr("an administrator", h.ForgetGuesses(t.Context(), u.ID), nil)
	h.wantErr("a stranger's after that", answer(h, step(h.from("203.0.113.1", "", "")), "3"), nil)
	h.wantErr("the owner's after that", answer(h, step(h.from("192.0.2.1", firefox, device)), "4"), nil)
}

func answer(h *harness, half, text string) error {
	_, err := h.LoginWithFactor(h.t.Context(), half, "counter", "", code(text))
	return err
}

// TestScriptsPushOutNoDevice: the logins of clients that keep no token, from ever new addresses,
// leave the owner's device known.
func TestScriptsPushOutNoDevice(t *testing.T) {
	h := newHarness(t)
	u := h.verified(testEmail)
	device := h.loginFrom(h.from("192.0.2.1", firefox, ""), testEmail, goodPassword).DeviceToken
	for i := range 12 {
		h.clock.Advance(time.Hour)
		h.loginFrom(kit.WithClient(t.Context(), kit.Client{IP: netip.AddrFrom4([4]byte{203, 0, 113, byte(i)})}), testEmail, goodPassword)
	}
	if n := len(h.devices(u.ID)); n != 10 {
		t.Errorf("%d devices, want 10", n)
	}
	if tokens := h.loginFrom(h.from("192.0.2.1", firefox, device), testEmail, goodPassword); tokens.DeviceToken != "" {
		t.Error("the owner's device is a stranger")
	}
}

// TestOwnerIsToldInAnOutage: a login does not depend on its device's record, and a fault there does
// not hide it from the owner.
func TestOwnerIsToldInAnOutage(t *testing.T) {
	for _, fault := range []kittest.Fault{kittest.Down, kittest.Lost} {
		for _, op := range []string{"credentials.Create", "credentials.ByUser", "credentials.Delete"} {
			h := newHarness(t)
			h.verified(testEmail)
			for i := range 10 {
				h.loginFrom(h.from(fmt.Sprintf("192.0.2.%d", i), firefox, ""), testEmail, goodPassword)
			}
			told := h.count(kit.EventNewDevice)
			h.faults.Inject(op, fault, 1)
			tokens := h.loginFrom(h.from("203.0.113.1", "curl/8.5.0", ""), testEmail, goodPassword)
			if tokens.DeviceToken != "" {
				t.Errorf("%s, %v: the token of a device that is perhaps not stored", op, fault)
			}
			if h.faults.Clear(); h.count(kit.EventNewDevice) != told+1 {
				t.Errorf("%s, %v: the owner was not told", op, fault)
			}
		}
	}
}

// TestDeviceFaults: a client that presents a device is not called a stranger because of an outage.
func TestDeviceFaults(t *testing.T) {
	h := newHarness(t)
	h.verified(testEmail)
	device := h.loginFrom(h.from("192.0.2.1", firefox, ""), testEmail, goodPassword).DeviceToken
	h.faults.Inject("credentials.ByID", kittest.Down, 1)
	_, err := h.Login(h.from("192.0.2.1", firefox, device), testEmail, goodPassword)
	h.wantErr("outage", err, kit.ErrUnavailable)
}
