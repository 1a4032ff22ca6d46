package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/mod/module"
	"golang.org/x/mod/semver"
	"golang.org/x/mod/sumdb/dirhash"
	"golang.org/x/mod/zip"
)

// originalPath is the path that the modules have in the repository.
const originalPath = "myauth.internal"

// released are the directories of the modules that are released, each behind those
// that it requires.
var released = []string{
	"kit", "kit/passkey", "kit/provider", "httpx", "mailx", "conformance",
	"drivers/mongo", "drivers/postgres", "drivers/redis", "drivers/sqlite",
}

// release is one version of all modules.
type release struct {
	root    string // the repository
	commit  string
	time    time.Time
	version string
	module  string // what stands before each directory
	modules []string
}

func newRelease(ctx context.Context, root, version, path string) (*release, error) {
	if semver.Canonical(version) != version || semver.Build(version) != "" {
		return nil, fmt.Errorf("%q is no version: it has the form v0.1.0 or v0.1.0-rc.1", version)
	}
	if major := semver.Major(version); major != "v0" && major != "v1" {
		return nil, fmt.Errorf("%s would need %s at the end of every module path: only v0 and v1 can be released", version, "/"+major)
	}
	r := &release{root: root, version: version, module: path, modules: released}
	for _, m := range released {
		if err := module.Check(r.path(m), version); err != nil {
			return nil, fmt.Errorf("no module path: %w", err)
		}
	}
	var err error
	if r.commit, err = output(ctx, root, "git", "rev-parse", "--verify", "HEAD^{commit}"); err != nil {
		return nil, err
	}
	stamp, err := output(ctx, root, "git", "show", "-s", "--format=%cI", r.commit)
	if err != nil {
		return nil, err
	}
	if r.time, err = time.Parse(time.RFC3339, stamp); err != nil {
		return nil, err
	}
	return r, nil
}

// path is the module path of a directory.
func (r *release) path(dir string) string { return r.module + "/" + dir }

func (r *release) version1(dir string) module.Version {
	return module.Version{Path: r.path(dir), Version: r.version}
}

// build writes the version of every module into the tree at dist. Everything is
// made first and then put in place, so that a failure leaves the tree as it was.
func (r *release) build(ctx context.Context, dist string) error {
	if err := r.checkAbsent(dist); err != nil {
		return err
	}
	work, err := os.MkdirTemp("", "myauth-release-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	source := filepath.Join(work, "source")
	if err := r.export(ctx, source); err != nil {
		return err
	}
	if err := rename(source, r.module); err != nil {
		return err
	}
	sums := make(map[string]string) // directory -> its lines of go.sum
	for _, m := range r.modules {
		dir := filepath.Join(source, filepath.FromSlash(m))
		if err := r.rewriteGoMod(dir); err != nil {
			return fmt.Errorf("%s: %w", m, err)
		}
		if err := r.addSums(dir, sums); err != nil {
			return fmt.Errorf("%s: %w", m, err)
		}
		if err := r.pack(m, dir, filepath.Join(source, "LICENSE"), filepath.Join(work, "proxy")); err != nil {
			return fmt.Errorf("%s: %w", m, err)
		}
		if sums[m], err = r.sum(m, filepath.Join(work, "proxy")); err != nil {
			return fmt.Errorf("%s: %w", m, err)
		}
	}
	return r.publish(filepath.Join(work, "proxy"), dist)
}

// checkAbsent refuses a version of which anything is in the tree.
func (r *release) checkAbsent(dist string) error {
	for _, m := range r.modules {
		for _, ending := range endings {
			name, err := r.file(dist, m, ending)
			if err != nil {
				return err
			}
			if _, err := os.Lstat(name); err == nil {
				return fmt.Errorf("%s is already released: %s exists. A version never changes; release the next one", r.version, name)
			} else if !errors.Is(err, os.ErrNotExist) {
				return err
			}
		}
	}
	return nil
}

// endings are the files of a version, in the order in which they are published:
// the go command asks for .info first, so it comes last.
var endings = []string{".zip", ".mod", ".info"}

// versions is the directory of a module's versions in a proxy tree.
func (r *release) versions(tree, m string) (string, error) {
	path, err := module.EscapePath(r.path(m))
	return filepath.Join(tree, filepath.FromSlash(path), "@v"), err
}

func (r *release) file(tree, m, ending string) (string, error) {
	dir, err := r.versions(tree, m)
	if err != nil {
		return "", err
	}
	version, err := module.EscapeVersion(r.version)
	return filepath.Join(dir, version+ending), err
}

// pack writes the three files of a module's version.
func (r *release) pack(m, dir, licence, tree string) error {
	if err := copyFile(filepath.Join(dir, "LICENSE"), licence); err != nil {
		return err
	}
	names := make(map[string]string)
	for _, ending := range endings {
		name, err := r.file(tree, m, ending)
		if err != nil {
			return err
		}
		names[ending] = name
	}
	if err := os.MkdirAll(filepath.Dir(names[".zip"]), 0o755); err != nil {
		return err
	}
	archive, err := os.Create(names[".zip"])
	if err != nil {
		return err
	}
	// It leaves out nested modules, orders the files, and gives them no times.
	if err := zip.CreateFromDir(archive, r.version1(m), dir); err != nil {
		return errors.Join(err, archive.Close())
	}
	if err := archive.Close(); err != nil {
		return err
	}
	if err := copyFile(names[".mod"], filepath.Join(dir, "go.mod")); err != nil {
		return err
	}
	info, err := json.Marshal(struct {
		Version string
		Time    time.Time
		Origin  any
	}{r.version, r.time.UTC(), struct{ VCS, Hash, Subdir string }{"git", r.commit, m}})
	if err != nil {
		return err
	}
	return os.WriteFile(names[".info"], append(info, '\n'), 0o644)
}

// sum returns the lines of a go.sum file for a module that is packed.
func (r *release) sum(m, tree string) (string, error) {
	archive, err := r.file(tree, m, ".zip")
	if err != nil {
		return "", err
	}
	whole, err := dirhash.HashZip(archive, dirhash.Hash1)
	if err != nil {
		return "", err
	}
	gomod, err := r.file(tree, m, ".mod")
	if err != nil {
		return "", err
	}
	mod, err := dirhash.Hash1([]string{"go.mod"}, openAs(gomod))
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%[1]s %[2]s %[3]s\n%[1]s %[2]s/go.mod %[4]s\n", r.path(m), r.version, whole, mod), nil
}

// publish puts the files in place, none of which may exist, and then adds the
// version to each module's list.
func (r *release) publish(tree, dist string) error {
	for _, m := range r.modules {
		for _, ending := range endings {
			from, err := r.file(tree, m, ending)
			if err != nil {
				return err
			}
			to, err := r.file(dist, m, ending)
			if err != nil {
				return err
			}
			if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
				return err
			}
			if err := copyFile(to, from); err != nil {
				return err
			}
		}
	}
	for _, m := range r.modules {
		dir, err := r.versions(dist, m)
		if err != nil {
			return err
		}
		if err := addToList(filepath.Join(dir, "list"), r.version); err != nil {
			return err
		}
	}
	return nil
}

// addToList adds a version to a list of versions, one a line, in their order.
func addToList(name, version string) error {
	text, err := os.ReadFile(name)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	list := append(strings.Fields(string(text)), version)
	semver.Sort(list)
	next := name + ".new"
	if err := os.WriteFile(next, []byte(strings.Join(list, "\n")+"\n"), 0o644); err != nil {
		return err
	}
	return os.Rename(next, name) // a reader sees the old list or the new one
}
