package mailx

import (
	"slices"
	"strings"
	"testing"

	"github.com/emersion/go-smtp"

	"myauth.internal/kit"
)

func answer(code int, enhanced smtp.EnhancedCode, text string) *smtp.SMTPError {
	return &smtp.SMTPError{Code: code, EnhancedCode: enhanced, Message: text}
}

// What an error shows of the relay's words.
func TestRefusals(t *testing.T) {
	for name, test := range map[string]struct {
		relay     func(*relay)
		permanent bool
		err       string
	}{
		"unknown recipient": {
			func(r *relay) { r.atRcpt = answer(550, smtp.EnhancedCode{5, 1, 1}, "<ADA@example.com>: no such user") },
			true, "mailx: RCPT: 550 5.1.1 [address] no such user",
		},
		"message refused": {
			func(r *relay) {
				r.atData = answer(554, smtp.EnhancedCode{5, 7, 1}, "listed: https://shop.example/verify-email?token=secret-token-0123456789-0123456789")
			},
			false, "mailx: message: 554 5.7.1 listed: [...]" + notBlamed,
		},
		"message deferred": {
			func(r *relay) { r.atData = answer(452, smtp.EnhancedCode{4, 3, 1}, "disk\x00 \x1b[31mfull\u202e") },
			false, "mailx: message: 452 4.3.1 disk [31mfull",
		},
		"many words": {
			func(r *relay) { r.atRcpt = answer(550, smtp.EnhancedCode{5, 0, 0}, strings.Repeat("nö ", 100)) },
			false, "mailx: RCPT: 550 5.0.0 " + strings.Repeat("nö ", 50) + "..." + notBlamed,
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := startRelay(t, test.relay)
			err := r.mailer(t, nil).Send(t.Context(), sample("ada@example.com"))
			if err == nil || err.Error() != test.err || isPermanent(err) != test.permanent {
				t.Errorf("got %q, permanent %v; want %q, %v", err, isPermanent(err), test.err, test.permanent)
			}
			if len(r.mails) != 0 {
				t.Error("and yet the relay has the mail")
			}
		})
	}
}

func TestInternationalAddresses(t *testing.T) {
	able := func(r *relay) { r.server.EnableSMTPUTF8 = true }
	for name, test := range map[string]struct {
		relay     func(*relay)
		from, to  string
		sentTo    string // empty: refused
		utf8      bool
		permanent bool
	}{
		"ASCII, able relay":       {able, "a@shop.example", "ada@Example.com", "ada@Example.com", false, false},
		"local part, able":        {able, "a@shop.example", "zoë@example.com", "zoë@example.com", true, false},
		"domain, able":            {able, "a@shop.example", "zoe@Bücher.example", "zoe@xn--bcher-kva.example", false, false},
		"both, able":              {able, "a@shop.example", "用户@例子.广告", "用户@xn--fsqu00a.xn--4rr70v", true, false},
		"sender, able":            {able, "ä@shop.example", "ada@example.com", "ada@example.com", true, false},
		"domain, not able":        {nil, "a@shop.example", "zoe@faß.example", "zoe@xn--fa-hia.example", false, false},
		"hyphens":                 {nil, "a@shop.example", "ada@ab--cd.r3---sn.example", "ada@ab--cd.r3---sn.example", false, false},
		"sender domain, not able": {nil, "a@läden.example", "ada@example.com", "ada@example.com", false, false},
		"local part, not able":    {nil, "a@shop.example", "zoë@example.com", "", false, true},
		"both, not able":          {nil, "a@shop.example", "用户@例子.广告", "", false, true},
		"only sender, not able":   {nil, "ä@shop.example", "ada@example.com", "", false, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := startRelay(t, test.relay)
			m := r.mailer(t, func(_ *Config, o *Options) { o.From = test.from })
			err := m.Send(t.Context(), sample(test.to))
			if test.sentTo == "" {
				if err == nil || isPermanent(err) != test.permanent || !strings.Contains(err.Error(), "SMTPUTF8") {
					t.Errorf("got %v, permanent %v; want %v", err, isPermanent(err), test.permanent)
				}
				r.wantNothing(t)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			got := r.delivered(t)
			if !slices.Equal(got.to, []string{test.sentTo}) || got.utf8 != test.utf8 || !strings.Contains(string(got.data), "\r\nTo: <"+test.sentTo+">\r\n") {
				t.Errorf("delivered to %q, SMTPUTF8 %v:\n%s", got.to, got.utf8, got.data)
			}
			if head, _, _ := strings.Cut(string(got.data), "\r\n\r\n"); !test.utf8 && (!isASCII(got.from) || !isASCII(head)) {
				t.Errorf("from %q, without SMTPUTF8:\n%s", got.from, head)
			}
		})
	}
}

var badAddresses = []string{
	"", "ada", "@example.com", "ada@", "ada@example.com\r\nRCPT TO:<eve@example.com>", "ada@example.com>\r\nDATA",
	"ada@example.com\n", "ada\x00@example.com", "ada@example.com,eve@example.com", "ada@example.com eve@example.com",
	"ada@example.com> NOTIFY=NEVER", "Ada <ada@example.com>", `"ada"@example.com`, "ada(x)@example.com",
	`"a@evil.com"@victim.com`, "a@evil.com@victim.com", "a..b@example.com", ".a@example.com", "ada@example..com",
	"ada@.example.com", "ada@-example.com", "ada@example-.com", "ada@example.com-", "ada@[192.0.2.1]", "a\u200bda@example.com",
	"ada@example。com", "ada\u202e@example.com", "ada@exam\u00a0ple.com", "ad\xffa@example.com", "ada@example.com\x7f",
	"ada\u3164@example.com", "ada\u115f@example.com", "ada\u034f@example.com", "ada\ufe0f@example.com", "ada@ex\u00adample.com", "ada@-müller.example",
	"ada@א1a.example", "ada@xn--ü.example",
	strings.Repeat("a", 65) + "@example.com", "a@" + strings.Repeat("example.", 32) + "com", "ada:x@example.com", "ada;@example.com",
}

func TestBadRecipients(t *testing.T) {
	r := startRelay(t, nil)
	m := r.mailer(t, nil)
	for _, to := range badAddresses {
		for _, mail := range []kit.Mail{sample(to), {Kind: kit.MailAccountExists, To: to}} {
			if err := m.Send(t.Context(), mail); !isPermanent(err) || len(to) > 3 && strings.Contains(err.Error(), to) {
				t.Errorf("%q: got %v, want a permanent error without the address", to, err)
			}
		}
	}
	r.wantNothing(t)
}
