package main

import (
	"fmt"

	"myauth.internal/httpx/admin"
	"myauth.internal/kit"
	"myauth.internal/kit/invitation"
)

// adminSettings are those of administration.
type adminSettings struct {
	on    bool
	email string // of the first administrator; empty: nobody's
}

func setAdminEmail(s *settings, v string) error {
	s.admin.email = v
	alone := settings{opts: kit.Options{Features: adminSettings{on: true, email: v}.features()}}
	if err := checkService(&alone); err != nil {
		return fmt.Errorf("%s is no email address: write for example ada@example.com, without a name", shown(v))
	}
	return nil
}

// setRegistration sets who may make an account.
func setRegistration(s *settings, v string) error {
	switch mode := kit.RegistrationMode(v); mode {
	case kit.RegistrationOpen, kit.RegistrationInvited, kit.RegistrationClosed:
		s.opts.Registration = mode
		return nil
	}
	return fmt.Errorf("%s is none of open, invited and closed", shown(v))
}

// features are what MYAUTH_ADMIN turns on.
func (a adminSettings) features() []kit.Feature {
	if !a.on {
		return nil
	}
	return []kit.Feature{admin.New(&admin.Options{FirstAdmin: a.email}), invitation.New(nil)}
}
