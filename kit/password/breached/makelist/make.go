package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"myauth.internal/kit/password/breached/internal/hashes"
)

// do writes the list to a temporary file, and gives it its name when it is whole.
func (j job) do(ctx context.Context, download string, stdout io.Writer) (err error) {
	file, err := os.CreateTemp(filepath.Dir(j.out), filepath.Base(j.out)+".*.tmp")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, file.Close(), os.Remove(file.Name()))
		}
	}()
	list, err := hashes.NewWriter(file, j.width)
	if err != nil {
		return err
	}
	r := reader{job: j, list: list}
	if err := r.read(ctx, download); err != nil {
		return err
	}
	records, size, err := list.Finish()
	if err != nil {
		return err
	}
	if records == 0 {
		return fmt.Errorf("%s: no password was seen %d times", download, j.least)
	}
	if err := file.Chmod(0o644); err != nil { // it is public, and a server may be another user
		return err
	}
	if err := file.Sync(); err != nil {
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}
	if err := os.Rename(file.Name(), j.out); err != nil {
		return err
	}
	fmt.Fprintf(stdout, "%s: %d of %d hashes, %d bytes\n", j.out, records, r.lines, size)
	return nil
}
