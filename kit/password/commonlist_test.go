package password

import (
	"bytes"
	_ "embed"
	"flag"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write common.bin from testdata/common.txt")

//go:embed testdata/common.txt
var commonText string

// pack is the reverse of unpack. The words are in ascending order.
func pack(words []string) []byte {
	var symbols []byte
	before := ""
	for _, word := range words {
		shared := 0
		for shared < min(len(word), len(before), packedMaxPrefix) && word[shared] == before[shared] {
			shared++
		}
		symbols = append(append(symbols, byte(shared)), word[shared:]...)
		before = word
	}
	symbols = append(symbols, packedEnd)

	lengths := codeLengths(symbols)
	var codes [packedSymbols]int
	code := 0
	for bits := 1; bits <= packedMaxBits; bits++ {
		for symbol, n := range lengths {
			if int(n) == bits {
				codes[symbol] = code
				code++
			}
		}
		code <<= 1
	}
	packed := slices.Clone(lengths[:])
	at := 0
	for _, symbol := range symbols {
		for bit := int(lengths[symbol]) - 1; bit >= 0; bit-- {
			if at%8 == 0 {
				packed = append(packed, 0)
			}
			packed[len(packed)-1] |= byte(codes[symbol] >> bit & 1 << (7 - at%8))
			at++
		}
	}
	return packed
}

// codeLengths are those of a Huffman code: the two rarest groups of symbols become
// one, and each symbol in them one bit longer, until one group is left.
func codeLengths(symbols []byte) (lengths [packedSymbols]byte) {
	type group struct {
		n       int
		symbols []byte
	}
	count := map[byte]int{}
	for _, s := range symbols {
		count[s]++
	}
	var groups []group
	for _, s := range slices.Sorted(maps.Keys(count)) {
		groups = append(groups, group{count[s], []byte{s}})
	}
	for len(groups) > 1 {
		slices.SortStableFunc(groups, func(a, b group) int { return a.n - b.n })
		both := group{groups[0].n + groups[1].n, slices.Concat(groups[0].symbols, groups[1].symbols)}
		for _, s := range both.symbols {
			lengths[s]++
		}
		groups = append(groups[2:], both)
	}
	return lengths
}

// TestCommonListIsPacked: common.bin is what testdata/common.txt says, and unpacks to
// it. With -update it is written.
func TestCommonListIsPacked(t *testing.T) {
	var words []string
	for line := range strings.Lines(commonText) {
		words = append(words, string(appendSkeleton(nil, strings.TrimSuffix(line, "\n"))))
	}
	slices.Sort(words)
	words = slices.Compact(words)
	packed := pack(words)
	if *update {
		if err := os.WriteFile("common.bin", packed, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if !*update && string(packed) != packedList {
		t.Error("common.bin is not of testdata/common.txt: run the test with -update")
	}
	list := unpack(string(packed))
	if want := strings.Join(words, "\n") + "\n"; string(list) != want {
		t.Fatalf("%d bytes come back of %d", len(list), len(want))
	}
	for _, word := range words {
		if !list.has([]byte(word)) {
			t.Errorf("%q is not found", word)
		}
		for _, other := range []string{word + "\x00", word[:len(word)-1] + "\x00", "\x00" + word} {
			if list.has([]byte(other)) {
				t.Errorf("%q is found", other)
			}
		}
	}
	t.Logf("%d words in %d bytes, packed %d", len(words), len(list), len(packed))
}

// TestCommonText: both lists are in order, have no line twice, and all of each counts.
func TestCommonText(t *testing.T) {
	long := 0
	for name, text := range map[string]string{"testdata/common.txt": commonText, "bases.txt": baseList} {
		lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
		if !slices.IsSorted(lines) || len(slices.Compact(slices.Clone(lines))) != len(lines) {
			t.Errorf("%s is not sorted, or has a line twice", name)
		}
		for _, word := range lines {
			if word == "" || len(word) > maxCommon || strings.ToLower(word) != word || strings.TrimSpace(word) != word || strings.ContainsFunc(word, func(r rune) bool { return r < ' ' || r > '~' }) {
				t.Errorf("%s: the line %q can never count, or is not printable ASCII in lower case", name, word)
			}
			if !isCommon(word) || !isCommon(strings.ToUpper(word)) {
				t.Errorf("%s: %q is not refused", name, word)
			}
			if name == "bases.txt" && len(word) <= 14 && !isCommon(word+"1!") {
				t.Errorf("%q is not refused with decoration", word)
			}
			if len(word) >= minLength {
				long++
			}
		}
	}
	if long < 20_000 {
		t.Errorf("%d passwords of 8 characters and more are refused; it was more than 20,000", long)
	}
}

// BenchmarkUnpack is what the first check of a process costs more.
func BenchmarkUnpack(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if list := unpack(packedList); !bytes.HasSuffix(list, []byte("\n")) {
			b.Fatal(len(list))
		}
	}
}
