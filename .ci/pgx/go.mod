module myauth.internal/ci/pgx

go 1.26.0

require (
	github.com/jackc/pgx/v5 v5.12.0
	myauth.internal/conformance v0.1.0
	myauth.internal/drivers/postgres v0.1.0
	myauth.internal/kit v0.1.0
)

require (
	github.com/jackc/pgpassfile v1.0.0 // indirect
	github.com/jackc/pgservicefile v0.0.0-20240606120523-5a60cdf6a761 // indirect
	github.com/jackc/puddle/v2 v2.2.3 // indirect
	github.com/lestrrat-go/dsig v1.4.0 // indirect
	github.com/lib/pq v1.12.3 // indirect
	golang.org/x/crypto v0.58.0 // indirect
	golang.org/x/sync v0.24.0 // indirect
	golang.org/x/text v0.43.0 // indirect
)

replace (
	myauth.internal/conformance => ../../conformance
	myauth.internal/drivers/postgres => ../../drivers/postgres
	myauth.internal/kit => ../../kit
)
