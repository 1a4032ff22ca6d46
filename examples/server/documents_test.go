package main

import (
	"bytes"
	"compress/gzip"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// document is a Markdown file of the repository, by its path from the root.
type document struct{ path, text string }

// documents are all of them.
func documents(t *testing.T) (found []document) {
	t.Helper()
	err := filepath.WalkDir("../..", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (entry.Name() == ".git" || entry.Name() == "testdata" || entry.Name() == "node_modules" || entry.Name() == "dist"):
			return fs.SkipDir
		case filepath.Ext(path) != ".md":
			return nil
		}
		text, err := os.ReadFile(path)
		found = append(found, document{strings.TrimPrefix(filepath.ToSlash(path), "../../"), string(text)})
		return err
	})
	if err != nil || len(found) < 10 {
		t.Fatalf("%d documents found: %v", len(found), err)
	}
	return found
}

// blocks returns the fenced blocks of a language, indented ones too.
func (d document) blocks(language string) (found []string) {
	fence, block, inside := "```"+language, "", false
	for line := range strings.Lines(d.text) {
		switch trimmed := strings.TrimSpace(line); {
		case !inside && strings.HasPrefix(trimmed, "```"):
			inside, block = true, ""
			if trimmed != fence {
				block = "\x00" // of another language
			}
		case trimmed == "```":
			if inside = false; !strings.HasPrefix(block, "\x00") {
				found = append(found, block)
			}
		case inside:
			block += line
		}
	}
	return found
}

// compiledElsewhere are documents whose Go blocks this module cannot compile.
var compiledElsewhere = map[string]string{
	"conformance/README.md": "it tests a store that is the reader's; examples/customstore has such a test",
}

// TestDocumentsShowCompiledGo: each Go block of each document is a program, which
// TestReadmeProgram runs, or a part of a Go file beside the document, in this directory or in
// examples/feature, word for word, so it compiles.
func TestDocumentsShowCompiledGo(t *testing.T) {
	goFiles := func(dir string) (source string) {
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			source += flat(string(text))
		}
		return source
	}
	here, n := goFiles(".")+goFiles("../feature"), 0
	for _, d := range documents(t) {
		source := here + goFiles(filepath.Join("../..", filepath.Dir(d.path)))
		for _, block := range d.blocks("go") {
			if compiledElsewhere[d.path] != "" {
				continue
			}
			if n++; strings.HasPrefix(block, "package main\n") && d.path == "README.md" {
				continue
			}
			if !strings.Contains(source, flat(block)) {
				t.Errorf("%s: this block is not part of a Go file beside it:\n%s", d.path, block)
			}
		}
	}
	if n < 10 {
		t.Errorf("%d Go blocks found", n)
	}
}

