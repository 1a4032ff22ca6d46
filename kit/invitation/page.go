package invitation

import (
	"context"

	"myauth.internal/kit"
)

const pagePath = "/accept-invitation"

// page is for applications that have none of their own.
func (i *invitations) page() kit.Page {
	return kit.Page{
		Path: pagePath, NewAccount: i.address,
		Submit: func(ctx context.Context, form kit.Submission) error { _, err := i.accept(ctx, form); return err },
		Title:  "Welcome: make your account", Ask: "You are invited to have an account here. Choose a name, which others may see, and a password.",
		Button: "Make the account", Aside: "Your account will have the email address that we sent the invitation to. If you don't want one, close this page: nothing happens.",
		DoneTitle: "Your account is ready", Done: "You can close this page and sign in with your email address and your password.",
		Problems: map[string]string{
			"revoked_token":       "This invitation has already been used, or was withdrawn. If you have made your account, sign in. Otherwise ask the people who invited you for a new one.",
			"expired_token":       "This invitation is too old. Ask the people who invited you for a new one.",
			"invalid_token":       "This link doesn't work. Perhaps part of it is missing: copy the whole link from the email into the address bar of your browser. If there is a newer invitation in your mailbox, use the link in that.",
			"user_already_exists": "There is already an account with your email address. You can sign in to it. If you don't know its password, ask for a new one there.",
		},
	}
}
