package httpx

import (
	_ "embed"
	"fmt"
	"html"
	"io"
	"strings"
)

//go:embed pages.css
var pageStyle string

// builtinPage is the built-in [PageTemplate]. It is written in Go, because html/template
// would make every program that links this package larger, WebAssembly above all.
type builtinPage struct {
	text func(english string) string
	lang string
}

// pageWords are the English texts of a page. Each is looked up by PagesOptions.Text.
type pageWords struct {
	title, doneTitle, done string
	ask, button            string
	danger                 bool // the button destroys something
	aside, link            string
	revoked                string // what revoked_token means here
}

func wordsOf(page string) pageWords {
	switch page {
	case PageVerifyEmail:
		return pageWords{
			title: "Confirm your email address", doneTitle: "Your email address is confirmed",
			done:   "Thank you. You can close this page and sign in.",
			ask:    "Someone, hopefully you, signed up with your email address. If that was you, please confirm that the address is yours.",
			button: "Confirm email address",
			aside:  "If it wasn't you, don't confirm: someone else knows the account's password and could use the account in your name.",
			link:   "This wasn't me",
		}
	case PageDenyEmail:
		return pageWords{
			title: "Didn't sign up?", doneTitle: "The account is deleted",
			done:   "Thank you for telling us. There is no longer an account with your email address. You can close this page.",
			ask:    "Someone signed up with your email address. If it wasn't you, we'll delete the account, and you can use your address for one of your own.",
			button: "It wasn't me: delete the account", danger: true,
			aside:   "If it was you, close this page and use the other link in the email.",
			revoked: "Your email address has already been confirmed, so we didn't delete the account. If you didn't create it, reset its password: that signs everyone else out.",
		}
	default:
		return pageWords{
			title: "Choose a new password", doneTitle: "Your password is changed",
			done:    "All devices were signed out. You can close this page and sign in with your new password.",
			button:  "Change password",
			aside:   "This signs you out on all devices.",
			revoked: "This link has already been used, or your account has changed since we sent it. If you still need to reset your password, ask for a new email.",
		}
	}
}

// problemText says in English what went wrong, and what to do.
func problemText(d PageData) string {
	switch d.Code {
	case codeRevokedToken:
		return wordsOf(d.Page).revoked
	case codeInvalidToken, "malformed_request":
		return "This link doesn't work. Perhaps part of it is missing: copy the whole link from the email into the address bar of your browser. If that doesn't help, ask for a new email."
	case codeExpiredToken:
		return "This link has expired. Please ask for a new email."
	case "user_not_found":
		return "This account no longer exists."
	case "validation_failed":
		return "This password doesn't work yet. Please:"
	case "too_many_requests":
		switch {
		case d.RetryAfter < 2:
			return "Too many attempts. Wait a moment, then press the button again."
		case d.RetryAfter <= 120:
			return "Too many attempts. Wait %d seconds, then press the button again."
		default:
			return "Too many attempts. Wait %d minutes, then press the button again."
		}
	case "service_unavailable":
		return "We can't do this right now. Wait a moment, then press the button again."
	case "method_not_allowed", "unsupported_media_type", "request_too_large":
		return "Your browser sent something we don't understand. Please open the link in the email again."
	default:
		return "Something went wrong on our side. Please try again later."
	}
}

// Execute writes the page of a [PageData].
func (p builtinPage) Execute(w io.Writer, data any) error {
	d := data.(PageData) //nolint:forcetypeassert // of this package
	words := wordsOf(d.Page)
	var b strings.Builder
	element := func(open, text, closing string) {
		if text != "" {
			b.WriteString(open + html.EscapeString(text) + closing + "\n")
		}
	}
	title := p.text(words.title)
	if d.Done {
		title = p.text(words.doneTitle)
	}
	b.WriteString("<!DOCTYPE html>\n" + `<html lang="` + html.EscapeString(p.lang) + `">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
`)
	element("<title>", title, "</title>")
	b.WriteString(`<style nonce="` + d.Nonce + `">` + "\n" + pageStyle + "</style>\n</head>\n<body>\n<main>\n")
	element(`<p class="product">`, d.ProductName, "</p>")
	element("<h1>", title, "</h1>")
	switch {
	case d.Done:
		element("<p>", p.text(words.done), "</p>")
	case d.Code != "":
		p.problem(&b, d)
	}
	if d.Token != "" && !d.Done {
		element("<p>", p.text(words.ask), "</p>")
		b.WriteString(`<form method="post" action="` + html.EscapeString(d.Action) + `">` + "\n" +
			`<input type="hidden" name="token" value="` + html.EscapeString(d.Token) + `">` + "\n")
		if d.Page == PageResetPassword {
			for _, field := range [][3]string{{"new_password", "New password", " autofocus"}, {"repeat", "Repeat the new password", ""}} {
				element(`<label for="`+field[0]+`">`, p.text(field[1]), "</label>")
				b.WriteString(`<input id="` + field[0] + `" name="` + field[0] + `" type="password" autocomplete="new-password" required` + field[2] + ">\n")
			}
		}
		button := "<button>"
		if words.danger {
			button = `<button class="danger">`
		}
		element(button, p.text(words.button), "</button>")
		b.WriteString("</form>\n")
		b.WriteString(`<p class="aside">` + html.EscapeString(p.text(words.aside)))
		if words.link != "" {
			b.WriteString(` <a href="` + html.EscapeString(d.Deny) + `">` + html.EscapeString(p.text(words.link)) + "</a>")
		}
		b.WriteString("</p>\n")
	}
	b.WriteString("</main>\n</body>\n</html>\n")
	_, err := io.WriteString(w, b.String())
	return err
}

func (p builtinPage) problem(b *strings.Builder, d PageData) {
	text := p.text(problemText(d))
	if strings.Contains(text, "%d") {
		wait := d.RetryAfter
		if wait > 120 {
			wait = (wait + 59) / 60
		}
		text = fmt.Sprintf(text, wait)
	}
	b.WriteString(`<div class="error" role="alert">` + "\n<p>" + html.EscapeString(text) + "</p>\n")
	if len(d.Errors) > 0 {
		b.WriteString("<ul>\n")
		for _, e := range d.Errors {
			b.WriteString("<li>" + html.EscapeString(p.text(e.Message)) + "</li>\n")
		}
		b.WriteString("</ul>\n")
	}
	b.WriteString("</div>\n")
}
