package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"myauth.internal/kit"
)

// outcome is what a command of the shell has left.
type outcome struct {
	status   int
	out, err string
}

// shellProcess is a command of the shell in a process of its own, in dir.
func shellProcess(t testing.TB, dir string, env []string, args ...string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe, args...)
	cmd.Dir = dir
	for _, entry := range os.Environ() {
		if !strings.HasPrefix(entry, "MYAUTH_") {
			cmd.Env = append(cmd.Env, entry)
		}
	}
	cmd.Env = append(cmd.Env, asServer+"="+shellCommand, "GORACE=atexit_sleep_ms=0", "MYAUTH_BCRYPT_COST=4", "MYAUTH_INSECURE_FAST_HASH=1")
	cmd.Env = append(cmd.Env, env...)
	return cmd
}

// commander runs commands of the shell with one environment.
type commander struct {
	t   testing.TB
	dir string
	env []string
}

func (c commander) run(stdin string, args ...string) outcome {
	c.t.Helper()
	cmd := shellProcess(c.t, c.dir, c.env, args...)
	var out, errOut bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &errOut
	if err := cmd.Run(); err != nil && !errors.As(err, new(*exec.ExitError)) {
		c.t.Fatal(err)
	}
	return outcome{cmd.ProcessState.ExitCode(), out.String(), errOut.String()}
}

// want runs a command that exits with a status, and returns what it wrote.
func (c commander) want(status int, args ...string) outcome {
	c.t.Helper()
	o := c.run("", args...)
	if o.status != status {
		c.t.Fatalf("server %s: status %d, want %d\n%s%s", strings.Join(args, " "), o.status, status, o.out, o.err)
	}
	return o
}

// user returns the one account that a command prints.
func (c commander) user(args ...string) map[string]any {
	c.t.Helper()
	o := c.want(0, append(args, "--json")...)
	var u map[string]any
	if err := json.Unmarshal([]byte(o.out), &u); err != nil || strings.Count(o.out, "\n") != 1 {
		c.t.Fatalf("server %s --json prints %q: %v", strings.Join(args, " "), o.out, err)
	}
	return u
}

// inProcess runs a command within the test.
func inProcess(settings []string, args ...string) outcome {
	var out, errOut bytes.Buffer
	status := run(args, surroundings{env(settings...), settings, strings.NewReader(""), &out, &errOut})
	return outcome{status, out.String(), errOut.String()}
}

// TestHelpOfCommands: each command is in the list, explains itself, and refuses a flag and
// operands that it does not have.
func TestHelpOfCommands(t *testing.T) {
	list := inProcess(nil, "help").out
	if o := inProcess(nil, "-h"); o.out != list || o.status != 0 {
		t.Errorf("-h and help differ")
	}
	for _, c := range commands() {
		if !strings.Contains(list, "  "+c.name+" ") || !strings.Contains(list, c.short+"\n") {
			t.Errorf("the help does not list %s", c.name)
		}
		words := strings.Fields(c.name)
		explained := inProcess(nil, append([]string{"help"}, words...)...)
		if explained.status != 0 || !strings.Contains(explained.out, "usage: server "+c.name) || !strings.Contains(explained.out, c.short) {
			t.Errorf("help %s: %+v", c.name, explained)
		}
		fs := flag.NewFlagSet("", flag.ContinueOnError)
		c.define(fs, new(shell))
		fs.VisitAll(func(f *flag.Flag) {
			if !strings.Contains(explained.out, "\n  --"+f.Name) || f.Usage == "" {
				t.Errorf("help %s does not explain --%s", c.name, f.Name)
			}
		})
		if o := inProcess(nil, append(slices.Clone(words), "-h")...); o != explained {
			t.Errorf("%s -h: %+v", c.name, o)
		}
		if c.name == "help" {
			continue // the rest is TestUnknownCommands
		}
		if o := inProcess(nil, append(slices.Clone(words), "--nonsense")...); o.status != 2 || o.out != "" || !strings.Contains(o.err, "nonsense") || !strings.Contains(o.err, "usage: ") {
			t.Errorf("%s with a flag that is none: %+v", c.name, o)
		}
		if c.least > 0 {
			if o := inProcess(nil, words...); o.status != 2 || !strings.Contains(o.err, strings.Fields(c.operands)[0]+" is missing") {
				t.Errorf("%s without operands: %+v", c.name, o)
			}
		}
		if c.most >= 0 {
			if o := inProcess(nil, append(slices.Clone(words), strings.Fields(strings.Repeat("x ", c.most+1))...)...); o.status != 2 || !strings.Contains(o.err, "too many") {
				t.Errorf("%s with too many operands: %+v", c.name, o)
			}
		}
	}
}

