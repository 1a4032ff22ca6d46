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
	// Name is the account's display name, to greet people by. It is empty while the
	// address is not verified, since a stranger may have registered it and chosen the
	// name, and where mail programs might show the name as a link ("win at evil.example")
	// or in another order than it is written.
	Name string
	// Link is what to follow, empty in mails without one. Show it as text too.
	Link string
	// DenyLink, in verification mails only, is the link for a recipient who did not
	// create the account. Show it: it frees an address that a stranger has registered.
	DenyLink string
	// Token is the token in Link, for those who build another link, or a code
	// to paste.
	Token string
	// ValidFor says how long Link works in English words, such as "24 hours" and
	// "1 hour 30 minutes"; empty in mails without a link.
	ValidFor string
	// ValidUntil is the same as an instant, for other languages.
	ValidUntil time.Time
	// Data are the further values of the mail's kind, each one line of text: {{.Data.device}}.
	// One that is not there is empty. Users may have chosen them.
	Data map[string]string
}

// Format writes [redacted], whatever the verb: Data holds a token.
func (Data) Format(f fmt.State, _ rune) { io.WriteString(f, "[redacted]") }

// MarshalText is the same for structured logs and JSON.
func (Data) MarshalText() ([]byte, error) { return []byte("[redacted]"), nil }

func newData(product string, m kit.Mail) Data {
	d := Data{ProductName: product, Name: greeting(m.Username), Data: make(map[string]string, len(m.Data))}
	for name, value := range m.Data {
		d.Data[name] = oneLine(value)
	}
	if m.Link != "" || m.Token != "" {
		d.Link, d.DenyLink, d.Token = string(m.Link), string(m.DenyLink), string(m.Token)
		d.ValidFor, d.ValidUntil = inWords(m.ValidUntil.Sub(m.Now)), m.ValidUntil
	}
	return d
}

// breaksLine reports whether r is a control character or ends a line.
func breaksLine(r rune) bool {
	return unicode.IsControl(r) || r == '\u2028' || r == '\u2029'
}

// maxValue bounds a value of Data, in characters; longer ones are cut.
const maxValue = 1000

// oneLine returns value as one line of valid UTF-8 that does not turn text around.
func oneLine(value string) string {
	value = replace(value, func(r rune) bool { return breaksLine(r) || unicode.Is(unicode.Bidi_Control, r) })
	if chars := []rune(value); len(chars) > maxValue {
		value = string(chars[:maxValue-1]) + "…"
	}
	return value
}

// replace puts U+FFFD in the place of characters, and of invalid UTF-8.
func replace(s string, bad func(rune) bool) string {
	return strings.Map(func(r rune) rune {
		if bad(r) {
			return unicode.ReplacementChar
		}
		return r
	}, strings.ToValidUTF8(s, string(unicode.ReplacementChar)))
}

// greeting returns username as one line of valid UTF-8, or nothing when it could carry a
// link or turn text around.
func greeting(username string) string {
	username = replace(username, breaksLine)
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

// inWords writes d in days and hours, or under two days in hours and minutes.
func inWords(d time.Duration) string {
	minutes := int(d.Round(time.Minute) / time.Minute)
	if minutes < 1 {
		return "less than a minute"
	}
	units := []struct {
		name    string
		minutes int
	}{{"day", 24 * 60}, {"hour", 60}, {"minute", 1}}
	if minutes < 48*60 {
		units = units[1:]
	}
	var words []string
	for _, unit := range units[:2] {
		n := minutes / unit.minutes
		minutes %= unit.minutes
		if n == 1 {
			words = append(words, "1 "+unit.name)
		} else if n > 1 {
			words = append(words, fmt.Sprintf("%d %ss", n, unit.name))
		}
	}
	return strings.Join(words, " ")
}
