package mailx

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"

	"myauth.internal/kit"
)

// Data is what the templates are executed with.
type Data struct {
	// ProductName is Options.ProductName.
	ProductName string
	// Username is the account's display name, as the user chose it. It is empty while
	// the address is not verified, so that nobody reads words here that a stranger wrote
	// who registered the address.
	Username string
	// Name is Username, or empty where mail programs might show it as a
	// link ("win at evil.example") or in another order than it is written: what to
	// greet people by.
	Name string
	// Link is what to follow, empty in mails without one. Show it as text too.
	Link string
	// DenyLink, in verification mails, is the link for a recipient who did not open the
	// account; it is empty in others. Show it: it frees an address that a stranger has
	// registered.
	DenyLink string
	// Token is the token in Link, for those who build another link, or a code
	// to paste.
	Token string
	// ValidFor says how long Link works in English words, such as "24 hours" and
	// "1 hour 30 minutes"; empty in mails without a link.
	ValidFor string
	// ValidUntil is the same as an instant, for other languages.
	ValidUntil time.Time
}

// Format writes [redacted], whatever the verb: Data holds a token.
func (Data) Format(f fmt.State, _ rune) { io.WriteString(f, "[redacted]") }

// MarshalText is the same for structured logs and JSON.
func (Data) MarshalText() ([]byte, error) { return []byte("[redacted]"), nil }

func newData(product string, m kit.Mail) Data {
	username := oneLine(m.Username)
	d := Data{ProductName: product, Username: username, Name: greeting(username)}
	if m.Link != "" || m.Token != "" {
		d.Link, d.DenyLink, d.Token = string(m.Link), string(m.DenyLink), string(m.Token)
		d.ValidFor, d.ValidUntil = inWords(m.ValidUntil.Sub(m.Now)), m.ValidUntil
	}
	return d
}

// breaksLine reports whether r could end a line or do other things than be shown.
func breaksLine(r rune) bool {
	return unicode.IsControl(r) || r == '\u2028' || r == '\u2029'
}

// oneLine returns s as valid UTF-8 without anything that [breaksLine].
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if breaksLine(r) {
			return unicode.ReplacementChar
		}
		return r
	}, strings.ToValidUTF8(s, string(unicode.ReplacementChar)))
}

// greeting returns username, or nothing when it could carry a link or turn text
// around: what a user wrote into a name is not for mails to spread.
func greeting(username string) string {
	if strings.ContainsAny(username, "/\\@:") || strings.ContainsFunc(username, func(r rune) bool { return unicode.Is(unicode.Bidi_Control, r) }) {
		return ""
	}
	afterDot := false
	for _, r := range username {
		if afterDot && !unicode.IsSpace(r) {
			return ""
		}
		afterDot = strings.ContainsRune(".。．｡", r)
	}
	return username
}

// inWords writes d in days, hours and minutes, at most two of them.
func inWords(d time.Duration) string {
	minutes := int(d.Round(time.Minute) / time.Minute)
	hours, days := minutes/60, minutes/(24*60)
	switch {
	case minutes < 1:
		return "less than a minute"
	case hours < 1:
		return count(minutes, "minute")
	case days < 2:
		return twoUnits(count(hours, "hour"), minutes%60, "minute")
	default:
		return twoUnits(count(days, "day"), hours%24, "hour")
	}
}

func twoUnits(first string, n int, unit string) string {
	if n == 0 {
		return first
	}
	return first + " " + count(n, unit)
}

func count(n int, unit string) string {
	if n == 1 {
		return "1 " + unit
	}
	return fmt.Sprintf("%d %ss", n, unit)
}
