package admin_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	"myauth.internal/httpx"
	"myauth.internal/httpx/admin"
	"myauth.internal/kit"
	"myauth.internal/kit/accesstoken"
	"myauth.internal/kit/memstore"
)

func Example() {
	ctx := context.Background()
	keys, err := accesstoken.HMAC([]byte("a secret of at least 32 random bytes"))
	if err != nil {
		log.Fatal(err)
	}
	svc, err := kit.New(memstore.New().Stores(), keys, &kit.Options{
		Features: []kit.Feature{admin.New(&admin.Options{FirstAdmin: "ada@example.com"})},
		OnEvent:  func(context.Context, kit.Event) {}, // the audit stream
	})
	if err != nil {
		log.Fatal(err)
	}
	auth, err := httpx.New(svc, nil)
	if err != nil {
		log.Fatal(err)
	}

	// Ada's address is verified, as by the link of a mail, and nobody is an administrator yet.
	ada, err := svc.CreateUser(ctx, kit.Registration{Email: "ada@example.com", Username: "Ada"})
	if err != nil {
		log.Fatal(err)
	}
	tokens, err := svc.Grant(ctx, kit.Login{User: ada, AMR: []string{"pwd"}}) // as a login does
	if err != nil {
		log.Fatal(err)
	}
	request := httptest.NewRequest("GET", "/auth/admin/users?email_prefix=ada&limit=10", nil)
	request.Header.Set("Authorization", "Bearer "+string(tokens.AccessToken))
	answer := httptest.NewRecorder()
	auth.ServeHTTP(answer, request)
	fmt.Println(answer.Code == http.StatusOK, len(answer.Body.String()) > 100)

	// One administrator remains, whatever anybody does.
	request = httptest.NewRequest("DELETE", "/auth/admin/users/"+ada.ID, nil)
	request.Header.Set("Authorization", "Bearer "+string(tokens.AccessToken))
	answer = httptest.NewRecorder()
	auth.ServeHTTP(answer, request)
	fmt.Println(answer.Code)
	// Output:
	// true true
	// 409
}
