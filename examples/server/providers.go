package main

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"myauth.internal/kit"
	"myauth.internal/kit/provider"
)

// providerSettings are those of sign-in with accounts elsewhere.
type providerSettings struct {
	list      []*providerConfig // in the order of MYAUTH_PROVIDERS; empty: none
	redirects []string          // empty: the page /sign-in of the public URL
}

// providerConfig is one provider.
type providerConfig struct {
	provider.Config
	tenant string            // of microsoft
	key    provider.AppleKey // of apple
}

// another is the kind of a provider that is no preset.
const another = "another"

// kind is the name of a preset, or another.
func (c *providerConfig) kind() string {
	switch c.Name {
	case "google", "github", "microsoft", "apple":
		return c.Name
	}
	return another
}

func (c *providerConfig) provider() provider.Provider {
	switch c.kind() {
	case "google":
		return provider.Google(c.Config)
	case "github":
		return provider.GitHub(c.Config)
	case "microsoft":
		return provider.Microsoft(c.tenant, c.Config)
	case "apple":
		return provider.Apple(c.key, c.Config)
	default:
		return provider.OpenIDConnect(c.Config)
	}
}

var providerName = regexp.MustCompile(`^[a-z0-9_]{1,20}$`)

func setProviders(s *settings, v string) error {
	names, err := items(v)
	for i, name := range names {
		switch {
		case !providerName.MatchString(name):
			return fmt.Errorf("%s is not a name: write a to z, 0 to 9 and _, at most 20 characters, as in google,github,my_company", shown(name))
		case slices.Contains(names[:i], name):
			return fmt.Errorf("%s is there twice: each provider needs a name of its own", name)
		}
		s.providers.list = append(s.providers.list, &providerConfig{Config: provider.Config{Name: name}})
	}
	return err
}

func setRedirects(s *settings, v string) (err error) {
	if s.providers.redirects, err = items(v); err != nil {
		return err
	}
	if _, err := provider.New("https://localhost", s.providers.redirects); err != nil {
		return errors.New(strings.TrimPrefix(err.Error(), "provider: redirects has "))
	}
	for _, target := range s.providers.redirects {
		if strings.Contains(target, "*") {
			return fmt.Errorf("%s has a *, which stands for nothing but itself: write each URL in full", shown(target))
		}
	}
	return nil
}

// items returns what stands between commas.
func items(v string) ([]string, error) {
	list := strings.Split(v, ",")
	for i, item := range list {
		if list[i] = strings.TrimSpace(item); list[i] == "" {
			return nil, fmt.Errorf("%s has nothing before or behind a comma", shown(v))
		}
	}
	return list, nil
}

// checkProviders asks package provider about each provider whose variables are right in
// themselves.
func (s *settings) checkProviders(problems map[string]error) {
	for _, c := range s.providers.list {
		rows := rowsOf(c)
		if slices.ContainsFunc(rows, func(row setting) bool { return problems[row.name] != nil }) {
			continue
		}
		_, err := provider.New("https://localhost", []string{"https://localhost"}, c.provider())
		if err == nil {
			continue
		}
		name, problem := "MYAUTH_PROVIDERS", providerField.ReplaceAllString(err.Error(), "")
		for i, row := range providerTable {
			if strings.Contains(err.Error(), row.field) {
				name = rows[i].name
			}
			if row.suffix == "_ALLOW_PRIVATE" {
				problem = strings.ReplaceAll(problem, "AllowPrivate", rows[i].name+"=true")
			}
		}
		problems[name] = errors.New(problem)
	}
}

// providerField is the beginning of an error about a field: the line begins with the name of the
// variable instead.
var providerField = regexp.MustCompile(`^provider: (\w+: )?((Config|AppleKey)\.\w+ (of \w+ )?(is )?)?`)

// newProviders returns the feature, or nothing. Browsers come back to the API at the origin of the
// public URL, below the prefix that they see.
func newProviders(s *settings, publicURL string) ([]kit.Feature, error) {
	if len(s.providers.list) == 0 {
		return nil, nil
	}
	u, err := url.Parse(publicURL)
	if err != nil {
		return nil, s.bad("MYAUTH_PUBLIC_URL", err)
	}
	redirects := s.providers.redirects
	if redirects == nil {
		redirects = []string{publicURL + "/sign-in"}
	}
	var list []provider.Provider
	for _, c := range s.providers.list {
		list = append(list, c.provider())
	}
	feature, err := provider.New(originOf(u)+cmp.Or(s.api.PublicPrefix, s.api.Prefix), redirects, list...)
	if err != nil { // the rest was checked before
		return nil, s.bad("MYAUTH_PUBLIC_URL", fmt.Errorf("it is %s, and browsers come back from a provider to https, or to http on localhost: set it to such a URL, or unset MYAUTH_PROVIDERS (%w)", shown(publicURL), err))
	}
	return []kit.Feature{feature}, nil
}
