module myauth.internal/drivers/redis

go 1.26.0

require (
	github.com/redis/go-redis/v9 v9.23.0
	myauth.internal/conformance v0.1.0
	myauth.internal/kit v0.1.0
)

require (
	github.com/cespare/xxhash/v2 v2.3.0 // indirect
	github.com/lestrrat-go/dsig v1.4.0 // indirect
	go.uber.org/atomic v1.12.0 // indirect
	golang.org/x/crypto v0.58.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
)

replace (
	myauth.internal/conformance => ../../conformance
	myauth.internal/kit => ../../kit
)
