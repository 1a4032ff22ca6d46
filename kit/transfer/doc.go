// Package transfer moves accounts in and out of MyAuth, as JSON lines: one object for each account.
//
//	exported, err := transfer.Export(ctx, svc, file, nil)
//	result, err := transfer.Import(ctx, other, file, nil)
//
// # The form of a line
//
// Each line that [Export] writes is a JSON object with these members:
//
//	myauth            the version of this form, 1
//	id                the account's ID, which stays: secrets of credentials are sealed for it
//	email, username
//	password_hash     absent if there is none
//	roles, factors    lists of names
//	user_settings     an object, and private too, which only the application sees
//	is_verified, is_active
//	session_epoch, credential_epoch
//	created_at, updated_at    RFC 3339, in UTC
//	credentials       a list of second factors, recovery codes, passkeys, identities of providers, known
//	                  devices, invitations and spent proofs, as the store has them: id, type, hash,
//	                  previous, salt and data (base64), version, created_at, last_used_at, expires_at
//
// The members id, email, is_verified, is_active and created_at are required. Other members are refused,
// and so is a later version. What is sealed stays sealed: the importing Service needs the same
// Options.DataKeys. Sessions, void credentials, pending resets and accounts that are being deleted are not
// exported. Whoever has such a file has password hashes to guess at, addresses, and private data: keep
// it as a copy of the database.
//
// # What is read besides
//
// The five other forms are rows of other systems, whose members are listed at the [Source]. Members that are not
// listed there are ignored. A row keeps its id if it has one. Otherwise the ID is derived from its source
// and address, so that a row imported again is the same account.
//
// # What a file may do
//
// A line is trusted as a row of the database is: its roles may make an administrator, its hash and its
// credentials open the account, and is_verified says that the address was proved. So take files only
// from whom you would let write to the stores. A line adds an account, and changes none that
// is there: an address, an ID, a passkey or an identity that another account has is refused.
//
// # Interruptions
//
// An account and its credentials are stored together, or the account is not there. So an import that was
// interrupted, by kill -9 too, is completed by the same import again: what is there is counted
// as existing, and left as it is, even if it was changed since. Two imports may run at once.
package transfer
