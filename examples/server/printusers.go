package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"myauth.internal/kit"
	"myauth.internal/kit/useragent"
)

// userRecord is an account as the routes of administrators answer it, and its sessions where they
// are asked for.
type userRecord struct {
	kit.User
	sessions []kit.Session // nil: not asked for
}

// MarshalJSON adds to the form of the API what only administrators see.
func (r userRecord) MarshalJSON() ([]byte, error) {
	b, err := r.AppendJSON(nil)
	if err != nil {
		return nil, err
	}
	more := struct {
		HasPassword bool          `json:"has_password"`
		Factors     []string      `json:"factors"`
		Sessions    []kit.Session `json:"sessions,omitzero"`
	}{r.PasswordHash != "", append([]string{}, r.Factors...), r.sessions}
	m, err := json.Marshal(more)
	if err != nil {
		return nil, err
	}
	return append(append(b[:len(b)-1], ','), m[1:]...), nil
}

// userList prints pages of accounts as one table, whose columns are as wide as the first page
// needs, or as lines of JSON.
type userList struct {
	sh     *shell
	widths []int
}

func (l *userList) print(page []kit.User) error {
	if l.sh.json {
		for _, u := range page {
			if err := l.sh.record(userRecord{User: u}, nil); err != nil {
				return err
			}
		}
		return nil
	}
	if len(page) == 0 {
		return nil
	}
	rows := [][]string{}
	if l.widths == nil {
		rows = append(rows, []string{"ID", "ADDRESS", "NAME", "ROLES", "STATE", "CREATED"})
	}
	for _, u := range page {
		rows = append(rows, []string{u.ID, plain(u.Email), plain(u.Username), plain(cmp.Or(strings.Join(u.Roles, ","), "-")), state(u), u.CreatedAt.UTC().Format(time.DateOnly)})
	}
	l.widths = widen(l.widths, rows)
	return writeRows(l.sh.stdout, l.widths, rows)
}

// widen returns widths that hold the rows too.
func widen(widths []int, rows [][]string) []int {
	for _, row := range rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	return widths
}

// writeRows writes rows as columns. Nothing stands behind the last.
func writeRows(w io.Writer, widths []int, rows [][]string) error {
	var text strings.Builder
	for _, row := range rows {
		for i, cell := range row {
			if i == len(row)-1 {
				fmt.Fprintf(&text, "%s\n", cell)
			} else {
				fmt.Fprintf(&text, "%-*s  ", widths[i], cell)
			}
		}
	}
	_, err := io.WriteString(w, text.String())
	return err
}

// printUser prints one account and its sessions.
func (sh *shell) printUser(u kit.User, sessions []kit.Session) error {
	if sessions == nil {
		sessions = []kit.Session{}
	}
	return sh.record(userRecord{u, sessions}, func(w io.Writer) error {
		none := func(list []string) string { return plain(cmp.Or(strings.Join(list, ", "), "none")) }
		password := "yes"
		if u.PasswordHash == "" {
			password = "none"
		}
		rows := [][]string{
			{"id", u.ID}, {"address", plain(u.Email)}, {"name", plain(u.Username)}, {"state", state(u)}, {"roles", none(u.Roles)},
			{"password", password}, {"second factors", none(u.Factors)}, {"settings", plain(string(u.Settings))},
			{"created", minute(u.CreatedAt)}, {"changed", minute(u.UpdatedAt)}, {"sessions", strconv.Itoa(len(sessions))},
		}
		for _, s := range sessions {
			from := useragent.Name(s.Client.UserAgent)
			if s.Client.IP.IsValid() {
				from += " at " + s.Client.IP.String()
			}
			rows = append(rows, []string{"", fmt.Sprintf("%s, %s, since %s, last used %s", s.ID, plain(from), minute(s.CreatedAt), minute(s.LastUsedAt))})
		}
		return writeRows(w, widen(nil, rows), rows)
	})
}

func minute(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

// state is what an account may do.
func state(u kit.User) string {
	switch {
	case !u.Active:
		return "disabled"
	case !u.Verified:
		return "unverified"
	}
	return "active"
}

// done says what has become of an account, with --json the account itself.
func (sh *shell) done(u kit.User, what string) error {
	return sh.record(userRecord{User: u}, func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "%s (%s) %s\n", plain(u.Email), u.ID, plain(what))
		return err
	})
}

// doneNow is done with the account as it is now.
func (sh *shell) doneNow(ctx context.Context, svc *kit.Service, u kit.User, what string) error {
	if now, err := svc.UserByID(ctx, u.ID); err == nil {
		u = now
	}
	return sh.done(u, what)
}

// plain is text of a user as it may stand on a terminal: on one line, and without what would
// move the rest of it.
func plain(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsGraphic(r) {
			return r
		}
		return unicode.ReplacementChar
	}, text)
}
