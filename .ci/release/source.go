package main

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"go/format"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/zip"
)

// export writes the released modules and the licence, as they are committed, below
// dir. A nested module comes along; it is left out of the zip later.
func (r *release) export(ctx context.Context, dir string) error {
	args := append([]string{"-c", "core.autocrlf=false", "archive", "--format=tar", r.commit, "LICENSE"}, r.modules...)
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir = r.root
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	archive, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("git archive: %w: %s", err, bytes.TrimSpace(complaint.Bytes()))
	}
	files := tar.NewReader(bytes.NewReader(archive))
	for {
		header, err := files.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if header.Typeflag != tar.TypeReg { // directories; symbolic links have no place in a module zip
			continue
		}
		if !filepath.IsLocal(header.Name) {
			return fmt.Errorf("git archive: a file with the name %q", header.Name)
		}
		name := filepath.Join(dir, filepath.FromSlash(header.Name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return err
		}
		text, err := io.ReadAll(io.LimitReader(files, zip.MaxZipFile))
		if err != nil {
			return err
		}
		if err := os.WriteFile(name, text, 0o644); err != nil {
			return err
		}
	}
}

// ourImport finds the path of one of our modules, or of a package in it.
var ourImport = regexp.MustCompile(`\bmyauth\.internal/(kit|httpx|mailx|conformance|drivers)\b`)

// rename gives every module below dir another path, in all that names it.
func rename(dir, path string) error {
	if path == originalPath {
		return nil
	}
	return filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		changed := ourImport.ReplaceAll(text, []byte(path+"/$1"))
		if bytes.Equal(changed, text) {
			return nil
		}
		if strings.HasSuffix(name, ".go") {
			// Imports are in the order of their paths.
			if changed, err = format.Source(changed); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
		return os.WriteFile(name, changed, 0o644)
	})
}

// rewriteGoMod makes the go.mod of a directory what others can use.
func (r *release) rewriteGoMod(dir string) error {
	name := filepath.Join(dir, "go.mod")
	text, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	file, err := modfile.Parse("go.mod", text, nil)
	if err != nil {
		return err
	}
	for _, replacement := range slices.Clone(file.Replace) {
		if !strings.HasPrefix(replacement.Old.Path, r.module+"/") {
			return fmt.Errorf("go.mod replaces %s: those who use the module would get another one than its tests", replacement.Old.Path)
		}
		if err := file.DropReplace(replacement.Old.Path, replacement.Old.Version); err != nil {
			return err
		}
	}
	for _, requirement := range file.Require {
		if !strings.HasPrefix(requirement.Mod.Path, r.module+"/") {
			continue
		}
		if !slices.ContainsFunc(r.modules, func(m string) bool { return r.path(m) == requirement.Mod.Path }) {
			return fmt.Errorf("go.mod requires %s, which is not released", requirement.Mod.Path)
		}
		if err := file.AddRequire(requirement.Mod.Path, r.version); err != nil {
			return err
		}
	}
	file.SortBlocks()
	file.Cleanup()
	text, err = file.Format()
	if err != nil {
		return err
	}
	return os.WriteFile(name, text, 0o644)
}

// addSums adds the siblings that are packed already to the go.sum of a directory,
// as far as its go.mod requires them.
func (r *release) addSums(dir string, sums map[string]string) error {
	text, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	if err != nil {
		return err
	}
	file, err := modfile.Parse("go.mod", text, nil)
	if err != nil {
		return err
	}
	name := filepath.Join(dir, "go.sum")
	known, err := os.ReadFile(name)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	lines := slices.Collect(strings.Lines(string(known)))
	for _, requirement := range file.Require {
		m, ours := strings.CutPrefix(requirement.Mod.Path, r.module+"/")
		if !ours {
			continue
		}
		if sums[m] == "" {
			return fmt.Errorf("it requires %s, which is released after it", m)
		}
		lines = append(lines, slices.Collect(strings.Lines(sums[m]))...)
	}
	slices.Sort(lines)
	return os.WriteFile(name, []byte(strings.Join(lines, "")), 0o644)
}

// copyFile copies a file to a place where there is none.
func copyFile(to, from string) error {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close() //nolint:errcheck // it is only read
	target, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	if _, err := io.Copy(target, source); err != nil {
		return errors.Join(err, target.Close())
	}
	return target.Close()
}

// openAs opens one file under any name, for a hash of one file.
func openAs(file string) func(string) (io.ReadCloser, error) {
	return func(string) (io.ReadCloser, error) { return os.Open(file) }
}
