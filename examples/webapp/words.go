package main

import (
	"strconv"
	"strings"
	"time"

	"myauth.internal/kit"
)

// notices are what a redirect lets the next page say, by the query parameter "done". The text is
// not in the address, so no link can put words into the application's mouth.
var notices = map[string]string{
	"verified":         "Your email address is confirmed. You can sign in now.",
	"accepted":         "Your account is ready. Sign in with your email address and your password.",
	"denied":           "The account is deleted. Thank you for telling us.",
	"password-reset":   "Your password is changed, and all devices were signed out. Sign in with the new one.",
	"email-changed":    "Your email address is changed, and all devices were signed out. Sign in with the new address.",
	"signed-out":       "You are signed out.",
	"deleted":          "Your account and everything in it is deleted.",
	"start-again":      "That took too long, or was tried too often. Please sign in again.",
	"mail-sent":        "We have sent it again, unless we did so less than a minute ago.",
	"saved":            "Saved.",
	"password-changed": "Your password is changed. All other devices were signed out.",
	"email-asked":      "We have sent a link to the new address. Your address changes when you open it.",
	"devices":          "All other devices are signed out.",
	"device":           "The device is signed out.",
	"passkey-added":    "The passkey is added. You can sign in with it from now on.",
	"passkey-removed":  "The passkey is removed. Your device may still offer it: remove it there too.",
	"factor-removed":   "Two-step verification is off.",
	"linked":           "The account is linked. You can sign in with it from now on.",
	"unlinked":         "The account is not linked any more.",
}

// problems say in plain words what an error means, by its code.
var problems = map[string]string{
	"invalid_credentials":       "This is not right. Please try again.",
	"invalid_code":              "This code is wrong, or was used before.",
	"account_disabled":          "This account is disabled.",
	"user_already_exists":       "There is already an account with this email address. Sign in, or ask for a new password.",
	"registration_closed":       "New accounts are by invitation only. If you have one, follow the link in its mail.",
	"user_not_found":            "This account no longer exists.",
	"invalid_token":             "This link does not work. Perhaps a part of it is missing: copy the whole link from the mail.",
	"expired_token":             "That took too long. Please start again.",
	"revoked_token":             "This was used before, or your account has changed since. Please start again.",
	"validation_failed":         "Please look at the marked fields.",
	"already_registered":        "This belongs to an account already.",
	"already_enrolled":          "This is set up already.",
	"last_credential":           "Without this nothing could sign you in. Set a password or add another passkey first.",
	"too_many_passkeys":         "You have 20 passkeys. Remove one first.",
	"invalid_credential":        "The passkey was not accepted. Please try again.",
	"provider_denied":           "You were not signed in, because you cancelled, or the provider refused. Try again, or choose another way.",
	"provider_unavailable":      "Something went wrong between us and the provider. Try again in a moment, or choose another way.",
	"invalid_state":             "That took too long, or was begun in another browser. Please try again.",
	"email_unverified":          "You are almost there: we have sent you a mail. Follow its link within an hour to finish.",
	"link_required":             "There is already an account with your email address. Sign in as you did before; then you can link your provider in your account.",
	"too_many_identities":       "You have linked as many accounts as you can. Unlink one first.",
	"email_not_verified":        "Confirm your email address first: follow the link in our mail.",
	"reauthentication_required": "That took too long. Please start again.",
	"not_found":                 "There is no such page.",
	"service_unavailable":       "We cannot do this right now. Nothing is lost: wait a moment, then try again.",
}

// words returns the text for a problem.
func words(p kit.Problem) string {
	if p.Code == "too_many_requests" {
		wait := "a moment"
		if p.RetryAfter > 2*time.Minute {
			wait = strconv.Itoa(int((p.RetryAfter+time.Minute-1)/time.Minute)) + " minutes"
		} else if p.RetryAfter > 2*time.Second {
			wait = strconv.Itoa(int((p.RetryAfter+time.Second-1)/time.Second)) + " seconds"
		}
		return "Too many attempts. Wait " + wait + ", then try again."
	}
	if text := problems[p.Code]; text != "" {
		return text
	}
	return "Something went wrong on our side. Please try again later."
}

// fieldWords returns the text for a field's error.
func fieldWords(e kit.FieldError) string {
	switch e.Code {
	case kit.CodeRequired:
		return "Please fill this in."
	case kit.CodeInvalidEmail:
		return "This is not an email address, such as ada@example.com."
	}
	return strings.ToUpper(e.Message[:1]) + e.Message[1:] + "."
}
