package admin

import (
	"fmt"
	"net/http"
	"time"

	"myauth.internal/kit"
)

// notices are what a redirect lets the next page say, by the parameter "done". The text is not in
// the address, so no link can put words into the mouth of the pages.
var notices = map[string]string{
	"saved":          "Saved.",
	"verified":       "The email address is marked as confirmed.",
	"unverified":     "The email address is marked as not confirmed.",
	"enabled":        "The account can sign in again.",
	"disabled":       "The account is disabled, and signed out everywhere.",
	"sessions-ended": "The account is signed out everywhere.",
	"reset-mailed":   "A mail with a link to choose a new password is on its way, unless the mailbox has just got one.",
	"factors-reset":  "The account has no second factor any more, and is signed out everywhere.",
	"deleted":        "The account is deleted.",
	"invited":        "The invitation is on its way.",
	"revoked":        "The invitation is revoked.",
	"signed-out":     "You are signed out.",
}

// problems say what an error means here, by its code, where its own text speaks to programs or to
// the owner of an account.
var problems = map[string]string{
	"invalid_credentials": "The email address or the password is wrong.",
	"invalid_code":        "This code is wrong, or was used before.",
	"insufficient_role":   "You are signed in, but not as an administrator.",
	"validation_failed":   "Please look at these fields:",
	"user_not_found":      "There is no such account. Perhaps somebody has just deleted it.",
	"not_found":           "This is not there any more. Perhaps somebody else was faster.",
	"service_unavailable": "We can’t do this right now. Nothing you typed is lost: wait a moment, then try again.",
}

// words returns the text for a problem.
func words(p kit.Problem) string {
	if text := problems[p.Code]; text != "" {
		return text
	}
	switch {
	case p.Code == "too_many_requests":
		return "Too many attempts. Wait " + wait(p.RetryAfter) + ", then try again."
	case p.Status < 500 || p.Status == http.StatusNotImplemented:
		return p.Detail
	}
	return "Something went wrong on our side. Please try again later."
}

func wait(d time.Duration) string {
	switch {
	case d <= 2*time.Second:
		return "a moment"
	case d <= 2*time.Minute:
		return fmt.Sprintf("%d seconds", seconds(d))
	}
	return fmt.Sprintf("%d minutes", int((d+time.Minute-1)/time.Minute))
}

// seconds rounds up.
func seconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }

// labels are the names of fields in the forms, by those in the API.
var labels = map[string]string{"username": "Name", "roles": "Roles", "email": "Email address", "password": "Password", "code": "Code"}
