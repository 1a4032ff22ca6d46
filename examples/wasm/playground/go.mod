module myauth.internal/examples/wasm/playground

go 1.26.0

require (
	github.com/chromedp/cdproto v0.159.0
	github.com/chromedp/chromedp v0.23.0
	myauth.internal/httpx v0.1.0
	myauth.internal/kit v0.1.0
	myauth.internal/kit/passkey v0.1.0
)

require (
	github.com/fxamacker/cbor/v2 v2.10.0 // indirect
	github.com/go-json-experiment/json v0.0.0-20260213210345-44df1a37e875 // indirect
	github.com/lestrrat-go/dsig v1.4.0 // indirect
	github.com/x448/float16 v0.8.4 // indirect
	golang.org/x/crypto v0.58.0 // indirect
)

replace (
	myauth.internal/httpx => ../../../httpx
	myauth.internal/kit => ../../../kit
	myauth.internal/kit/passkey => ../../../kit/passkey
)
