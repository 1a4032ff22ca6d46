module myauth.internal/examples/webapp

go 1.26.0

require (
	github.com/ncruces/go-sqlite3 v0.36.0
	myauth.internal/drivers/sqlite v0.1.0
	myauth.internal/httpx v0.1.0
	myauth.internal/kit v0.1.0
	myauth.internal/kit/passkey v0.1.0
	myauth.internal/mailx v0.1.0
	rsc.io/qr v0.2.0
)

require (
	github.com/emersion/go-sasl v0.0.0-20241020182733-b788ff22d5a6 // indirect
	github.com/emersion/go-smtp v0.25.1 // indirect
	github.com/fxamacker/cbor/v2 v2.10.0 // indirect
	github.com/lestrrat-go/dsig v1.4.0 // indirect
	github.com/ncruces/go-sqlite3-wasm/v6 v6.4.35401 // indirect
	github.com/ncruces/julianday v1.0.0 // indirect
	github.com/x448/float16 v0.8.4 // indirect
	golang.org/x/crypto v0.58.0 // indirect
	golang.org/x/net v0.62.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
	golang.org/x/text v0.43.0 // indirect
)

replace (
	myauth.internal/conformance => ../../conformance
	myauth.internal/drivers/sqlite => ../../drivers/sqlite
	myauth.internal/httpx => ../../httpx
	myauth.internal/kit => ../../kit
	myauth.internal/kit/passkey => ../../kit/passkey
	myauth.internal/mailx => ../../mailx
)