// TestReadmeProgram builds the program of README.md as it is printed, and is its user.
func TestReadmeProgram(t *testing.T) {
	t.Parallel() // it waits for a timeout of the program
	var programs []string
	for _, block := range (document{"README.md", readme(t)}).blocks("go") {
		if strings.HasPrefix(block, "package main\n") {
			programs = append(programs, block)
		}
	}
	if len(programs) != 1 {
		t.Fatalf("%d programs in README.md, want one", len(programs))
	}
	const shown = "localhost:8080"
	file := filepath.Join(t.TempDir(), "main.go")
	if err := os.WriteFile(file, []byte(strings.ReplaceAll(programs[0], shown, freeAddress(t))), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(buildProgram(t, ".", file))
	cmd.Dir = t.TempDir()
	cmd.Env = []string{"JWT_SECRET=" + testSecret}
	p := startProgram(t, cmd)

	p.do(http.StatusCreated, "POST", "/auth/register", "", registration)
	link := p.waitFor(`(http://\S+)(/verify-email\?token=\S+)`)
	if link[1] != p.url {
		t.Errorf("the mail leads to %s, and the program is at %s", link[1], p.url)
	}
	p.do(http.StatusOK, "GET", link[2], "", "")
	p.do(http.StatusUnauthorized, "GET", "/hello", "", "")
	token := p.do(http.StatusOK, "POST", "/auth/login", "", credentials).field(t, "access_token")
	if a := p.do(http.StatusOK, "GET", "/hello", token, ""); a.body != "Hello, Ada!\n" {
		t.Errorf("/hello: %q", a.body)
	}
	stall(p).ends(t)
}

// documentCommands are the commands that the documents show in blocks of the shell, with
// the test that runs each, or why none can.
var documentCommands = map[string]string{
	"README.md: go run ./examples/server":                                                                                                                   "TestGoRun",
	"README.md: go run ./examples/server 2>&1 | tee server.log":                                                                                             "TestWalk runs what it runs",
	"README.md: make release VERSION=v0.1.0 OUT=dist":                                                                                                       "the tests of .ci/release",
	"README.md: export GOPROXY=https://goproxy.example.com,$(go env GOPROXY)":                                                                               "the tests of .ci/release, with a directory",
	"README.md: export GONOSUMDB=myauth.internal":                                                                                                           "the tests of .ci/release",
	"README.md: go get myauth.internal/httpx@v0.1.0 myauth.internal/drivers/sqlite@v0.1.0 myauth.internal/mailx@v0.1.0":                                     "the tests of .ci/release; TestReadmeGetsWhatItImports",
	"examples/server/README.md: go run ./examples/server -h":                                                                                                "TestHelpListsEverySetting prints it",
	"examples/server/README.md: go build -trimpath -ldflags='-s -w' -tags nopostgres,nomongo,noredis ./examples/server":                                     "TestServerWithoutDatabases builds with tags",
	"examples/server/README.md: go run ./examples/server users create ada@example.com --role admin":                                                         "TestCreateMailsALink",
	"examples/server/README.md: MYAUTH_COOKIES=on MYAUTH_ADMIN=on go run ./examples/server 2>&1 | tee server.log":                                           "TestCookiesWalk runs what it runs",
	`examples/server/MIGRATING.md: psql "$OLD_DATABASE" -Atc 'SELECT row_to_json(u) FROM users u' > users.jsonl`:                                            "the old database is the reader's",
	"examples/server/MIGRATING.md: server import users.jsonl --dry-run":                                                                                     "TestImportCommand",
	"examples/server/MIGRATING.md: server import users.jsonl --rejects rejected.jsonl":                                                                      "TestImportCommand",
	"examples/server/MIGRATING.md: server import rejected.jsonl --rejects rejected.jsonl":                                                                   "TestImportCommand",
	"examples/server/MIGRATING.md: MYAUTH_STORE=sqlite:old.db server export accounts.jsonl":                                                                 "TestExportCommand",
	"examples/server/MIGRATING.md: MYAUTH_STORE_FILE=new-store.url server import accounts.jsonl":                                                            "TestImportKilled runs what it runs",
	"examples/server/ACCOUNTS.md: MYAUTH_RECENT_LOGIN=1m go run ./examples/server 2>&1 | tee server.log":                                                    "TestAccountsWalk runs what it runs",
	"examples/server/PROVIDERS.md: go run ./examples/server 2>&1 | tee server.log":                                                                          "TestProvidersWalk runs what it runs",
	".ci/bench/README.md: make bench":                                                                                                                       "what it measures; the tests of .ci/benchratio read its output",
	".ci/bench/README.md: make bench USERS=1000,1000000":                                                                                                    "what it measures; the tests of .ci/benchratio read its output",
	".ci/bench/README.md: make bench ONLY=examples/server ARGS='-bench Refresh'":                                                                            "what it measures; the tests of .ci/benchratio read its output",
	".ci/bench/README.md: make bench ONLY=examples/server ARGS='-benchtime 4000x'":                                                                          "what it measures; the tests of .ci/benchratio read its output",
	"README.md: go run ./examples/webapp":                                                                                                                   "TestRun beside it",
	"examples/webapp/README.md: go run ./examples/webapp":                                                                                                   "TestRun beside it",
	"examples/webapp/README.md: MYAUTH_PROVIDERS=github MYAUTH_PROVIDER_GITHUB_CLIENT_ID=… MYAUTH_PROVIDER_GITHUB_CLIENT_SECRET=… go run ./examples/webapp": "it needs a registration at GitHub",
	"examples/customstore/README.md: go run .":                                                                                                              "TestExamplesEndStalledClients",
	"examples/customstore/README.md: go test .":                                                                                                             "make test does the same",
	"examples/otel/README.md: go run .":                                                                                                                     "its own tests",
	"examples/otel/README.md: curl -i 127.0.0.1:8080/auth/login --json '{\"email\":\"ada@example.com\",\"password\":\"x\"}'":                                "its own tests",
	"examples/feature/README.md: go run ./examples/feature 2>&1 | tee feature.log":                                                                          "TestFeatureWalk runs what it runs",
	"kit/totp/README.md: MYAUTH_DATA_KEY=$(openssl rand -base64 32) go run ./examples/server 2>&1 | tee server.log":                                         "TestTOTPWalk runs what it runs",
	"kit/totp/README.md: go build -o authenticator ./examples/authenticator":                                                                                "TestTOTPWalk",
	"examples/wasm/edge/README.md: go run ./examples/wasm/edge -o edge.wasm":                                                                                "TestGoRun",
	"examples/wasm/hooks/README.md: go run ./examples/wasm/hooks":                                                                                           "its own tests build the plug-in",
	"examples/wasm/hooks/README.md: go run ./examples/wasm/hooks -plugin my.wasm":                                                                           "my.wasm is the reader's",
	"examples/wasm/playground/README.md: go run ./examples/wasm/playground":                                                                                 "its own tests",
	"examples/wasm/playground/README.md: go run ./examples/wasm/playground -out DIR":                                                                        "TestGoRun",
	"examples/wasm/playground/README.md: apt-get install chromium":                                                                                          "it needs root; .ci/scripts/servers does the same",
	"examples/wasm/playground/README.md: go test .":                                                                                                         "make test does the same",
	"drivers/sqlite/README.md: sqlite3 auth.db \".backup backup.db\"":                                                                                       "sqlite3 is not MyAuth's",
	"drivers/sqlite/README.md: sqlite3 auth.db \"VACUUM INTO 'backup.db'\"":                                                                                 "sqlite3 is not MyAuth's",
}

// TestDocumentCommandsAreKnown: a command that is new in a document is put into
// documentCommands, with the test that runs it.
func TestDocumentCommandsAreKnown(t *testing.T) {
	shown := map[string]bool{}
	for _, d := range documents(t) {
		lines := func(block, prefix string) {
			for line := range strings.Lines(block) {
				line, found := strings.CutPrefix(strings.TrimSpace(line), prefix)
				line, _, _ = strings.Cut(line, "  #")
				if line = strings.TrimSpace(line); found && line != "" {
					shown[d.path+": "+line] = true
				}
			}
		}
		for _, block := range d.blocks("sh") {
			lines(block, "")
		}
		for _, block := range d.blocks("") {
			lines(block, "$ ")
		}
		if len(d.blocks("console")) > 0 && !slices.Contains([]string{"README.md", "examples/server/README.md", "examples/server/ACCOUNTS.md", "examples/server/PROVIDERS.md", "examples/feature/README.md", "kit/totp/README.md"}, d.path) { // those are for the tests of walks
			t.Errorf("%s has a console block, which no test runs", d.path)
		}
	}
	for command := range shown {
		if documentCommands[command] == "" {
			t.Errorf("no test is named for %s", command)
		}
	}
	for command := range documentCommands {
		if !shown[command] {
			t.Errorf("no document shows %s", command)
		}
	}
}

// TestGoRun runs what the go run commands run that end, and the one of the server, in
// the root of the repository.
func TestGoRun(t *testing.T) {
	t.Parallel()
	build := func(what string) string { return buildProgram(t, "../..", what, "GOWORK=") }
	run := func(program string, args ...string) {
		cmd := exec.CommandContext(t.Context(), program, args...)
		cmd.Dir, cmd.Env = "../..", append(os.Environ(), "GOWORK=")
		if text, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v: %v\n%s", args, err, text)
		}
	}
	out := t.TempDir()
	run(build("./examples/wasm/edge"), "-o", filepath.Join(out, "edge.wasm"))
	run(build("./examples/wasm/playground"), "-out", filepath.Join(out, "site"))
	checkSize(t, filepath.Join(out, "edge.wasm"), "../wasm/edge/README.md", `(\S+) MB, (\S+) MB with gzip`)
	checkSize(t, filepath.Join(out, "site/page.wasm"), "../wasm/playground/README.md", "`page.wasm` is (\\S+) MB, .*, (\\S+) MB with `gzip -9`")
	cmd := exec.Command(build("./examples/server"))
	cmd.Dir, cmd.Env = t.TempDir(), []string{"MYAUTH_ADDR=127.0.0.1:0"}
	p := startProgram(t, cmd)
	p.do(http.StatusOK, "GET", "/readyz", "", "")
	p.stop()
}

