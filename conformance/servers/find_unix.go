//go:build unix

package servers

import (
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// unprivileged returns the first of the users that exists when this process runs as root,
// for programs that refuse to, and nil otherwise.
func unprivileged(names ...string) (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil //nolint:nilnil // as the user of this process
	}
	for _, name := range names {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.ParseUint(u.Uid, 10, 32)
		if err != nil {
			return nil, err
		}
		gid, err := strconv.ParseUint(u.Gid, 10, 32)
		if err != nil {
			return nil, err
		}
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
	}
	return nil, fmt.Errorf("this is root, and none of the users %q exists", names)
}

// find returns the absolute path of a program: the one in PATH, or that of the
// highest version in the directories that the patterns match.
func find(name string, dirs ...string) (string, error) {
	if path, err := exec.LookPath(name); err == nil {
		return filepath.Abs(path)
	}
	var found []string
	for _, pattern := range dirs {
		if matches, err := filepath.Glob(filepath.Join(pattern, name)); err == nil {
			found = append(found, matches...)
		}
	}
	if len(found) == 0 {
		return "", fmt.Errorf("the program %s is not installed", name)
	}
	return slices.MaxFunc(found, func(a, b string) int { return slices.Compare(versionIn(a), versionIn(b)) }), nil
}

// beside returns the path of a program that belongs to another one: the initdb of
// one version and the postgres of another do not fit. One may be a link to where both of them are.
func beside(path, name string) (string, error) {
	dirs := []string{filepath.Dir(path)}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		dirs = append(dirs, filepath.Dir(real))
	}
	for _, dir := range dirs {
		if found, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return found, nil
		}
	}
	return "", fmt.Errorf("there is a %s, but no %s beside it", path, name)
}

// versionIn returns the numbers in a path: 9.6 is less than 15.
func versionIn(path string) []int {
	var numbers []int
	for _, digits := range strings.FieldsFunc(path, func(r rune) bool { return r < '0' || r > '9' }) {
		if n, err := strconv.Atoi(digits); err == nil {
			numbers = append(numbers, n)
		}
	}
	return numbers
}
