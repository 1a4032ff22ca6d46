package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"myauth.internal/kit"
)

// providerPrefix begins the variables of single providers, as in MYAUTH_PROVIDER_GOOGLE_CLIENT_ID.
const providerPrefix = "MYAUTH_PROVIDER_"

// providerSetting is a variable that a provider may have: providerPrefix, the provider's name in
// capitals, and suffix.
type providerSetting struct {
	suffix string
	// field is what the errors of package provider call it.
	field string
	// known are the kinds of provider that have it, and needed those that must.
	known, needed []string
	// The rest is as in a setting.
	preset, otherwise, meaning string
	secret                     bool
	set                        func(*providerConfig, string) error
}

var (
	all       = []string{"google", "github", "microsoft", "apple", another}
	microsoft = []string{"microsoft"}
	apple     = []string{"apple"}
)

// providerTable lists them.
var providerTable = []providerSetting{
	{suffix: "_ISSUER", field: "Config.Issuer", known: []string{"github", "microsoft", another}, needed: []string{another}, otherwise: "google, github, microsoft and apple have theirs",
		meaning: "issuer of an OpenID Connect provider, exactly as in its ID tokens, such as https://id.example.com; for github that of an Enterprise Server, https://HOST/login/oauth; for microsoft the authority of a national cloud",
		set:     func(c *providerConfig, v string) error { c.Issuer = v; return nil }},
	{suffix: "_LABEL", field: "Config.Label", known: all, otherwise: "Google, GitHub, Microsoft, Apple, or the name as it is",
		meaning: "what people call the provider",
		set:     func(c *providerConfig, v string) error { c.Label = v; return nil }},
	{suffix: "_CLIENT_ID", field: "Config.ClientID", known: all, needed: all, otherwise: "none: it must be set",
		meaning: "client ID that the provider gave to the application; for apple the Services ID",
		set:     func(c *providerConfig, v string) error { c.ClientID = v; return nil }},
	{suffix: "_CLIENT_SECRET", field: "Config.ClientSecret", known: []string{"google", "github", "microsoft", another}, needed: []string{"google", "github", "microsoft"}, otherwise: "none: a public client; google, github and microsoft need one",
		meaning: "client secret that came with it", secret: true,
		set: func(c *providerConfig, v string) error { c.ClientSecret = kit.Secret(v); return nil }},
	{suffix: "_EMAIL_DOMAINS", field: "Config.EmailDomains", known: []string{"google", "github", "apple", another}, otherwise: "what the preset knows to be the provider's own",
		meaning: "domains with commas for whose addresses the provider's word counts that they are its user's; * is every domain; for the others a mail with a link is sent",
		set:     func(c *providerConfig, v string) (err error) { c.EmailDomains, err = items(v); return err }},
	{suffix: "_NATIVE_CLIENT_IDS", field: "Config.NativeClientIDs", known: []string{"google", "microsoft", "apple", another}, otherwise: "none",
		meaning: "client IDs with commas of native apps, whose ID tokens POST /auth/providers/NAME/token takes; for apple the bundle IDs",
		set:     func(c *providerConfig, v string) (err error) { c.NativeClientIDs, err = items(v); return err }},
	{suffix: "_ALLOW_PRIVATE", field: "Config.AllowPrivate", known: []string{"github", another}, preset: "false",
		meaning: "allows http, and a provider in a private network or on this machine",
		set:     func(c *providerConfig, v string) (err error) { c.AllowPrivate, err = parseBool(v); return err }},
	{suffix: "_TENANT", field: "tenant", known: microsoft, preset: "common",
		meaning: "for microsoft: whose accounts, common, organizations, consumers, or the ID of a tenant",
		set:     func(c *providerConfig, v string) error { c.tenant = v; return nil }},
	{suffix: "_TEAM_ID", field: "AppleKey.TeamID", known: apple, needed: apple, otherwise: "none: it must be set for apple",
		meaning: "for apple: ID of the team, ten characters",
		set:     func(c *providerConfig, v string) error { c.key.TeamID = v; return nil }},
	{suffix: "_KEY_ID", field: "AppleKey.KeyID", known: apple, needed: apple, otherwise: "none: it must be set for apple",
		meaning: "for apple: ID of the private key, ten characters",
		set:     func(c *providerConfig, v string) error { c.key.KeyID = v; return nil }},
	{suffix: "_PRIVATE_KEY_FILE", field: "AppleKey.PrivateKey", known: apple, needed: apple, otherwise: "none: it must be set for apple",
		meaning: "for apple: path of the private key, AuthKey_KEYID.p8, which takes the place of a client secret",
		set:     setAppleKey},
}

func setAppleKey(c *providerConfig, v string) error {
	if isKeyItself(v) {
		return errKeyItself
	}
	key, err := readSecret(v)
	c.key.PrivateKey = kit.Secret(key)
	return err
}

// row is the variable of a provider with that name.
func (p providerSetting) row(name string) setting {
	return setting{
		name: providerPrefix + strings.ToUpper(name) + p.suffix, secret: p.secret,
		preset: p.preset, otherwise: p.otherwise, meaning: p.meaning,
	}
}

// rowsOf returns the settings of one provider, in the order of providerTable. Those that its kind
// does not have are refused when they are set.
func rowsOf(c *providerConfig) []setting {
	var rows []setting
	for _, p := range providerTable {
		row := p.row(c.Name)
		row.set = func(_ *settings, v string) error { return p.set(c, v) }
		if !slices.Contains(p.known, c.kind()) {
			row.preset, row.set = "", func(*settings, string) error { return fmt.Errorf("%s has no such setting: unset it", c.Name) }
		}
		if slices.Contains(p.needed, c.kind()) {
			row.needed = fmt.Errorf("%s needs it: write the %s", c.Name, p.meaning)
		}
		rows = append(rows, row)
	}
	return rows
}

// rows are the variables of all providers.
func (p *providerSettings) rows() (rows []setting) {
	for _, c := range p.list {
		rows = append(rows, rowsOf(c)...)
	}
	return rows
}

// ofEachProvider are the variables of each provider as people read of them.
func ofEachProvider() (rows []setting) {
	for _, p := range providerTable {
		rows = append(rows, p.row("name"))
	}
	return rows
}

// errStray is a variable of a provider that there is not. It may hold a secret that somebody
// believes to be in use.
var errStray = errors.New("MYAUTH_PROVIDERS lists no provider that has this variable: add the provider there, or correct the name of this one, or unset it")
