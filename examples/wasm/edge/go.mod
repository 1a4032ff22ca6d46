module myauth.internal/examples/wasm/edge

go 1.26.0

require (
	github.com/http-wasm/http-wasm-host-go v0.7.0
	github.com/tetratelabs/wazero v1.12.0
	myauth.internal/httpx v0.1.0
	myauth.internal/kit v0.1.0
)

require (
	github.com/lestrrat-go/dsig v1.4.0 // indirect
	golang.org/x/crypto v0.58.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
)

replace (
	myauth.internal/httpx => ../../../httpx
	myauth.internal/kit => ../../../kit
)
