package main

import (
	"archive/zip"
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// makeRelease releases into dist and returns what the command prints.
func makeRelease(t *testing.T, dist string, args ...string) (string, error) {
	t.Helper()
	var out, complaints bytes.Buffer
	err := run(t.Context(), append([]string{"-out", dist}, args...), &out, &complaints)
	t.Log(complaints.String())
	return out.String(), err
}

func mustRelease(t *testing.T, dist string, args ...string) string {
	t.Helper()
	out, err := makeRelease(t, dist, args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// tree returns the files below dir with their contents.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := make(map[string]string)
	err := filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(name)
		files[strings.TrimPrefix(filepath.ToSlash(name), filepath.ToSlash(dir)+"/")] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestTheSameCommitGivesTheSameBytes(t *testing.T) {
	a, b := t.TempDir(), filepath.Join(t.TempDir(), "with a space")
	mustRelease(t, a, "-version", "v0.1.0")
	mustRelease(t, b, "-version", "v0.1.0")
	first, second := tree(t, a), tree(t, b)
	if len(first) != 4*len(released) {
		t.Errorf("%d files, want %d", len(first), 4*len(released))
	}
	for name, text := range first {
		if second[name] != text {
			t.Errorf("%s differs", name)
		}
	}
}

func TestAVersionIsNeverTouched(t *testing.T) {
	dist := t.TempDir()
	mustRelease(t, dist, "-version", "v0.2.0")
	before := tree(t, dist)
	if _, err := makeRelease(t, dist, "-version", "v0.2.0"); err == nil || !strings.Contains(err.Error(), "already released") {
		t.Errorf("released again: %v", err)
	}
	// Also when a part of it is all that is left.
	for name := range before {
		if !strings.HasPrefix(name, "myauth.internal/mailx/") || strings.HasSuffix(name, ".info") {
			if err := os.Remove(filepath.Join(dist, filepath.FromSlash(name))); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := makeRelease(t, dist, "-version", "v0.2.0"); err == nil {
		t.Error("released over a part of a version")
	}
	// Others may be added, in any order.
	dist = t.TempDir()
	for _, version := range []string{"v0.10.0", "v0.2.0", "v0.10.0-rc.1"} {
		mustRelease(t, dist, "-version", version)
	}
	if got, want := tree(t, dist)["myauth.internal/kit/@v/list"], "v0.2.0\nv0.10.0-rc.1\nv0.10.0\n"; got != want {
		t.Errorf("the list is %q, want %q", got, want)
	}
}

func TestWhatCannotBeReleased(t *testing.T) {
	for _, args := range [][]string{
		{}, {"-version", "0.1.0"}, {"-version", "v0.1"}, {"-version", "v0.1.0+meta"}, {"-version", "v2.0.0"}, {"-version", "../../x"},
		{"-version", "v0.1.0", "-module", "bad path"}, {"-version", "v0.1.0", "-module", "acme"}, {"-version", "v0.1.0", "-module", "../up"},
		{"-version", "v0.1.0", "more"},
	} {
		dist := t.TempDir()
		if _, err := makeRelease(t, dist, args...); err == nil {
			t.Errorf("%q: released", args)
		} else {
			t.Log(err)
		}
		if len(tree(t, dist)) > 0 {
			t.Errorf("%q: something was written", args)
		}
	}
}

// What a zip holds: the licence, no nested module, nothing that points to a place
// outside of it, and no trace of the original path under another one.
func TestContents(t *testing.T) {
	for _, path := range []string{originalPath, "github.com/acme/myauth"} {
		dist := t.TempDir()
		mustRelease(t, dist, "-version", "v0.1.0", "-module", path)
		for _, m := range released {
			prefix := path + "/" + m + "@v0.1.0/"
			archive, err := zip.OpenReader(filepath.Join(dist, filepath.FromSlash(path), filepath.FromSlash(m), "@v", "v0.1.0.zip"))
			if err != nil {
				t.Fatal(err)
			}
			texts := make(map[string]string)
			for _, file := range archive.File {
				name, found := strings.CutPrefix(file.Name, prefix)
				if !found {
					t.Errorf("%s: a file %s", m, file.Name)
				}
				text, err := fs.ReadFile(archive, file.Name)
				if err != nil {
					t.Fatal(err)
				}
				texts[name] = string(text)
			}
			archive.Close()
			if !strings.Contains(texts["LICENSE"], "MIT License") {
				t.Errorf("%s has no licence", m)
			}
			if strings.Contains(texts["go.mod"], "replace") {
				t.Errorf("%s replaces:\n%s", m, texts["go.mod"])
			}
			if m != "kit" && !strings.Contains(texts["go.sum"], path+"/kit v0.1.0 h1:") {
				t.Errorf("%s does not know the hash of kit", m)
			}
			if m == "httpx" && slices.ContainsFunc(keys(texts), func(name string) bool { return strings.HasPrefix(name, "surface/") }) {
				t.Error("httpx holds the test of its surface")
			}
			if (m == "kit/passkey" || m == "kit/provider") && slices.ContainsFunc(keys(texts), func(name string) bool { return strings.HasPrefix(name, "acceptance/") }) {
				t.Error(m + " holds its acceptance test")
			}
			for name, text := range texts {
				if path != originalPath && ourImport.MatchString(text) {
					t.Errorf("%s/%s names %s", m, name, ourImport.FindString(text))
				}
			}
		}
	}
}

func keys(files map[string]string) []string {
	var names []string
	for name := range files {
		names = append(names, name)
	}
	return names
}
