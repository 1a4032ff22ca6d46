package acceptance

import (
	"testing"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// keys types. What has the focus must be seen to have it.
func (b *tab) keys(text string) {
	b.t.Helper()
	get(b, text, chromedp.KeyEvent(text))
	if text == kb.Tab && eval[bool](b, `getComputedStyle(document.activeElement).outlineStyle == "none"`) {
		b.t.Errorf("nothing shows where the focus is: %s", eval[string](b, "document.activeElement.outerHTML"))
	}
}

// enter ends a form, or follows a link, by the key.
func (b *tab) enter(heading string) {
	b.t.Helper()
	get(b, "enter", chromedp.WaitEvent(page.LoadEventFired, nil, chromedp.KeyEvent(kb.Enter)))
	b.see(heading)
}

// tabTo goes on by the key until a link or a button has the focus.
func (b *tab) tabTo(text string) {
	b.t.Helper()
	for range 20 {
		if b.keys(kb.Tab); b.focused() == text {
			return
		}
	}
	b.t.Fatalf("no key leads to %q", text)
}

func (b *tab) focused() string {
	b.t.Helper()
	return eval[string](b, `(document.activeElement.labels?.[0] ?? document.activeElement).textContent.trim().replace(/\s+/g, " ")`)
}

// TestKeyboard signs up and in without a mouse.
func TestKeyboard(t *testing.T) {
	t.Parallel()
	s := start(t)
	b := s.profile()
	b.visit("/sign-in", "Sign in")
	b.tabTo("Sign up")
	b.enter("Sign up")
	if got := b.focused(); got != "Name" {
		t.Errorf("the page begins at %q", got)
	}
	for _, text := range []string{"Ada", kb.Tab, "ada@", kb.Tab, password} {
		b.keys(text)
	}
	b.enter("Sign up")
	if got := b.focused(); got != "Email address" {
		t.Errorf("after a mistake the page begins at %q", got)
	}
	for _, text := range []string{kb.End, "example.com", kb.Tab, password, kb.Tab} {
		b.keys(text)
	}
	b.enter("Check your mail")
	b.visit(b.link(b.mail(ada, "Confirm"), 0), "Confirm your email address")
	b.tabTo("Yes, this is my address")
	b.enter("Sign in")
	for _, text := range []string{ada, kb.Tab, password} {
		b.keys(text)
	}
	b.enter("Your notes")
	b.keys(kb.Tab)
	if got := b.focused(); got != "Skip to the content" {
		t.Errorf("the first key leads to %q", got)
	}
	b.keys(kb.Enter)
	b.tabTo("New note")
	b.keys("without a mouse")
	b.tabTo("Add the note")
	b.enter("Your notes")
	b.says("without a mouse")
	b.tabTo("Sign out")
	b.enter("Sign in")
}
