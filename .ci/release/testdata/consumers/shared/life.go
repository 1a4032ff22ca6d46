package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"time"

	"myauth.internal/httpx"
	"myauth.internal/kit"
	"myauth.internal/kit/accesstoken"
	"myauth.internal/mailx"
)

// live mounts the routes over the stores, as the README does, and registers a user
// who logs in, refreshes and calls a route of the application.
func live(stores kit.Stores) {
	keys, err := accesstoken.HMAC([]byte("a secret of the application, 32 bytes or more"))
	check(err)
	mailer, err := mailx.NewLog(io.Discard, nil)
	check(err)
	svc, err := kit.New(stores, keys, &kit.Options{Mailer: mailer, PublicURL: "http://localhost:8080"})
	check(err)
	defer svc.Close(context.Background())
	mux := http.NewServeMux()
	auth, err := httpx.New(svc, nil)
	check(err)
	mux.Handle("/auth/", auth)
	mux.Handle("GET /hello", auth.RequireUser(http.HandlerFunc(hello)))
	server := httptest.NewServer(mux)
	defer server.Close()

	email := fmt.Sprintf("ada-%d@example.com", time.Now().UnixNano())
	post(server.URL+"/auth/register", map[string]any{"email": email, "username": "Ada", "password": "Correct-Horse-7"})
	answers := post(server.URL+"/auth/login", map[string]any{"email": email, "password": "Correct-Horse-7"})
	answers = post(server.URL+"/auth/refresh", map[string]any{"refresh_token": answers["refresh_token"]})
	r, err := http.NewRequest(http.MethodGet, server.URL+"/hello", nil)
	check(err)
	r.Header.Set("Authorization", "Bearer "+answers["access_token"].(string))
	answer, err := http.DefaultClient.Do(r)
	check(err)
	_, err = io.Copy(os.Stdout, answer.Body)
	check(err)
}

func hello(w http.ResponseWriter, r *http.Request) {
	user, _ := httpx.UserFrom(r.Context())
	fmt.Fprintf(w, "Hello, %s!\n", user.Username)
}

func post(url string, body map[string]any) map[string]any {
	text, err := json.Marshal(body)
	check(err)
	answer, err := http.Post(url, "application/json", bytes.NewReader(text))
	check(err)
	defer answer.Body.Close()
	var got map[string]any
	check(json.NewDecoder(answer.Body).Decode(&got))
	if answer.StatusCode >= 300 {
		log.Fatal(url, got)
	}
	return got
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
