package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"myauth.internal/kit/password"
	"myauth.internal/kit/password/breached"
)

const (
	download = "../testdata/download.txt"
	made     = "../testdata/pwned.list"
)

// makeList runs the command, and returns the list and what it printed.
func makeList(t *testing.T, stdin io.Reader, args ...string) (list []byte, printed string, err error) {
	t.Helper()
	dir := t.TempDir()
	out := filepath.Join(dir, "x.list")
	var stdout bytes.Buffer
	err = run(t.Context(), append([]string{"-o", out}, args...), stdin, &stdout, io.Discard)
	entries, readErr := os.ReadDir(dir)
	if readErr != nil {
		t.Fatal(readErr)
	}
	if err != nil {
		if len(entries) > 0 {
			t.Errorf("after %v there is %s", err, entries[0].Name())
		}
		return nil, stdout.String(), err
	}
	if len(entries) != 1 {
		t.Errorf("there is more than the list: %v", entries)
	}
	list, err = os.ReadFile(out)
	return list, stdout.String(), err
}

// split writes a folder with a file for each range.
func split(t *testing.T, ending, newline string) string {
	t.Helper()
	text, err := os.ReadFile(download)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for line := range strings.Lines(string(text)) {
		if err := os.WriteFile(filepath.Join(dir, line[:5]+ending), []byte(strings.TrimSpace(line[5:])+newline), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestMakeList: each form of a download makes the list that package breached tests itself with.
func TestMakeList(t *testing.T) {
	want, err := os.ReadFile(made)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(download)
	if err != nil {
		t.Fatal(err)
	}
	unix := strings.ToLower(strings.TrimSpace(strings.ReplaceAll(string(text), "\r", "")))
	for name, c := range map[string]struct {
		from  string
		stdin io.Reader
	}{
		"a file":                     {download, nil},
		"a folder":                   {split(t, ".txt", "\r\n"), nil},
		"a folder of bare names":     {split(t, "", ""), nil},
		"standard input":             {"-", bytes.NewReader(text)},
		"lower case and LF, no last": {"-", strings.NewReader(unix)},
		"a line twice":               {"-", strings.NewReader(unix + "\n" + unix[strings.LastIndex(unix, "\n")+1:])},
	} {
		if got, printed, err := makeList(t, c.stdin, "-partial", c.from); !bytes.Equal(got, want) || err != nil || !strings.Contains(printed, " 80 bytes") {
			t.Errorf("%s: %v, %q, %q", name, err, got, printed)
		}
	}
}

// TestFlags: -min leaves out what is rarer, and -bytes keeps more or less of each hash.
func TestFlags(t *testing.T) {
	for _, c := range []struct {
		args  []string
		bytes int
		found []string
	}{
		{[]string{"-min", "3"}, 32 + 3*8, []string{"password", "Correct-Horse-7", "Tr0ub4dor&3"}},
		{[]string{"-min", "13"}, 32 + 8, []string{"password"}},
		{[]string{"-min", "0"}, 32 + 6*8, nil}, // padding is never kept
		{[]string{"-bytes", "4"}, 32 + 6*4, nil},
		{[]string{"-bytes", "20"}, 32 + 6*20, nil},
	} {
		list, _, err := makeList(t, nil, append(c.args, "-partial", download)...)
		if err != nil || len(list) != c.bytes {
			t.Errorf("%v: %d bytes, %v", c.args, len(list), err)
			continue
		}
		l, err := breached.NewList(bytes.NewReader(list), int64(len(list)))
		if err != nil {
			t.Fatal(err)
		}
		policy := l.Policy(password.PolicyFunc(func(context.Context, string, ...string) ([]password.Violation, error) { return nil, nil }), nil)
		found := map[string]bool{}
		for _, pw := range []string{"password", "Correct-Horse-7", "Tr0ub4dor&3", "a quiet evening by the sea", "Engine#1843!"} {
			broken, err := policy.Check(t.Context(), pw)
			if err != nil {
				t.Fatal(err)
			}
			found[pw] = len(broken) > 0
		}
		for pw, is := range found {
			want := pw != "Engine#1843!"
			if c.found != nil {
				want = strings.Contains(strings.Join(c.found, "\n"), pw)
			}
			if is != want {
				t.Errorf("%v: %q is listed: %v", c.args, pw, is)
			}
		}
	}
}

// TestRefusals: what is no download is refused with the place where it is wrong, and leaves
// nothing behind.
func TestRefusals(t *testing.T) {
	const first, second = "00000A0000000000000000000000000000000000:1\n", "00000B0000000000000000000000000000000000:1\n"
	for name, c := range map[string]struct {
		args  []string
		stdin string
		want  string
	}{
		"no input":               {nil, "", "-o LIST"},
		"two inputs":             {[]string{"-", "-"}, "", "-o LIST"},
		"an unknown flag":        {[]string{"-x", "-"}, "", "-x"},
		"three bytes":            {[]string{"-bytes", "3", "-"}, first, "-bytes"},
		"21 bytes":               {[]string{"-bytes", "21", "-"}, first, "-bytes"},
		"no such file":           {[]string{"nothing.txt"}, "", "nothing.txt"},
		"out of order":           {[]string{"-partial", "-"}, second + first, "line 2: the hashes are not in"},
		"NTLM":                   {[]string{"-partial", "-"}, first + "0B434FF2A4E57A8D1C762A899AAE5E0F:3\n", "line 2 is no SHA-1"},
		"no hashes":              {[]string{"-partial", "-"}, "<!DOCTYPE html>\n", "line 1 is no SHA-1"},
		"a line without an end":  {[]string{"-partial", "-"}, strings.Repeat("0", 1<<20), "too long"},
		"nothing":                {[]string{"-partial", "-"}, "", "no password"},
		"padding alone":          {[]string{"-partial", "-"}, first[:41] + "0", "no password"},
		"nothing that is so bad": {[]string{"-partial", "-min", "2", "-"}, first + second, "2 times"},
		"the first range alone":  {[]string{"-"}, first, "00001"},
		"not the first range":    {[]string{"-"}, "1" + first[1:], "00000"},
		"padding in the first":   {[]string{"-"}, first[:41] + "0\n" + "00001" + first[5:], "00000"},
		"an empty folder":        {[]string{t.TempDir()}, "", "00000"},
		"a folder of some":       {[]string{split(t, ".txt", "\n")}, "", "00000"},
		"a folder of text":       {[]string{"-partial", split(t, "", " and more")}, "", "32CA9: line 1"},
	} {
		if _, printed, err := makeList(t, strings.NewReader(c.stdin), c.args...); err == nil || !strings.Contains(err.Error(), c.want) || printed != "" {
			t.Errorf("%s: %v, want something on %q", name, err, c.want)
		}
	}
}

// TestListInUse: until a new list is whole the old one stays as it is, and one that is open
// stays the old one.
func TestListInUse(t *testing.T) {
	out := filepath.Join(t.TempDir(), "x.list")
	args := []string{"-partial", "-o", out}
	if err := run(t.Context(), append(args, download), nil, io.Discard, io.Discard); err != nil {
		t.Fatal(err)
	}
	old, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	interrupted, cancel := context.WithCancel(t.Context())
	cancel()
	if err := run(interrupted, append(args, "-min", "3", download), nil, io.Discard, io.Discard); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if now, err := os.ReadFile(out); !bytes.Equal(now, old) || err != nil {
		t.Error("an interrupted run changed the list:", err)
	}
	if entries, err := os.ReadDir(filepath.Dir(out)); len(entries) != 1 || err != nil {
		t.Error("an interrupted run left files behind:", entries, err)
	}
	if runtime.GOOS == "windows" {
		return // does not rename to the name of an open file
	}
	list, err := breached.OpenList(out)
	if err != nil {
		t.Fatal(err)
	}
	defer list.Close()
	if err := run(t.Context(), append(args, "-min", "13", download), nil, io.Discard, io.Discard); err != nil {
		t.Fatal(err)
	}
	if now, err := os.ReadFile(out); len(now) != 40 || err != nil {
		t.Error(now, err)
	}
	if broken, err := list.Policy(password.LengthOnly, func(_ context.Context, err error) { t.Error(err) }).Check(t.Context(), "correct horse battery staple"); len(broken) != 1 || err != nil {
		t.Error(broken, err)
	}
}

// ranged is a download that has one hash in each range, made as it is read.
type ranged struct {
	n    uint32
	rest []byte
}

func (r *ranged) Read(b []byte) (int, error) {
	for len(r.rest) < len(b) && r.n < ranges {
		var sum [20]byte
		binary.BigEndian.PutUint32(sum[:], r.n<<12)
		r.rest = append(hex.AppendEncode(r.rest, sum[:]), ":7\r\n"...)
		r.n++
	}
	n := copy(b, r.rest)
	r.rest = append(r.rest[:0], r.rest[n:]...)
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

// TestWholeDownload: a download with all ranges needs no -partial, and what makes the list of
// its million lines does not grow with them.
func TestWholeDownload(t *testing.T) {
	out := filepath.Join(t.TempDir(), "x.list")
	var printed bytes.Buffer
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if err := run(t.Context(), []string{"-o", out, "-"}, &ranged{}, &printed, io.Discard); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	t.Logf("%d bytes allocated; %s", after.TotalAlloc-before.TotalAlloc, &printed)
	if after.TotalAlloc-before.TotalAlloc > 4<<20 { // the lines have 46 MB, the list 8
		t.Error("that is too much")
	}
	if info, err := os.Stat(out); err != nil || info.Size() != 32+8*ranges || info.Mode().Perm()&0o044 == 0 && runtime.GOOS == "linux" {
		t.Error(info, err)
	}
}
