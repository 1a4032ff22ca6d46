package kit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"myauth.internal/kit/internal/uuid"
	"myauth.internal/kit/password"
	"myauth.internal/kit/throttle"
)

// RegistrationMode says who may make an account.
type RegistrationMode string

// The modes. [Service.CreateUser] and [Service.Import], which are for the application and its
// administrators, work in each.
const (
	RegistrationOpen    RegistrationMode = "open"    // everybody
	RegistrationInvited RegistrationMode = "invited" // who has an invitation: see package invitation
	RegistrationClosed  RegistrationMode = "closed"  // nobody
)

// ErrRegistrationClosed refuses an account that Options.Registration does not let be made.
var ErrRegistrationClosed = NewProblem(403, "registration_closed", "Registration closed", "New accounts are not open to everybody here.")

// Registration returns Options.Registration.
func (s *Service) Registration() RegistrationMode { return s.opts.Registration }

// Registration is what a new user gives.
type Registration struct {
	Email    string
	Username string
	Password Secret
	// Settings is a JSON object, kept byte for byte but for insignificant space; nil means {}.
	Settings json.RawMessage
}

// Format writes the address and the user name, whatever the verb: what users put into their
// settings is not for logs.
func (r Registration) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "registration of %q <%q>", r.Username, r.Email)
}

// Register creates an active account whose address is not verified, and queues the
// verification mail. It returns [ErrUserExists] also with Options.ConcealAccounts: then the
// owner gets a mail, and the HTTP layer must not show the error.
//
// Errors: [ErrRegistrationClosed], a [ValidationError] with every broken rule, [ErrUserExists], a
// [throttle.LimitError], what Hooks.BeforeRegister returns.
func (s *Service) Register(ctx context.Context, r Registration) (_ User, err error) {
	if err := s.enter(ctx); err != nil {
		return User{}, err
	}
	if s.opts.Registration != RegistrationOpen {
		return User{}, ErrRegistrationClosed
	}
	email, _ := checkEmail("email", r.Email)
	c, err := s.attempt(ctx, throttle.Attempt{Action: throttle.ActionRegister, EmailKey: EmailKey(email)}, "") // before a policy asks another server
	if err != nil {
		return User{}, err
	}
	defer c.end(ctx, &err)
	if r, err = s.checkRegistration(ctx, r); err != nil {
		return User{}, err
	}
	if err := s.beforeRegister(ctx, r); err != nil {
		return User{}, err
	}
	if !s.opts.ConcealAccounts {
		// That an address is taken is no secret here, so it need not cost a hash.
		if owner, err := s.users.ByEmail(ctx, r.Email); err == nil {
			s.emit(ctx, Event{Kind: EventRegistrationRefused, UserID: owner.ID, Err: ErrUserExists})
			return User{}, ErrUserExists
		} else if !errors.Is(err, ErrNotFound) {
			return User{}, err
		}
	}
	hash, err := s.hash(ctx, string(r.Password))
	if err != nil {
		return User{}, err
	}
	u := s.newUser(r, hash)
	// What follows is finished even if the client goes, so that no account is left without its
	// verification mail.
	ctx = context.WithoutCancel(ctx)
	create := s.createUser
	if s.opts.ConcealAccounts {
		create = s.createConcealed
	}
	if err := create(ctx, u); err != nil {
		if errors.Is(err, ErrUserExists) {
			s.emit(ctx, Event{Kind: EventRegistrationRefused, Err: err})
			if s.opts.ConcealAccounts {
				s.queueMailFor(ctx, MailAccountExists, r.Email)
				s.clearGuesses(ctx, probeAddress) // the same work
			}
		}
		return User{}, err
	}
	s.registered(ctx, u)
	s.queueMail(ctx, MailVerification, u)
	s.afterRegister(ctx, u)
	return u, nil
}

