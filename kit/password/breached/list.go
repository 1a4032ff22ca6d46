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

// OpenList opens the list at path. An error says what is wrong with the file. The list is
// checked, but for the order of all its records, of which a sample is compared.
//
// The file may be replaced while it is open, by renaming another to its name, as makelist does.
// The list stays the old one until it is opened again.
func OpenList(path string) (*List, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("breached: %w", err)
	}
	info, err := file.Stat()
	if err == nil {
		var l *List
		if l, err = NewList(file, info.Size()); err == nil {
			l.file = file
			return l, nil
		}
	}
	return nil, errors.Join(fmt.Errorf("%s: %w", path, err), file.Close())
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
// the list has it. A check needs a few reads of 4 KiB, and no other memory. If the
// file cannot be read, the password is accepted, and onError, which may be nil, hears why, without
// anything of the password or its hash.
func (l *List) Policy(next password.Policy, onError func(context.Context, error)) password.Policy {
	return policy(next, func(_ context.Context, sum hashes.Sum) (bool, error) {
		found, err := l.hashes.Contains(sum)
		if err != nil {
			err = fmt.Errorf("breached: reading the list: %w", err)
		}
		return found, err
	}, onError)
}
