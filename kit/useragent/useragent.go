// Package useragent says what a User-Agent header (RFC 9110 section 10.1.5) means to a person:
// "Firefox on Windows". It is for lists and mails that show an account's owner where somebody
// logged in. Programs must not decide anything by it, because the client chooses the header.
package useragent

import (
	"cmp"
	"strings"
	"unicode"
)

// Unknown is the name of a client that says nothing of itself.
const Unknown = "Unknown device"

// The bounds of what is read and of the name of an unknown program, in bytes.
const (
	maxInput   = 512
	maxProgram = 32
)

// names are the words of a header and what they stand for. The first that is there wins, so what
// calls itself by the name of others too comes before them.
type names []struct{ word, name string }

var robots = names{
	{"Googlebot", "Googlebot"},
	{"bingbot/", "Bingbot"},
	{"Applebot/", "Applebot"},
	{"YandexBot/", "YandexBot"},
	{"Baiduspider", "Baiduspider"},
	{"DuckDuckBot", "DuckDuckBot"},
	{"facebookexternalhit/", "Facebook preview"},
	{"HeadlessChrome/", "Headless Chrome"},
	{"PowerShell/", "PowerShell"},
}

// browsers: nearly each says Safari, and most say Chrome. Brave, Arc and others say nothing but
// Chrome, so they cannot be told from it.
var browsers = names{
	{"FBAN/", "Facebook"}, {"FBAV/", "Facebook"},
	{"Instagram ", "Instagram"},
	{"GSA/", "Google app"},
	{"Edg/", "Edge"}, {"EdgA/", "Edge"}, {"EdgiOS/", "Edge"}, {"Edge/", "Edge"},
	{"OPR/", "Opera"}, {"OPiOS/", "Opera"}, {"OPT/", "Opera"}, {"OPX/", "Opera"}, {"Opera", "Opera"},
	{"SamsungBrowser/", "Samsung Internet"},
	{"Vivaldi/", "Vivaldi"},
	{"YaBrowser/", "Yandex Browser"},
	{"DuckDuckGo/", "DuckDuckGo"}, {"Ddg/", "DuckDuckGo"},
	{"UCBrowser/", "UC Browser"},
	{"QQBrowser/", "QQ Browser"},
	{"MiuiBrowser/", "Mi Browser"},
	{"HuaweiBrowser/", "Huawei Browser"},
	{"Whale/", "Whale"},
	{"Silk/", "Silk"},
	{"Epiphany/", "GNOME Web"},
	{"Konqueror/", "Konqueror"},
	{"Thunderbird/", "Thunderbird"},
	{"SeaMonkey/", "SeaMonkey"},
	{"FxiOS/", "Firefox"}, {"Focus/", "Firefox"}, {"Firefox/", "Firefox"},
	{"Electron/", "App"},
	{"; wv)", "App"}, {"Dalvik/", "App"},
	{"CriOS/", "Chrome"}, {"Chromium/", "Chromium"}, {"Chrome/", "Chrome"},
	{"MSIE ", "Internet Explorer"}, {"Trident/", "Internet Explorer"},
	{"Android", "Android Browser"},
	{"Safari/", "Safari"},
	{"Mobile/", "App"}, // of iOS: a browser says Safari too
	{"Mozilla/", "Browser"},
}

// systems: an iPhone is "like Mac OS X", Android is a Linux, and so on. An iPad that asks for
// pages of the desktop says Macintosh, as a Mac does.
var systems = names{
	{"Xbox", "Xbox"},
	{"Windows Phone", "Windows Phone"},
	{"Windows", "Windows"},
	{"iPhone", "iPhone"}, {"iPad", "iPad"}, {"iPod", "iPod"},
	{"OpenHarmony", "HarmonyOS"}, {"HarmonyOS", "HarmonyOS"},
	{"KAIOS", "KaiOS"},
	{"Tizen", "Tizen"}, {"Web0S", "webOS"},
	{"PlayStation", "PlayStation"}, {"Nintendo", "Nintendo"},
	{"Android", "Android"},
	{"CrOS ", "ChromeOS"},
	{"Macintosh", "macOS"}, {"Mac OS X", "macOS"},
	{"FreeBSD", "FreeBSD"}, {"OpenBSD", "OpenBSD"}, {"NetBSD", "NetBSD"},
	{"Linux", "Linux"},
}

// in returns the name of the first word that is in s, or "".
func (n names) in(s string) string {
	for _, e := range n {
		if strings.Contains(s, e.word) {
			return e.name
		}
	}
	return ""
}

// Name returns what a person calls the client with that User-Agent header: the browser and the
// system ("Chrome on Android"), and of other programs the name that they give themselves ("curl").
// It reads the first 512 bytes. The result is valid UTF-8 without control characters, at most 64
// bytes, and [Unknown] if the header says nothing.
func Name(userAgent string) string {
	s := userAgent[:min(len(userAgent), maxInput)]
	name := cmp.Or(robots.in(s), otherRobot(s))
	if name != "" {
		return name
	}
	if strings.HasPrefix(s, "Mozilla/") || strings.HasPrefix(s, "Opera/") || strings.HasPrefix(s, "Dalvik/") {
		name = browsers.in(s)
	} else if name = program(s); name == "" {
		return Unknown
	}
	if system := systems.in(s); system != "" {
		return name + " on " + system
	}
	return name
}

// otherRobot returns the name of an unknown robot, which follows "compatible" by custom. Old browsers
// say that too, and then what they are.
func otherRobot(s string) string {
	_, after, ok := strings.Cut(s, "compatible; ")
	if !ok || strings.HasPrefix(after, "MSIE ") || strings.HasPrefix(after, "Konqueror/") {
		return ""
	}
	return program(after)
}

// program returns the first product of s, without its version. It ends at a dot, so that no program
// of a mail makes a link of it.
func program(s string) string {
	s = strings.TrimLeftFunc(s, unicode.IsSpace)
	if end := strings.IndexAny(s, "/ ();,.\t\r\n"); end >= 0 {
		s = s[:end]
	}
	s = s[:min(len(s), maxProgram)]
	return strings.Map(func(r rune) rune {
		if r == unicode.ReplacementChar || !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, s)
}