// TestUnknownCommands: the nearest command is named, and groups list what is in them.
func TestUnknownCommands(t *testing.T) {
	for said, want := range map[string]string{
		"usrs list": `did you mean "users list"?`, "users lst": `did you mean "users list"?`, "user delete ada@example.com": `did you mean "users delete"?`,
		"users role ad x": `did you mean "users role add"?`, "docter": `did you mean "doctor"?`, "users": "users role add", "users role": "users role set",
		"-v": `"-v"`, "help nothing": `"nothing"`, "help users list more": "too many", "\x1b[2J": `"\x1b[2J"`,
	} {
		if o := inProcess(nil, strings.Fields(said)...); o.status != 2 || o.out != "" || !strings.Contains(o.err, want) {
			t.Errorf("%q: %+v, want %q", said, o, want)
		}
	}
	for _, said := range []string{"help users", "users -h", "users role --help", "help users role"} {
		if o := inProcess(nil, strings.Fields(said)...); o.status != 0 || o.err != "" || !strings.Contains(o.out, "users role add") || strings.Contains(o.out, "doctor") {
			t.Errorf("%q: %+v", said, o)
		}
	}
}

// TestShellNeedsALastingStore: a store in memory, and a file that is not there, are refused, and no
// file is made.
func TestShellNeedsALastingStore(t *testing.T) {
	dir := t.TempDir()
	used := "MYAUTH_STORE=sqlite:" + filepath.Join(t.TempDir(), "users.db")
	if o := inProcess([]string{used, "MYAUTH_ADDR=127.0.0.1:80"}, "users", "create", "ada@example.com"); o.status != 0 {
		t.Fatalf("%+v", o)
	}
	missing := "MYAUTH_STORE=sqlite:" + filepath.Join(dir, "none.db")
	for _, c := range []struct {
		settings []string
		want     string
	}{
		{[]string{"MYAUTH_STORE=memory:"}, "MYAUTH_STORE: memory:"},
		{[]string{used, "MYAUTH_TOKEN_STORE=memory:"}, "MYAUTH_TOKEN_STORE: memory:"},
		{[]string{missing}, "there is no file"},
	} {
		if o := inProcess(c.settings, "users", "show", "x@example.com"); o.status != 1 || !strings.Contains(o.err, c.want) || strings.Count(o.err, "\n") != 1 {
			t.Errorf("%v: %+v", c.settings, o)
		}
	}
	if o := inProcess([]string{"MYAUTH_STORE=memory:"}, "users", "create", "x@example.com"); o.status != 1 || !strings.Contains(o.err, "needs a store that lasts") {
		t.Errorf("create in memory: %+v", o)
	}
	if o := inProcess([]string{"MYAUTH_STORE=nonsense:"}, "users", "list"); o.status != 2 || !strings.HasPrefix(o.err, "MYAUTH_STORE: ") {
		t.Errorf("a bad setting: %+v", o)
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) > 0 {
		t.Errorf("files were made: %v %v", files, err)
	}
}

// TestProgress: on a terminal one line is written over, elsewhere a line comes at a slow interval.
func TestProgress(t *testing.T) {
	begin := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		terminal bool
		want     string
	}{
		{true, "\r\x1b[K1 done\r\x1b[K60 done\r\x1b[K"},
		{false, "60 done\n"},
	} {
		var out bytes.Buffer
		p := &progress{w: &out, terminal: c.terminal, last: begin}
		p.say(begin.Add(10*time.Millisecond), "%d done", 0)
		p.say(begin.Add(time.Second), "%d done", 1)
		p.say(begin.Add(time.Second+time.Millisecond), "%d done", 2)
		p.say(begin.Add(time.Minute), "%d done", 60)
		p.end()
		p.end()
		if out.String() != c.want {
			t.Errorf("terminal %v: %q, want %q", c.terminal, out.String(), c.want)
		}
	}
}

