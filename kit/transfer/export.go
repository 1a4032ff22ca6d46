package transfer

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"myauth.internal/kit"
)

// ExportOptions are the options of [Export]; nil means the defaults.
type ExportOptions struct {
	// Progress is called after each few hundred accounts.
	Progress func(Exported)
}

// Exported counts what an export has written.
type Exported struct{ Users, Credentials int }

// exportPage is how many accounts are in memory at once.
const exportPage = 256

// Export writes each account as a line, by ID, with its credentials as they are stored. An account that is
// there throughout is written once, whatever is created, changed and deleted meanwhile, and each
// with the credentials that belong to it. Sessions are not exported.
//
// The result holds password hashes and private data: see the package comment.
//
// Errors: those of w and of the stores, one that wraps [errors.ErrUnsupported] if the store is no
// [kit.UserLister].
func Export(ctx context.Context, svc *kit.Service, w io.Writer, opts *ExportOptions) (Exported, error) {
	if opts == nil {
		opts = &ExportOptions{}
	}
	out := bufio.NewWriterSize(w, 256<<10)
	var done Exported
	for after := ""; ; {
		var users []kit.User
		err := again(ctx, func() (err error) {
			users, err = svc.Users(ctx, after, exportPage)
			return err
		})
		if err != nil {
			return done, fmt.Errorf("transfer: export: %w", err)
		}
		lines, err := encodeAll(ctx, svc, users)
		if err != nil {
			return done, err
		}
		for _, l := range lines {
			if l.text == nil {
				continue // deleted meanwhile
			}
			if _, err := out.Write(l.text); err != nil {
				return done, fmt.Errorf("transfer: export: %w", err)
			}
			done.Users++
			done.Credentials += l.credentials
		}
		if opts.Progress != nil {
			opts.Progress(done)
		}
		if len(users) < exportPage {
			if err := out.Flush(); err != nil {
				return done, fmt.Errorf("transfer: export: %w", err)
			}
			return done, nil
		}
		after = users[len(users)-1].ID
	}
}

type exportedLine struct {
	text        []byte
	credentials int
}

// encodeAll returns the lines of a page, in its order.
func encodeAll(ctx context.Context, svc *kit.Service, users []kit.User) ([]exportedLine, error) {
	lines := make([]exportedLine, len(users))
	errs := make([]error, workers)
	var all sync.WaitGroup
	for w := range workers {
		all.Go(func() {
			for i := w; i < len(users) && errs[w] == nil; i += workers {
				lines[i], errs[w] = encodeOne(ctx, svc, users[i])
			}
		})
	}
	all.Wait()
	return lines, cmp.Or(errs...) // one is enough to say
}

// encodeOne returns the line of one account, without a text if it was deleted meanwhile.
func encodeOne(ctx context.Context, svc *kit.Service, u kit.User) (l exportedLine, err error) {
	var credentials []kit.Token
	err = again(ctx, func() error {
		exported, of, err := svc.Export(ctx, u)
		if err == nil {
			u, credentials = exported, of
		}
		return err
	})
	if errors.Is(err, kit.ErrUserNotFound) {
		return l, nil
	} else if err != nil {
		return l, fmt.Errorf("transfer: export: user %s: %w", u.ID, err)
	}
	l.credentials = len(credentials)
	l.text, err = encode(u, credentials)
	return l, err
}
