module myauth.internal/kit/passkey/acceptance

go 1.26.0

require (
	github.com/chromedp/cdproto v0.159.0
	github.com/chromedp/chromedp v0.23.0
	github.com/go-webauthn/webauthn v0.18.2
	myauth.internal/conformance v0.1.0
	myauth.internal/drivers/mongo v0.1.0
	myauth.internal/drivers/postgres v0.1.0
	myauth.internal/drivers/redis v0.1.0
	myauth.internal/drivers/sqlite v0.1.0
	myauth.internal/httpx v0.1.0
	myauth.internal/httpx/surface v0.1.0
	myauth.internal/kit v0.1.0
	myauth.internal/kit/passkey v0.1.0
)

require (
	github.com/cespare/xxhash/v2 v2.3.0 // indirect
	github.com/fxamacker/cbor/v2 v2.10.0 // indirect
	github.com/go-json-experiment/json v0.0.0-20260213210345-44df1a37e875 // indirect
	github.com/go-viper/mapstructure/v2 v2.5.0 // indirect
	github.com/go-webauthn/x v0.3.1 // indirect
	github.com/golang-jwt/jwt/v5 v5.3.1 // indirect
	github.com/google/go-tpm v0.9.8 // indirect
	github.com/google/uuid v1.6.0 // indirect
	github.com/klauspost/compress v1.20.3 // indirect
	github.com/lestrrat-go/dsig v1.4.0 // indirect
	github.com/lib/pq v1.12.3 // indirect
	github.com/ncruces/go-sqlite3 v0.36.0 // indirect
	github.com/ncruces/go-sqlite3-wasm/v6 v6.4.35401 // indirect
	github.com/ncruces/julianday v1.0.0 // indirect
	github.com/philhofer/fwd v1.2.0 // indirect
	github.com/redis/go-redis/v9 v9.23.0 // indirect
	github.com/santhosh-tekuri/jsonschema/v6 v6.0.2 // indirect
	github.com/tinylib/msgp v1.6.4 // indirect
	github.com/x448/float16 v0.8.4 // indirect
	github.com/xdg-go/scram v1.4.0 // indirect
	github.com/xdg-go/stringprep v1.0.4 // indirect
	github.com/youmark/pkcs8 v0.0.0-20240726163527-a2c0da244d78 // indirect
	go.mongodb.org/mongo-driver/v2 v2.10.0 // indirect
	go.uber.org/atomic v1.12.0 // indirect
	golang.org/x/crypto v0.58.0 // indirect
	golang.org/x/sync v0.24.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
	golang.org/x/text v0.43.0 // indirect
)

replace (
	myauth.internal/conformance => ../../../conformance
	myauth.internal/drivers/mongo => ../../../drivers/mongo
	myauth.internal/drivers/postgres => ../../../drivers/postgres
	myauth.internal/drivers/redis => ../../../drivers/redis
	myauth.internal/drivers/sqlite => ../../../drivers/sqlite
	myauth.internal/httpx => ../../../httpx
	myauth.internal/httpx/surface => ../../../httpx/surface
	myauth.internal/kit => ../../
	myauth.internal/kit/passkey => ../
)
