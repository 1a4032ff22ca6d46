package main

import (
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"myauth.internal/httpx"
	"myauth.internal/httpx/admin"
	"myauth.internal/kit"
	"myauth.internal/kit/accesstoken"
	"myauth.internal/kit/invitation"
	"myauth.internal/kit/passkey"
	"myauth.internal/kit/provider"
	"myauth.internal/kit/totp"
)

// productName is what the pages, the mails and authenticator apps call the application.
const productName = "Notebook"

// config is what newApp needs.
type config struct {
	stores    kit.Stores
	keys      *accesstoken.Keyring
	notes     *notes
	publicURL string
	mailbox   *mailbox // nil: there is no such page
	providers []provider.Provider
	// adminEmail is the address whose account becomes the first administrator; it may be empty.
	adminEmail string
	// options are those of the Service that tests and main set; newApp adds the rest.
	options kit.Options
}

// app is the application. Its handlers parse a form, call one of MyAuth's routes by auth.Call, and
// redirect or show the form again. What signing in means, and what it needs, is MyAuth's alone.
type app struct {
	svc      *kit.Service
	auth     *httpx.Handler
	notes    *notes
	mailbox  *mailbox
	passkeys bool
	// providers have a button each; none: there is nothing of them on any page.
	providers []provider.Provider
	publicURL string
	http.Handler
}

func newApp(c config) (*app, error) {
	a := &app{notes: c.notes, mailbox: c.mailbox, providers: c.providers, publicURL: c.publicURL}
	public, err := url.Parse(c.publicURL)
	if err != nil {
		return nil, err
	}
	opts := c.options
	opts.PublicURL = c.publicURL
	opts.JWTIssuer = c.publicURL
	// An account begins when its address is confirmed. With ConcealAccounts as well, the sign-up
	// page would not tell who has an account.
	opts.RequireVerifiedEmail = true
	// A page whose answer is lost, on a train for example, has new cookies on the way. Until the grace
	// is over the browser may come back with the old ones.
	opts.RefreshGrace = time.Minute
	opts.Features = append(opts.Features, c.notes, totp.New(&totp.Options{Issuer: productName}),
		admin.New(&admin.Options{FirstAdmin: c.adminEmail}), invitation.New(nil))
	// Browsers have passkeys over TLS and on localhost only.
	keys, err := passkey.New(public.Hostname(), &passkey.Options{RPName: productName, Origins: []string{public.Scheme + "://" + public.Host}})
	if a.passkeys = err == nil; a.passkeys {
		opts.Features = append(opts.Features, keys)
	} else {
		slog.Warn("there are no passkeys", "err", err)
	}
	if len(c.providers) > 0 {
		targets := []string{c.publicURL + signedInPath, c.publicURL + linkedPath}
		elsewhere, err := provider.New(c.publicURL+"/auth", targets, c.providers...)
		if err != nil {
			return nil, err
		}
		opts.Features = append(opts.Features, elsewhere)
	}
	if a.svc, err = kit.New(c.stores, c.keys, &opts); err != nil {
		return nil, err
	}
	if a.auth, err = httpx.New(a.svc, &httpx.Options{Cookies: true, Logger: opts.Logger}); err != nil {
		return nil, err
	}
	// Administrators get a link to their pages: see layout.html.
	administration, err := admin.Pages(a.auth, &admin.PagesOptions{ProductName: productName, SignIn: "/sign-in", Confirm: "/confirm-it-is-you"})
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("/admin/", http.StripPrefix("/admin", administration))
	mux.Handle("/auth/", a.auth) // for the passkeys of the sign-in page, and for providers
	mux.HandleFunc("GET /static/{name}", serveStatic)
	mux.Handle("/", a.auth.RequireSameOrigin(http.MaxBytesHandler(a.pages(), maxForm)))
	a.Handler = mux
	if public.Scheme == "http" { // so no proxy is in between, which may change the host
		a.Handler = onHost(public, mux)
	}
	return a, nil
}

// maxForm is the largest form that is read, in bytes.
const maxForm = 64 << 10

