package httpx_test

import (
	"context"
	"errors"
	"fmt"
	"html/template"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"

	"myauth.internal/httpx"
	"myauth.internal/kit"
	"myauth.internal/kit/accesstoken"
	"myauth.internal/kit/memstore"
)

// newService is a Service in memory with one account.
func newService() *kit.Service {
	store := memstore.New() // or a driver: sqlite.Open(ctx, "auth.db", nil)
	keys, err := accesstoken.HMAC([]byte("at least 32 bytes, from a secret manager"))
	if err != nil {
		panic(err)
	}
	svc, err := kit.New(store.Stores(), keys, &kit.Options{
		BcryptCost: 4, InsecureFastHash: true,
		OnEvent: func(context.Context, kit.Event) {},
	})

	if err != nil {
		panic(err)
	}
	if _, err := svc.Register(context.Background(), kit.Registration{Email: "ada@example.com", Username: "Ada", Password: "Engine#1843!"}); err != nil {
		panic(err)
	}
	return svc
}

func get(h http.Handler, path, accessToken string) string {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	if accessToken != "" {
		r.Header.Set("Authorization", "Bearer "+accessToken)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return fmt.Sprint(w.Code, " ", w.Body)
}

// An application that has pages of its own for the account leaves out the routes for it.
func ExampleOptions_without() {
	auth := newHandler(newService(), &httpx.Options{Without: []httpx.Group{httpx.AccountRoutes}})
	fmt.Println(get(auth, "/auth/sessions", "")[:3], get(auth, "/auth/email-change", "")[:3])
	// Output: 401 404
}

// The handler goes under its prefix in any router. Tools of the OAuth 2.0 password
// flow can log in with a form.
func ExampleNew() {
	svc := newService()
	mux := http.NewServeMux()
	auth, err := httpx.New(svc, nil)
	if err != nil {
		panic(err)
	}
	mux.Handle("/auth/", auth)
	server := httptest.NewServer(mux)
	defer server.Close()

	response, err := http.Post(server.URL+"/auth/login", "application/json", strings.NewReader(`{"email":"ada@example.com","password":"wrong"}`))
	if err != nil {
		panic(err)
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(response.Body)
	fmt.Println(response.Status, response.Header.Get("Content-Type"))
	fmt.Println(string(body))
	// Output:
	// 401 Unauthorized application/problem+json
	// {"type":"urn:myauth:error:invalid_credentials","title":"Invalid credentials","status":401,"detail":"The email address or the password is wrong.","code":"invalid_credentials"}
}

// Middleware is func(http.Handler) http.Handler, so it goes around a handler or into
// a router's list.
func ExampleHandler_RequireUser() {
	svc := newService()
	auth, err := httpx.New(svc, nil)
	if err != nil {
		panic(err)
	}
	orders := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, _ := httpx.UserFrom(r.Context())
		fmt.Fprintf(w, "the orders of %s", user.Username)
	})
	mux := http.NewServeMux()
	mux.Handle("GET /orders", auth.RequireUser(orders))
	mux.Handle("GET /all-orders", auth.RequireUser(auth.RequireRole("admin")(orders)))

	tokens, err := svc.Login(context.Background(), "ada@example.com", "Engine#1843!")
	if err != nil {
		panic(err)
	}
	fmt.Println(get(mux, "/orders", string(tokens.AccessToken)))
	fmt.Println(get(mux, "/all-orders", string(tokens.AccessToken)))
	fmt.Println(get(mux, "/orders", ""))
	// Output:
	// 200 the orders of Ada
	// 403 {"type":"urn:myauth:error:insufficient_role","title":"Insufficient role","status":403,"detail":"This requires a role that the account does not have.","code":"insufficient_role"}
	// 401 {"type":"urn:myauth:error:missing_token","title":"Missing token","status":401,"detail":"Send the access token in the header Authorization: Bearer TOKEN.","code":"missing_token"}
}

// An application's own handlers answer in the same shape: with kit's errors, or with
// a Problem of their own.
func ExampleMiddleware_WriteError() {
	svc := newService()
	auth, err := httpx.New(svc, nil)
	if err != nil {
		panic(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /users/{id}", func(w http.ResponseWriter, r *http.Request) {
		user, err := svc.UserByID(r.Context(), r.PathValue("id"))
		if errors.Is(err, kit.ErrUserNotFound) && r.PathValue("id") == "0" {
			err = &kit.Problem{Status: http.StatusGone, Code: "moved_away", Detail: "User 0 has left."}
		}
		if err != nil {
			auth.WriteError(w, r, err)
			return
		}
		fmt.Fprint(w, user.Username)
	})
	fmt.Println(get(mux, "/users/1", ""))
	fmt.Println(get(mux, "/users/0", ""))
	// Output:
	// 404 {"type":"urn:myauth:error:user_not_found","title":"User not found","status":404,"detail":"There is no such account.","code":"user_not_found"}
	// 410 {"type":"about:blank","title":"Gone","status":410,"detail":"User 0 has left.","code":"moved_away"}
}

// The pages that mailed links lead to: opening one changes nothing, its button does the
// work. A template of your own replaces the built-in ones.
func ExampleHandler_Pages() {
	pages := template.Must(template.New("page").Parse(`<!DOCTYPE html>
<html lang="de"><title>{{.ProductName}}</title><style nonce="{{.Nonce}}">body { font: 1rem sans-serif }</style>
<h1>{{if eq .Page "reset-password"}}Neues Passwort{{else if eq .Page "verify-email"}}E-Mail-Adresse bestätigen{{else}}Konto löschen{{end}}</h1>
{{if .Done}}<p>Erledigt.{{else if .Sent}}<p>Sehen Sie in Ihr Postfach.{{else if .Code}}<p>Das hat nicht geklappt: {{.Code}}.{{end}}
{{range .Errors}}<p>{{.Field}}: {{.Code}}{{end}}
{{if .Token}}<form method="post" action="{{.Action}}"><input type="hidden" name="token" value="{{.Token}}">
{{if eq .Page "reset-password"}}<input name="new_password" type="password"><input name="repeat" type="password">{{end}}
<button>Weiter</button></form>{{end}}
{{if .NewMail}}<form method="post" action="{{.Action}}"><input name="email" type="email" value="{{.Email}}"><button>Neue E-Mail</button></form>{{end}}
{{if .Deny}}<p><a href="{{.Deny}}">Das war ich nicht</a>{{end}}`))
	auth, err := httpx.New(newService(), &httpx.Options{ProductName: "Laden", PageTemplate: pages.Execute})
	if err != nil {
		panic(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/auth/", auth)
	mux.Handle("/", auth.Pages())
	fmt.Println(strings.Contains(get(mux, "/reset-password?token=myauth_pr_abc", ""), "<h1>Neues Passwort</h1>"))
	fmt.Println(get(mux, "/change-email", "")[:3]) // a link that lost its token
	// Output:
	// true
	// 400
}
