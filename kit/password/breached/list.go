package breached

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"myauth.internal/kit/password"
	"myauth.internal/kit/password/breached/internal/hashes"
)

// List is a list in a file that the command makelist has made. It may be used by many
// goroutines at once.
type List struct {
	hashes *hashes.List
	file   io.Closer // nil: the caller's
}

// OpenList opens the list at path. It checks the header, the size and the order of a sample of
// the hashes; an error says what is wrong.
//
// The file may be replaced while it is open, by renaming another to its name, as makelist does.
// The list stays the old one until it is opened again.
func OpenList(path string) (*List, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("breached: %w", err)
	}
	var h *hashes.List
	info, err := file.Stat()
	if err == nil {
		h, err = hashes.Open(file, info.Size())
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("breached: the list %s cannot be used: %w", path, err), file.Close())
	}
	return &List{hashes: h, file: file}, nil
}

// NewList is [OpenList] for a file that the caller has open and closes, such as one of an
// [embed.FS], and for a list in memory. Size is that of the file in bytes.
func NewList(file io.ReaderAt, size int64) (*List, error) {
	h, err := hashes.Open(file, size)
	if err != nil {
		return nil, fmt.Errorf("breached: the list cannot be used: %w", err)
	}
	return &List{hashes: h}, nil
}

// Close closes what OpenList has opened. A policy of the list then cannot look up anything.
func (l *List) Close() error {
	if l.file == nil {
		return nil
	}
	return l.file.Close()
}

// Policy returns a policy that accepts what next accepts (nil means [password.Strict]), unless
// the list has it. A check reads a few blocks of 4 KiB. If the file cannot be read, the password
// is accepted, and onError, which may be nil, hears why, without anything of the password or its
// hash; it should return soon.
func (l *List) Policy(next password.Policy, onError func(context.Context, error)) password.Policy {
	return policy(next, func(_ context.Context, sum hashes.Sum) (bool, error) {
		found, err := l.hashes.Contains(sum)
		if err != nil {
			err = fmt.Errorf("breached: reading the list: %w", err)
		}
		return found, err
	}, onError)
}
