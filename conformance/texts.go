package conformance

import "strings"

// texts are Unicode strings that storage has been seen to change: by trimming,
// normalising, folding, re-encoding, padding or cutting. Each is at most 64
// characters long.
var texts = []string{
	"",
	" ",
	"  leading and trailing  ",
	"tab\tnew line\ncarriage return\rCRLF\r\n",
	"\u00a0no-break\u2003spaces\u3000",
	"MiXeD CaSe",
	"NULL", "null", "nil", "true", "0", "007", "1e3", "-0", "NaN",
	`back\slash`, `quote'single`, `quote"double`, "back`tick", `\x00`, `\u0041`, `%s%d%v`, `$1 ?1 :a @b`,
	"'; DROP TABLE users; --",
	"<b>&amp;</b>",
	"a,b;c|d{e}[f](g)",
	"caf\u00e9", "cafe\u0301", // composed and decomposed
	"x\u0301\u0323", "x\u0323\u0301", // combining characters in two orders
	"\u1100\u1161\u11a8", "\uac01", // conjoining jamo and the syllable
	"\u212b \u2126 \u2163 \ufb01 \uff21 \u00b2", // compatibility characters
	"\u0130\u0131\u017f\u212a\u00df\u1e9e",
	"\u05e9\u05dc\u05d5\u05dd \u202e\u0645\u0631\u062d\u0628\u0627\u202c", // right to left
	"\u6f22\u5b57\u304b\u306a \u0928\u092e\u0938\u094d\u0924\u0947",
	"\U0001f469\u200d\U0001f469\u200d\U0001f467 \U0001f1e9\U0001f1ea \U00020bb7", // four bytes
	"\ufeffbyte order mark",
	"\u0001\u0002\u001f\u007f\u0085", // control characters
	"\ufffd\ufffe\uffff\U0010ffff",   // the replacement character and noncharacters
	"\ue000\U000f0000",               // private use
	"\u200b\u00ad\u2028\u2029",
	strings.Repeat("\U0001f600", 64),
	strings.Repeat("z", 64),
}

// settingsTexts are JSON objects that a store must not re-encode.
var settingsTexts = []string{
	`{}`,
	`{ }`,
	" {\n\t\"a\" : 1 ,\r\n \"b\" : [ ] }\n ",
	`{"b":1,"a":2,"c":{"z":1,"y":2}}`,
	`{"a":1,"a":2}`,
	`{"n":9007199254740993,"m":-9007199254740993,"u":18446744073709551615}`,
	`{"n":123456789012345678901234567890.123456789012345678901234567890}`,
	`{"n":1.0,"m":1.50,"e":1e2,"E":1E+2,"z":-0,"tiny":1e-400,"huge":1e400}`,
	`{"s":"\u0041\u00e9\/\b\f\n\r\t\\\""}`,
	`{"s":"\u0000","\u0000":"\ud83d\ude00"}`,
	`{"s":"<script>&amp;'\u003c"}`,
	`{"s":"é e` + "\u0301" + ` 😀 ` + "\u2028" + `"}`,
	`{"":null,"null":null,"t":true,"f":false,"e":{},"l":[[],[[]],{}]}`,
	`{"$set":{"a.b":1},"$where":"1","__proto__":{},"_id":1}`,
}

// deepSettings nests 16 objects, the most that the HTTP API accepts.
func deepSettings() string {
	return strings.Repeat(`{"d":`, 15) + `{"n":9007199254740993}` + strings.Repeat(`}`, 15)
}

// largeSettings is one JSON object of exactly 16 KiB.
func largeSettings() string {
	const size = 16 << 10
	var b strings.Builder
	b.WriteString(`{"list":[`)
	for n := 1; b.Len() < size-100; n++ {
		b.WriteString(`{"k":"é😀","n":1.0},`)
	}
	b.WriteString(`0],"pad":"`)
	b.WriteString(strings.Repeat("p", size-b.Len()-len(`"}`)))
	b.WriteString(`"}`)
	return b.String()
}
