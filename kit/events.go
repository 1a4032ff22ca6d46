package kit

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"
)

// EventKind names what happened.
type EventKind string

// The kinds of [Event]. The set is open: features add kinds.
const (
	EventRegistered             EventKind = "user_registered"
	EventRegistrationRefused    EventKind = "registration_refused" // the address has an account
	EventLoggedIn               EventKind = "logged_in"
	EventLoginFailed            EventKind = "login_failed" // or a re-authentication, of the session SessionID
	EventReauthenticated        EventKind = "reauthenticated"
	EventLoggedOut              EventKind = "logged_out"
	EventSessionRefreshed       EventKind = "session_refreshed"
	EventSessionReused          EventKind = "refresh_token_reused" // a replaced token came back: perhaps stolen
	EventSessionEnded           EventKind = "session_ended"
	EventSessionsEnded          EventKind = "all_sessions_ended" // but SessionID, if there is one
	EventPasswordResetRequested EventKind = "password_reset_requested"
	EventPasswordReset          EventKind = "password_reset"
	EventPasswordChanged        EventKind = "password_changed"
	EventPasswordChangeFailed   EventKind = "password_change_failed" // the current password was wrong
	EventTokenRefused           EventKind = "token_refused"          // a reset, verification or refresh token; Err says which and why
	EventEmailVerified          EventKind = "email_verified"
	EventEmailUnverified        EventKind = "email_unverified" // an administrator does not take the address for proved any more
	EventEmailDenied            EventKind = "email_denied"     // its owner did not make the account, which is deleted
	EventEmailChangeRequested   EventKind = "email_change_requested"
	EventEmailChanged           EventKind = "email_changed"
	EventActivated              EventKind = "user_activated"
	EventDeactivated            EventKind = "user_deactivated"
	EventRenamed                EventKind = "user_renamed" // by an administrator
	EventRolesChanged           EventKind = "roles_changed"
	EventUserDeleted            EventKind = "user_deleted"
	EventNewDevice              EventKind = "new_device"        // a login from where the owner has not logged in before
	EventPasswordGuessing       EventKind = "password_guessing" // strangers try one wrong password after another
	EventFactorEnrolled         EventKind = "factor_enrolled"
	EventFactorRemoved          EventKind = "factor_removed"
	EventFactorsReset           EventKind = "factors_reset" // by an administrator
	EventRecoveryCodesMade      EventKind = "recovery_codes_made"
	EventRecoveryCodeUsed       EventKind = "recovery_code_used" // in place of a second factor
	EventFactorFailed           EventKind = "factor_failed"      // the answer to a second factor was wrong; SessionID: of a re-authentication
	EventFactorRequired         EventKind = "factor_required"    // a first factor was right, and a second is due
	EventMailFailed             EventKind = "mail_failed"        // one attempt; it will be retried
	EventMailDropped            EventKind = "mail_dropped"       // given up
	EventMailSpaced             EventKind = "mail_spaced"        // left out, for another of the kind to that mailbox
)

// Event is one entry of the audit stream. It holds no secret, and of the user only the ID.
// Err may quote a mail relay or a driver.
type Event struct {
	Kind EventKind
	// UserID is empty for events without an account, such as the login of an unknown
	// address.
	UserID string
	// Actor is the ID of who did it, if that is another one than the user, such as an
	// administrator: see [WithActor].
	Actor string
	// Target is the ID of what was done something to, if that is no user, such as an invitation.
	Target string
	// SessionID is empty for events that do not concern one session.
	SessionID string
	// Client is what [WithClient] put into the context.
	Client Client
	Time   time.Time
	// Err is the reason of a failure.
	Err error
}

type actorKey struct{}

// WithActor returns a context whose events have an Actor: the ID of an administrator, or what
// else the application calls whoever acts.
func WithActor(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, actorKey{}, id)
}

func actorOf(ctx context.Context) string {
	id, _ := ctx.Value(actorKey{}).(string)
	return id
}

// emit passes e to features and to Options.OnEvent, or logs it.
func (s *Service) emit(ctx context.Context, e Event) {
	if s.outbox != nil {
		kept := e // e itself, which changes below, would go to the heap with every event
		s.outbox.add(func() { s.outbox.of.emit(ctx, kept) })
		return
	}
	e.Time = s.now()
	if e.Actor == "" {
		e.Actor = actorOf(ctx)
	}
	if e.Client == (Client{}) {
		e.Client = ClientOf(ctx)
	}
	for _, observe := range s.observers {
		s.observed(ctx, e, observe)
	}
	hear := s.logEvent
	if s.opts.OnEvent != nil {
		hear = s.opts.OnEvent
	}
	s.observed(ctx, e, hear)
}

func (s *Service) logEvent(ctx context.Context, e Event) {
	level := slog.LevelInfo
	switch e.Kind {
	case EventSessionReused, EventMailFailed, EventMailSpaced:
		level = slog.LevelWarn
	case EventMailDropped:
		level = slog.LevelError
	}
	if !s.opts.Logger.Enabled(ctx, level) {
		return
	}
	attrs := make([]slog.Attr, 0, 7)
	attrs = append(attrs, slog.String("event", string(e.Kind)))
	if e.UserID != "" {
		attrs = append(attrs, slog.String("user_id", e.UserID))
	}
	if e.Actor != "" {
		attrs = append(attrs, slog.String("actor_id", e.Actor))
	}
	if e.Target != "" {
		attrs = append(attrs, slog.String("target_id", e.Target))
	}
	if e.SessionID != "" {
		attrs = append(attrs, slog.String("session_id", e.SessionID))
	}
	if e.Client.IP.IsValid() {
		attrs = append(attrs, slog.String("client_ip", e.Client.IP.String()))
	}
	if e.Err != nil {
		attrs = append(attrs, slog.String("err", e.Err.Error()))
	}
	s.opts.Logger.LogAttrs(ctx, level, "myauth", attrs...)
}

// observed passes e to one observer. The call that caused the event has already taken effect,
// so a panic must not make it fail, nor keep the event from others.
func (s *Service) observed(ctx context.Context, e Event, observe func(context.Context, Event)) {
	defer func() {
		if p := recover(); p != nil {
			logPanic(ctx, s.opts.Logger, "an observer of events", p)
		}
	}()
	observe(ctx, e)
}

// refuseToken returns err, and emits an event if err says that a token was refused.
func (s *Service) refuseToken(ctx context.Context, kind, userID string, err error) error {
	if errors.Is(err, ErrInvalidToken) || errors.Is(err, ErrExpiredToken) || errors.Is(err, ErrRevokedToken) {
		s.emit(ctx, Event{Kind: EventTokenRefused, UserID: userID, Err: fmt.Errorf("%s token: %w", kind, err)})
	}
	return err
}

// logPanic logs a panic of the application's code that the Service survives. A Logger that
// panics too must not end the process either.
func logPanic(ctx context.Context, logger *slog.Logger, where string, p any) {
	defer func() { _ = recover() }()
	logger.ErrorContext(ctx, "myauth: "+where+" panicked", "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
}
