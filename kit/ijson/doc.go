// Package ijson reads I-JSON strictly and writes JSON strings. It is public only
// because MyAuth's own modules share it.
//
// Package encoding/json is lenient where two readers of one text must agree: the
// last of two equal names wins, names match without regard to case, a Decoder
// ignores what follows the value, and invalid UTF-8 turns into U+FFFD, so that two
// different passwords become one. Here each of these is an error, before the
// caller sees the first member: the grammar is that of RFC 8259, narrowed by what
// I-JSON (RFC 7493) asks of member names and text.
//
// Two rules of I-JSON are not checked, because values come back exactly as they
// were sent: numbers may have any size and precision, and strings may contain
// noncharacters (U+FFFE and its like).
//
// [Object] passes each member to a function, with the value as raw bytes. [Kind],
// [String], [Int64], [Array] and [Strings] read such a value. Nothing here uses
// reflection, and reading an object of up to 16 members allocates nothing besides
// the strings that the caller asks for.
package ijson
