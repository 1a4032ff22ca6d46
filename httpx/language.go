package httpx

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Language has the texts of [Handler.Pages] in one language.
type Language struct {
	// Tag is its tag (BCP 47), such as "de" or "pt-BR".
	Tag string
	// Texts are the translations by the English text, as the built-in pages and those of
	// features have it. In place of a number both have %d. What is not there stays English.
	// Package german is an example.
	Texts map[string]string
}

// English returns the language that the built-in texts are in.
func English() Language { return Language{Tag: "en"} }

var languageTag = regexp.MustCompile(`^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$`)

// check returns an error that names what is wrong with l.
func (l Language) check() error {
	if !languageTag.MatchString(l.Tag) {
		return fmt.Errorf("httpx: Options.Languages has the tag %q: it must be one of BCP 47, such as de or pt-BR", l.Tag)
	}
	for text, translation := range l.Texts {
		if strings.Count(text, "%d") != strings.Count(translation, "%d") || strings.Count(text, "%d") > 1 {
			return fmt.Errorf("httpx: Options.Languages: in %s, %q and its translation must have %%d as often, once at most", l.Tag, text)
		}
	}
	return nil
}

var number = regexp.MustCompile(`[0-9]+`)

// text returns the translation of an English text.
func (l Language) text(s string) string {
	if translation := l.Texts[s]; translation != "" {
		return translation
	}
	if n := number.FindString(s); n != "" && l.Texts != nil {
		if translation := l.Texts[strings.Replace(s, n, "%d", 1)]; translation != "" {
			return strings.Replace(translation, "%d", n, 1)
		}
	}
	return s
}

// choose returns the language that a reader wants most, by the Accept-Language header (RFC 9110
// section 12.5.4), of those that there are; the first is for everybody else.
func choose(languages []Language, header []string) Language {
	type wish struct {
		tag string
		q   float64
	}
	var wishes []wish
	for item := range strings.SplitSeq(strings.Join(header, ","), ",") {
		tag, parameter, _ := strings.Cut(item, ";")
		w := wish{strings.TrimSpace(tag), 1}
		if value, ok := strings.CutPrefix(strings.TrimSpace(parameter), "q="); ok {
			w.q, _ = strconv.ParseFloat(value, 64) // what cannot be read is not wanted
		}
		if wishes = append(wishes, w); len(wishes) == 32 { // a client may send many
			break
		}
	}
	slices.SortStableFunc(wishes, func(a, b wish) int { return cmp.Compare(b.q, a.q) })
	for _, w := range wishes {
		if !(w.q > 0) {
			continue
		}
		for _, same := range []func(a, b string) bool{strings.EqualFold, samePrimary} {
			if i := slices.IndexFunc(languages, func(l Language) bool { return same(l.Tag, w.tag) }); i >= 0 {
				return languages[i]
			}
		}
	}
	return languages[0]
}

// samePrimary reports whether two tags are of one language, such as de and de-AT.
func samePrimary(a, b string) bool {
	a, _, _ = strings.Cut(a, "-")
	b, _, _ = strings.Cut(b, "-")
	return strings.EqualFold(a, b)
}
