package kit_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"myauth.internal/kit"
	"myauth.internal/kit/accesstoken"
	"myauth.internal/kit/memstore"
)

// legacyRow is one account of an older application, with a hash that passlib 1.7.4 made.
type legacyRow struct {
	id, email, username, hash string
	roles                     []string
	settings                  string
	verified, active          bool
	created                   time.Time
}

// Imported accounts keep their IDs and their passwords. The next login, which has the
// password, replaces the hash by one of the configured cost.
func ExampleService_Import() {
	ctx := context.Background()
	store := memstore.New()
	keys, err := accesstoken.HMAC([]byte("at least 32 bytes, from a secret manager"))
	if err != nil {
		panic(err)
	}
	svc, err := kit.New(store.Stores(), keys, &kit.Options{
		BcryptCost: 5, InsecureFastHash: true,
		OnEvent: func(context.Context, kit.Event) {},
	})

	if err != nil {
		panic(err)
	}
	rows := []legacyRow{
		{id: "1042", email: "grace@example.com", username: "Grace", hash: "$2b$04$/zABIeZSmVmflWBJiFc6uuqE7JhsH/KrEclgYn7UeIk0CJnX3jeLS",
			roles: []string{"admin"}, settings: `{"theme":"dark"}`, verified: true, active: true, created: time.Date(2021, 5, 1, 8, 0, 0, 0, time.UTC)},
		{id: "1043", email: "GRACE@example.com", username: "Grace again", settings: `{}`, active: true},
		{id: "1044", email: "not an address", username: "Broken", settings: `{}`, active: true},
		{id: "1045", email: "joan@example.com", username: "Joan", hash: "$2x$04$/zABIeZSmVmflWBJiFc6uuqE7JhsH/KrEclgYn7UeIk0CJnX3jeLS", settings: `{}`, active: true},
	}

	for _, row := range rows {
		_, err := svc.Import(ctx, kit.User{
			ID: row.id, Email: row.email, Username: row.username, PasswordHash: kit.Secret(row.hash),
			Roles: row.roles, Settings: json.RawMessage(row.settings),
			Verified: row.verified, Active: row.active, CreatedAt: row.created,
		})
		var invalid *kit.ValidationError
		switch {
		case err == nil:
			fmt.Println(row.id, "imported")
		case errors.Is(err, kit.ErrUserExists):
			fmt.Println(row.id, "the address is taken, without regard to ASCII case")
		case errors.As(err, &invalid):
			fmt.Println(row.id, "not importable:", invalid.Fields[0].Field, invalid.Fields[0].Message)
		default:
			panic(err) // an outage: running the whole import again is safe
		}
	}

	before, err := svc.UserByID(ctx, "1042")
	if err != nil {
		panic(err)
	}
	tokens, err := svc.Login(ctx, "grace@example.com", "pässwörd 😀") // the password of the old account
	if err != nil {
		panic(err)
	}
	after, err := svc.UserByID(ctx, "1042")
	if err != nil {
		panic(err)
	}
	fmt.Println(tokens.User.Roles, string(tokens.User.Settings))
	fmt.Printf("%.7s became %.7s\n", string(before.PasswordHash), string(after.PasswordHash))
	// Output:
	// 1042 imported
	// 1043 the address is taken, without regard to ASCII case
	// 1044 not importable: email must be an email address such as name@example.com, without display name, quotes or comments
	// 1045 not importable: password_hash the hash is of $2x$, a faulty bcrypt that other passwords match as well: import the account with an empty hash, and its owner sets a password by a reset
	// [admin] {"theme":"dark"}
	// $2b$04$ became $2b$05$
}