// checkSize compares the size of a file, and that after gzip, with what a document says.
func checkSize(t *testing.T, file, document, pattern string) {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Error(err)
		return
	}
	var packed bytes.Buffer
	w, _ := gzip.NewWriterLevel(&packed, gzip.BestCompression) // a level that there is
	w.Write(content)
	w.Close()
	text, err := os.ReadFile(document)
	if err != nil {
		t.Error(err)
		return
	}
	said := regexp.MustCompile(pattern).FindStringSubmatch(string(text))
	if said == nil {
		t.Errorf("%s does not say how large %s is", document, filepath.Base(file))
		return
	}
	for i, size := range []int{len(content), packed.Len()} {
		mb := float64(size) / 1e6
		if n, err := strconv.ParseFloat(said[i+1], 64); err != nil || n < mb*0.9 || n > mb*1.1 {
			t.Errorf("%s says that %s has %s MB, and it has %.1f", document, filepath.Base(file), said[i+1], mb)
		}
	}
}

// TestReadmeGetsWhatItImports: go get in README.md names the modules of its program.
func TestReadmeGetsWhatItImports(t *testing.T) {
	text := readme(t)
	get := regexp.MustCompile(`(?m)^go get .*$`).FindString(text)
	for _, m := range regexp.MustCompile(`(?m)^\t"(myauth\.internal/\S+)"$`).FindAllStringSubmatch(text, -1) {
		// kit comes with each of the others.
		if !strings.HasPrefix(m[1], "myauth.internal/kit") && !strings.Contains(get, m[1]+"@") {
			t.Errorf("%q does not get %s", get, m[1])
		}
	}
}

// TestDocumentLinks: every relative link of every document leads to a file.
func TestDocumentLinks(t *testing.T) {
	n := 0
	for _, d := range documents(t) {
		for _, m := range regexp.MustCompile(`\]\(([^)#:\s]+)[^):]*\)`).FindAllStringSubmatch(d.text, -1) {
			n++
			if _, err := os.Stat(filepath.Join("../..", filepath.Dir(d.path), m[1])); err != nil {
				t.Errorf("%s: %v", d.path, err)
			}
		}
	}
	if n < 20 {
		t.Errorf("%d links found", n)
	}
}

// freeAddress is an address of this machine without a listener.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
