// Command makelist makes the file that [breached.OpenList] opens, from a download of Pwned
// Passwords:
//
//	go run myauth.internal/kit/password/breached/makelist [-min N] [-bytes N] [-partial] -o LIST DOWNLOAD
//
// DOWNLOAD is what the official downloader (github.com/HaveIBeenPwned/PwnedPasswordsDownloader)
// writes for SHA-1: one file of lines HASH:COUNT, sorted by hash, or a folder with a file for
// each range, 00000.txt to FFFFF.txt (or without .txt), of lines without the five digits. The
// hyphen is standard input, for a file that is compressed.
//
// Lines are read and records written one after another, in constant memory. LIST is a temporary
// file beside its place until it is whole, so a list that is in use can be replaced.
//
// The flags:
//
//	-o LIST     where to write the list
//	-min N      leave out passwords that were seen fewer than N times (default 1)
//	-bytes N    how much of each hash to keep, 4 to 20 (default 8)
//	-partial    accept a download in which ranges are missing
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"

	"myauth.internal/kit/password/breached/internal/hashes"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr); err != nil {
		if !errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(os.Stderr, "makelist:", err)
		}
		os.Exit(1)
	}
}

// job is what the flags say.
type job struct {
	out     string
	least   uint64 // how often a password must have been seen
	width   int
	partial bool
	stdin   io.Reader
}

func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) error {
	j := job{stdin: stdin}
	flags := flag.NewFlagSet("makelist", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		fmt.Fprintln(stderr, "usage: makelist [-min N] [-bytes N] [-partial] -o LIST DOWNLOAD")
		flags.PrintDefaults()
	}
	flags.StringVar(&j.out, "o", "", "where to write the list")
	flags.Uint64Var(&j.least, "min", 1, "leave out passwords that were seen fewer times")
	flags.IntVar(&j.width, "bytes", 8, "how much of each hash to keep, 4 to 20")
	flags.BoolVar(&j.partial, "partial", false, "accept a download in which ranges are missing")
	if err := flags.Parse(args); err != nil {
		return err
	}
	switch {
	case j.out == "" || flags.NArg() != 1:
		flags.Usage()
		return errors.New("give -o LIST, and one file or folder to read")
	case j.width < hashes.MinWidth || j.width > hashes.MaxWidth:
		return fmt.Errorf("-bytes must be %d to %d", hashes.MinWidth, hashes.MaxWidth)
	}
	return j.do(ctx, flags.Arg(0), stdout)
}
