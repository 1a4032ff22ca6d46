package main

import (
	"context"
	"fmt"
	"net/http"

	"github.com/http-wasm/http-wasm-host-go/api"
	"github.com/http-wasm/http-wasm-host-go/handler"
	wasm "github.com/http-wasm/http-wasm-host-go/handler/nethttp"
	"github.com/tetratelabs/wazero"
)

// protectApplication puts the guest in front of application.
func protectApplication(ctx context.Context, guest, config []byte, application http.Handler) (http.Handler, error) {
	middleware, err := wasm.NewMiddleware(ctx, guest,
		handler.GuestConfig(config),
		handler.ModuleConfig(wazero.NewModuleConfig().WithSysWalltime()),
		handler.Logger(api.ConsoleLogger{})) // prints what the guest reports
	if err != nil {
		return nil, err
	}
	return middleware.NewHandler(ctx, application), nil
}

// A guest with a wrong configuration says what is wrong, and its host does not start.
func Example() {
	guest, err := guest()
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = protectApplication(context.Background(), guest, []byte(`{"jwks":{"keys":[]},"audiance":"shop"}`), http.NotFoundHandler())
	fmt.Println("the host does not start:", err != nil)
	// Output:
	// myauth edge: the configuration is a JSON object with issuer, audience, and hmac_secret or jwks: audiance: it is none of issuer, audience, hmac_secret and jwks
	// the host does not start: true
}