// TestConfirm is at a terminal: the address has to be typed before an account is deleted, and Ctrl-C
// leaves everything as it is.
func TestConfirm(t *testing.T) {
	dir := t.TempDir()
	c := commander{t, dir, nil}
	c.want(0, "users", "create", "ada@example.com")
	if o := c.want(2, "users", "delete", "ada@example.com"); !strings.Contains(o.err, "--yes") {
		t.Errorf("without a terminal: %+v", o)
	}
	for _, step := range []struct {
		typed  string
		status int
		want   string
	}{
		{"yes\n", 1, "nothing was changed"},
		{"\n", 1, "nothing was changed"},
		{"\x04", 1, "nothing was changed"},
		{"\x03", 1, "stopped: nothing was changed"},
		{"ada@example.com\n", 0, "is deleted"},
	} {
		if step.status == 0 {
			c.want(0, "users", "show", "ada@example.com")
		}
		cmd := shellProcess(t, dir, nil, "users", "delete", "ada@example.com")
		terminal := onTerminal(t, cmd)
		asked := readUntil(t, terminal, "to go on: ")
		if !strings.Contains(asked, "ada@example.com") {
			t.Fatalf("asked: %q", asked)
		}
		if _, err := terminal.WriteString(step.typed); err != nil {
			t.Fatal(err)
		}
		said := readUntil(t, terminal, "")
		_ = cmd.Wait()
		if status := cmd.ProcessState.ExitCode(); status != step.status || !strings.Contains(said, step.want) {
			t.Errorf("after %q: status %d, %q, want %d, %q", step.typed, status, said, step.status, step.want)
		}
	}
	c.want(3, "users", "show", "ada@example.com")
}

// readUntil reads a terminal until it shows a text, or with an empty one to the end.
func readUntil(t *testing.T, terminal io.Reader, text string) string {
	t.Helper()
	var shown strings.Builder
	buffer := make([]byte, 256)
	for {
		n, err := terminal.Read(buffer)
		shown.Write(buffer[:n])
		switch {
		case text != "" && strings.Contains(shown.String(), text):
			return shown.String()
		case err != nil && text == "": // EIO: the program has ended
			return shown.String()
		case err != nil:
			t.Fatalf("%v after %q", err, shown.String())
		}
	}
}

// TestShellOutputThatEnds: a reader that has enough, as head, is no reason to go on.
func TestShellOutputThatEnds(t *testing.T) {
	dir := t.TempDir()
	commander{t, dir, nil}.want(0, "users", "create", "ada@example.com")
	cmd := shellProcess(t, dir, nil, "users", "list")
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	cmd.Stdout = w
	var errOut bytes.Buffer
	cmd.Stderr = &errOut
	if err := cmd.Run(); cmd.ProcessState.ExitCode() != 1 || errOut.Len() > 0 {
		t.Errorf("%v\n%s", err, errOut.String())
	}
	w.Close()
}

// TestBrokenPipeOfAStore: only the reader's end of a pipe goes without saying.
func TestBrokenPipeOfAStore(t *testing.T) {
	for _, broken := range []error{syscall.EPIPE, fmt.Errorf("postgres: list users: %w: %w", kit.ErrUnavailable, syscall.EPIPE)} {
		var errs bytes.Buffer
		sh := &shell{surroundings: surroundings{stderr: &errs}}
		if status := sh.status(broken); status != exitFailed || (errs.Len() > 0) != errors.Is(broken, kit.ErrUnavailable) {
			t.Errorf("%v: %d, %q", broken, status, errs.String())
		}
	}
}

// TestDistance: the edit distance of Levenshtein.
func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"kitten", "sitting", 3}, {"users", "usrs", 1}, {"ab", "ba", 2}} {
		if d := distance(c.a, c.b); d != c.want {
			t.Errorf("%q and %q: %d, want %d", c.a, c.b, d, c.want)
		}
	}
}

// TestParseFlags: flags may stand anywhere but behind --.
func TestParseFlags(t *testing.T) {
	for text, want := range map[string]string{
		"--json a b": "true [a b]", "a --json b": "true [a b]", "a b -json": "true [a b]", "-- --json a": "false [--json a]", "a -- --json": "false [a --json]",
		"a b": "false [a b]", "": "false []",
	} {
		fs := flag.NewFlagSet("", flag.ContinueOnError)
		on := fs.Bool("json", false, "")
		operands, err := parseFlags(fs, strings.Fields(text))
		if got := fmt.Sprint(*on, " ", operands); got != want || err != nil {
			t.Errorf("%q: %s %v, want %s", text, got, err, want)
		}
	}
}
