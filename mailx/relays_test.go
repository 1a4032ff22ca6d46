package mailx

import (
	"crypto/tls"
	"encoding/base64"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"myauth.internal/kit"
)

// dialogue is one conversation with a relay, as the files in testdata/relays have it:
// options, steps, and the outcome.
type dialogue struct {
	title   string
	options map[string]string // login, name
	steps   []string
	outcome string // sent, "kept TEXT" or "dropped TEXT", of the error
}

func readDialogues(t *testing.T, file string) []*dialogue {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var all []*dialogue
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSuffix(line, "\n")
		title, begins := strings.CutPrefix(line, "= ")
		switch {
		case line == "" || strings.HasPrefix(line, "#"):
		case begins:
			all = append(all, &dialogue{title: title, options: map[string]string{}})
		default:
			d := all[len(all)-1]
			if option := regexp.MustCompile(`^(login|name): (.*)$`).FindStringSubmatch(line); option != nil {
				d.options[option[1]] = option[2]
			} else if outcome, _, _ := strings.Cut(line, " "); outcome == "sent" || outcome == "kept" || outcome == "dropped" {
				d.outcome = line
			} else {
				d.steps = append(d.steps, unfold(line)...)
			}
		}
	}
	return all
}

// unfold writes out the usual part of a conversation, and what stands in braces in
// base64.
func unfold(line string) []string {
	offered, usual := strings.CutPrefix(line, "EHLO STARTTLS")
	switch {
	case usual:
		steps := []string{"C: EHLO shop.example", "S: 250-mail.example", "S: 250 STARTTLS", "C: STARTTLS", "S: 220 2.0.0 go ahead", "TLS", "C: EHLO shop.example"}
		if offered != "" {
			steps = append(steps, "S: 250-mail.example", "S: 250 "+strings.TrimSpace(offered))
		} else {
			steps = append(steps, "S: 250 mail.example")
		}
		return steps
	case strings.HasPrefix(line, "MAIL"):
		steps := []string{"C: MAIL FROM:<no-reply@shop.example>", "S: 250 2.1.0 ok"}
		if strings.Contains(line, "RCPT") {
			steps = append(steps, "C: RCPT TO:<ada@example.com>", "S: 250 2.1.5 ok")
		}
		if strings.Contains(line, "DATA") {
			steps = append(steps, "C: DATA", "S: 354 go on")
		}
		return steps
	}
	return []string{regexp.MustCompile(`\{.*\}`).ReplaceAllStringFunc(line, func(s string) string {
		plain := strings.ReplaceAll(strings.Trim(s, "{}"), `\0`, "\x00")
		return base64.StdEncoding.EncodeToString([]byte(plain))
	})}
}

// play is the relay's part of d. It stops where the client says something else.
func (d *dialogue) play(t *testing.T, p *peer, server *tls.Config) {
	for _, step := range d.steps {
		says, isReply := strings.CutPrefix(step, "S: ")
		expects, isCommand := strings.CutPrefix(step, "C: ")
		switch {
		case isReply:
			p.say(says)
		case isCommand:
			if got := p.line(); got != expects {
				t.Errorf("the client says %q, want %q", got, expects)
				return
			}
		case step == "TLS":
			p.secure(server)
		case step == "MESSAGE":
			p.message()
		default:
			t.Errorf("no such step: %q", step)
		}
	}
	// In clear it hangs up, and says nothing more.
	want := "QUIT"
	if !slices.Contains(d.steps, "TLS") {
		want = ""
	}
	if last := p.line(); last != want {
		t.Errorf("the client ends with %q, want %q", last, want)
	}
	p.say("221 2.0.0 bye")
}

// What relays say, as they themselves and their documents have it.
func TestRelays(t *testing.T) {
	authority := newAuthority(t)
	server := authority.serverConfig("127.0.0.1", testTime.AddDate(1, 0, 0))
	files, err := filepath.Glob("testdata/relays/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no relays: %v", err)
	}
	for _, file := range files {
		for _, d := range readDialogues(t, file) {
			t.Run(strings.TrimSuffix(filepath.Base(file), ".txt")+"/"+d.title, func(t *testing.T) {
				cfg, done := playRelay(t, func(p *peer) { d.play(t, p, server) })
				user, password, _ := strings.Cut(d.options["login"], " ")
				cfg.Username, cfg.Password = user, kit.Secret(password)
				m := newMailer(t, cfg, &Options{From: "no-reply@shop.example", LocalName: d.options["name"], TLS: authority.clientConfig()}, nil)
				err := m.Send(t.Context(), sample("ada@example.com"))
				<-done
				t.Log(err)
				outcome, words, _ := strings.Cut(d.outcome, " ")
				switch {
				case outcome == "sent":
					if err != nil {
						t.Errorf("got %v, want the mail sent", err)
					}
				case err == nil || isPermanent(err) != (outcome == "dropped") || !strings.HasPrefix(err.Error(), "mailx: "+words):
					t.Errorf("got %v, permanent %v; want the mail %s", err, isPermanent(err), d.outcome)
				}
			})
		}
	}
}
