package transfer_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	"myauth.internal/kit"
	"myauth.internal/kit/accesstoken"
	"myauth.internal/kit/memstore"
	"myauth.internal/kit/transfer"
)

// Accounts of another system, some of which cannot be imported yet.
func ExampleImport() {
	ctx := context.Background()
	keys, err := accesstoken.HMAC([]byte("an example's secret: 32 bytes or more"))
	if err != nil {
		panic(err)
	}
	svc, err := kit.New(memstore.New().Stores(), keys, &kit.Options{OnEvent: func(context.Context, kit.Event) {}})
	if err != nil {
		panic(err)
	}
	rows := strings.NewReader(`
{"email":"grace@example.com","password_hash":"$2y$10$r5Xl4C3rkHxDSHV8fwCl1OtDzbTpei/FJeTQ.0lX.qlPILIpUChsC","is_verified":true}
{"email":"ada@example.com","password_hash":"$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHQ$RdescudvJCsgt3ub"}
`)
	var rejects bytes.Buffer
	result, err := transfer.Import(ctx, svc, rows, &transfer.ImportOptions{
		Refused: func(r transfer.Refusal) error {
			fmt.Printf("line %d: %v\n", r.Line, r.Err)
			fmt.Fprintln(&rejects, string(r.Text)) // to be corrected and imported
			return nil
		},
	})
	fmt.Println(result.Created, result.Refused, err)
	result, err = transfer.Import(ctx, svc, &rejects, &transfer.ImportOptions{WithoutUnknownHashes: true})
	fmt.Println(result.Created, result.WithoutHash, err)
	// Output:
	// line 3: password_hash: the hash is Argon2: import the account with an empty hash, and its owner sets a password by a reset
	// 1 1 <nil>
	// 1 1 <nil>
}
