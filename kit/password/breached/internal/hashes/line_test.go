package hashes

import (
	"crypto/sha1"
	"fmt"
	"strings"
	"testing"
)

func TestParseLine(t *testing.T) {
	const digits = "5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8"
	password := sha1.Sum([]byte("password"))
	for _, c := range []struct {
		prefix, line string
		count        uint64
		ok           bool
	}{
		{"", digits + ":52256372", 52256372, true},
		{digits[:5], digits[5:] + ":1", 1, true},
		{digits[:5], strings.ToLower(digits[5:]) + ":0", 0, true},
		{digits, ":7", 7, true},
		{"", digits + ":18446744073709551615", 1<<64 - 1, true},
		{"", digits + ":18446744073709551616", 0, false},
		{"", digits, 0, false},
		{"", digits + ":", 0, false},
		{"", digits + ":-1", 0, false},
		{"", digits + ":+1", 0, false},
		{"", digits + ": 1", 0, false},
		{"", digits + ":1_0", 0, false},
		{"", digits + ":1\r", 0, false},
		{"", digits + " 1", 0, false},
		{"", digits + "0:1", 0, false},
		{"", digits[:32] + ":1", 0, false}, // NTLM
		{"", digits[5:] + ":1", 0, false},
		{digits[:5], digits + ":1", 0, false},
		{"", "G" + digits[1:] + ":1", 0, false},
		{"", "", 0, false},
		{digits + "0", ":1", 0, false},
	} {
		sum, count, ok := ParseLine(c.prefix, []byte(c.line))
		if ok != c.ok || ok && (sum != password || count != c.count) {
			t.Errorf("%q after %q: %x, %d, %v", c.line, c.prefix, sum, count, ok)
		}
	}
}

// FuzzParseLine: what is read, is what the line says.
func FuzzParseLine(f *testing.F) {
	f.Add("", "5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8:52256372")
	f.Add("5BAA6", "1e4c9b93f3f0682250b6cf8331b7ee68fd8:007")
	f.Add("5BAA6", ":")
	f.Add(strings.Repeat("0", 41), ":1")
	f.Fuzz(func(t *testing.T, prefix, line string) {
		sum, count, ok := ParseLine(prefix, []byte(line))
		if !ok {
			return
		}
		hash, number, _ := strings.Cut(prefix+line, ":")
		if want := fmt.Sprintf("%X", sum); want != strings.ToUpper(hash) {
			t.Errorf("%q after %q has %s", line, prefix, want)
		}
		if got := strings.TrimLeft(number, "0"); got != fmt.Sprint(count) && (got != "" || count != 0) {
			t.Errorf("%q has the count %d", line, count)
		}
	})
}
