package provider

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/oauth2"

	"myauth.internal/kit/provider/internal/oidc"
)

// consumers is the tenant of all personal accounts, such as those of outlook.com.
const consumers = "9188040d-6c67-4c5b-b112-36a304b66dad"

// Microsoft returns sign-in with Microsoft (Entra ID), named microsoft. tenant says whose accounts:
//
//   - common: those of every organization, and personal ones
//   - organizations: those of every organization
//   - consumers: personal ones only
//   - the ID of a tenant: those of one organization
//
// Config.ClientID is the application (client) ID; Config.Issuer is the authority of a national
// cloud, such as https://login.microsoftonline.us.
//
// The claim email is what an administrator of any tenant has typed, and proves nothing. It counts
// with the optional claim xms_edov alone, which says that the tenant owns the domain: the
// application's registration must ask for both. So Config.EmailDomains has no meaning here, and must
// be empty. The subject is of this application only: another client ID makes other identities.
func Microsoft(tenant string, c Config) Provider {
	c.Name, c.Label = cmp.Or(c.Name, "microsoft"), cmp.Or(c.Label, "Microsoft")
	d := dialect{
		scopes: openIDScopes, style: oauth2.AuthStyleInParams, verified: "xms_edov",
		proved: func(oidc.Claims, string) bool { return true },
		check:  func(c Config) error { return checkMicrosoft(tenant, c) },
	}
	id := strings.ToLower(tenant)
	switch id {
	case "common":
		d.tenants = true
	case "organizations":
		d.tenants, d.accepts = true, refuseConsumers
	case "consumers":
		id = consumers // whose metadata names an issuer, not a template
	}
	c.Issuer = cmp.Or(strings.TrimSuffix(c.Issuer, "/"), "https://login.microsoftonline.com") + "/" + id + "/v2.0"
	return openIDConnect(c, d)
}

var guid = regexp.MustCompile(`(?i)^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

func checkMicrosoft(tenant string, c Config) error {
	switch {
	case !guid.MatchString(tenant) && !slices.Contains([]string{"common", "organizations", "consumers"}, tenant):
		return fmt.Errorf("provider: %s: the tenant must be common, organizations, consumers, or the ID of a tenant: "+
			"the GUID on its overview page, not its domain, which can move to another tenant", c.Name)
	case len(c.EmailDomains) > 0:
		return fmt.Errorf("provider: %s: Config.EmailDomains must be empty: Microsoft's word counts with the claim xms_edov, and never without", c.Name)
	}
	return needsSecret(c)
}

// refuseConsumers refuses a personal account where only organizations' are expected.
func refuseConsumers(claims oidc.Claims) error {
	if claims.Text("tid") == consumers {
		return errRefused{"the account is a personal one"}
	}
	return nil
}
