module myauth.internal/drivers/sqlite

go 1.26.0

require (
	github.com/ncruces/go-sqlite3 v0.36.0
	myauth.internal/conformance v0.1.0
	myauth.internal/kit v0.1.0
)

require (
	github.com/lestrrat-go/dsig v1.4.0 // indirect
	github.com/ncruces/go-sqlite3-wasm/v6 v6.4.35401 // indirect
	github.com/ncruces/julianday v1.0.0 // indirect
	golang.org/x/crypto v0.58.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
)

replace (
	myauth.internal/conformance => ../../conformance
	myauth.internal/kit => ../../kit
)
