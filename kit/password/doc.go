// Package password decides which passwords are accepted, and hashes and checks them.
//
// A [Policy] is the rules for new passwords. A [Hasher] makes bcrypt strings that
// other software reads as well, never truncates, spends the same work on every
// refusal, and admits only so much hashing at a time that the rest of a server
// keeps its processors.
package password
