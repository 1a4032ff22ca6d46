package hashes

import (
	"bytes"
	"crypto/sha1"
	"encoding/binary"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// sumOf returns the nth synthetic hash.
func sumOf(n int) Sum { return sha1.Sum(binary.BigEndian.AppendUint64(nil, uint64(n))) }

func sumsBelow(n int) []Sum {
	sums := make([]Sum, n)
	for i := range sums {
		sums[i] = sumOf(i)
	}
	slices.SortFunc(sums, func(a, b Sum) int { return bytes.Compare(a[:], b[:]) })
	return sums
}

// listOf returns the bytes of a list.
func listOf(t testing.TB, width int, sums ...Sum) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "list")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	w, err := NewWriter(file, width)
	if err != nil {
		t.Fatal(err)
	}
	for _, sum := range sums {
		if err := w.Add(sum); err != nil {
			t.Fatal(err)
		}
	}
	_, size, err := w.Finish()
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil || int64(len(b)) != size {
		t.Fatalf("%d bytes, %v; Finish said %d", len(b), err, size)
	}
	return b
}

func open(t testing.TB, b []byte) *List {
	t.Helper()
	l, err := Open(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// counter counts what is read.
type counter struct {
	io.ReaderAt
	reads, longest int
}

func (c *counter) ReadAt(b []byte, at int64) (int, error) {
	c.reads++
	c.longest = max(c.longest, len(b))
	return c.ReaderAt.ReadAt(b, at)
}

// TestManyHashes: hashes among a hundred thousand are found, at every place in a block, others are not,
// and a search reads a few blocks of a bounded size.
func TestManyHashes(t *testing.T) {
	const n = 100_000
	sums := sumsBelow(n)
	l := open(t, listOf(t, 8, sums...))
	c := &counter{ReaderAt: l.file}
	l.file = c
	most, searches := 0, 0
	search := func(sum Sum, want bool) {
		before := c.reads
		if found, err := l.Contains(sum); found != want || err != nil {
			t.Fatalf("%x: %v, %v", sum, found, err)
		}
		most = max(most, c.reads-before)
		searches++
	}
	for i := 0; i < n; i += 7 {
		search(sums[i], true)
	}
	for i := range n / 20 {
		search(sumOf(n+i), false)
	}
	search(Sum{}, false)
	search(Sum(bytes.Repeat([]byte{0xff}, 20)), false)
	mean := float64(c.reads) / float64(searches)
	t.Logf("%.2f reads a search, %d at most, of %d bytes at most", mean, most, c.longest)
	if mean > 2.5 || most > 8 || c.longest > blockSize {
		t.Error("that is too much")
	}
}

// TestSmallLists: at each size and width, exactly what was added is found.
func TestSmallLists(t *testing.T) {
	for _, width := range []int{4, 5, 8, 9, 20} {
		for _, n := range []int{0, 1, 2, 3, 63, 64, 65, 511, 512, 513, 2000} {
			all := sumsBelow(2*n + 1)
			var in []Sum
			for i, sum := range all {
				if i%2 == 1 {
					in = append(in, sum)
				}
			}
			l := open(t, listOf(t, width, in...))
			for i, sum := range all {
				if found, err := l.Contains(sum); found != (i%2 == 1) || err != nil {
					t.Fatalf("%d of %d records of %d bytes: %v, %v", i, n, width, found, err)
				}
			}
		}
	}
}

// TestUnevenLists: no list makes a search long, however its hashes are spread.
func TestUnevenLists(t *testing.T) {
	const n = 10_000
	same, exponential := make([]Sum, n), make([]Sum, n)
	for i := range n {
		binary.BigEndian.PutUint32(same[i][16:], uint32(i)) // the first 8 bytes are all the same
		number := uint64(1)<<(i*63/n) + uint64(i)
		binary.BigEndian.PutUint64(exponential[i][:], number)
	}
	for name, sums := range map[string][]Sum{"the same beginning": same, "twice as far each": exponential} {
		slices.SortFunc(sums, func(a, b Sum) int { return bytes.Compare(a[:], b[:]) })
		l := open(t, listOf(t, MaxWidth, sums...))
		c := &counter{ReaderAt: l.file}
		l.file = c
		most := 0
		for _, sum := range sums {
			before := c.reads
			if found, err := l.Contains(sum); !found || err != nil {
				t.Fatalf("%s: %x: %v, %v", name, sum, found, err)
			}
			most = max(most, c.reads-before)
		}
		if most > 11 { // 4, and then as often as 49 blocks can be halved
			t.Errorf("%s: %d reads", name, most)
		}
	}
}

// TestSameBeginning: of hashes that are the same in a list, one is kept.
func TestSameBeginning(t *testing.T) {
	a, b := Sum{1, 2, 3, 4, 5}, Sum{1, 2, 3, 4, 6}
	short, long := listOf(t, 4, a, b, b), listOf(t, 5, a, b, b)
	if len(short) != headerSize+4 || len(long) != headerSize+10 {
		t.Errorf("%d and %d bytes", len(short), len(long))
	}
	if found, err := open(t, short).Contains(Sum{1, 2, 3, 4, 7}); !found || err != nil {
		t.Error(found, err)
	}
	if found, err := open(t, long).Contains(Sum{1, 2, 3, 4, 7}); found || err != nil {
		t.Error(found, err)
	}
}

func TestWriterRefuses(t *testing.T) {
	file, err := os.Create(filepath.Join(t.TempDir(), "list"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for _, width := range []int{-1, 0, 3, 21} {
		if _, err := NewWriter(file, width); err == nil {
			t.Errorf("%d bytes", width)
		}
	}
	w, err := NewWriter(file, 4)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Add(Sum{5, 0, 0, 0, 1}); err != nil {
		t.Fatal(err)
	}
	if err := w.Add(Sum{5, 0, 0, 0, 0}); err != ErrOrder { // also where the list would not show it
		t.Error(err)
	}
	// A list that was not finished is none.
	if err := w.out.Flush(); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(file, headerSize+4); err == nil || !strings.Contains(err.Error(), "no list") {
		t.Error(err)
	}
}

// TestOpenSaysWhatIsWrong: each fault has its own words.
func TestOpenSaysWhatIsWrong(t *testing.T) {
	good := listOf(t, 8, sumsBelow(10_000)...)
	change := func(at int, b ...byte) []byte { return slices.Replace(slices.Clone(good), at, at+len(b), b...) }
	half := headerSize + (len(good)-headerSize)/2
	for _, c := range []struct {
		name string
		file []byte
		want string
	}{
		{"an empty file", nil, "no list"},
		{"a download", []byte(strings.Repeat("5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8:52256372\r\n", 9)), "makelist"},
		{"half a header", good[:20], "no list"},
		{"another version", change(16, 2), "version 2"},
		{"no width", change(17, 0), "header"},
		{"too wide", change(17, 21), "header"},
		{"another width", change(17, 9), "copied"},
		{"far too many", change(24, 0x7f), "header"},
		{"a negative number", change(24, 0xff), "header"},
		{"cut off", good[:len(good)-8], "copied"},
		{"something after it", append(slices.Clone(good), 0), "copied"},
		{"halves swapped", slices.Concat(good[:headerSize], good[half:], good[headerSize:half]), "order"},
		{"one record all over", slices.Concat(good[:headerSize], bytes.Repeat(good[headerSize:headerSize+8], 10_000)), "order"},
	} {
		_, err := Open(bytes.NewReader(c.file), int64(len(c.file)))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want something on %q", c.name, err, c.want)
		}
	}
}

// TestListInParallel: one list serves many goroutines.
func TestListInParallel(t *testing.T) {
	l := open(t, listOf(t, 8, sumsBelow(5000)...))
	var all sync.WaitGroup
	start := make(chan struct{})
	for g := range 16 {
		all.Go(func() {
			<-start
			for i := g; i < 10_000; i += 16 {
				if found, err := l.Contains(sumOf(i)); found != (i < 5000) || err != nil {
					t.Errorf("%d: %v, %v", i, found, err)
				}
			}
		})
	}
	close(start)
	all.Wait()
}

// TestListShrinks: a file that gets shorter under an open list is an error, and no answer.
func TestListShrinks(t *testing.T) {
	b := listOf(t, 8, sumsBelow(5000)...)
	l := open(t, b)
	l.file = bytes.NewReader(b[:headerSize])
	if found, err := l.Contains(sumOf(1)); found || err == nil {
		t.Error(found, err)
	}
}

// FuzzOpen: whatever a file holds, it is refused or a search in it ends.
func FuzzOpen(f *testing.F) {
	good := listOf(f, 8, sumsBelow(3)...)
	f.Add(good, sumsBelow(3)[1][:])
	f.Add(good[:headerSize], []byte{})
	f.Add(listOf(f, 4, sumsBelow(100)...), []byte{0xff})
	f.Fuzz(func(t *testing.T, file, want []byte) {
		l, err := Open(bytes.NewReader(file), int64(len(file)))
		if err != nil {
			return
		}
		var sum Sum
		copy(sum[:], want)
		if _, err := l.Contains(sum); err != nil {
			t.Error(err)
		}
	})
}
