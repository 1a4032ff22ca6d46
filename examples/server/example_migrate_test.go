package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"time"

	"myauth.internal/drivers/postgres"
	"myauth.internal/drivers/redis"
	"myauth.internal/drivers/sqlite"
	"myauth.internal/httpx"
	"myauth.internal/kit"
	"myauth.internal/kit/accesstoken"
	"myauth.internal/kit/memstore"
	"myauth.internal/kit/seal"
	"myauth.internal/kit/totp"
	"myauth.internal/kit/transfer"
)

// importRows takes accounts over, one JSON object a line. What cannot be taken is kept in rejects, to be
// corrected and imported. It may be run again: what is there already is left as it is.
func importRows(ctx context.Context, svc *kit.Service, rows io.Reader, rejects io.Writer) (transfer.Result, error) {
	return transfer.Import(ctx, svc, rows, &transfer.ImportOptions{
		From: transfer.Python,
		Refused: func(r transfer.Refusal) error {
			fmt.Printf("line %d: %v\n", r.Line, r.Err)
			_, err := fmt.Fprintln(rejects, string(r.Text))
			return err
		},
	})
}

// The import of MIGRATING.md: again after a login, because the second run takes what is new. The
// first account has a hash that passlib made, and is logged in with its password.
func Example_importRows() {
	dir, err := os.MkdirTemp("", "myauth")
	check(err)
	defer os.RemoveAll(dir)
	store, err := sqlite.Open(context.Background(), filepath.Join(dir, "auth.db"), nil)
	check(err)
	defer store.Close()
	keys, err := accesstoken.HMAC([]byte("an example's secret: 32 bytes or more"))
	check(err)
	svc, err := kit.New(store.Stores(), keys, &kit.Options{
		BcryptCost: 5, InsecureFastHash: true,
		OnEvent: func(context.Context, kit.Event) {},
	})
	check(err)

	rows := `{"id":1042,"email":"grace@example.com","username":"Grace","hashed_password":"$2b$04$/zABIeZSmVmflWBJiFc6uuqE7JhsH/KrEclgYn7UeIk0CJnX3jeLS","roles":["admin","staff"],"user_settings":{"theme":"dark"},"is_verified":true,"created_at":"2021-05-01T08:00:00Z"}
{"id":1043,"email":"Grace@Example.com","username":"Grace again","hashed_password":null,"created_at":"2022-05-01T08:00:00Z"}
{"id":1044,"email":"ada@example.com","username":"Ada","hashed_password":"","created_at":"2023-05-01T08:00:00Z"}
`
	ctx := context.Background()
	result, err := importRows(ctx, svc, strings.NewReader(rows), io.Discard)
	check(err)
	fmt.Println(result.Created, "created")

	tokens, err := svc.Login(ctx, "grace@example.com", "pässwörd 😀")
	check(err)
	user, err := svc.UserByID(ctx, "1042")
	check(err)
	fmt.Printf("%s %v, now %.7s\n", tokens.User.Username, tokens.User.Roles, string(user.PasswordHash))
	result, err = importRows(ctx, svc, strings.NewReader(rows), io.Discard)
	check(err)
	fmt.Println(result.Created, "created,", result.Existing, "there already")
	// Output:
	// line 2: another account has this address: decide which of the two stays, and change or remove the other
	// 2 created
	// Grace [admin staff], now $2b$05$
	// line 2: another account has this address: decide which of the two stays, and change or remove the other
	// 0 created, 2 there already
}

// awaitFactor refuses a user who had a second factor in the old system and has none here.
func awaitFactor(auth *httpx.Handler, next http.Handler) http.Handler {
	return auth.RequireUser(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, _ := httpx.UserFrom(r.Context())
		var marks struct {
			HadFactor bool `json:"had_factor"`
		}
		if len(user.Private) > 0 {
			if err := json.Unmarshal(user.Private, &marks); err != nil {
				auth.WriteError(w, r, err)
				return
			}
		}
		if marks.HadFactor && len(user.Factors) == 0 {
			auth.WriteError(w, r, kit.NewProblem(http.StatusForbidden, "factor_missing", "Second factor missing", "Set your authenticator app up again."))
			return
		}
		next.ServeHTTP(w, r)
	}))
}

