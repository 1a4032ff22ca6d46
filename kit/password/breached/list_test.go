package breached_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"myauth.internal/kit/password"
	"myauth.internal/kit/password/breached"
)

const listPath = "testdata/pwned.list" // of testdata/download.txt

func TestListPolicy(t *testing.T) {
	list, err := breached.OpenList(listPath)
	if err != nil {
		t.Fatal(err)
	}
	defer list.Close()
	for _, c := range []struct {
		next     password.Policy
		password string
		want     string
	}{
		{anything, "password", "common_password"},
		{anything, "a quiet evening by the sea", "common_password"},
		{anything, "a quiet evening by the SEA", ""},
		{anything, "Engine#1843!", ""}, // padding in the download
		{nil, "Correct-Horse-7", "common_password"},
		{nil, "correct horse battery staple", "missing_uppercase missing_digit"}, // the rules first
		{nil, "Correct-Horse-8", ""},
		{password.LengthOnly, "correct horse battery staple", "common_password"},
		{list.Policy(nil, nil), "Correct-Horse-7", "common_password"},
	} {
		p := list.Policy(c.next, func(_ context.Context, err error) { t.Error(err) })
		broken, err := password.Check(t.Context(), p, c.password)
		var got []string
		for _, v := range broken {
			got = append(got, v.Code)
		}
		if strings.Join(got, " ") != c.want || err != nil {
			t.Errorf("%q: %v, %v, want %q", c.password, got, err, c.want)
		}
	}
	// A list is on this machine, so a draft is looked up too.
	if broken, err := list.Policy(anything, nil).Check(password.WithDraft(t.Context()), stolen); len(broken) != 1 || err != nil {
		t.Error(broken, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if broken, err := list.Policy(anything, nil).Check(ctx, stolen); len(broken) > 0 || err != context.Canceled {
		t.Error(broken, err)
	}
}

// TestListIsAway: a file that cannot be read refuses no password.
func TestListIsAway(t *testing.T) {
	list, err := breached.OpenList(listPath)
	if err != nil {
		t.Fatal(err)
	}
	if err := list.Close(); err != nil {
		t.Fatal(err)
	}
	var errs heard
	broken, err := password.Check(t.Context(), list.Policy(anything, errs.hear), stolen)
	if len(broken) > 0 || err != nil || len(errs) != 1 || !errors.Is(errs[0], os.ErrClosed) {
		t.Fatal(broken, err, errs)
	}
	tellsNothing(t, fmt.Sprintf("%+v %#v", errs[0], errs[0]))
	if broken, err := password.Check(t.Context(), list.Policy(anything, nil), stolen); len(broken) > 0 || err != nil {
		t.Error(broken, err)
	}
}

// TestOpenList: an error says which file it is, and the file is not left open.
func TestOpenList(t *testing.T) {
	if _, err := breached.OpenList(filepath.Join(t.TempDir(), "x.list")); !errors.Is(err, os.ErrNotExist) || !strings.HasPrefix(err.Error(), "breached: ") || !strings.Contains(err.Error(), "x.list") {
		t.Error(err)
	}
	if _, err := breached.OpenList("testdata/download.txt"); err == nil || !strings.HasPrefix(err.Error(), "breached: ") || !strings.Contains(err.Error(), "download.txt") || !strings.Contains(err.Error(), "makelist") {
		t.Error(err)
	}
	if _, err := breached.OpenList("testdata"); err == nil {
		t.Error("a folder was opened")
	}
}

// TestFileSystems: a list can be in any file system whose files are read anywhere, and in
// memory; closing such a list leaves the file to the caller.
func TestFileSystems(t *testing.T) {
	file, err := os.DirFS("testdata").Open("pwned.list")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(listPath)
	if err != nil {
		t.Fatal(err)
	}
	for name, r := range map[string]io.ReaderAt{"fs": file.(io.ReaderAt), "memory": bytes.NewReader(b)} {
		list, err := breached.NewList(r, info.Size())
		if err != nil {
			t.Fatal(err)
		}
		if err := list.Close(); err != nil {
			t.Error(err)
		}
		if broken, err := list.Policy(anything, nil).Check(t.Context(), stolen); len(broken) != 1 || err != nil {
			t.Errorf("%s: %v, %v", name, broken, err)
		}
	}
}
