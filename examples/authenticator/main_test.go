package main

import (
	"strings"
	"testing"
	"time"
)

// The secret and the codes are those of RFC 6238, appendix B.
const uri = "otpauth://totp/Example:ada@example.com?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Example&algorithm=SHA1&digits=6&period=30"

func TestRun(t *testing.T) {
	var out strings.Builder
	if err := run(&out, uri, false, time.Unix(59, 0)); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if got := lines[len(lines)-1]; got != "287082" || len(lines) < 20 {
		t.Errorf("%d lines, and the code %q", len(lines), got)
	}
	for i, line := range lines[:len(lines)-1] {
		if len([]rune(line)) != len([]rune(lines[0])) {
			t.Errorf("line %d has another width", i)
		}
	}
	if lines[0] != strings.Repeat("█", len([]rune(lines[0]))) {
		t.Error("the QR code has no margin")
	}
	out.Reset()
	if err := run(&out, uri, true, time.Unix(29, 0)); err != nil || out.String() != "287082\n" {
		t.Errorf("the next code: %q, %v", out.String(), err)
	}
	for _, bad := range []string{"", "https://example.com", "otpauth://totp/x?secret=0"} {
		if err := run(&out, bad, true, time.Unix(0, 0)); err == nil {
			t.Errorf("%q: no error", bad)
		}
	}
}
