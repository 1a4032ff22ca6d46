package httpx

import (
	_ "embed"
	"fmt"
	"html"
	"slices"
	"strings"

	"myauth.internal/kit"
)

//go:embed pages.css
var pageStyle string

// pageWords are the texts of a page.
type pageWords struct {
	title, doneTitle, done string
	ask, button            string
	danger                 bool // the button destroys something
	aside, link            string
	newMail                string            // above the form that asks for a new mail
	problems               map[string]string // what codes mean here
}

var (
	verifyWords = pageWords{
		title: "Confirm your email address", doneTitle: "Your email address is confirmed",
		done:    "Thank you. You can close this page and sign in.",
		ask:     "Someone, hopefully you, signed up with your email address. If that was you, please confirm that the address is yours.",
		button:  "Confirm email address",
		aside:   "If it wasn't you, don't confirm: someone else knows the account's password and could use the account in your name.",
		link:    "This wasn't me",
		newMail: "Type your email address, and we'll send you a new link to confirm it.",
	}
	denyWords = pageWords{
		title: "Didn't sign up?", doneTitle: "The account is deleted",
		done:   "Thank you for telling us. There is no longer an account with your email address. You can close this page.",
		ask:    "Someone signed up with your email address. If it wasn't you, we'll delete the account, and you can use your address for one of your own.",
		button: "It wasn't me: delete the account", danger: true,
		aside:    "If it was you, close this page and use the other link in the email.",
		problems: map[string]string{codeRevokedToken: "Your email address has already been confirmed, so we didn't delete the account. If you didn't create it, reset its password: that signs everyone else out."},
	}
	changeWords = pageWords{
		title: "Confirm your new email address", doneTitle: "Your email address is changed",
		done:     "You were signed out on all devices. You can close this page and sign in with your new address.",
		ask:      "Someone, hopefully you, asked to use this email address for their account. If that was you, please confirm the change.",
		button:   "Change email address",
		aside:    "This signs you out on all devices. If it wasn't you, close this page: nothing changes.",
		problems: map[string]string{codeRevokedToken: "This link has already been used, or your account has changed since we sent it. If you still want to change your address, sign in and ask again."},
	}
	resetWords = pageWords{
		title: "Choose a new password", doneTitle: "Your password is changed",
		done:     "All devices were signed out. You can close this page and sign in with your new password.",
		button:   "Change password",
		aside:    "This signs you out on all devices.",
		newMail:  "Type your email address, and we'll send you a link to choose a new password.",
		problems: map[string]string{codeRevokedToken: "This link has already been used, or your account has changed since we sent it. If you still need to reset your password, ask for a new email."},
	}
)

// nameProblems says what a display name must be, by the codes of the rules.
var nameProblems = map[string]string{
	kit.CodeTooShort:          "type your name",
	kit.CodeTooLong:           "use at most 64 characters for your name",
	kit.CodeInvalidCharacters: "use no control characters in your name",
}

func featureWords(p kit.Page) pageWords {
	return pageWords{title: p.Title, doneTitle: p.DoneTitle, done: p.Done, ask: p.Ask, button: p.Button, aside: p.Aside, problems: p.Problems}
}

// problemText says what went wrong, and what to do.
func problemText(words pageWords, d PageData) string {
	if text := words.problems[d.Code]; text != "" {
		return text
	}
	switch d.Code {
	case codeRevokedToken:
		return "This link has already been used, or your account has changed since we sent it."
	case codeInvalidToken, "malformed_request":
		return "This link doesn't work. Perhaps part of it is missing: copy the whole link from the email into the address bar of your browser. If that doesn't help, ask for a new email."
	case codeExpiredToken:
		return "This link has expired. Please ask for a new email."
	case "user_already_exists":
		return "There is already an account with this email address, so we didn't change yours."
	case "registration_closed":
		return "New accounts can't be made here at the moment. If you think that you should have one, ask the people who run this service."
	case "account_disabled":
		return "This account is disabled."
	case "user_not_found":
		return "This account no longer exists."
	case "email_not_configured":
		return "This service doesn't send email."
	case "validation_failed":
		if d.NewMail {
			return "Please type a whole email address, such as ada@example.com."
		}
		if d.NewAccount {
			return "We can't make your account yet. Please:"
		}
		return "This password doesn't work yet. Please:"
	case "too_many_requests":
		switch {
		case d.RetryAfter < 2:
			return "Too many attempts. Wait a moment, then press the button again."
		case d.RetryAfter <= 120:
			return fmt.Sprintf("Too many attempts. Wait %d seconds, then press the button again.", d.RetryAfter)
		default:
			return fmt.Sprintf("Too many attempts. Wait %d minutes, then press the button again.", (d.RetryAfter+59)/60)
		}
	case "service_unavailable":
		return "We can't do this right now. Wait a moment, then press the button again."
	case "method_not_allowed", "unsupported_media_type", "request_too_large":
		return "Your browser sent something we don't understand. Please open the link in the email again."
	default:
		return "Something went wrong on our side. Please try again later."
	}
}

