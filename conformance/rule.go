package conformance

import (
	"slices"
	"strings"
)

// rule is one case of the suite: a sentence of the contract and its proof.
type rule struct {
	// id names the case: store/subject/what.
	id string
	// quote is the sentence of the contract, or the part of it, that is proven.
	quote string
	// prove tries the store. It reports through the probe and may stop early
	// by its fatal methods.
	prove func(p *probe)
	// needs are the abilities without which the case cannot be tried.
	needs []Ability
	// unless is an ability with which another case proves this one too, so that it is not tried.
	unless Ability
	// racy marks a proof that depends on how goroutines meet. It never fails a
	// correct store; a wrong one it fails nearly always.
	racy bool
	// alone marks a proof of two callers in a loop, which meet where both have a
	// processor: no other case runs beside it.
	alone bool
	// swapped gives the proof the store of credentials in place of that of tokens.
	swapped bool
	// long marks a proof that testing.Short leaves out.
	long bool
}

// sharedRules are the cases that both contracts have.
func sharedRules(k kind) []rule {
	return slices.Concat(
		basicRules(k), valueRules(k), memoryRules(k), handleRules(k), contextRules(k), concurrencyRules(k),
		newerRules(k), networkRules(k), networkRaceRules(k),
	)
}

// userRules are the cases of [kit.UserStore].
func userRules() []rule {
	return userKind.worded(slices.Concat(sharedRules(userKind), userAddressRules, userWriteRules, userValueRules, userListRules, userRaceRules))
}

// tokenRules are the cases of [kit.TokenStore].
func tokenRules() []rule {
	return tokenKind.worded(slices.Concat(sharedRules(tokenKind), tokenWriteRules, tokenOwnerRules, tokenListRules, tokenPurgeRules, tokenRaceRules))
}

// worded returns the cases with their sentences as the contract has them.
func (k kind) worded(rules []rule) []rule {
	words := strings.NewReplacer("$record", k.noun, "$r", k.noun[:1])
	for i := range rules {
		rules[i].quote = words.Replace(rules[i].quote)
	}
	return rules
}

// allRules are the cases of all stores, on their own and together.
func allRules() []rule {
	return slices.Concat(userRules(), tokenRules(), credentialRules(), togetherRules())
}
