package mailx

import (
	"context"
	"fmt"
	"html"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"myauth.internal/kit"
	"myauth.internal/kit/accesstoken"
	"myauth.internal/kit/kittest"
	"myauth.internal/kit/memstore"
)

// linkers are models of programs that look for addresses in a plain text and make links
// of them: mail programs, chat clients, editors. Each returns the links that it finds.
var linkers = map[string]func(string) []string{
	// Up to the next space, without the punctuation of the sentence around it.
	"generous": func(s string) []string {
		return trimmed(regexp.MustCompile(`https?://[^\s<>"]+`).FindAllString(s, -1), `.,;:!?'"()[]{}*_~-`)
	},
	// The characters of RFC 3986, up to the last letter, digit or slash.
	"by the grammar": func(s string) []string {
		return regexp.MustCompile(`https?://[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]*[A-Za-z0-9/]`).FindAllString(s, -1)
	},
	// Words joined by one character of punctuation each: stops at a run of it.
	"timid": func(s string) []string {
		return regexp.MustCompile(`https?://[A-Za-z0-9]+(?:[-._:/?=&%][A-Za-z0-9]+)*`).FindAllString(s, -1)
	},
	// Markdown: what stands between underscores or asterisks in pairs is emphasis.
	"chat": func(s string) []string {
		s = regexp.MustCompile(`(__|\*\*)`).ReplaceAllString(s, " ")
		return trimmed(regexp.MustCompile(`https?://[^\s<>()]+`).FindAllString(s, -1), `.,;:!?'"*_~`)
	},
}

func trimmed(links []string, cut string) []string {
	for i := range links {
		links[i] = strings.TrimRight(links[i], cut)
	}
	return links
}

// handlings are what happens to a text before somebody follows its links.
var handlings = map[string]func(string) string{
	"as sent":       func(s string) string { return s },
	"with CRLF":     func(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") },
	"quoted":        func(s string) string { return "> " + strings.ReplaceAll(s, "\n", "\n> ") },
	"indented":      func(s string) string { return strings.ReplaceAll(s, "\n", "\n    ") },
	"line by line":  func(s string) string { return strings.Join(strings.Fields(s), "\n") },
	"on one line":   func(s string) string { return strings.Join(strings.Fields(s), " ") },
	"a typographer": func(s string) string { return strings.NewReplacer("--", "—", "...", "…", "'", "’").Replace(s) },
	"decoded twice": func(s string) string { // from quoted-printable
		return regexp.MustCompile(`=[0-9A-F]{2}`).ReplaceAllStringFunc(s, func(code string) string {
			n, _ := strconv.ParseUint(code[1:], 16, 8)
			return string(rune(n))
		})
	},
}

// TestLinksSurvive sends real tokens through real messages, and follows the links that
// many kinds of programs would make of them.
func TestLinksSurvive(t *testing.T) {
	keys, err := accesstoken.HMAC([]byte("a secret for tests, 32 bytes or more"))
	if err != nil {
		t.Fatal(err)
	}
	mailer, store := &kittest.Mailer{}, memstore.New()
	svc, err := kit.New(store.Stores(), keys, &kit.Options{
		Mailer: mailer, PublicURL: "https://my-shop.example:8443/my_account", BcryptCost: 4, InsecureFastHash: true,
		OnEvent: func(context.Context, kit.Event) {},
	})

	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	const accounts = 100
	for i := range accounts {
		email := fmt.Sprintf("ada.%d@example.com", i)
		if i%10 == 0 {
			email = strings.Repeat("a", 64) + "@" + strings.Repeat(strings.Repeat("b", 59)+".", 3) + fmt.Sprintf("x%d.com", i) // nearly as long as can be
		}
		if _, err := svc.Register(ctx, kit.Registration{Email: email, Username: "Ada", Password: "Engine#1843!"}); err != nil {
			t.Fatal(err)
		}
		if err := svc.RequestPasswordReset(ctx, email); err != nil {
			t.Fatal(err)
		}
	}
	if err := svc.Close(ctx); err != nil { // waits for the mails
		t.Fatal(err)
	}
	c := newTestComposer(t, Options{})
	mails := mailer.All()
	if len(mails) != 2*accounts {
		t.Fatalf("%d mails", len(mails))
	}
	for _, mail := range mails {
		want := []string{string(mail.Link)}
		if mail.DenyLink != "" {
			want = append(want, string(mail.DenyLink))
		}
		data, err := c.compose(mail)
		if err != nil {
			t.Fatal(err)
		}
		_, text, htmlText, err := readMessage(data)
		if err != nil {
			t.Fatal(err)
		}
		for name, handle := range handlings {
			handled := handle(text)
			for linker, find := range linkers {
				if got := find(handled); !slices.Equal(got, want) {
					t.Fatalf("%s, %s: the links are %q, want %q", name, linker, got, want)
				}
			}
		}
		var hrefs []string
		for _, m := range regexp.MustCompile(`href="([^"]*)"`).FindAllStringSubmatch(htmlText, -1) {
			hrefs = append(hrefs, html.UnescapeString(m[1]))
		}
		if !slices.Equal(hrefs, want) {
			t.Fatalf("the HTML leads to %q, want %q", hrefs, want)
		}
	}
}