// builtinPage returns the built-in page of d. It is written in Go, because html/template
// would make every program that links this package larger, WebAssembly above all.
func builtinPage(words pageWords, d PageData, l Language) []byte {
	var b strings.Builder
	element := func(open, text, closing string) {
		if text != "" {
			b.WriteString(open + html.EscapeString(l.text(text)) + closing + "\n")
		}
	}
	title := words.title
	switch {
	case d.Done:
		title = words.doneTitle
	case d.Sent:
		title = "Check your mail"
	}
	b.WriteString(`<!DOCTYPE html>
<html lang="` + l.Tag + `">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
`)
	element("<title>", title, "</title>")
	b.WriteString(`<style nonce="` + d.Nonce + `">` + "\n" + pageStyle + "</style>\n</head>\n<body>\n<main>\n")
	if d.ProductName != "" {
		b.WriteString(`<p class="product">` + html.EscapeString(d.ProductName) + "</p>\n")
	}
	element("<h1>", title, "</h1>")
	switch {
	case d.Done:
		element("<p>", words.done, "</p>")
	case d.Sent:
		element("<p>", "If there is an account that needs it, we've just sent an email to this address. Follow the link in it. If nothing comes, look in the spam folder.", "</p>")
	case d.Code != "":
		writeProblem(&b, words, d, l)
	}
	if d.Token != "" && !d.Done {
		element("<p>", words.ask, "</p>")
		b.WriteString(`<form method="post" action="` + html.EscapeString(d.Action) + `">` + "\n" +
			`<input type="hidden" name="token" value="` + html.EscapeString(d.Token) + `">` + "\n")
		for i, field := range formFields(d) {
			element(`<label for="`+field.name+`">`, field.label, "</label>")
			b.WriteString(`<input id="` + field.name + `" name="` + field.name + `" ` + field.kind + " required")
			if i == 0 {
				b.WriteString(" autofocus")
			}
			b.WriteString(invalid(d, field.name) + ">\n")
		}
		button := "<button>"
		if words.danger {
			button = `<button class="danger">`
		}
		element(button, words.button, "</button>")
		b.WriteString("</form>\n")
		b.WriteString(`<p class="aside">` + html.EscapeString(l.text(words.aside)))
		if words.link != "" {
			b.WriteString(` <a href="` + html.EscapeString(d.Deny) + `">` + html.EscapeString(l.text(words.link)) + "</a>")
		}
		b.WriteString("</p>\n")
	}
	if d.NewMail && !d.Sent {
		element("<p>", words.newMail, "</p>")
		b.WriteString(`<form method="post" action="` + html.EscapeString(d.Action) + `">` + "\n")
		element(`<label for="email">`, "Email address", "</label>")
		b.WriteString(`<input id="email" name="email" type="email" autocomplete="email" required value="` + html.EscapeString(d.Email) + `"` + invalid(d, "email") + ">\n")
		element("<button>", "Send the link", "</button>")
		b.WriteString("</form>\n")
	}
	if len(d.Links) > 0 && !d.Done {
		element("<p>", words.ask, "</p>")
		for _, link := range d.Links {
			element(`<a class="button" href="`+html.EscapeString(link.URL)+`">`, link.Label, "</a>")
		}
		element(`<p class="aside">`, words.aside, "</p>")
	}
	b.WriteString("</main>\n</body>\n</html>\n")
	return []byte(b.String())
}

// field is an input of a form: kind are its attributes.
type field struct{ name, label, kind string }

// formFields are what a form with a token asks for.
func formFields(d PageData) []field {
	const password = `type="password" autocomplete="new-password"`
	switch {
	case d.Page == pageResetPassword:
		return []field{{"new_password", "New password", password}, {"repeat", "Repeat the new password", password}}
	case d.NewAccount:
		fields := []field{
			{"username", "Your name", `type="text" autocomplete="name" value="` + html.EscapeString(d.Username) + `"`},
			{"password", "Password", password}, {"repeat", "Repeat the password", password},
		}
		if d.Email != "" { // before the password, where password managers look for it
			fields = slices.Insert(fields, 1, field{"email", "Email address", `type="email" autocomplete="username" readonly value="` + html.EscapeString(d.Email) + `"`})
		}
		return fields
	}
	return nil
}

// invalid are the attributes of a field whose errors are above it.
func invalid(d PageData, field string) string {
	if slices.ContainsFunc(d.Errors, func(e kit.FieldError) bool { return e.Field == field }) {
		return ` aria-invalid="true" aria-describedby="problem"`
	}
	return ""
}

func writeProblem(b *strings.Builder, words pageWords, d PageData, l Language) {
	b.WriteString(`<div class="error" id="problem" role="alert">` + "\n<p>" + html.EscapeString(l.text(problemText(words, d))) + "</p>\n")
	if len(d.Errors) > 0 && !d.NewMail {
		b.WriteString("<ul>\n")
		for _, e := range d.Errors {
			b.WriteString("<li>" + html.EscapeString(l.text(e.Message)) + "</li>\n")
		}
		b.WriteString("</ul>\n")
	}
	b.WriteString("</div>\n")
}
