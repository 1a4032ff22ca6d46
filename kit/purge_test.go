package kit_test

import (
	"fmt"
	"testing"
	"time"

	"myauth.internal/kit"
)

func TestPurgeExpired(t *testing.T) {
	h := newHarness(t)
	u, _ := h.register(testEmail)
	for i := range 2500 {
		token := kit.Token{
			ID: fmt.Sprintf("%022d", i), Type: kit.RefreshToken, UserID: u.ID, SecretHash: make([]byte, 32),
			CreatedAt: start.Add(-time.Hour), ExpiresAt: start.Add(-time.Minute), Version: 1,
		}
		if err := h.store.Tokens().Create(t.Context(), token); err != nil {
			t.Fatal(err)
		}
	}
	live := h.login(testEmail, goodPassword)
	if n, err := h.PurgeExpired(t.Context(), start.Add(-time.Hour)); n != 0 || err != nil {
		t.Errorf("purged %d, %v before anything expired", n, err)
	}
	if n, err := h.PurgeExpired(t.Context(), start.Add(1000*time.Hour)); n != 2500 || err != nil {
		t.Errorf("purged %d, %v, want 2500", n, err)
	}
	if n := h.faults.Calls("tokens.DeleteExpired"); n != 4 {
		t.Errorf("%d batches, want 1 and 3", n)
	}
	h.mustRefresh(live.RefreshToken)
}
