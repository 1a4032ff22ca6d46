package passkey

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"myauth.internal/kit"
	"myauth.internal/kit/passkey/internal/webauthn"
)

//go:embed passkey.openapi.json
var openapi []byte

// The kinds of mails and events. The mails are notices without a link and a token;
// Data["name"] is what the owner calls the passkey.
const (
	MailAdded   kit.MailKind = "passkey_added"
	MailRemoved kit.MailKind = "passkey_removed"

	EventAdded   kit.EventKind = "passkey_added"
	EventRemoved kit.EventKind = "passkey_removed"
	// EventBackupEligible: a key that could not leave its device can from now on, as when a
	// password manager begins to sync it.
	EventBackupEligible kit.EventKind = "passkey_backup_eligible"
	// EventSignCount: the sign count of a key went back. Perhaps somebody has copied it. Unless
	// the key is backed up, which means that it has copies, the login was refused.
	EventSignCount kit.EventKind = "passkey_sign_count"
)

// Options are the optional settings of [New]. nil means the defaults.
type Options struct {
	// RPName is what the browser calls the application. Default the RP ID.
	RPName string
	// Origins are the pages that may use passkeys, exactly as browsers write them, such as
	// https://app.example.com or http://localhost:8080: of the domain that is the RP ID, or
	// below it. An app of Android is android:apk-key-hash:… . Default https:// and the RP ID.
	Origins []string
	// RelatedOrigins are pages of other domains, such as https://example.co.uk. Browsers allow
	// them if https://RPID/.well-known/webauthn serves what [Feature.RelatedOrigins] returns.
	RelatedOrigins []string
	// AllowCrossOrigin lets a page of another origin use passkeys in a frame of the
	// application's. If the browser names that page, its origin must be among TopOrigins.
	AllowCrossOrigin bool
	TopOrigins       []string
}

// Feature is passkeys, for kit.Options.Features.
type Feature struct {
	rp      webauthn.RP
	name    string
	related []string
}

// New returns passkeys for an RP ID: the domain that they belong to, such as example.com or
// localhost. A passkey works for this RP ID only, so it can never be changed. The error names the
// setting that is wrong.
func New(rpID string, opts *Options) (*Feature, error) {
	if opts == nil {
		opts = &Options{}
	}
	if !isDomain(rpID) {
		return nil, fmt.Errorf("passkey: the RP ID is %q: it must be a domain in lower case, such as example.com or localhost, and no IP address", rpID)
	}
	f := &Feature{
		rp: webauthn.RP{
			ID: rpID, Origins: slices.Concat(opts.Origins, opts.RelatedOrigins),
			AllowCrossOrigin: opts.AllowCrossOrigin, TopOrigins: slices.Clone(opts.TopOrigins),
		},
		name: opts.RPName, related: slices.Clone(opts.RelatedOrigins),
	}
	if f.name == "" {
		f.name = rpID
	}
	if len(opts.Origins) == 0 {
		f.rp.Origins = append(f.rp.Origins, "https://"+rpID)
	}
	for _, origin := range opts.Origins {
		host, ok := hostOf(origin)
		if !strings.HasPrefix(origin, "android:apk-key-hash:") && (!ok || host != rpID && !strings.HasSuffix(host, "."+rpID)) {
			return nil, fmt.Errorf("passkey: Options.Origins has %q: it must be an origin such as https://%s, of the RP ID or below it; others are for Options.RelatedOrigins", origin, rpID)
		}
	}
	for name, list := range map[string][]string{"RelatedOrigins": opts.RelatedOrigins, "TopOrigins": opts.TopOrigins} {
		for _, origin := range list {
			if _, ok := hostOf(origin); !ok {
				return nil, fmt.Errorf("passkey: Options.%s has %q: it must be an origin such as https://example.com", name, origin)
			}
		}
	}
	if len(opts.TopOrigins) > 0 && !opts.AllowCrossOrigin {
		return nil, fmt.Errorf("passkey: Options.TopOrigins needs Options.AllowCrossOrigin")
	}
	return f, nil
}

// isDomain reports whether a text can be an RP ID.
func isDomain(s string) bool {
	if _, err := netip.ParseAddr(s); err == nil || len(s) > 253 {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			return false
		}
	}
	return true
}

// hostOf returns the host of a web origin in the form that browsers write. Only localhost may do
// without TLS (section 5.1.2 of the Secure Contexts specification).
func hostOf(origin string) (host string, ok bool) {
	u, err := url.Parse(origin)
	if err != nil || u.Scheme+"://"+u.Host != origin || !isDomain(u.Hostname()) || strings.HasSuffix(u.Host, ":") ||
		u.Scheme == "https" && u.Port() == "443" || u.Scheme == "http" && u.Port() == "80" {
		return "", false
	}
	host = u.Hostname()
	local := host == "localhost" || strings.HasSuffix(host, ".localhost")
	return host, u.Scheme == "https" || u.Scheme == "http" && local
}

// RelatedOrigins returns the JSON document that https://RPID/.well-known/webauthn must serve as
// application/json, so that Options.RelatedOrigins may use the passkeys (WebAuthn Level 3,
// section 5.11).
func (f *Feature) RelatedOrigins() []byte {
	document, err := json.Marshal(map[string][]string{"origins": append([]string{}, f.related...)})
	if err != nil {
		panic(err) // never: strings
	}
	return document
}

// Name is "passkey".
func (f *Feature) Name() string { return "passkey" }

// Attach is called by kit.New. One Feature may serve several Services.
func (f *Feature) Attach(core *kit.Core) (kit.Extension, error) {
	p := &passkeys{core, f}
	return kit.Extension{
		Routes: []kit.Route{
			{Method: "POST", Path: "/passkeys/options", Access: kit.RecentlySignedIn, Serve: p.serveOptions},
			{Method: "POST", Path: "/passkeys", Access: kit.RecentlySignedIn, Body: kit.JSONBody, Serve: p.serveAdd},
			{Method: "GET", Path: "/passkeys", Access: kit.SignedIn, Serve: p.serveList},
			{Method: "PATCH", Path: "/passkeys/{id}", Access: kit.RecentlySignedIn, Body: kit.JSONBody, Serve: p.serveRename},
			{Method: "DELETE", Path: "/passkeys/{id}", Access: kit.RecentlySignedIn, Serve: p.serveRemove},
			{Method: "POST", Path: "/login/passkey/options", Access: kit.Public, Serve: p.serveLoginOptions},
			{Method: "POST", Path: "/login/passkey", Access: kit.Public, Body: kit.JSONBody, Serve: p.serveLogin},
		},
		OpenAPI: openapi,
		Mails: []kit.MailRule{
			{
				Kind: MailAdded, Notice: true, Subject: "A passkey was added to your account",
				Text: "Somebody who was signed in to your account added a passkey ({{.Data.name}}). It signs in without your password.\n\nIf this was not you, remove it and reset your password at once, and tell us.\n",
			},
			{
				Kind: MailRemoved, Notice: true, Subject: "A passkey was removed from your account",
				Text: "Somebody who was signed in to your account removed a passkey ({{.Data.name}}).\n\nIf this was not you, reset your password at once, and tell us.\n",
			},
		},
		Alternate: secondFactor{p},
		WaysIn:    p.waysIn,
	}, nil
}

// passkeys is a Feature in one Service.
type passkeys struct {
	core *kit.Core
	*Feature
}
