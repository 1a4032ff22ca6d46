package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"slices"
	"strings"

	"myauth.internal/kit"
)

const userOperand = "USER is an address or an ID."

// userCommands are those about accounts.
func userCommands() []command {
	return []command{
		{name: "users list", records: true, setup: listUsers,
			short: "lists the accounts, by age or by address",
			long:  "Each account that exists throughout is listed once, whatever the server changes meanwhile."},
		{name: "users show", operands: "USER", least: 1, most: 1, records: true, setup: showUser,
			short: "shows one account and its sessions", long: userOperand},
		{name: "users create", operands: "ADDRESS", least: 1, most: 1, records: true, creates: true, setup: createUser,
			short: "makes an account for somebody, whatever MYAUTH_REGISTRATION says",
			long: "The address counts as verified, so be sure that it is the person's. Without --password-stdin its owner\n" +
				"gets a mail with a link to choose a password; without MYAUTH_SMTP_URL the mail is printed here."},
		{name: "users role add", operands: "USER ROLE...", least: 2, most: -1, records: true, setup: plainSetup(addRoles),
			short: "gives roles", long: userOperand + " The role admin is for administrators."},
		{name: "users role remove", operands: "USER ROLE...", least: 2, most: -1, records: true, setup: plainSetup(removeRoles),
			short: "takes roles away", long: userOperand + " The only active administrator keeps the role admin."},
		{name: "users role set", operands: "USER [ROLE...]", least: 1, most: -1, records: true, setup: plainSetup(setRoles),
			short: "gives exactly these roles, or none", long: userOperand + " The only active administrator keeps the role admin."},
		{name: "users disable", operands: "USER", least: 1, most: 1, records: true, setup: plainSetup(disableUser),
			short: "refuses logins to the account and ends its sessions", long: userOperand + " users enable undoes it, but for the sessions."},
		{name: "users enable", operands: "USER", least: 1, most: 1, records: true, setup: plainSetup(enableUser),
			short: "lets a disabled account log in again", long: userOperand},
		{name: "users end-sessions", operands: "USER", least: 1, most: 1, records: true, setup: plainSetup(endSessions),
			short: "logs the account out everywhere", long: userOperand + " Its access tokens are refused at once where the API is asked, and elsewhere when they expire."},
		{name: "users reset-factors", operands: "USER", least: 1, most: 1, records: true, final: true, setup: plainSetup(resetFactors),
			short: "removes the second factors and recovery codes of an account, and ends its sessions",
			long:  userOperand + " Be sure who asks: the password alone logs in afterwards. The owner gets a mail about it."},
		{name: "users delete", operands: "USER", least: 1, most: 1, records: true, final: true, setup: plainSetup(deleteUser),
			short: "deletes an account with everything that belongs to it",
			long:  userOperand + " A delete that was interrupted is finished by repeating it with the ID, or by the server within a day."},
	}
}

// plainSetup is the setup of a command without flags of its own, over a Service.
func plainSetup(do func(context.Context, *shell, *kit.Service, []string) error) func(*flag.FlagSet) action {
	return func(*flag.FlagSet) action {
		return func(ctx context.Context, sh *shell, operands []string) error {
			return sh.over(ctx, func(ctx context.Context, svc *kit.Service, _ kit.Stores) error { return do(ctx, sh, svc, operands) })
		}
	}
}

// errNoUser is [kit.ErrUserNotFound] for people.
var errNoUser = errors.New("no such account")

// findUser returns the account with an address or an ID.
func findUser(ctx context.Context, svc *kit.Service, name string) (kit.User, error) {
	err := kit.ErrUserNotFound
	var u kit.User
	if strings.Contains(name, "@") {
		u, err = svc.UserByEmail(ctx, name)
	}
	if errors.Is(err, kit.ErrUserNotFound) {
		u, err = svc.UserByID(ctx, name)
	}
	if errors.Is(err, kit.ErrUserNotFound) {
		err = fmt.Errorf("%w: nobody has the address or ID %s", errNoUser, shown(name))
	}
	return u, err
}

// listPage is how many accounts are read at once.
const listPage = 500

func listUsers(fs *flag.FlagSet) action {
	prefix := fs.String("email-prefix", "", "only those whose address begins with `TEXT`, by address")
	role := fs.String("role", "", "only those with `ROLE`")
	return func(ctx context.Context, sh *shell, _ []string) error {
		return sh.over(ctx, func(ctx context.Context, svc *kit.Service, _ kit.Stores) error {
			list, n := userList{sh: sh}, 0
			err := eachUser(ctx, svc, *prefix, func(page []kit.User) error {
				if *role != "" {
					page = slices.DeleteFunc(page, func(u kit.User) bool { return !u.HasRole(*role) })
				}
				n += len(page)
				return list.print(page)
			})
			if errors.Is(err, context.Canceled) {
				err = fmt.Errorf("stopped after %d accounts", n)
			}
			return err
		})
	}
}

