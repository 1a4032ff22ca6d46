package memstore

import (
	"context"
	"fmt"
	"testing"
	"time"

	"myauth.internal/kit"
)

// Package conformance proves the contract. Here is what it cannot see: what is removed
// leaves nothing in any map.
func TestRemovedRecordsLeaveNothing(t *testing.T) {
	ctx, store := context.Background(), New()
	do := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	const n = 100
	for i := range n {
		u := kit.User{ID: fmt.Sprint(i), Email: fmt.Sprintf("a%d@example.com", i)}
		do(store.Users().Create(ctx, u))
		u.Email = fmt.Sprintf("b%d@example.com", i)
		do(store.Users().Update(ctx, u))
		token := kit.Token{ID: fmt.Sprint(i), UserID: fmt.Sprint(i % 7), ExpiresAt: time.Unix(int64(i), 0)}
		do(store.Tokens().Create(ctx, token))
		token.UserID = "another" // which Update ignores
		do(store.Tokens().Update(ctx, token))
	}
	for i := range n {
		do(store.Users().Delete(ctx, fmt.Sprint(i)))
		if i%2 == 0 {
			do(store.Tokens().Delete(ctx, fmt.Sprint(i), 1))
		}
	}
	if removed, err := store.Tokens().DeleteExpired(ctx, time.Unix(n, 0), n); removed != n/2 || err != nil {
		t.Fatal(removed, err)
	}
	if d := store.data; len(d.users)+len(d.byEmail)+len(d.tokens.records)+len(d.tokens.byUser) != 0 {
		t.Errorf("an empty store still holds %d users, %d addresses, %d tokens and the tokens of %d users", len(d.users), len(d.byEmail), len(d.tokens.records), len(d.tokens.byUser))
	}
}
