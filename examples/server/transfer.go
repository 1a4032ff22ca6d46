package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"myauth.internal/kit"
	"myauth.internal/kit/transfer"
)

// transferCommands move accounts in and out.
func transferCommands() []command {
	return []command{
		{name: "users import", also: "import", operands: "FILE", least: 1, most: 1, records: true, creates: true, setup: importUsers,
			short: "imports accounts from JSON lines, of this MyAuth or of another system",
			long: "FILE is - for standard input. An import that was interrupted is completed by the same command: what is there\n" +
				"is left as it is. Lines that are refused are named with the reason; the exit status is then 1.\n" +
				"Second factors and passkeys work on if MYAUTH_DATA_KEY is that of the server that exported them, and the\n" +
				"passkeys' RP ID is the same. MIGRATING.md says how to get lines out of other systems."},
		{name: "users export", also: "export", operands: "[FILE]", most: 1, setup: exportUsers,
			short: "writes all accounts as JSON lines, for server import",
			long: "Without FILE, or with -, it writes to standard output. FILE is replaced at the end, and only its owner may\n" +
				"read it: it holds password hashes, addresses, settings, private data, and credentials as they are stored,\n" +
				"sealed with MYAUTH_DATA_KEY, which is not in it. Sessions are not in it either. Keep it as a copy of the database."},
	}
}

// lostFactors are the values of --lost-factors.
var lostFactors = map[string]transfer.Factors{"refuse": transfer.RefuseLost, "drop": transfer.DropLost, "keep": transfer.KeepLost}

func importUsers(fs *flag.FlagSet) action {
	var opts transfer.ImportOptions
	var rejects string
	fs.Func("from", "form of the lines, `FORM`: "+sourceNames()+"; default: each line is recognized", func(v string) error {
		for _, s := range transfer.Sources() {
			if v == string(s) {
				opts.From = s
				return nil
			}
		}
		return errors.New("write one of " + sourceNames())
	})
	fs.Func("lost-factors", "`WHAT` becomes of accounts with second factors that are not in the line: refuse (default), drop (the password alone logs in), keep (no login until users reset-factors)", func(v string) (err error) {
		var known bool
		if opts.Factors, known = lostFactors[v]; !known {
			err = errors.New("write refuse, drop or keep")
		}
		return err
	})
	fs.BoolVar(&opts.WithoutUnknownHashes, "without-unknown-hashes", false, "imports accounts with hashes that are not bcrypt without a password: their owners reset it")
	fs.BoolVar(&opts.Verified, "verified", false, "the other system has verified all addresses")
	fs.BoolVar(&opts.DryRun, "dry-run", false, "checks everything and writes nothing to the store")
	fs.StringVar(&rejects, "rejects", "", "writes the refused lines to `REJECTS`, to be corrected and imported")
	return func(ctx context.Context, sh *shell, operands []string) error {
		// One summary in place of an event for each account.
		sh.settings.opts.OnEvent = func(context.Context, kit.Event) {}
		in, size, err := sh.openInput(ctx, operands[0])
		if err != nil {
			return err
		}
		defer in.Close()
		if opts.DryRun && sameFile(operands[0], rejects) {
			return wrongUsage("--rejects names the file that is read: with --dry-run its accepted lines would be lost")
		}
		return sh.over(ctx, func(ctx context.Context, svc *kit.Service, _ kit.Stores) error {
			opts.Transaction = sh.transaction
			if rejects == "" {
				return sh.importFrom(ctx, svc, in, size, io.Discard, opts)
			}
			out, err := createPrivate(rejects)
			if err != nil {
				return err
			}
			err = sh.importFrom(ctx, svc, in, size, out, opts)
			if err != nil && !errors.Is(err, errSaid) && sameFile(operands[0], rejects) {
				out.abandon() // the lines that were not read are nowhere else
				return err
			}
			return errors.Join(err, out.finish()) // what was refused before an error too
		})
	}
}

func sourceNames() string {
	var names []string
	for _, s := range transfer.Sources() {
		names = append(names, string(s))
	}
	return strings.Join(names, ", ")
}

