package acceptance

import (
	"net/http"
	"testing"
)

// TestHeadAndTwice: programs that look at addresses, without the browser's cookies, change nothing
// and ask the provider nothing; and a user who clicks twice is signed in once.
func TestHeadAndTwice(t *testing.T) {
	a := newApp(t)
	a.acme.Know("ada", ada)
	b := a.browser()
	callback := b.toProvider(b.start(""), "ada")
	rows, asked := a.rows(), requests3(a.acme)
	for _, method := range []string{"HEAD", "GET"} {
		scanner := a.browser()
		res, body := scanner.request(method, callback.String(), "", nil)
		to, err := res.Location()
		if err != nil || res.StatusCode != http.StatusSeeOther || to.Query().Get("error") != "invalid_state" || len(body) > 0 || res.Header.Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("%s of the callback by somebody else: %s %v %v", method, res.Status, to, err)
		}
		if res, _ := scanner.request(method, a.url+"/providers/acme/start", "", nil); res.StatusCode != http.StatusSeeOther {
			t.Errorf("%s of the start: %s", method, res.Status)
		}
	}
	if a.rows() != rows || requests3(a.acme) != asked {
		t.Errorf("%d rows more, the provider was asked %v, before %v", a.rows()-rows, requests3(a.acme), asked)
	}
	code := b.back(callback).Get("code")
	if twice := b.back(callback).Get("error"); twice != "invalid_state" {
		t.Errorf("the callback again: %s", twice)
	}
	tokens := b.send("POST", "/providers/exchange", "", members{"code": code}, 200)
	if again := b.code("POST", "/providers/exchange", "", members{"code": code}, 401); again != "invalid_token" && again != "revoked_token" {
		t.Errorf("the code again: %s", again)
	}
	sessions := b.send("GET", "/sessions", access(tokens), nil, 200)["sessions"].([]any)
	if len(sessions) != 1 {
		t.Errorf("%d sessions", len(sessions))
	}
}
