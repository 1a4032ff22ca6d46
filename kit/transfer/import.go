package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"myauth.internal/kit"
	"myauth.internal/kit/password"
)

// Factors says what becomes of accounts with second factors whose records are not in the file, so
// that nobody could answer them.
type Factors int

// What becomes of such accounts.
const (
	// RefuseLost refuses them.
	RefuseLost Factors = iota
	// DropLost imports them without these factors: the password alone logs in.
	DropLost
	// KeepLost imports them as they are: they cannot log in, until an administrator resets their
	// factors.
	KeepLost
)

// ImportOptions are the options of [Import]; nil means the defaults.
type ImportOptions struct {
	// From is the form of the lines; default: each is recognized by its members.
	From Source
	// Factors is about second factors whose records are not there; default [RefuseLost].
	Factors Factors
	// WithoutUnknownHashes imports accounts whose hash is of a kind that [password.CheckHash] refuses
	// without a password, so that their owners set one by a reset. Otherwise they are refused.
	WithoutUnknownHashes bool
	// Verified says that the other system has verified every address. It is about lines of other
	// sources than MyAuth.
	Verified bool
	// DryRun checks everything and writes nothing, except that it does not see whether a passkey or
	// an identity belongs to another account. It remembers 16 bytes of each line.
	DryRun bool
	// Transaction runs do in one transaction, with stores that see it, and commits it if do returns nil.
	// It makes an import into an SQL database several times as fast: the drivers' method Transaction
	// is one. An error of do must be returned as it is.
	Transaction func(ctx context.Context, do func(kit.Stores) error) error
	// Refused is called for each line that was not imported, in their order. An error ends the import.
	Refused func(Refusal) error
	// Progress is called after each few hundred lines.
	Progress func(Result)
	// Now is the time by which a ban is over; default [time.Now].
	Now func() time.Time
}

// Refusal is a line that was not imported.
type Refusal struct {
	// Line is its number, from 1.
	Line int
	// Err says why, and what to do. It has no part of the hash.
	Err error
	// Text is the line itself, to be corrected and imported again.
	Text kit.Secret
}

// Result counts what an import has done.
type Result struct {
	// Created are accounts that were created, or with DryRun would be. Existing ones were there, from an
	// earlier run of the import for example, and were left as they are. Refused lines were not imported.
	Created, Existing, Refused int
	// WithoutHash counts accounts whose hash was left out, and FactorsDropped those whose factors were.
	WithoutHash, FactorsDropped int
	// Bytes is how much was read.
	Bytes int64
}

// Import reads lines and imports the accounts by [kit.Service.Import]. A line that cannot be imported
// does not end it: see ImportOptions.Refused. What was counted is stored durably, whatever happens
// later; after an error the same import again completes it.
//
// Errors: those of r and of the stores, one for a line over [MaxLine], that of Options.Refused.
func Import(ctx context.Context, svc *kit.Service, r io.Reader, opts *ImportOptions) (Result, error) {
	im := &importer{svc: svc, lines: newLineReader(r)}
	if opts != nil {
		im.opts = *opts
	}
	if im.opts.Now == nil {
		im.opts.Now = time.Now
	}
	if im.opts.DryRun {
		im.opts.Transaction = nil
		im.svc = dryRun(svc)
	}
	return im.run(ctx)
}

type importer struct {
	svc    *kit.Service
	opts   ImportOptions
	lines  *lineReader
	result Result
}

// job is a line on its way.
type job struct {
	line   int
	text   []byte
	record record

	withoutHash, factorsDropped bool

	state   state
	refused error
	unfit   bool // for the stores to see it
}

type state int

const (
	waiting state = iota
	created
	existing
)

// A batch is one transaction, which others have to wait for.
const (
	batchLines = 256
	batchBytes = 1 << 20
)

func (im *importer) run(ctx context.Context) (Result, error) {
	for {
		batch, readErr := im.read()
		if err := ctx.Err(); err != nil { // what writes to r may have been stopped too, in the middle of a line
			return im.result, fmt.Errorf("transfer: import: %w", err)
		}
		if err := im.store(ctx, batch); err != nil {
			return im.result, err
		}
		if err := im.report(batch); err != nil {
			return im.result, err
		}
		if errors.Is(readErr, io.EOF) {
			return im.result, nil
		} else if readErr != nil {
			return im.result, readErr
		}
	}
}

// read returns the next lines, understood and checked. With an error they are the last.
func (im *importer) read() (batch []*job, err error) {
	for size := 0; len(batch) < batchLines && size < batchBytes; {
		text, err := im.lines.next()
		if err != nil {
			return batch, err
		}
		size += len(text)
		j := &job{line: im.lines.number, text: text}
		if j.record, j.refused = im.opts.From.read(text, im.opts.Now()); j.refused == nil {
			j.refused = im.check(j)
		}
		j.unfit = j.refused != nil
		batch = append(batch, j)
	}
	return batch, nil
}

// check applies the options to a record.
func (im *importer) check(j *job) error {
	u := &j.record.user
	if j.record.source != MyAuth && im.opts.Verified {
		u.Verified = true
	}
	if im.opts.WithoutUnknownHashes && u.PasswordHash != "" && password.CheckHash(string(u.PasswordHash)) != nil {
		u.PasswordHash, j.withoutHash = "", true
	}
	present, missing := j.record.factorsWithout()
	if !missing {
		return nil
	}
	switch im.opts.Factors {
	case KeepLost:
	case DropLost:
		u.Factors, j.factorsDropped = present, true
	default:
		return errors.New("the account has a second factor whose record is not in the line: import it without (--lost-factors drop), or so that it cannot log in until its factors are reset (--lost-factors keep)")
	}
	return nil
}

// report counts what was stored, and passes on what was refused.
func (im *importer) report(batch []*job) error {
	r := &im.result
	for _, j := range batch {
		switch {
		case j.refused != nil:
			r.Refused++
		case j.state == existing:
			r.Existing++
		default:
			r.Created++
			if j.withoutHash {
				r.WithoutHash++
			}
			if j.factorsDropped {
				r.FactorsDropped++
			}
		}
	}
	r.Bytes = im.lines.bytes
	if im.opts.Refused != nil {
		for _, j := range batch {
			if j.refused == nil {
				continue
			}
			if err := im.opts.Refused(Refusal{Line: j.line, Err: j.refused, Text: kit.Secret(j.text)}); err != nil {
				return err
			}
		}
	}
	if im.opts.Progress != nil {
		im.opts.Progress(*r)
	}
	return nil
}

// reason says what is wrong with a record, or returns nil for an error that is not the record's.
func reason(err error) error {
	var invalid *kit.ValidationError
	switch {
	case errors.As(err, &invalid):
		var each []string
		for _, f := range invalid.Fields {
			each = append(each, f.Field+": "+f.Message)
		}
		return errors.New(strings.Join(each, "; "))
	case errors.Is(err, kit.ErrUserExists):
		return errors.New("another account has this address: decide which of the two stays, and change or remove the other")
	case errors.Is(err, kit.ErrConflict):
		return errors.New("another account has one of the passkeys or identities: delete that account first, or take the credential out of the line")
	}
	return nil
}

var errOtherID = fmt.Errorf("another account has this id: without its id the line gets one of its own")
