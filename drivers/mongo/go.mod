module myauth.internal/drivers/mongo

go 1.26.0

require (
	go.mongodb.org/mongo-driver/v2 v2.10.0
	myauth.internal/conformance v0.1.0
	myauth.internal/kit v0.1.0
)

require (
	github.com/klauspost/compress v1.20.3 // indirect
	github.com/lestrrat-go/dsig v1.4.0 // indirect
	github.com/xdg-go/scram v1.4.0 // indirect
	github.com/xdg-go/stringprep v1.0.4 // indirect
	github.com/youmark/pkcs8 v0.0.0-20240726163527-a2c0da244d78 // indirect
	golang.org/x/crypto v0.58.0 // indirect
	golang.org/x/sync v0.24.0 // indirect
	golang.org/x/text v0.43.0 // indirect
)

replace (
	myauth.internal/conformance => ../../conformance
	myauth.internal/kit => ../../kit
)