// pages are all pages. Those that change something have a form at the same path, so whoever must
// sign in first comes back to the form.
func (a *app) pages() http.Handler {
	mux := http.NewServeMux()
	signedIn := a.auth.RequireSignIn("/sign-in", a.fail)
	public := func(pattern string, h http.HandlerFunc) { mux.Handle(pattern, h) }
	user := func(pattern string, h http.HandlerFunc) { mux.Handle(pattern, signedIn(h)) }
	recent := func(pattern string, h http.HandlerFunc) { mux.Handle(pattern, signedIn(a.recently(h))) }

	user("GET /{$}", a.listNotes)
	user("POST /{$}", a.addNote)
	user("POST /notes/{id}/delete", a.deleteNote)

	public("GET /sign-up", a.show("signup"))
	public("POST /sign-up", a.signUp)
	public("GET /check-your-mail", a.showCheckYourMail)
	public("POST /check-your-mail", a.sendVerification)
	public("GET /verify-email", a.ask(verifyEmail))
	public("POST /verify-email", a.answer(verifyEmail))
	public("GET /verify-email/deny", a.ask(denyEmail))
	public("POST /verify-email/deny", a.answer(denyEmail))

	public("GET /accept-invitation", a.show("invitation"))
	public("POST /accept-invitation", a.acceptInvitation)

	public("GET /forgot-password", a.show("forgot"))
	public("POST /forgot-password", a.forgotPassword)
	public("GET /reset-password", a.show("reset"))
	public("POST /reset-password", a.resetPassword)

	public("GET /sign-in", a.showSignIn)
	public("POST /sign-in", a.signIn)
	public("GET /second-factor", a.showSecondFactor)
	public("POST /second-factor", a.secondFactor)
	public("POST /sign-out", a.signOut)
	user("GET /confirm-it-is-you", a.show("reauthenticate"))
	user("POST /confirm-it-is-you", a.reauthenticate)

	user("GET /account", a.show("account"))
	user("POST /account", a.changeProfile)
	user("GET /account/password", a.show("password"))
	user("POST /account/password", a.changePassword)
	recent("GET /account/email", a.show("email"))
	recent("POST /account/email", a.requestEmailChange)
	public("GET /change-email", a.ask(changeEmail))
	public("POST /change-email", a.answer(changeEmail))
	user("GET /account/devices", a.listDevices)
	user("POST /account/devices", a.signOutElsewhere)
	user("POST /account/devices/{id}", a.signOutDevice)
	recent("GET /account/delete", a.show("delete"))
	recent("POST /account/delete", a.deleteAccount)

	user("GET /account/two-factor", a.listFactors)
	recent("GET /account/two-factor/app", a.showEnroll)
	recent("POST /account/two-factor/app", a.enroll)
	recent("GET /account/two-factor/remove", a.ask(removeFactor))
	recent("POST /account/two-factor/remove", a.answer(removeFactor))
	recent("GET /account/two-factor/codes", a.ask(newCodes))
	recent("POST /account/two-factor/codes", a.newRecoveryCodes)

	if a.passkeys {
		user("GET /account/passkeys", a.listPasskeys)
		recent("GET /account/passkeys/new", a.showAddPasskey)
		recent("POST /account/passkeys/new", a.addPasskey)
		recent("GET /account/passkeys/{id}", a.showPasskey)
		recent("POST /account/passkeys/{id}", a.renamePasskey)
		recent("GET /account/passkeys/{id}/remove", a.ask(removePasskey))
		recent("POST /account/passkeys/{id}/remove", a.answer(removePasskey))
	}
	if len(a.providers) > 0 {
		public("GET /sign-in/with/{name}", a.leaveToProvider)
		public("GET "+signedInPath, a.signedIn)
		public("GET /confirm-sign-in", a.ask(confirmSignIn))
		public("POST /confirm-sign-in", a.confirmSignIn)
		user("GET /account/linked", a.listIdentities)
		recent("GET /account/linked/{name}", a.ask(linkAccount))
		recent("POST /account/linked/{name}", a.link)
		user("GET "+linkedPath, a.linked)
		recent("GET /account/linked/{id}/remove", a.ask(removeIdentity))
		recent("POST /account/linked/{id}/remove", a.answer(removeIdentity))
	}
	if a.mailbox != nil {
		public("GET /mailbox", a.showMailbox)
	}
	public("/", func(w http.ResponseWriter, r *http.Request) {
		a.fail(w, r, kit.Problem{Status: http.StatusNotFound, Code: "not_found"})
	})
	return mux
}

// onHost sends browsers that came by another name, such as 127.0.0.1, to the one that the cookies
// and passkeys belong to. That also keeps the pages from a stranger's domain that leads to this
// machine.
func onHost(public *url.URL, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Host == public.Host:
			next.ServeHTTP(w, r)
		case r.Method == http.MethodGet || r.Method == http.MethodHead:
			http.Redirect(w, r, public.Scheme+"://"+public.Host+r.URL.RequestURI(), http.StatusTemporaryRedirect)
		default:
			http.Error(w, "This server is "+public.Host+".", http.StatusMisdirectedRequest)
		}
	})
}
