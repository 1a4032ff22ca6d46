package hashes

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// A list is a file of a header and records. The header has 32 bytes:
//
//	 0  "myauth/breached\n"
//	16  the version of the format, 1
//	17  how many bytes a record has, 4 to 20
//	18  6 zero bytes
//	24  how many records there are, in 8 bytes, big-endian
//
// A record is the beginning of a hash. Records are in ascending order and each is there
// once, so one is found without an index.
const (
	magic      = "myauth/breached\n"
	version    = 1
	headerSize = 32

	// MinWidth is the least number of bytes of a record.
	MinWidth = 4
	// MaxWidth is the greatest, a whole hash.
	MaxWidth = 20
)

type header struct {
	width int
	count int64
}

func (h header) bytes() []byte {
	b := append(make([]byte, 0, headerSize), magic...)
	b = append(b, version, byte(h.width), 0, 0, 0, 0, 0, 0)
	return binary.BigEndian.AppendUint64(b, uint64(h.count))
}

func parseHeader(b []byte) (header, error) {
	if len(b) < headerSize || string(b[:len(magic)]) != magic {
		return header{}, errors.New("it is no list, or was not finished: make it with breached/makelist")
	}
	if v := b[16]; v != version {
		return header{}, fmt.Errorf("it has version %d of the format, and this program reads %d", v, version)
	}
	h := header{width: int(b[17]), count: int64(binary.BigEndian.Uint64(b[24:]))}
	if h.width < MinWidth || h.width > MaxWidth || h.count < 0 || h.count > (1<<62)/MaxWidth {
		return header{}, errors.New("its header is damaged")
	}
	return h, nil
}

// size is the size of the whole file.
func (h header) size() int64 { return headerSize + h.count*int64(h.width) }
