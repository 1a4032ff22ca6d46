package main

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"myauth.internal/httpx"
	"myauth.internal/kit"
)

// notes is the application itself: a table of its own beside MyAuth's, by the ID of the user. It
// is a [kit.Feature] too, so that it hears when an account is deleted, whoever deletes it.
type notes struct{ db *sql.DB }

type note struct {
	ID      int64
	Text    string
	Created time.Time
}

func openNotes(ctx context.Context, db *sql.DB) (*notes, error) {
	_, err := db.ExecContext(ctx, `
		CREATE TABLE IF NOT EXISTS notes (
			id INTEGER PRIMARY KEY, user_id TEXT NOT NULL, text TEXT NOT NULL, created_at INTEGER NOT NULL
		) STRICT;
		CREATE INDEX IF NOT EXISTS notes_by_user ON notes (user_id, id)`)
	return &notes{db}, err
}

// Name is the feature's.
func (*notes) Name() string { return "notes" }

// Attach is called by kit.New.
func (n *notes) Attach(*kit.Core) (kit.Extension, error) {
	return kit.Extension{Observe: func(ctx context.Context, e kit.Event) {
		if e.Kind != kit.EventUserDeleted {
			return
		}
		if _, err := n.db.ExecContext(context.WithoutCancel(ctx), "DELETE FROM notes WHERE user_id = ?", e.UserID); err != nil {
			slog.ErrorContext(ctx, "the notes of a deleted account are still there", "user_id", e.UserID, "err", err)
		}
	}}, nil
}

func (n *notes) of(ctx context.Context, userID string) (list []note, err error) {
	rows, err := n.db.QueryContext(ctx, "SELECT id, text, created_at FROM notes WHERE user_id = ? ORDER BY id DESC LIMIT 200", userID)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var one note
		var created int64
		if err := rows.Scan(&one.ID, &one.Text, &created); err != nil {
			return nil, err
		}
		one.Created = time.Unix(created, 0)
		list = append(list, one)
	}
	return list, rows.Err()
}

func (a *app) listNotes(w http.ResponseWriter, r *http.Request) { a.renderNotes(w, r, nil) }

// renderNotes shows the notes, with the form for a new one, and what was wrong with the last.
func (a *app) renderNotes(w http.ResponseWriter, r *http.Request, wrong error) {
	user, _ := httpx.UserFrom(r.Context())
	list, err := a.notes.of(r.Context(), user.ID)
	if err != nil {
		a.fail(w, r, unavailable(r, err))
		return
	}
	a.refuse(w, r, "notes", page{Data: list}, wrong)
}

// unavailable is what a page says when the application's own table cannot be read or written.
func unavailable(r *http.Request, err error) kit.Problem {
	slog.ErrorContext(r.Context(), "notes", "err", err)
	return httpx.ProblemOf(fmt.Errorf("%w: %w", kit.ErrUnavailable, err))
}

const maxNote = 2000 // characters

func (a *app) addNote(w http.ResponseWriter, r *http.Request) {
	user, _ := httpx.UserFrom(r.Context())
	text := strings.TrimSpace(r.PostFormValue("text"))
	switch {
	case text == "":
		a.renderNotes(w, r, kit.Invalid("text", kit.CodeRequired, ""))
		return
	case utf8.RuneCountInString(text) > maxNote:
		a.renderNotes(w, r, kit.Invalid("text", kit.CodeTooLong, "write at most 2,000 characters"))
		return
	}
	_, err := a.notes.db.ExecContext(r.Context(), "INSERT INTO notes (user_id, text, created_at) VALUES (?, ?, ?)", user.ID, text, time.Now().Unix())
	if err != nil {
		a.fail(w, r, unavailable(r, err))
		return
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// deleteNote names the user in the statement, so nobody deletes what is not theirs.
func (a *app) deleteNote(w http.ResponseWriter, r *http.Request) {
	user, _ := httpx.UserFrom(r.Context())
	if _, err := a.notes.db.ExecContext(r.Context(), "DELETE FROM notes WHERE id = ? AND user_id = ?", r.PathValue("id"), user.ID); err != nil {
		a.fail(w, r, unavailable(r, err))
		return
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}
