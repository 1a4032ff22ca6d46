package redis

import "strings"

// A partition has a hash of lists, one for each user with tokens there: their IDs in
// no order, each behind the last and with a zero byte at its end. To stay apart
// from that end, the bytes 0 and 1 in an ID are written as two.
//
// A sorted set of all would keep the order as well, but the place of each entry has to
// be found in it, among memory that is nowhere else needed: at a million users that
// was a third of a login, and more than half of a purge. A user has few tokens; what
// a list costs grows with their number and with nothing else.

var (
	listEscape   = strings.NewReplacer("\x00", "\x01\x01", "\x01", "\x01\x02")
	listUnescape = strings.NewReplacer("\x01\x01", "\x00", "\x01\x02", "\x01")
)

// listEntry returns a token's ID as it stands in a list. The scripts have the same as
// entry.
func listEntry(id string) string { return listEscape.Replace(id) + "\x00" }

// listed returns the IDs in a list.
func listed(list string) []string {
	if list == "" {
		return nil
	}
	ids := strings.Split(strings.TrimSuffix(list, "\x00"), "\x00")
	for i, id := range ids {
		ids[i] = listUnescape.Replace(id)
	}
	return ids
}
