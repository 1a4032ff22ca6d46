package transfer

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// MaxLine bounds a line, in bytes.
const MaxLine = 16 << 20

// lineReader reads lines. Empty ones are left out, but counted.
type lineReader struct {
	r      *bufio.Reader
	number int
	bytes  int64
	max    int
}

func newLineReader(r io.Reader) *lineReader {
	return &lineReader{r: bufio.NewReaderSize(r, 64<<10), max: MaxLine}
}

var byteOrderMark = []byte("\xef\xbb\xbf")

// next returns a copy of the next line, without the white space around it, or [io.EOF].
func (l *lineReader) next() ([]byte, error) {
	for {
		line, err := l.read()
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		if l.number == 1 {
			line = bytes.TrimPrefix(line, byteOrderMark)
		}
		if line = bytes.TrimSpace(line); len(line) > 0 || err != nil {
			if len(line) > 0 {
				err = nil // io.EOF comes with the next call
			}
			return line, err
		}
	}
}

// read returns the next line, and io.EOF with the last one.
func (l *lineReader) read() (line []byte, err error) {
	l.number++
	for {
		part, err := l.r.ReadSlice('\n')
		l.bytes += int64(len(part))
		if len(line)+len(part) > l.max {
			return nil, fmt.Errorf("transfer: line %d is longer than %d bytes: each account must be one line, so correct or remove it", l.number, l.max)
		}
		line = append(line, part...)
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, err
		}
	}
}
