module myauth.internal/kit/passkey/acceptance

go 1.26.0

require (
	myauth.internal/httpx v0.1.0
	myauth.internal/kit v0.1.0
	myauth.internal/kit/passkey v0.1.0
)

require (
	github.com/fxamacker/cbor/v2 v2.10.0 // indirect
	github.com/lestrrat-go/dsig v1.4.0 // indirect
	github.com/x448/float16 v0.8.4 // indirect
	go.yaml.in/yaml/v3 v3.0.5 // indirect
	golang.org/x/crypto v0.58.0 // indirect
)

replace (
	myauth.internal/conformance => ../../../conformance
	myauth.internal/drivers/mongo => ../../../drivers/mongo
	myauth.internal/drivers/postgres => ../../../drivers/postgres
	myauth.internal/drivers/redis => ../../../drivers/redis
	myauth.internal/drivers/sqlite => ../../../drivers/sqlite
	myauth.internal/httpx => ../../../httpx
	myauth.internal/kit => ../../
	myauth.internal/kit/passkey => ../
)
