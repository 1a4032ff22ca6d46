package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"strings"

	"myauth.internal/kit"
)

// createUser is how the first administrator comes into an empty store.
func createUser(fs *flag.FlagSet) action {
	var roles []string
	fs.Func("role", "`ROLE` of the account; once for each. admin is for administrators", func(role string) error {
		roles = append(roles, role)
		return nil
	})
	username := fs.String("username", "", "display `NAME`; without one the part of the address in front of the @")
	fromStdin := fs.Bool("password-stdin", false, "reads the password, one line, from standard input")
	return func(ctx context.Context, sh *shell, operands []string) error {
		r := kit.Registration{Email: operands[0], Username: *username}
		if r.Username == "" {
			r.Username, _, _ = strings.Cut(r.Email, "@")
		}
		switch {
		case *fromStdin:
			if isTerminal(sh.stdin) {
				fmt.Fprint(sh.stderr, "Password, which is shown as you type: ")
			}
			password, err := sh.readLine(ctx)
			if err != nil {
				return err
			}
			if r.Password = kit.Secret(password); password == "" {
				return wrongUsage("standard input has no password")
			}
		case sh.settings.opts.PublicURL == "" && strings.HasSuffix(sh.settings.addr, ":0"):
			return wrongUsage("set MYAUTH_PUBLIC_URL, where the link in the mail leads, or use --password-stdin")
		}
		return sh.over(ctx, func(ctx context.Context, svc *kit.Service, _ kit.Stores) error {
			u, err := svc.CreateUser(ctx, r, roles...)
			if errors.Is(err, kit.ErrUserExists) {
				return fmt.Errorf("%s has an account already: users role add gives it a role", shown(r.Email))
			} else if err != nil {
				return err
			}
			if *fromStdin {
				return sh.done(u, "is created")
			}
			if err := sh.mailResetLink(ctx, svc, u); err != nil {
				return errors.Join(sh.done(u, "is created"), err)
			}
			if sh.settings.smtp == nil {
				return sh.done(u, "is created: the link in the mail above sets the password, once the server runs")
			}
			return sh.done(u, "is created, and has a mail with a link to choose a password")
		})
	}
}

// mailResetLink sends the link to set a password, and waits until the mail is sent.
func (sh *shell) mailResetLink(ctx context.Context, svc *kit.Service, u kit.User) error {
	err := svc.RequestPasswordReset(ctx, u.Email)
	if err == nil {
		err = sh.closeService(ctx, svc)
	}
	if err == nil && svc.Stats().MailsSent == 0 {
		err = errors.New("see above")
	}
	if err != nil {
		return fmt.Errorf("the mail with a link was not sent, so ask for another one on the page %s/reset-password: %w", publicURLOf(&sh.settings), err)
	}
	return nil
}