// Who had a second factor sets one up before anything else.
func Example_awaitFactor() {
	keys, err := accesstoken.HMAC([]byte("an example's secret: 32 bytes or more"))
	check(err)
	dataKeys, err := seal.NewKeyring([]byte("an example's data key: 32 bytes!"))
	check(err)
	svc, err := kit.New(memstore.New().Stores(), keys, &kit.Options{
		BcryptCost: 5, InsecureFastHash: true, DataKeys: dataKeys, Features: []kit.Feature{totp.New(nil)},
		OnEvent: func(context.Context, kit.Event) {},
	})
	check(err)
	auth, err := httpx.New(svc, nil)
	check(err)
	orders := awaitFactor(auth, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "orders") }))
	try := func(token kit.Secret) {
		r := httptest.NewRequest(http.MethodGet, "/orders", nil)
		r.Header.Set("Authorization", "Bearer "+string(token))
		w := httptest.NewRecorder()
		orders.ServeHTTP(w, r)
		fmt.Println(w.Code)
	}

	ctx := context.Background()
	grace := kit.User{
		ID: "1042", Email: "grace@example.com", Username: "Grace", Verified: true, Active: true,
		PasswordHash: "$2b$04$/zABIeZSmVmflWBJiFc6uuqE7JhsH/KrEclgYn7UeIk0CJnX3jeLS",
		Private:      json.RawMessage(`{"had_factor":true}`),
	}
	_, err = svc.Import(ctx, grace)
	check(err)
	tokens, err := svc.Login(ctx, "grace@example.com", "pässwörd 😀")
	check(err)
	try(tokens.AccessToken)
	claims, err := svc.Verifier().Verify(string(tokens.AccessToken))
	check(err)
	prompt, err := svc.EnrollFactor(ctx, claims, "totp", kit.Body{})
	check(err)
	code, err := totp.Code(prompt.Show["secret"].(string), time.Now())
	check(err)
	done, err := svc.ConfirmFactor(ctx, claims, "totp", prompt.Show["state"].(string), kit.Body{JSON: fmt.Appendf(nil, `{"code":%q}`, code)})
	check(err)
	try(done.Tokens.AccessToken)

	ada := grace
	ada.ID, ada.Email, ada.Factors = "1043", "ada@example.com", []string{"totp"} // wrong
	_, err = svc.Import(ctx, ada)
	check(err)
	_, err = svc.Login(ctx, "ada@example.com", "pässwörd 😀")
	fmt.Println("with a factor that was not set up here:", err)
	// Output:
	// 403
	// 200
	// with a factor that was not set up here: kit: a second factor is required
}

// acceptBoth checks access tokens of MyAuth by requireToken, and hands every other
// request to the check of the old system. It is for the days of a migration only.
func acceptBoth(v *accesstoken.Verifier, requireToken, old func(http.Handler) http.Handler) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		young, former := requireToken(next), old(next)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
			if strings.EqualFold(scheme, "bearer") {
				if _, err := v.Verify(token); err == nil || errors.Is(err, accesstoken.ErrExpired) {
					young.ServeHTTP(w, r)
					return
				}
			}
			former.ServeHTTP(w, r)
		})
	}
}

// A resource server that accepts the tokens of both while both are in use.
func Example_acceptBoth() {
	keys, err := accesstoken.HMAC([]byte("an example's secret: 32 bytes or more"))
	check(err)
	store := memstore.New()
	svc, err := kit.New(store.Stores(), keys, &kit.Options{
		BcryptCost: 4, InsecureFastHash: true,
		OnEvent: func(context.Context, kit.Event) {},
	})

	check(err)
	ctx := context.Background()
	_, err = svc.Register(ctx, kit.Registration{Email: "ada@example.com", Username: "Ada", Password: "Correct-Horse-7"})
	check(err)
	tokens, err := svc.Login(ctx, "ada@example.com", "Correct-Horse-7")
	check(err)

	old := func(next http.Handler) http.Handler { // the check that the application has today
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") != "Bearer a.token.of-the-old-system" {
				http.Error(w, "no", http.StatusUnauthorized)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
	auth, err := httpx.New(svc, nil)
	check(err)
	orders := acceptBoth(svc.Verifier(), auth.RequireToken, old)(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "orders") }))
	for _, token := range []string{string(tokens.AccessToken), "a.token.of-the-old-system", "a.token.of-nobody"} {
		r := httptest.NewRequest(http.MethodGet, "/orders", nil)
		r.Header.Set("Authorization", "Bearer "+token)
		w := httptest.NewRecorder()
		orders.ServeHTTP(w, r)
		fmt.Println(w.Code)
	}
	// Output:
	// 200
	// 200
	// 401
}

// Accounts in PostgreSQL and tokens in Redis. It is compiled and not run: it needs
// both servers.
func Example_mixedStores() {
	ctx := context.Background()
	accounts, err := postgres.Open(ctx, os.Getenv("DATABASE_URL"), nil)
	check(err)
	defer accounts.Close()
	sessions, err := redis.Open(ctx, os.Getenv("REDIS_URL"), nil)
	check(err)
	defer sessions.Close()
	keys, err := accesstoken.HMAC([]byte(os.Getenv("JWT_SECRET")))
	check(err)
	stores := accounts.Stores()
	stores.Tokens = sessions.Tokens()
	svc, err := kit.New(stores, keys, nil)
	check(err)
	log.Println(svc.Ready(ctx)) // nil when both answer
}
