package kit

import (
	"context"
	"fmt"
	"regexp"
	"slices"
)

// Page is a page for people that a [Feature] brings, which package httpx serves below
// Options.PublicURL beside MyAuth's own. The feature has the words and does the work. The server
// does what is the same for all pages, and easily done wrong: plain HTML without a script, no
// change by opening a page, no token in a Referer or a log, the application's own template. So a
// feature that mails a link works without a page of the application.
//
// There are two kinds. The page of a link in a mail has Submit: opened with a token it shows a
// button, which does what the mail is for, and with NewAccount a form above it. A page without
// Submit has Open.
type Page struct {
	// Path is where the page is, as MailContent.Page has it: a slash and words of a to z, 0 to
	// 9 and '-', such as "/confirm-sign-in".
	Path string
	// Submit does what the button is for. Somebody has pressed it, or a page of another site has
	// made a form that looks the same: a session must not begin here. The errors are those of a
	// Route; after one of status 401, 404 or 409 the button is gone.
	Submit func(context.Context, Submission) error
	// NewAccount makes the form ask for the display name and the password of a new account. It
	// returns the address of that account by the token of the link, which the page shows to people
	// and to their password managers. Its errors are shown when the page is opened, as those of
	// Submit; the fields of a [ValidationError] of Submit are username and password then.
	NewAccount func(ctx context.Context, token string) (email string, err error)
	// Open returns what the page shows. A [Problem] refuses the query of its address.
	Open func(ctx context.Context, from Source) (PageView, error)
	// Title is the heading. Ask, Button and Aside are above, on and below the button; a page
	// with Open has Ask above and Aside below its links.
	Title, Ask, Button, Aside string
	// DoneTitle and Done take their places once there is nothing left to do.
	DoneTitle, Done string
	// Problems says, by the code of a [Problem] or of PageView, what happened and what to do,
	// in place of the words of package httpx.
	Problems map[string]string
}

// Submission is what the form of a [Page] sends.
type Submission struct {
	unprinted

	// Source has the cookies of the browser.
	Source
	// Token is that of the link.
	Token string
	// Username and Password are what was typed into the form of Page.NewAccount. Nobody has
	// checked them, but that the password was typed the same twice.
	Username string
	Password Secret
}

// PageView is what a [Page] shows when it is opened.
type PageView struct {
	// Links are what people may choose from.
	Links []PageLink
	// Code is among Page.Problems: what has led here. Empty: nothing that needs words.
	Code string
	// Done says that there is nothing left to do.
	Done bool
}

// PageLink is a link that looks like a button.
type PageLink struct {
	// Label is what it says, and URL where it leads.
	Label, URL string
}

// ownPages are the pages that package httpx has for the core's mails.
var ownPages = []string{"/verify-email", "/verify-email/deny", "/reset-password", "/change-email"}

var pagePath = regexp.MustCompile(`^(/[a-z0-9-]+)+$`)

// addPage adds a page of a feature.
func (s *Service) addPage(p Page) error {
	switch {
	case !pagePath.MatchString(p.Path):
		return fmt.Errorf("the path of a page is %q: it must be a slash and words of a to z, 0 to 9 and '-'", p.Path)
	case slices.Contains(ownPages, p.Path) || slices.ContainsFunc(s.pages, func(other Page) bool { return other.Path == p.Path }):
		return fmt.Errorf("the page %s is there already", p.Path)
	case (p.Submit == nil) == (p.Open == nil):
		return fmt.Errorf("the page %s must have either Submit or Open", p.Path)
	case p.NewAccount != nil && p.Submit == nil:
		return fmt.Errorf("the page %s has NewAccount without Submit, which makes the account", p.Path)
	}
	s.pages = append(s.pages, p)
	return nil
}

// Pages returns the pages that features bring, for HTTP layers. Package httpx serves them beside
// the core's.
func (s *Service) Pages() []Page { return slices.Clone(s.pages) }
