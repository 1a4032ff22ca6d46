package kit

import (
	"context"
	"encoding/json"
	"time"

	"myauth.internal/kit/accesstoken"
)

// Route is one route of the HTTP API, which package httpx serves: MyAuth's own routes and
// those of a [Feature] alike. The server does before and after Serve what all routes have in
// common: it reads and bounds the body, checks the access token, puts the [Client] into the
// context, and writes the answer or the problem with the headers that belong to it.
type Route struct {
	// Method is GET, POST, PUT, PATCH or DELETE. A GET is also a HEAD, and must not change
	// anything.
	Method string
	// Path is below the prefix of the API, such as "/terms/{version}": segments of letters,
	// digits, '-', '.', '_' and '~', or of one wildcard, with the precedence of http.ServeMux.
	Path string
	// Access says who may call the route.
	Access Access
	// Body says what body the route reads.
	Body BodyType
	// CrossSite lets pages of other origins call the route in a browser's name, where cookies
	// would say who that is: something else in the request must protect it.
	CrossSite bool
	// Serve answers a request.
	Serve func(context.Context, Request) (Answer, error)
}

// Access says who may call a [Route].
type Access int

// The kinds of access.
const (
	// Public: everybody. An access token is not looked at.
	Public Access = iota
	// SignedIn: the user of a valid access token, as [Service.Authenticate] says.
	SignedIn
	// RecentlySignedIn: a user whose access token comes from a login that
	// [Service.CheckRecent] accepts, in a session that is live, as [Service.AuthenticateLive] says.
	RecentlySignedIn
	// AdminOnly: who may call RecentlySignedIn and has [AdminRole] now. The events of the call have
	// that user as Actor.
	AdminOnly
	// PublicOrRecent: everybody. If the request has an access token that RecentlySignedIn takes,
	// its user is in the request; if not, Request.NotSignedIn says why.
	PublicOrRecent
)

// BodyType says what body a [Route] reads. The server refuses others.
type BodyType int

// The types of bodies.
const (
	// NoBody: a body is not read.
	NoBody BodyType = iota
	// JSONBody: one JSON object of at most 64 KiB.
	JSONBody
	// OptionalJSON: a JSON object, or no body at all, which is an object without members.
	OptionalJSON
	// JSONOrForm: a JSON object, or a form (application/x-www-form-urlencoded). A form with a
	// grant_type hears errors in the terms of RFC 6749, section 5.2.
	JSONOrForm
)

// Request is what a [Route] gets.
type Request struct {
	unprinted

	// Source has what the route may read beside the body.
	Source
	// Body is what was sent; empty with NoBody.
	Body Body
	// User and Claims are those of the access token; zero with Public. The slices are
	// shared within the request: do not write to them.
	User   User
	Claims accesstoken.Claims
	// NotSignedIn is, with PublicOrRecent and without a User, the error that RecentlySignedIn
	// answers: a route returns it if it turns out to need one.
	NotSignedIn error
}

// Source reads the parts of a request. Package httpx implements it; a test of a feature may.
type Source interface {
	// PathValue returns the value of a wildcard in Route.Path, decoded: it may have a slash,
	// and is valid UTF-8 without control characters.
	PathValue(name string) string
	// QueryValue returns the first value of a parameter of the query, or "".
	QueryValue(name string) string
	// HeaderValues returns the values of a header.
	HeaderValues(name string) []string
	// CookieValue returns the value of a cookie, or "". Two cookies of that name are none.
	CookieValue(name string) string
}

// Answer is the whole answer of a [Route]. Nothing is written before Serve returns, so
// whatever goes wrong on the way can still become a proper error.
type Answer struct {
	unprinted

	// Status is the HTTP status, 200 to 399.
	Status int
	// Body is JSON; nil for none.
	Body []byte
	// Tokens are what a login or a refresh made. The server writes them in the form that it
	// is set up for, together with the members of Body, and as 200 if Status is 0. Without
	// a RefreshToken only the access token is written.
	Tokens TokenPair
	// SignedOut says that the session of the request has ended, also beside an error. A server
	// that keeps its tokens in cookies removes them.
	SignedOut bool
	// Location is the Location header; empty for none. It and the next two are printable ASCII.
	Location string
	// CacheControl is the Cache-Control header; empty means no-store. ETag is the ETag header
	// with its quotes.
	CacheControl, ETag string
	// Cookies are set or removed.
	Cookies []Cookie
}

// Cookie is one cookie of an [Answer]. It is HttpOnly, Secure and of the path "/", so its name
// should begin with __Host- (RFC 6265bis section 4.1.3.2). Name and Value together are at most
// 4096 bytes.
type Cookie struct {
	unprinted

	Name, Value string
	// MaxAge is its lifetime in whole seconds; zero ends it with the browser's session,
	// negative removes it.
	MaxAge time.Duration
	// CrossSite is SameSite=None, for an answer that another site posts; otherwise it is Lax.
	CrossSite bool
}

// JSON returns an answer whose body is v as encoding/json writes it.
func JSON(status int, v any) (Answer, error) {
	body, err := json.Marshal(v)
	return Answer{Status: status, Body: body}, err
}

// Done returns the empty answer of success, 204.
func Done() Answer { return Answer{Status: 204} }

// Accepted returns the answer 202 {"status":"accepted"}, which is the same whether or not
// there is an account.
func Accepted() Answer { return Answer{Status: 202, Body: []byte(`{"status":"accepted"}`)} }
