package breached_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"

	"myauth.internal/kit"
	"myauth.internal/kit/accesstoken"
	"myauth.internal/kit/memstore"
	"myauth.internal/kit/password"
	"myauth.internal/kit/password/breached"
)

// A Service that asks Have I Been Pwned about each new password that keeps the rules, and logs
// when it cannot. (The example has a server of its own, with one password. Leave out URL for the
// real one.)
func ExampleOnline() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/range/4CBB2" {
			fmt.Fprint(w, "9805546015EF297F9308108132B4082A5AD:3\r\n")
		}
	}))
	defer server.Close()
	policy, err := breached.Online(password.Strict, &breached.Options{
		URL: server.URL + "/range",
		OnError: func(ctx context.Context, err error) {
			slog.WarnContext(ctx, "a password was not looked up", "error", err)
		},
	})
	if err != nil {
		panic(err)
	}
	keys, err := accesstoken.HMAC([]byte("at least 32 bytes, from a secret manager"))
	if err != nil {
		panic(err)
	}
	svc, err := kit.New(memstore.New().Stores(), keys, &kit.Options{PasswordPolicy: policy})
	if err != nil {
		panic(err)
	}
	_, err = svc.Register(context.Background(), kit.Registration{Email: "ada@example.com", Username: "Ada", Password: "Correct-Horse-7"})
	var invalid *kit.ValidationError
	if errors.As(err, &invalid) {
		fmt.Println(invalid.Fields[0].Field, invalid.Fields[0].Code)
		fmt.Println(invalid.Fields[0].Message)
	}
	// Output:
	// password common_password
	// choose another password: this one is in a list of passwords that were stolen elsewhere
}

// A policy that looks into a file, made by
//
//	go run myauth.internal/kit/password/breached/makelist -o pwned.list pwnedpasswords.txt
func ExampleOpenList() {
	list, err := breached.OpenList("testdata/pwned.list")
	if err != nil {
		panic(err)
	}
	defer list.Close()
	policy := list.Policy(password.LengthOnly, func(ctx context.Context, err error) {
		slog.WarnContext(ctx, "a password was not looked up", "error", err)
	})
	for _, pw := range []string{"correct horse battery staple", "correct horse battery stable"} {
		broken, err := password.Check(context.Background(), policy, pw)
		fmt.Println(len(broken), err)
	}
	// Output:
	// 1 <nil>
	// 0 <nil>
}
