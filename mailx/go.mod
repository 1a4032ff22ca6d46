module myauth.internal/mailx

go 1.26.0

require (
	myauth.internal/kit v0.1.0
	github.com/emersion/go-sasl v0.0.0-20241020182733-b788ff22d5a6
	github.com/emersion/go-smtp v0.25.1
)

replace myauth.internal/kit => ../kit
