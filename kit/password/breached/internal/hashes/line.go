// Package hashes reads the lines in which SHA-1 hashes of passwords are published, and writes
// and reads the file that package breached looks them up in.
package hashes

import (
	"crypto/sha1"
	"encoding/hex"
	"strconv"
)

// Sum is the SHA-1 hash of a password.
type Sum = [sha1.Size]byte

const sumDigits = 2 * sha1.Size

// ParseLine reads a line such as 1E4C9B93F3F0682250B6CF8331B7EE68FD8:52256372: the hexadecimal
// digits of a hash, without the prefix that all lines of its range share, and how often
// the password was seen. Count 0 marks a line that is padding. The line has no end-of-line
// characters.
func ParseLine(prefix string, line []byte) (sum Sum, count uint64, ok bool) {
	rest := sumDigits - len(prefix)
	if rest < 0 || len(line) <= rest || line[rest] != ':' {
		return Sum{}, 0, false
	}
	var digits [sumDigits]byte
	copy(digits[copy(digits[:], prefix):], line)
	if _, err := hex.Decode(sum[:], digits[:]); err != nil {
		return Sum{}, 0, false
	}
	count, err := strconv.ParseUint(string(line[rest+1:]), 10, 64)
	return sum, count, err == nil
}
