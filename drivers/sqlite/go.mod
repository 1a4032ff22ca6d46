module myauth.internal/drivers/sqlite

go 1.26.0

require (
	myauth.internal/kit v0.1.0
	myauth.internal/conformance v0.1.0
	github.com/ncruces/go-sqlite3 v0.36.0
)

replace (
	myauth.internal/conformance => ../../conformance
	myauth.internal/kit => ../../kit
)