// eachUser calls do for pages of the accounts: by address with a prefix, otherwise by ID, which is
// by age where the Service chose it.
func eachUser(ctx context.Context, svc *kit.Service, prefix string, do func([]kit.User) error) error {
	for after := ""; ; {
		var page []kit.User
		var err error
		if prefix == "" {
			page, err = svc.Users(ctx, after, listPage)
		} else {
			page, err = svc.UsersByEmail(ctx, prefix, after, listPage)
		}
		if err != nil || len(page) == 0 {
			return err
		}
		last, n := page[len(page)-1], len(page)
		if after = last.ID; prefix != "" {
			after = kit.EmailKey(last.Email)
		}
		if err := do(page); err != nil || n < listPage {
			return err
		}
	}
}

func showUser(*flag.FlagSet) action {
	return func(ctx context.Context, sh *shell, operands []string) error {
		return sh.over(ctx, func(ctx context.Context, svc *kit.Service, _ kit.Stores) error {
			u, err := findUser(ctx, svc, operands[0])
			if err != nil {
				return err
			}
			sessions, err := svc.Sessions(ctx, u.ID)
			if err != nil {
				return err
			}
			slices.SortFunc(sessions, func(a, b kit.Session) int {
				return cmp.Or(b.LastUsedAt.Compare(a.LastUsedAt), strings.Compare(a.ID, b.ID))
			})
			return sh.printUser(u, sessions)
		})
	}
}

func addRoles(ctx context.Context, sh *shell, svc *kit.Service, operands []string) error {
	return changeRoles(ctx, sh, svc, operands, svc.AddRole)
}

func removeRoles(ctx context.Context, sh *shell, svc *kit.Service, operands []string) error {
	return changeRoles(ctx, sh, svc, operands, svc.RemoveRole)
}

// changeRoles makes one change for each role, each of which a change elsewhere cannot undo.
func changeRoles(ctx context.Context, sh *shell, svc *kit.Service, operands []string, change func(ctx context.Context, id, role string) (kit.User, error)) error {
	u, err := findUser(ctx, svc, operands[0])
	if err != nil {
		return err
	}
	for i, role := range operands[1:] {
		changed, err := change(ctx, u.ID, role)
		if err != nil && i > 0 {
			return errors.Join(sh.printRoles(u), err) // what was done before it
		} else if err != nil {
			return err
		}
		u = changed
	}
	return sh.printRoles(u)
}

func setRoles(ctx context.Context, sh *shell, svc *kit.Service, operands []string) error {
	u, err := findUser(ctx, svc, operands[0])
	if err == nil {
		u, err = svc.SetRoles(ctx, u.ID, operands[1:]...)
	}
	if err != nil {
		return err
	}
	return sh.printRoles(u)
}

func (sh *shell) printRoles(u kit.User) error {
	if len(u.Roles) == 0 {
		return sh.done(u, "has no role")
	}
	return sh.done(u, "has now: "+strings.Join(u.Roles, ", "))
}

func disableUser(ctx context.Context, sh *shell, svc *kit.Service, operands []string) error {
	u, err := findUser(ctx, svc, operands[0])
	if err == nil {
		u, err = svc.Deactivate(ctx, u.ID)
	}
	if err != nil {
		return err
	}
	return sh.done(u, "is disabled and logged out")
}

func enableUser(ctx context.Context, sh *shell, svc *kit.Service, operands []string) error {
	u, err := findUser(ctx, svc, operands[0])
	if err == nil {
		u, err = svc.Activate(ctx, u.ID)
	}
	if err != nil {
		return err
	}
	return sh.done(u, "may log in")
}

func endSessions(ctx context.Context, sh *shell, svc *kit.Service, operands []string) error {
	u, err := findUser(ctx, svc, operands[0])
	if err == nil {
		err = svc.EndAllSessions(ctx, u.ID)
	}
	if err != nil {
		return err
	}
	return sh.doneNow(ctx, svc, u, "is logged out everywhere")
}

func resetFactors(ctx context.Context, sh *shell, svc *kit.Service, operands []string) error {
	u, err := findUser(ctx, svc, operands[0])
	if err != nil {
		return err
	}
	if err := sh.confirm(ctx, fmt.Sprintf("This removes the second factors of %s (%s): the password alone will do.", plain(u.Email), u.ID), u.Email); err != nil {
		return err
	}
	if err := svc.ResetFactors(ctx, u.ID); err != nil {
		return err
	}
	return sh.doneNow(ctx, svc, u, "has no second factor")
}

func deleteUser(ctx context.Context, sh *shell, svc *kit.Service, operands []string) error {
	u, err := findUser(ctx, svc, operands[0])
	if err != nil {
		return err
	}
	if err := sh.confirm(ctx, fmt.Sprintf("This deletes %s (%s) for good.", plain(u.Email), u.ID), u.Email); err != nil {
		return err
	}
	if err := svc.DeleteUser(ctx, u.ID); err != nil {
		return err
	}
	return sh.done(u, "is deleted")
}
