package hashes

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sort"
)

const (
	// blockSize is how many bytes a step of a search reads at most.
	blockSize = 4 << 10
	// samples is how many records Open compares with their neighbours.
	samples = 64
	// guesses is how many steps of a search go to where the record would be if hashes were
	// spread evenly, which they are: two or three find it. Further steps halve what is left, so
	// that no file makes a search long.
	guesses = 4
)

// List is a list that is open.
type List struct {
	file io.ReaderAt
	header
}

// Open checks the header of a list, its size, and the order of some of its records.
func Open(file io.ReaderAt, size int64) (*List, error) {
	b := make([]byte, headerSize)
	n, err := file.ReadAt(b, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	h, err := parseHeader(b[:n])
	if err != nil {
		return nil, err
	}
	if h.size() != size {
		return nil, fmt.Errorf("it has %d bytes and should have %d: it was not copied whole", size, h.size())
	}
	l := &List{file: file, header: h}
	return l, l.checkOrder()
}

func (l *List) checkOrder() error {
	step := max(1, l.count/samples)
	var last []byte
	for at := int64(0); at < l.count; at += step {
		records, err := l.read(at, min(at+2, l.count))
		if err != nil {
			return err
		}
		first, second := records[:l.width], records[l.width:]
		if last != nil && bytes.Compare(last, first) >= 0 || len(second) > 0 && bytes.Compare(first, second) >= 0 {
			return fmt.Errorf("its records are not in ascending order at %d", at)
		}
		last = first
	}
	return nil
}

// read returns the records from number from to before number to.
func (l *List) read(from, to int64) ([]byte, error) {
	b := make([]byte, (to-from)*int64(l.width))
	if n, err := l.file.ReadAt(b, headerSize+from*int64(l.width)); n < len(b) {
		return nil, err
	}
	return b, nil
}

// Contains reports whether the list has the record of sum.
func (l *List) Contains(sum Sum) (bool, error) {
	want := sum[:l.width]
	from, to := int64(0), l.count          // where the record may be
	least, most := uint64(0), ^uint64(0)   // what the numbers of the records there are between
	half := int64(blockSize / l.width / 2) // of the records of a block
	for step := 0; from < to; step++ {
		at := from + (to-from)/2
		if step < guesses {
			at = from + guess(number(want), least, most, to-from)
		}
		start := max(from, at-half)
		end := min(to, start+2*half)
		block, err := l.read(start, end)
		if err != nil {
			return false, err
		}
		first, last := block[:l.width], block[len(block)-l.width:]
		switch {
		case bytes.Compare(want, first) < 0:
			to, most = start, number(first)
		case bytes.Compare(want, last) > 0:
			from, least = end, number(last)
		default:
			_, found := sort.Find(int(end-start), func(i int) int {
				return bytes.Compare(want, block[i*l.width:(i+1)*l.width])
			})
			return found, nil
		}
	}
	return false, nil
}

// guess returns where among n records, whose numbers are spread evenly from least to most, the
// one with the number want is: 0 to n.
func guess(want, least, most uint64, n int64) int64 {
	if want <= least || most <= least {
		return 0
	}
	share := float64(want-least) / float64(most-least)
	return int64(share * float64(n))
}

// number is the first 8 bytes of a record as a number.
func number(record []byte) uint64 {
	var b [8]byte
	copy(b[:], record)
	return binary.BigEndian.Uint64(b[:])
}
