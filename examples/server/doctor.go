package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"

	"myauth.internal/kit"
	"myauth.internal/kit/accesstoken"
)

func doctorCommand() command {
	return command{name: "doctor", records: true, anySettings: true, setup: doctor,
		short: "says what is wrong with settings, stores, keys, mail and more, and what to do",
		long: "Each line is ok, a warning or a problem. What is risky on the way to other machines is a problem if MYAUTH_PUBLIC_URL\n" +
			"is not this machine, and a warning otherwise. It changes nothing but a record of its own, which it deletes again, sends no mail,\n" +
			"and takes at most two minutes. It exits with 1 if there is a problem."}
}

// finding is one line of the doctor.
type finding struct {
	Status  string `json:"status"` // ok, warning or problem
	Check   string `json:"check"`
	Message string `json:"message"`
	Fix     string `json:"fix,omitempty"`
}

func fine(format string, args ...any) finding {
	return finding{"ok", "", fmt.Sprintf(format, args...), ""}
}

func warning(fix, format string, args ...any) finding {
	return finding{"warning", "", fmt.Sprintf(format, args...), fix}
}

func problem(fix, format string, args ...any) finding {
	return finding{"problem", "", fmt.Sprintf(format, args...), fix}
}

// examination is what the checks know of each other.
type examination struct {
	*shell
	public  string // MYAUTH_PUBLIC_URL or what stands for it
	exposed bool   // public is not this machine
	secrets *strings.Replacer
	bad     bool // there was a problem
	// What the checks leave to those after them.
	keys  *accesstoken.Keyring // nil: there are none
	store stores               // with a nil close: not open
	svc   *kit.Service         // nil: the stores are not open
}

// risky is what is dangerous when other machines reach the server.
func (x *examination) risky(fix, format string, args ...any) finding {
	if x.exposed {
		return problem(fix, format, args...)
	}
	return warning(fix, format, args...)
}

// checkWithin bounds each check. Only the tests set it.
var checkWithin = 10 * time.Second

func doctor(*flag.FlagSet) action {
	return func(ctx context.Context, sh *shell, _ []string) error {
		x := &examination{shell: sh, public: publicURLOf(&sh.settings)}
		x.exposed = !isLocal(x.public)
		x.secrets = x.secretValues()
		for _, check := range []struct {
			name string
			do   func(context.Context) []finding
		}{
			{"settings", x.checkSettings},
			{"files", x.checkFiles},
			{"keys", x.checkKeys},
			{"stores", x.checkOpening},
			{"stores", x.checkRecords},
			{"accounts", x.checkAccounts},
			{"disk", x.checkDisk},
			{"mail", x.checkMail},
			{"providers", x.checkProviders},
			{"url", x.checkPublic},
		} {
			found, err := within(ctx, check.do)
			if err != nil {
				return fmt.Errorf("stopped at %s, and what comes after it was not checked: %w", check.name, err)
			}
			for _, f := range found {
				f.Check = check.name
				if err := x.report(f); err != nil {
					return err
				}
			}
			if sh.problem != nil { // checkSettings has said it, and the rest would go by wrong ones
				break
			}
		}
		if x.store.close != nil {
			_ = x.store.closeInTime(sh.logger) // nothing was kept in it
		}
		if x.bad {
			return errSaid
		}
		return nil
	}
}

var errHangs = errors.New("it does not end in time")

// within does a check, and waits for it no longer than it may take. After an error it may still run.
func within(ctx context.Context, check func(context.Context) []finding) ([]finding, error) {
	bounded, cancel := context.WithTimeout(ctx, checkWithin)
	defer cancel()
	done := make(chan []finding, 1)
	go func() { done <- check(bounded) }()
	select {
	case found := <-done:
		return found, ctx.Err() // a check that a signal has cut short says nothing
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(checkWithin + closeWithin):
		return nil, errHangs
	}
}

// report prints a finding without secrets.
func (x *examination) report(f finding) error {
	f.Message = strings.ReplaceAll(f.Message, "\n", "; ") // errors that were joined have a line each
	f.Message, f.Fix = x.secrets.Replace(f.Message), x.secrets.Replace(f.Fix)
	x.bad = x.bad || f.Status == "problem"
	return x.record(f, func(w io.Writer) error {
		text := f.Message
		if f.Fix != "" {
			text += ". To do: " + f.Fix
		}
		_, err := fmt.Fprintf(w, "%-7s  %-10s  %s\n", f.Status, f.Check, plain(text))
		return err
	})
}

// secretValues replaces the secrets among the settings, whole and the passwords in URLs: an
// error of a driver may quote one.
func (x *examination) secretValues() *strings.Replacer {
	var pairs []string
	add := func(secret string) {
		if len(secret) > 3 { // a shorter one would take letters out of words
			pairs = append(pairs, secret, "…")
		}
	}
	for _, row := range x.settings.rows() {
		if !row.secret {
			continue
		}
		value, _, err := row.value(x.lookup)
		if err != nil || value == row.preset {
			continue
		}
		if _, rest, isURL := strings.Cut(value, "://"); isURL {
			passwordsOf(rest, add)
		} else if row.name != "MYAUTH_STORE" && row.name != "MYAUTH_TOKEN_STORE" { // which have no secret, then
			add(value)
			for part := range strings.SplitSeq(value, ",") {
				add(strings.TrimSpace(part))
			}
		}
	}
	return strings.NewReplacer(pairs...)
}

// passwordsOf calls add for the passwords in a URL, after its scheme, as they are written and as they
// are meant. It may be no URL for package net/url.
func passwordsOf(rest string, add func(string)) {
	rest, query, _ := strings.Cut(rest, "?")
	if at := strings.LastIndex(rest, "@"); at >= 0 {
		_, password, _ := strings.Cut(rest[:at], ":")
		add(password)
		if meant, err := url.PathUnescape(password); err == nil {
			add(meant)
		}
	}
	values, _ := url.ParseQuery(query) // those that it could read
	for name := range values {
		if strings.Contains(strings.ToLower(name), "pass") {
			add(values.Get(name))
		}
	}
}

// isLocal reports whether a URL is of this machine.
func isLocal(text string) bool {
	u, err := url.Parse(text)
	return err == nil && isLoopback(u.Hostname())
}