// register creates an account without a password for [Core.Register].
func (s *Service) register(ctx context.Context, r Registration) (User, error) {
	if err := s.enter(ctx); err != nil {
		return User{}, err
	}
	if s.opts.Registration != RegistrationOpen {
		return User{}, ErrRegistrationClosed
	}
	r.Password, r.Settings = "", nil
	r, err := s.checkNewUser(ctx, r, nil, false)
	if err != nil {
		return User{}, err
	}
	if err := s.beforeRegister(ctx, r); err != nil {
		return User{}, err
	}
	ctx = context.WithoutCancel(ctx) // the feature's own record must follow
	u := s.newUser(r, "")
	if err := s.createUser(ctx, u); err != nil {
		return User{}, err
	}
	s.registered(ctx, u)
	s.afterRegister(ctx, u)
	return u, nil
}

func (s *Service) newUser(r Registration, hash Secret) User {
	now := s.now()
	return User{
		ID:           uuid.New(now),
		Email:        r.Email,
		Username:     r.Username,
		PasswordHash: hash,
		Settings:     r.Settings,
		Active:       true,
		CreatedAt:    now,
		UpdatedAt:    now,
		Version:      1,
	}
}

func (s *Service) beforeRegister(ctx context.Context, r Registration) error {
	hook := s.opts.Hooks.BeforeRegister
	if hook == nil {
		return nil
	}
	r.Password = ""
	r.Settings = slices.Clone(r.Settings)
	return hook(ctx, r)
}

func (s *Service) registered(ctx context.Context, u User) {
	s.clearGuesses(ctx, u.Email) // those from before there was an account
	s.emit(ctx, Event{Kind: EventRegistered, UserID: u.ID})
}

func (s *Service) afterRegister(ctx context.Context, u User) {
	if hook := s.opts.Hooks.AfterRegister; hook != nil {
		hook(ctx, u)
	}
}

// createConcealed is createUser at the same cost for a free address and a taken one: one
// write that succeeds, which is what takes a store's time, and one look-up. If the address is
// taken, it writes that account unchanged.
func (s *Service) createConcealed(ctx context.Context, u User) error {
	err := s.users.Create(ctx, u)
	if err != nil && !errors.Is(err, ErrUserExists) && !errors.Is(err, ErrUnavailable) {
		return err
	}
	owner, readErr := s.users.ByEmail(ctx, u.Email)
	switch {
	case err == nil, readErr == nil && owner.ID == u.ID: // no other call has this ID
		return nil
	case errors.Is(readErr, ErrUnavailable):
		return readErr
	case readErr != nil || errors.Is(err, ErrUnavailable):
		return err
	}
	if writeErr := s.users.Update(ctx, owner); writeErr != nil && !errors.Is(writeErr, ErrConflict) && !errors.Is(writeErr, ErrNotFound) {
		return writeErr
	}
	return err
}

// ValidateRegistration returns a [ValidationError] with every rule that r breaks, or nil, or
// the error of Options.PasswordPolicy, and stores nothing. No limiter is asked before it, so
// it is a draft for the policy (see [password.WithDraft]): Register may still refuse a password
// that another server knows.
func (s *Service) ValidateRegistration(ctx context.Context, r Registration) error {
	_, err := s.checkRegistration(password.WithDraft(ctx), r)
	return err
}

// checkRegistration returns r as it would be stored.
func (s *Service) checkRegistration(ctx context.Context, r Registration) (Registration, error) {
	email, fields := checkEmail("email", r.Email)
	username, bad := checkUsername("username", r.Username)
	fields = append(fields, bad...)
	settings, badSettings := checkSettings("user_settings", r.Settings)
	if len(fields)+len(badSettings) > 0 {
		ctx = password.WithDraft(ctx)
	}
	bad, err := s.checkPassword(ctx, "password", string(r.Password), r.Email, r.Username)
	if err != nil {
		return r, err
	}
	fields = slices.Concat(fields, bad, badSettings)
	if len(fields) > 0 {
		return r, &ValidationError{Fields: fields}
	}
	r.Email, r.Username, r.Settings = email, username, settings
	return r, nil
}
