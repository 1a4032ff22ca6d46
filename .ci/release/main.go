// Command release builds a static module proxy tree of every released module, from
// the tree that is committed at HEAD: files that any web server can serve, or the go
// command can read from a disk, as described by "go help goproxy".
//
// What is released differs from what is committed in the go.mod and go.sum files
// alone: the replacements by sibling directories are gone, siblings are required
// at the version that is being released, and go.sum knows their hashes. With
// -module, the modules have another path, and so have the imports of each other.
//
// The same commit, version and module path give the same bytes. A version that is
// already in the tree is never touched: whoever has downloaded it has its hashes.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("release", flag.ContinueOnError)
	flags.SetOutput(stderr)
	version := flags.String("version", "", "the version to release, such as v0.1.0")
	out := flags.String("out", "", "the directory of the proxy tree; it may hold other versions")
	path := flags.String("module", originalPath, "the path that the modules get, without a slash at the end")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *version == "" || *out == "" || flags.NArg() > 0 {
		return fmt.Errorf("give VERSION and OUT: make release VERSION=v0.1.0 OUT=dist")
	}
	root, err := output(ctx, ".", "git", "rev-parse", "--show-toplevel")
	if err != nil {
		return fmt.Errorf("a release is made from a git repository: %w", err)
	}
	r, err := newRelease(ctx, root, *version, *path)
	if err != nil {
		return err
	}
	dist, err := filepath.Abs(*out)
	if err != nil {
		return err
	}
	if changed, err := output(ctx, root, "git", "status", "--porcelain", "--untracked-files=no"); err != nil {
		return err
	} else if changed != "" {
		fmt.Fprintf(stderr, "release: %d files differ from what is committed; the release has them as they are committed\n",
			len(strings.Split(changed, "\n")))
	}
	if err := r.build(ctx, dist); err != nil {
		return err
	}
	for _, m := range r.modules {
		fmt.Fprintf(stdout, "%s %s\n", r.path(m), r.version)
	}
	usual, err := output(ctx, root, "go", "env", "GOPROXY")
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, `
The tree is %s. Serve it with any web server, or use it from the disk. Users
of the modules set these, with the address of the tree in place of file://…:

export GOPROXY=%s,%s
export GONOSUMDB=%s
go get %s/kit@%s
`, dist, fileURL(dist), usual, r.module, r.module, r.version)
	return nil
}

// fileURL is the address of a directory as the go command reads it.
func fileURL(dir string) string {
	dir = filepath.ToSlash(dir)
	if !strings.HasPrefix(dir, "/") {
		dir = "/" + dir // a drive letter
	}
	return "file://" + strings.ReplaceAll(strings.ReplaceAll(dir, "%", "%25"), " ", "%20")
}

// output runs a command and returns what it prints, without the last line end.
func output(ctx context.Context, dir, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	text, err := cmd.Output()
	if exit, ok := err.(*exec.ExitError); ok { //nolint:errorlint // Output returns it bare
		return "", fmt.Errorf("%s %s: %w: %s", name, args[0], err, strings.TrimSpace(string(exit.Stderr)))
	}
	return strings.TrimRight(string(text), "\r\n"), err
}
