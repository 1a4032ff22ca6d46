module myauth.internal/examples/server

go 1.26.0

require (
	github.com/emersion/go-smtp v0.25.1
	github.com/redis/go-redis/v9 v9.23.0
	go.mongodb.org/mongo-driver/v2 v2.10.0
	golang.org/x/crypto v0.58.0
	myauth.internal/conformance v0.1.0
	myauth.internal/drivers/mongo v0.1.0
	myauth.internal/drivers/postgres v0.1.0
	myauth.internal/drivers/redis v0.1.0
	myauth.internal/drivers/sqlite v0.1.0
	myauth.internal/httpx v0.1.0
	myauth.internal/kit v0.1.0
	myauth.internal/kit/passkey v0.1.0
	myauth.internal/kit/provider v0.1.0
	myauth.internal/mailx v0.1.0
)

require (
	github.com/cespare/xxhash/v2 v2.3.0 // indirect
	github.com/decred/dcrd/dcrec/secp256k1/v4 v4.4.1 // indirect
	github.com/emersion/go-sasl v0.0.0-20241020182733-b788ff22d5a6 // indirect
	github.com/fxamacker/cbor/v2 v2.10.0 // indirect
	github.com/goccy/go-json v0.10.6 // indirect
	github.com/klauspost/compress v1.20.3 // indirect
	github.com/lestrrat-go/blackmagic v1.0.4 // indirect
	github.com/lestrrat-go/dsig v1.4.0 // indirect
	github.com/lestrrat-go/dsig-secp256k1 v1.0.0 // indirect
	github.com/lestrrat-go/httpcc v1.0.1 // indirect
	github.com/lestrrat-go/httprc/v3 v3.0.6 // indirect
	github.com/lestrrat-go/jwx/v3 v3.3.0 // indirect
	github.com/lestrrat-go/option/v2 v2.0.0 // indirect
	github.com/lib/pq v1.12.3 // indirect
	github.com/ncruces/go-sqlite3 v0.36.0 // indirect
	github.com/ncruces/go-sqlite3-wasm/v6 v6.4.35401 // indirect
	github.com/ncruces/julianday v1.0.0 // indirect
	github.com/segmentio/asm v1.2.1 // indirect
	github.com/valyala/fastjson v1.6.10 // indirect
	github.com/x448/float16 v0.8.4 // indirect
	github.com/xdg-go/scram v1.4.0 // indirect
	github.com/xdg-go/stringprep v1.0.4 // indirect
	github.com/youmark/pkcs8 v0.0.0-20240726163527-a2c0da244d78 // indirect
	go.uber.org/atomic v1.12.0 // indirect
	golang.org/x/net v0.62.0 // indirect
	golang.org/x/oauth2 v0.38.0 // indirect
	golang.org/x/sync v0.24.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
	golang.org/x/text v0.43.0 // indirect
)

replace (
	myauth.internal/conformance => ../../conformance
	myauth.internal/drivers/mongo => ../../drivers/mongo
	myauth.internal/drivers/postgres => ../../drivers/postgres
	myauth.internal/drivers/redis => ../../drivers/redis
	myauth.internal/drivers/sqlite => ../../drivers/sqlite
	myauth.internal/httpx => ../../httpx
	myauth.internal/kit => ../../kit
	myauth.internal/kit/passkey => ../../kit/passkey
	myauth.internal/kit/provider => ../../kit/provider
	myauth.internal/mailx => ../../mailx
)