// openInput opens a file, and returns its size, or 0 if that is not known.
func (sh *shell) openInput(ctx context.Context, name string) (io.ReadCloser, int64, error) {
	if name == "-" {
		return untilDone(ctx, io.NopCloser(sh.stdin)), 0, nil
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	if err == nil && info.IsDir() {
		err = fmt.Errorf("%s is a directory: name a file of JSON lines", name)
	}
	if err != nil {
		return nil, 0, errors.Join(err, f.Close())
	}
	if !info.Mode().IsRegular() {
		return untilDone(ctx, f), 0, nil
	}
	return f, info.Size(), nil
}

// untilDone reads what may keep its reader waiting, as a pipe does, until ctx is done.
func untilDone(ctx context.Context, in io.ReadCloser) io.ReadCloser {
	r, w := io.Pipe()
	context.AfterFunc(ctx, func() { w.CloseWithError(ctx.Err()) })
	go func() { // until the input ends, or the process
		_, err := io.Copy(w, in)
		w.CloseWithError(errors.Join(err, in.Close()))
	}()
	return r
}

// sameFile reports whether two names lead to one file.
func sameFile(a, b string) bool {
	first, err := os.Stat(a)
	if err != nil {
		return false
	}
	second, err := os.Stat(b)
	return err == nil && os.SameFile(first, second)
}

// shownRefusals is how many refused lines are told of one by one.
const shownRefusals = 100

func (sh *shell) importFrom(ctx context.Context, svc *kit.Service, in io.Reader, size int64, rejects io.Writer, opts transfer.ImportOptions) error {
	begun, p, n := time.Now(), sh.progress(), 0
	opts.Refused = func(r transfer.Refusal) error {
		if n++; n <= shownRefusals {
			p.end()
			fmt.Fprintf(sh.stderr, "line %d: %s\n", r.Line, plain(r.Err.Error()))
		} else if n == shownRefusals+1 {
			fmt.Fprintln(sh.stderr, "more lines are refused: --rejects FILE collects them all")
		}
		_, err := io.WriteString(rejects, string(r.Text)+"\n")
		return err
	}
	opts.Progress = func(r transfer.Result) {
		now := time.Now()
		p.say(now, "%s", importLine(r, size, now.Sub(begun)))
	}
	result, err := transfer.Import(ctx, svc, in, &opts)
	p.end()
	if recordErr := sh.record(importRecord(result, opts.DryRun), func(w io.Writer) error {
		_, err := fmt.Fprintln(w, importSummary(result, opts.DryRun))
		return err
	}); err == nil {
		err = recordErr
	}
	switch {
	case errors.Is(err, context.Canceled):
		return errors.New("stopped: what was counted is stored, and the same command again completes the import")
	case err != nil:
		return fmt.Errorf("%w: what was counted is stored; the same command again completes the import", err)
	case result.Refused > 0:
		return errSaid
	}
	return nil
}

// importLine is the line of progress.
func importLine(r transfer.Result, size int64, took time.Duration) string {
	done := r.Created + r.Existing + r.Refused
	rate := float64(done) / max(took.Seconds(), 0.001)
	line := fmt.Sprintf("%d accounts, %d refused, %.0f/s", done, r.Refused, rate)
	if size > 0 && r.Bytes > 0 {
		left := time.Duration(float64(took) * (float64(size)/float64(r.Bytes) - 1)).Round(time.Second)
		line += fmt.Sprintf(", %d%%, %s left", 100*r.Bytes/size, max(left, 0))
	}
	return line
}

func importSummary(r transfer.Result, dry bool) string {
	verb := "created"
	if dry {
		verb = "would be created"
	}
	text := fmt.Sprintf("%d %s, %d there already, %d refused", r.Created, verb, r.Existing, r.Refused)
	if r.WithoutHash > 0 {
		text += fmt.Sprintf("; %d without their hash", r.WithoutHash)
	}
	if r.FactorsDropped > 0 {
		text += fmt.Sprintf("; %d without their second factor", r.FactorsDropped)
	}
	return text
}

func importRecord(r transfer.Result, dry bool) any {
	return struct {
		Created        int  `json:"created"`
		Existing       int  `json:"existing"`
		Refused        int  `json:"refused"`
		WithoutHash    int  `json:"without_hash"`
		FactorsDropped int  `json:"factors_dropped"`
		DryRun         bool `json:"dry_run"`
	}{r.Created, r.Existing, r.Refused, r.WithoutHash, r.FactorsDropped, dry}
}

func exportUsers(*flag.FlagSet) action {
	return func(ctx context.Context, sh *shell, operands []string) error {
		return sh.over(ctx, func(ctx context.Context, svc *kit.Service, _ kit.Stores) (err error) {
			if len(operands) == 0 || operands[0] == "-" {
				return sh.exportTo(ctx, svc, sh.stdout)
			}
			file, err := createPrivate(operands[0])
			if err != nil {
				return err
			}
			if err := sh.exportTo(ctx, svc, file); err != nil {
				file.abandon()
				return err
			}
			return file.finish()
		})
	}
}

func (sh *shell) exportTo(ctx context.Context, svc *kit.Service, w io.Writer) error {
	begun, p := time.Now(), sh.progress()
	done, err := transfer.Export(ctx, svc, w, &transfer.ExportOptions{Progress: func(e transfer.Exported) {
		now := time.Now()
		p.say(now, "%d accounts, %.0f/s", e.Users, float64(e.Users)/max(now.Sub(begun).Seconds(), 0.001))
	}})
	p.end()
	if err == nil {
		fmt.Fprintf(sh.stderr, "accounts: %d, credentials: %d\n", done.Users, done.Credentials)
	}
	return err
}

// privateFile is a file that takes its name when it is complete. Only its owner may read it.
type privateFile struct {
	*bufio.Writer
	file *os.File
	name string
}

func createPrivate(name string) (*privateFile, error) {
	if err := checkReplaced(name); err != nil {
		return nil, err
	}
	file, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*") // of mode 0600
	if err != nil {
		return nil, err
	}
	return &privateFile{bufio.NewWriter(file), file, name}, nil
}

// checkReplaced refuses a name that has something else than text, such as the database.
func checkReplaced(name string) error {
	info, err := os.Stat(name)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s is not a regular file: name another", name)
	}
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // it was read
	begin, err := io.ReadAll(io.LimitReader(f, 512))
	if err == nil && bytes.IndexByte(begin, 0) >= 0 {
		err = fmt.Errorf("%s is no text but perhaps a database: name another file, or remove this one first", name)
	}
	return err
}

// finish makes the file durable, and gives it its name.
func (f *privateFile) finish() error {
	err := f.Flush()
	if err == nil {
		err = f.file.Sync()
	}
	if err = errors.Join(err, f.file.Close()); err == nil {
		err = os.Rename(f.file.Name(), f.name)
	}
	if err != nil {
		_ = os.Remove(f.file.Name())
	}
	return err
}

func (f *privateFile) abandon() {
	_ = f.file.Close()
	_ = os.Remove(f.file.Name())
}
