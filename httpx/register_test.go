package httpx

import (
	"fmt"
	"net/http"
	"testing"

	"myauth.internal/kit"
)

// Where accounts are concealed, a taken address and a free one get the same answer,
// to the byte; what is wrong with the input itself is said all the same.
func TestConcealedRegistration(t *testing.T) {
	rg := newRig(t, Options{}, func(o *kit.Options) { o.ConcealAccounts, o.RequireVerifiedEmail = true, true })
	register := func(email string) string {
		w := post(rg, "/auth/register", `{"email":"`+email+`","username":"Eve","password":"Engine#1843!"}`)
		if w.Code != http.StatusAccepted || w.Body.String() != `{"status":"accepted"}` || w.Header()["Location"] != nil {
			t.Errorf("%s: got %d %v %s", email, w.Code, w.Header(), w.Body)
		}
		return fmt.Sprint(w.Code, w.Header(), w.Body)
	}
	if taken, free := register("ADA@example.com"), register("eve@example.com"); taken != free {
		t.Errorf("taken: %s, free: %s", taken, free)
	}
	wantProblem(t, post(rg, "/auth/register", `{"email":"ada@example.com"}`), http.StatusUnprocessableEntity, "validation_failed")
}

func TestTakenAddress(t *testing.T) {
	rg := newRig(t, Options{})
	w := post(rg, "/auth/register", `{"email":"ADA@example.com","username":"Eve","password":"Engine#1843!"}`)
	wantProblem(t, w, http.StatusConflict, "user_already_exists")
}
