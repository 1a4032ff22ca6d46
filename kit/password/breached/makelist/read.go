package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"myauth.internal/kit/password/breached/internal/hashes"
)

// ranges is how many there are of five hexadecimal digits.
const ranges = 1 << 20

// reader puts the hashes of a download into a list.
type reader struct {
	job
	list  *hashes.Writer
	next  int   // the range after the one that the last line is of
	lines int64 // without padding
}

func (r *reader) read(ctx context.Context, download string) error {
	if err := r.readAny(ctx, download); err != nil {
		return err
	}
	if r.next < ranges && !r.partial {
		return missing(r.next)
	}
	return nil
}

func (r *reader) readAny(ctx context.Context, download string) error {
	if download == "-" {
		return r.readLines(ctx, "standard input", "", r.stdin)
	}
	info, err := os.Stat(download)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return r.readFile(ctx, download, "")
	}
	return r.readFolder(ctx, download)
}

// readFolder reads the files of the ranges in the order of their numbers.
func (r *reader) readFolder(ctx context.Context, folder string) error {
	kinds, err := kindsOf(folder)
	if err != nil {
		return err
	}
	for number, kind := range kinds {
		if kind == noFile && r.partial {
			continue
		} else if kind == noFile {
			return missing(number)
		}
		digits := fmt.Sprintf("%05X", number)
		path := filepath.Join(folder, digits)
		if kind == textFile {
			path += ".txt"
		}
		if err := r.readFile(ctx, path, digits); err != nil {
			return err
		}
	}
	return nil
}

// What a range has in a folder: a file with the name of its five digits, or with .txt after them.
const (
	noFile = iota
	bareFile
	textFile
)

// kindsOf returns what each range has. Other files are left alone. The names are a million, so
// they are not kept.
func kindsOf(folder string) ([]byte, error) {
	f, err := os.Open(folder)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // it was only read
	kinds := make([]byte, ranges)
	for {
		names, err := f.Readdirnames(1024)
		for _, name := range names {
			digits, text := strings.CutSuffix(name, ".txt")
			number, err := strconv.ParseUint(digits, 16, 20)
			switch {
			case err != nil || len(digits) != 5:
			case text:
				kinds[number] = textFile
			default:
				kinds[number] = bareFile
			}
		}
		if errors.Is(err, io.EOF) {
			return kinds, nil
		} else if err != nil {
			return nil, err
		}
	}
}

func missing(number int) error {
	return fmt.Errorf("the download has no range %05X, so it is not whole: repeat it, or accept it with -partial", number)
}

func (r *reader) readFile(ctx context.Context, path, prefix string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }() // it was only read
	return r.readLines(ctx, path, prefix, file)
}

func (r *reader) readLines(ctx context.Context, name, prefix string, from io.Reader) error {
	lines := bufio.NewScanner(from)
	for n := 1; lines.Scan(); n++ {
		if n%1024 == 1 && ctx.Err() != nil {
			return ctx.Err()
		}
		sum, count, ok := hashes.ParseLine(prefix, lines.Bytes())
		if !ok {
			return fmt.Errorf("%s: line %d is no SHA-1 of %d hexadecimal digits with a colon and a count", name, n, 40-len(prefix))
		}
		if err := r.add(sum, count); err != nil {
			return fmt.Errorf("%s: line %d: %w", name, n, err)
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

func (r *reader) add(sum hashes.Sum, count uint64) error {
	if count == 0 {
		return nil // padding
	}
	r.lines++
	number := int(sum[0])<<12 | int(sum[1])<<4 | int(sum[2])>>4
	if number > r.next && !r.partial {
		return missing(r.next)
	}
	r.next = max(r.next, number+1)
	if count < r.least {
		return nil
	}
	return r.list.Add(sum)
}
