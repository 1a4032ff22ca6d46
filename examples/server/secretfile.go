package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// fileSuffix makes the name of the variable that gives a secret as a file.
const fileSuffix = "_FILE"

// maxSecretFile is more than any secret has, so that a wrong path costs no memory.
const maxSecretFile = 64 << 10

// value returns what the variable of row is set to, in itself or as the file that
// NAME_FILE names, and the path of that file. Empty means not set.
func (row *setting) value(lookup func(string) (string, bool)) (value, path string, err error) {
	value, _ = lookup(row.name)
	if !row.secret {
		return value, "", nil
	}
	path, _ = lookup(row.name + fileSuffix)
	switch {
	case path == "":
		return value, "", nil
	case value != "":
		return "", path, fmt.Errorf("%s is set too: unset one of the two", row.name)
	}
	value, err = readSecret(path)
	return value, path, err
}

// readSecret returns what the file holds, without one newline at its end, which
// editors and echo add. No error holds a part of the content.
func readSecret(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", unreadable(path, err)
	}
	defer func() { _ = file.Close() }() // nothing was written
	content, err := io.ReadAll(io.LimitReader(file, maxSecretFile+1))
	switch {
	case err != nil:
		return "", unreadable(path, err)
	case len(content) > maxSecretFile:
		return "", fmt.Errorf("%s holds more than %d bytes: write the path of the file that holds the secret alone", strconv.Quote(path), maxSecretFile)
	}
	secret := strings.TrimSuffix(strings.TrimSuffix(string(content), "\n"), "\r")
	if secret == "" {
		return "", fmt.Errorf("%s is empty: write the secret into it", strconv.Quote(path))
	}
	return secret, nil
}

// unreadable says why the file of a secret or a private key cannot be read. It repeats
// the path only where that can be nothing but a path: people write the secret itself into
// the wrong variable, or a key in base64.
func unreadable(path string, err error) error {
	if errors.Is(err, fs.ErrNotExist) && !inDirectory(path) || errors.Is(err, syscall.ENAMETOOLONG) {
		return errors.New("there is no such file (the value is not shown, as it may be the secret): write the path of the file that holds it")
	}
	return cannotRead(path, err)
}

// inDirectory reports whether path leads into a directory that exists, other than the
// root: base64 can begin with a slash.
func inDirectory(path string) bool {
	dir := filepath.Dir(path)
	info, err := os.Stat(dir)
	return filepath.IsAbs(path) && dir != filepath.Dir(dir) && err == nil && info.IsDir()
}

// cannotRead is err with the path once.
func cannotRead(path string, err error) error {
	var cause *fs.PathError
	if errors.As(err, &cause) {
		err = cause.Err
	}
	return fmt.Errorf("cannot read %q: %w", path, err)
}
