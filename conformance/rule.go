package conformance

import "slices"

// rule is one case of the suite: a sentence of the contract and its proof.
type rule struct {
	// id names the rule for ever: store/subject/what.
	id string
	// quote is the sentence of the contract, or the part of it, that is proven.
	quote string
	// prove tries the store. It reports through the probe and may stop early
	// by its fatal methods.
	prove func(p *probe)
	// needs are the abilities without which the rule cannot be tried.
	needs []Ability
	// racy marks a proof that depends on how goroutines meet. It never fails a
	// correct store; a wrong one it fails nearly always.
	racy bool
	// alone marks a proof of two callers in a loop, which meet where both have a
	// processor: no other case runs beside it.
	alone bool
	// long marks a proof that testing.Short leaves out.
	long bool
}

// userRules are the rules of [kit.UserStore].
func userRules() []rule {
	return slices.Concat(
		userCreateRules, userReadRules, userUpdateRules, userDeleteRules, userValueRules, userTimeRules,
		everyMethodRules(userKind), networkRules(userKind), networkRaceRules(userKind), userMemoryRules, persistenceRules(userKind), concurrencyRules(userKind), loopRules(userKind), userLoopRules, userRaceRules, userMoveRules, userScaleRules,
	)
}

// tokenRules are the rules of [kit.TokenStore].
func tokenRules() []rule {
	return slices.Concat(
		tokenCreateRules, tokenReadRules, tokenUpdateRules, tokenDeleteRules, tokenListRules, tokenPurgeRules, tokenValueRules, tokenTimeRules,
		everyMethodRules(tokenKind), networkRules(tokenKind), networkRaceRules(tokenKind), tokenMemoryRules, persistenceRules(tokenKind), concurrencyRules(tokenKind), loopRules(tokenKind), tokenRaceRules, tokenMoveRules, tokenScaleRules,
	)
}

// allRules are the rules of both stores, on their own and together.
func allRules() []rule {
	return slices.Concat(userRules(), tokenRules(), togetherRules())
}
