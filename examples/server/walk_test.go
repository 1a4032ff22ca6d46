package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const readmePath = "../../README.md"

func readme(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(readmePath)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// blocks returns the fenced blocks of a language in a Markdown text.
func blocks(markdown, language string) []string {
	var found []string
	for _, m := range regexp.MustCompile("(?ms)^```"+language+"\n(.*?)^```$").FindAllStringSubmatch(markdown, -1) {
		found = append(found, m[1])
	}
	return found
}

// step is a command of the README's walk with the output shown below it.
type step struct{ command, output string }

// walk reads the console blocks: "$ " begins a command, anything else is output.
func walk(markdown string) []step {
	var steps []step
	for _, block := range blocks(markdown, "console") {
		for line := range strings.Lines(block) {
			if command, ok := strings.CutPrefix(line, "$ "); ok {
				steps = append(steps, step{command: strings.TrimSpace(command)})
			} else if len(steps) > 0 {
				steps[len(steps)-1].output += line
			}
		}
	}
	return steps
}

// placeholders stand for what differs from run to run. In the README long tokens are
// cut off with an ellipsis.
var placeholders = []struct {
	pattern *regexp.Regexp
	with    string
}{
	{regexp.MustCompile(`eyJ[\w.-]+…?`), "(jwt)"},
	{regexp.MustCompile(`myauth_(rt|pr|st|mf|dv|ec)_[\w.-]+…?`), "(myauth_${1})"},
	{regexp.MustCompile(`"id":"[A-Z2-7]{26}"`), `"id":"(session)"`},
	{regexp.MustCompile(`curl/[\d.]+`), "curl/(version)"},
	{regexp.MustCompile(`\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b`), `(id)`},
	{regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z`), "(time)"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\d\b`), "(date)"},
}

func normalised(output string) string {
	for _, p := range placeholders {
		output = p.pattern.ReplaceAllString(output, p.with)
	}
	return strings.TrimSpace(output)
}

// TestWalk does what README.md tells its readers to do, with bash and curl against
// a server that runs on its defaults, and compares what they see.
func TestWalk(t *testing.T) {
	follow(t, readmePath, "server.log", func(dir string, log io.Writer) *process { return launch(t, dir, log) })
}

// TestAccountsWalk does the same with the walk of ACCOUNTS.md. People need a minute between two
// commands; the test waits for less.
func TestAccountsWalk(t *testing.T) {
	t.Parallel()
	start := func(dir string, log io.Writer) *process { return launch(t, dir, log, "MYAUTH_RECENT_LOGIN=5s") }
	follow(t, "ACCOUNTS.md", "server.log", start, "MYAUTH_RECENT_LOGIN=1m", "MYAUTH_RECENT_LOGIN=5s", "sleep 61", "sleep 6", `max_age="60"`, `max_age="5"`)
}

// TestCookiesWalk does the same with the walk of README.md beside it.
func TestCookiesWalk(t *testing.T) {
	t.Parallel()
	follow(t, "README.md", "server.log", func(dir string, log io.Writer) *process {
		return launch(t, dir, log, "MYAUTH_COOKIES=on", "MYAUTH_ADMIN=on")
	})
}

// TestFeatureWalk does the same with the walk of examples/feature.
func TestFeatureWalk(t *testing.T) {
	t.Parallel()
	follow(t, "../feature/README.md", "feature.log", func(dir string, log io.Writer) *process {
		cmd := exec.Command(buildProgram(t, "../feature", "."), "-addr", "127.0.0.1:0")
		cmd.Dir = dir
		return startProcess(t, cmd, log)
	})
}

// TestTOTPWalk does the same with the walk of kit/totp, whose authenticator is built before.
func TestTOTPWalk(t *testing.T) {
	t.Parallel()
	follow(t, "../../kit/totp/README.md", "server.log", func(dir string, log io.Writer) *process {
		if err := os.Symlink(buildProgram(t, "../authenticator", "."), filepath.Join(dir, "authenticator")); err != nil {
			t.Fatal(err)
		}
		return launch(t, dir, log, "MYAUTH_DATA_KEY="+testDataKey)
	})
}

// follow runs the walk of a document, which reads what the program prints from the file
// log, and compares what the commands print. Replace are pairs of a text of the document and
// what stands there instead.
func follow(t *testing.T, document, log string, start func(dir string, log io.Writer) *process, replace ...string) {
	for _, tool := range []string{"bash", "curl", "sed"} {
		needTool(t, tool, tool)
	}
	const shown = ":8080" // of 127.0.0.1, and of localhost
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), "tee "+log) {
		t.Fatalf("%s does not say how %s comes about", document, log)
	}
	for i := 0; i < len(replace); i += 2 {
		if !strings.Contains(string(text), replace[i]) {
			t.Fatalf("%s does not have %s", document, replace[i])
		}
	}
	steps := walk(strings.NewReplacer(replace...).Replace(string(text)))
	if len(steps) < 10 {
		t.Fatalf("%d commands in the console blocks of %s: the walk is missing", len(steps), document)
	}

	dir := t.TempDir()
	file, err := os.Create(filepath.Join(dir, log))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	p := start(dir, file)
	p.url = p.waitFor(`listening on (http://\S+)$`)[1]
	port := strings.TrimPrefix(p.url, "http://127.0.0.1")
	sh := newShell(t, dir)
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	sh.run(fmt.Sprintf("myauth() { %s=%s MYAUTH_BCRYPT_COST=4 MYAUTH_INSECURE_FAST_HASH=1 %q \"$@\"; }", asServer, shellCommand, exe))
	read := map[string]int{}
	for _, s := range steps {
		// People are slower than the message that they wait for; this test is not.
		if m := regexp.MustCompile(`((verify-email|reset-password|change-email)\?token=|Your code is ).* ` + log).FindStringSubmatch(s.command); m != nil {
			p.waitForNew(regexp.QuoteMeta(m[1])+`\S`, read[m[1]])
			read[m[1]]++
		}
		got := normalised(strings.ReplaceAll(sh.run(strings.ReplaceAll(s.command, shown, port)), port, shown))
		if want := normalised(s.output); got != want {
			t.Errorf("$ %s\nprints\n%s\nand %s says\n%s", s.command, got, document, want)
		}
	}
	p.stop()
}

// needTool skips the test if a program is missing.
func needTool(t *testing.T, tool, from string) {
	t.Helper()
	if _, err := exec.LookPath(tool); err != nil {
		if os.Getenv("MYAUTH_TEST_REQUIRE") == "all" {
			t.Fatalf("%s is missing", tool)
		}
		t.Skipf("%s is missing: install the package %s", tool, from)
	}
}

// reader is a bash that runs one command after the other, as a terminal does.
type reader struct {
	t   *testing.T
	in  io.Writer
	out *bufio.Reader
}

func newShell(t *testing.T, dir string) *reader {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "bash", "--noprofile", "--norc")
	cmd.Dir = dir
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close() // bash ends with its input
		cmd.Wait()
	})
	return &reader{t, in, bufio.NewReader(out)}
}

// run returns what command prints.
func (s *reader) run(command string) string {
	s.t.Helper()
	const end = "-- end of command --"
	if _, err := io.WriteString(s.in, command+"\nprintf '\\n%s\\n' '"+end+"'\n"); err != nil {
		s.t.Fatal(err)
	}
	var output strings.Builder
	for {
		line, err := s.out.ReadString('\n')
		if strings.TrimSpace(line) == end {
			return output.String()
		}
		output.WriteString(line)
		if err != nil {
			s.t.Fatalf("$ %s\n%s%v", command, output.String(), err)
		}
	}
}
