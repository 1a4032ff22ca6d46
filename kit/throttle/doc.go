// Package throttle limits guesses and mails, and never locks an owner out.
//
// A [Limiter] is asked before a secret is compared. [New] makes the one that a kit.Service
// has unless it is given another. Its rules:
//
//   - Wrong passwords for one address, from clients that are not known to belong to its owner,
//     are counted in a row, whether or not there is an account. After five the clients wait a
//     second, after each further one twice as long, at most 15 minutes. After a hundred they are
//     refused (NIST SP 800-63B-4 section 3.2.2) until the owner logs in from a known device or
//     by other means, or resets the password; where no mail can be sent, and so nothing be
//     reset, they go on waiting 15 minutes.
//   - A known device, and a session whose user is asked for the password again, is counted by
//     itself, by the same rule. So strangers cannot keep the owner from logging in.
//   - Answers to a second factor are counted by account in the same way. Only a right one, or an
//     administrator, ends their row.
//   - A source, which is an IPv4 address or the /64 of an IPv6 address, may fail 50 times, and
//     once in 30 seconds after that. With more it waits 30 seconds, then longer, at most 15
//     minutes. Known devices do not wait for their source.
//   - A mailbox gets one mail of a kind a minute, and after five in an hour one every ten
//     minutes. Notices of security are not counted.
//   - What a user lets the application send, such as codes of a second factor, is counted by
//     account: five at once, and then one a minute.
//
// An equal guess is counted once, so neither a typing error that is repeated nor many logins at
// once with the right password count as many. Each charge comes before the comparison, so of
// many guesses at once no more are compared than the rule lets through. (A source is charged
// before only when it has few attempts left, so one whose many users log in at once does not
// wait; what failed meanwhile is counted nevertheless.)
//
// The memory is fixed: some 78,000 keys in 3 MiB. When there are more, the key with the fewest
// failures among sixteen gives up its place, and all that then have none wait as long as it had
// to. So a flood of addresses neither frees one that has to wait, nor stops any other. To
// forget the count of one that is refused for good, it has to make sixteen others of as many
// failures in the same bucket, and nobody knows which share one: three million comparisons in
// all. The count of one that need not wait yet is forgotten sooner: when all the other places are
// taken by addresses with more failures, some 2,000 guesses at new addresses, from many sources,
// buy four more at it. Devices and second factors have places of their own, for which one has to
// log in.
//
// A restart forgets everything, unless the counts are shared: see [Options].
package throttle
