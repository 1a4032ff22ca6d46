package address

import (
	"strings"
	"testing"
)

// TestDomainSpellings: of all spellings of an internationalised domain one is taken, and
// the refusal of another names it, where it can.
func TestDomainSpellings(t *testing.T) {
	for canonical, others := range map[string][]string{
		"müller.example": {
			"MÜLLER.example", "mÜller.example", "mu\u0308ller.example", "MU\u0308LLER.EXAMPLE", "ｍüller.example", "müller．example", "müller。example", "müller｡example", "ＭＵ\u0308ｌｌｅｒ.example",
		},
		"example.com":      {"ｅｘａｍｐｌｅ.com", "ＥＸＡＭＰＬＥ．ＣＯＭ", "example。com", "exa\uff4dple.com", "ｅxample.com"},
		"việt.example":     {"vie\u0323\u0302t.example", "vi\u1eb9\u0302t.example", "VIỆT.example"},
		"часы.рф":          {"ЧАСЫ.рф", "Часы.РФ"},
		"йод.example":      {"и\u0306од.example"},
		"ギガ.example":       {"キ\u3099カ\u3099.example"},
		"한국.example":       {"\u1112\u1161\u11ab\u1100\u116e\u11a8.example", "하\u11ab국.example"},
		"কোন.example":      {"ক\u09c7\u09beন.example"},
		"straße.example":   nil,
		"βόλος.example":    {"ΒΌΛΟς.example", "βο\u0301λος.example"},
		"例え.テスト":           {"例え。テスト"},
		"kelvin.example":   {"\u212aelvin.example"},
		"شبكة.example":     nil,
		"ไทย.example":      nil,
		"xn--mller-kva.de": nil,
	} {
		if err := Check("a@" + canonical); err != nil {
			t.Errorf("%q is refused: %v", canonical, err)
		}
		for _, other := range others {
			if err := Check("a@" + other); err == nil || !strings.HasSuffix(err.Error(), ": "+canonical) {
				t.Errorf("%q: %v; want a refusal that names %s", other, err, canonical)
			}
		}
	}
	// Mixed case of ASCII letters is no other spelling: Key makes it one address.
	if err := Check("a@Müller.EXAMPLE"); err != nil {
		t.Error(err)
	}
	for _, domain := range []string{
		"o\ufb03ce.example", "①.example", "x².example", "½.example", "ⅷ.example", "\U0001d41a.example", "ｶﾞ.example", "İstanbul.example", "GROẞ.example", "ªb.example", "\u0308a.example",
		"e\u0302\u0323.example", // the marks in another order than Unicode's
		"q\u0302.example",       // no composed form
		"\u1100\u1100.example", "น้\u0e33.example",
	} {
		if err := Check("a@" + domain); err == nil || !strings.Contains(err.Error(), "xn--") {
			t.Errorf("%q: %v, want a refusal that speaks of xn--", domain, err)
		}
	}
	// The local part is its owner's business, whose mail server decides what is one.
	for _, local := range []string{"JÖRG", "jo\u0308rg", "ｊｏ"} {
		if err := Check(local + "@example.com"); err != nil {
			t.Errorf("%q: %v", local, err)
		}
	}
}
