// Package ijson reads one JSON object from foreign input, strictly: the grammar
// of RFC 8259, narrowed by what I-JSON (RFC 7493) asks of member names and text.
//
// Package encoding/json is lenient where two readers of one text must agree: the
// last of two equal names wins, names match without regard to case, a Decoder
// ignores what follows the value, and invalid UTF-8 turns into U+FFFD, so that two
// different passwords become one. Here each of these is an error, before the
// caller sees the first member.
//
// Two rules of I-JSON are left to the caller, because values come back exactly as
// they were sent: numbers may have any size and precision, and the noncharacters
// of Unicode (U+FFFE and its like) may occur in strings.
//
// [Object] walks the members and hands out each value as raw bytes; [Kind],
// [String], [Int64], [Strings] and [Elements] read such a value, and [Compact]
// removes its white space. Nothing here uses reflection, and a small object costs
// one allocation besides the strings that the caller decodes.
package ijson
