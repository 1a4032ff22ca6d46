package hashes

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// ErrOrder says that a hash is less than the one before it.
var ErrOrder = errors.New("the hashes are not in ascending order")

// Writer writes a list.
type Writer struct {
	file io.WriteSeeker
	out  *bufio.Writer
	h    header
	last Sum
}

// NewWriter begins a list, whose records have width bytes, in an empty file.
func NewWriter(file io.WriteSeeker, width int) (*Writer, error) {
	if width < MinWidth || width > MaxWidth {
		return nil, fmt.Errorf("a hash has %d to %d bytes in a list, not %d", MinWidth, MaxWidth, width)
	}
	_, err := file.Seek(headerSize, io.SeekStart)
	return &Writer{file: file, out: bufio.NewWriterSize(file, 1<<20), h: header{width: width}}, err
}

// Add adds a hash that is not less than the one before. One that has the same record is left
// out.
func (w *Writer) Add(sum Sum) error {
	if w.h.count > 0 {
		if bytes.Compare(sum[:], w.last[:]) < 0 {
			return ErrOrder
		}
		if bytes.Equal(sum[:w.h.width], w.last[:w.h.width]) {
			return nil
		}
	}
	w.last = sum
	w.h.count++
	_, err := w.out.Write(w.last[:w.h.width])
	return err
}

// Finish writes the header last, so that a file that was not finished is not taken for a list,
// and returns how many records there are and the size of the file.
func (w *Writer) Finish() (records, size int64, err error) {
	if err := w.out.Flush(); err != nil {
		return 0, 0, err
	}
	if _, err := w.file.Seek(0, io.SeekStart); err != nil {
		return 0, 0, err
	}
	_, err = w.file.Write(w.h.bytes())
	return w.h.count, w.h.size(), err
}
