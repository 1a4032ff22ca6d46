package conformance

// The sentences of kit/store.go, or the parts of them, that the cases quote. The two
// contracts say some of them with other words for the record: $record is user or token, and
// $r the argument. A test compares them with kit/store.go, so a sentence that is reworded
// there is reworded here and nowhere else.
const (
	// Of every method.
	concurrentUse  = "is safe for concurrent use, also through several handles and processes that share the data"
	endsWithCtx    = "returns ctx's error, or an error that wraps it or [ErrUnavailable], soon after ctx is done"
	doneBefore     = "a context that was done before the call changes nothing"
	unreachable    = "returns an error that wraps [ErrUnavailable] when the data cannot be reached, or the store has a time limit and it has passed, or the store was closed"
	neverAbsent    = "it never returns [ErrNotFound] for such a reason"
	away           = unreachable + "; " + neverAbsent
	lostAnswers    = "returns an error that wraps [ErrUnavailable] when an answer is lost on the way; a write then has happened as a whole or not at all, and a call never reports its own write as a conflict"
	worksAgain     = "works again, without being opened anew, soon after the data can be reached"
	copiesSlices   = "shares no memory with its caller: the slices in a User are copied on the way in and on the way out"
	fillsInNothing = "reads no clock and fills in nothing: what was stored is what comes back"
	pingAnswers    = "Ping returns nil when the store answers"
	pingFails      = "and an error that wraps [ErrUnavailable] when it does not"

	// Of values.
	everyField    = "A User comes back as it was stored, field by field"
	everyString   = "every Unicode string without U+0000 byte for byte"
	rolesInOrder  = "Roles and Factors in their order"
	settingsBytes = "Settings and Private byte for byte"
	sameInstants  = "times as the same instant in UTC to the microsecond or better (the zero Time and the year 9999 included)"
	everyInteger  = "integers over their whole range"
	emptyIsNil    = "An empty and a nil slice are the same, either may come back for the other"
	hashBytes     = "SecretHash, PreviousHash, Salt and Data come back byte for byte"
	newerRefused  = "Each record that outlives the process carries the version of its form; every read of one whose version is newer returns an error that wraps [ErrNewerRecord]"
	newerDrops    = "A record that a newer version of MyAuth wrote may have fields that this one does not know, and an Update would drop them"
	secondStore   = "It is a second TokenStore, another table of the database that has the users, and must be as durable as they are"
	durable       = "A write that was acknowledged is durable, to the degree that the store's own documentation says"
	visible       = "and every later read sees it, through any handle"

	// Of each method.
	createAdds       = "Create adds $r"
	createVersion    = "with the Version it has"
	createTaken      = "It returns [ErrUserExists] when there is a user with the same [EmailKey], or with the same ID"
	createSameID     = "or with the same ID"
	createOneAddress = "of any number of concurrent calls for one address exactly one succeeds"
	createConflict   = "It returns [ErrConflict] when there is a token with the same ID, whatever its type"
	createOneID      = "of any number of concurrent calls for one ID exactly one succeeds"
	noReference      = "The user may live in another database, so a store must not enforce the reference."
	byID             = "ByID returns the $record with that ID, or [ErrNotFound]"
	byIDExpired      = "An expired or revoked token is returned like any other: the caller checks it"
	byEmail          = "ByEmail returns the user whose address has the same [EmailKey] as email, or [ErrNotFound]"
	noOtherFolding   = "No other folding applies: U+212A KELVIN SIGN is not k"
	updateReplaces   = "Update replaces the record with $r's ID by $r"
	updateVersion    = "but only while the stored Version is $r.Version; the record then has Version $r.Version+1"
	updateConflict   = "Otherwise it changes nothing and returns [ErrConflict]"
	updateAbsent     = "or [ErrNotFound] when there is no such $record"
	updateTaken      = "It returns [ErrUserExists], and changes nothing, when u's Email belongs to another user"
	updateOneVersion = "Of any number of concurrent calls with one Version exactly one succeeds"
	updateIdentity   = "The stored UserID and Type stay as Create stored them"
	deleteVersion    = "but only while the stored Version is version"
	deleteOne        = "any number of concurrent calls exactly one succeeds"
	deleteFrees      = "and frees its address"
	ownerLooks       = "WithOwner returns a look-up of the token with an ID, and of the user whose ID is its UserID"
	ownerAbsent      = "The look-up returns [ErrNotFound] if either is not there"
	ownerElsewhere   = "WithOwner returns nil if users is not the store of users in the same database, but another one or a wrapper"
	ownerRules       = "The rules for ByID of both stores apply"
	byUser           = "ByUser returns the tokens of a user"
	byUserEvery      = "of every type, expired and revoked ones too"
	byUserOrder      = "whose ID is greater than after, in ascending byte order of their IDs"
	byUserLimit      = "at most limit (1 to 1000) of them"
	byUserNone       = "None: an empty slice, no error"
	listOrder        = "List returns the users whose ID is greater than after, in ascending byte order of their IDs"
	listByEmail      = "ListByEmail returns the users whose [EmailKey] begins with that of prefix and is greater than that of after, in ascending byte order of their EmailKeys, at most limit (1 to 1000) of them, with the same meaning. No character of prefix is a wildcard; the empty prefix is that of every user"
	listFull         = byUserLimit + "; fewer than limit means that there are no more"
	listPlace        = "after is a place in the order, whether or not a user has that key now"
	listWalk         = "A user who exists throughout a walk over the pages is seen exactly once, whatever is created, changed and deleted meanwhile, unless the key of the walk changes"
	purgeRemoves     = "DeleteExpired removes tokens, at most limit (1 to 1000) of them"
	purgeDue         = "whose ExpiresAt is not after before"
	purgeHowMany     = "and returns how many this call removed: fewer than limit only when no more are left"
	purgeSpares      = "It never touches a token whose ExpiresAt is after before"
	purgeNoClock     = "and reads no clock"
)

// Sentences that the two contracts word differently.
var (
	nothingElse   = map[string]string{"users": "it is not unique", "tokens": createConflict}
	deleteRemoves = map[string]string{"users": "Delete removes the user with that ID, whatever its version", "tokens": "Delete removes the token with that ID"}
	deleteAbsent  = map[string]string{"users": "It returns [ErrNotFound] when there is none", "tokens": "or [ErrNotFound] when there is no such token"}
)
