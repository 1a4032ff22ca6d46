package main

import (
	"bytes"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/module"

	"myauth.internal/conformance/servers"
)

// consumer is a program that uses the released modules, in a directory of its own
// outside of any workspace, with an empty module cache.
type consumer struct {
	t         *testing.T
	dir, dist string
	env       []string
	path      string // of the released modules
}

func newConsumer(t *testing.T, dist, path string) *consumer {
	t.Helper()
	usual, err := output(t.Context(), ".", "go", "env", "GOPROXY")
	if err != nil {
		t.Fatal(err)
	}
	downloaded, err := output(t.Context(), ".", "go", "env", "GOMODCACHE")
	if err != nil {
		t.Fatal(err)
	}
	// What the README tells users to set, and before the usual proxies what is on
	// this machine already: the same files, without the network.
	proxies := []string{fileURL(dist), fileURL(filepath.Join(downloaded, "cache", "download")), usual}
	c := &consumer{t: t, dir: t.TempDir(), dist: dist, path: path}
	c.env = append(os.Environ(),
		"GOWORK=", "GOMODCACHE="+t.TempDir(), "GOFLAGS=-modcacherw -trimpath", "CGO_ENABLED=0",
		"GOPROXY="+strings.Join(proxies, ","), "GONOSUMDB="+path, "GONOPROXY=none", "GOPRIVATE=")
	c.run("go", "mod", "init", "example.com/app")
	return c
}

func (c *consumer) run(name string, args ...string) string {
	c.t.Helper()
	cmd := exec.CommandContext(c.t.Context(), name, args...)
	cmd.Dir, cmd.Env = c.dir, c.env
	var out, complaints bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaints
	if err := cmd.Run(); err != nil {
		c.t.Fatalf("%s %s: %v\n%s%s", name, strings.Join(args, " "), err, out.String(), complaints.String())
	}
	return out.String()
}

// add copies Go files of this repository into the program.
func (c *consumer) add(pattern string) {
	c.t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		c.t.Fatalf("no files %s: %v", pattern, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			c.t.Fatal(err)
		}
		text = ourImport.ReplaceAll(text, []byte(c.path+"/$1"))
		if err := os.WriteFile(filepath.Join(c.dir, filepath.Base(file)), text, 0o644); err != nil {
			c.t.Fatal(err)
		}
	}
}

// get requires released modules at the version. There is no go mod tidy, which
// would download what the tests of its dependencies need as well.
func (c *consumer) get(version string, modules ...string) {
	c.t.Helper()
	args := []string{"get"}
	for _, m := range modules {
		args = append(args, c.path+"/"+m+"@"+version)
	}
	c.run("go", args...)
}

// modules says of each module of the build list whether anything of it but its
// go.mod was downloaded, and of each download that is in no build list.
func (c *consumer) modules() string {
	c.t.Helper()
	cache := ""
	for _, variable := range c.env {
		if value, found := strings.CutPrefix(variable, "GOMODCACHE="); found {
			cache = value // the last one counts
		}
	}
	zips := make(map[string]bool)
	root := filepath.Join(cache, "cache", "download")
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(name, ".zip") {
			escaped, relErr := filepath.Rel(root, filepath.Dir(filepath.Dir(name)))
			if relErr != nil {
				return relErr
			}
			path, pathErr := module.UnescapePath(filepath.ToSlash(escaped))
			if pathErr != nil {
				return pathErr
			}
			zips[path] = true
		}
		return err
	})
	if err != nil {
		c.t.Fatal(err)
	}
	var lines []string
	for path := range strings.Lines(c.run("go", "list", "-m", "-f", "{{if not .Main}}{{.Path}}{{end}}", "all")) {
		path = strings.TrimSpace(path)
		if path == "" {
			continue
		}
		if zips[path] {
			path += " downloaded"
			delete(zips, strings.TrimSuffix(path, " downloaded"))
		}
		lines = append(lines, path)
	}
	for path := range zips {
		lines = append(lines, path+" downloaded, not required")
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n") + "\n"
}

// checkModules compares the modules with what is committed. ALLOWLIST=write
// commits what is there, for the reviewer to see.
func (c *consumer) checkModules(list string) {
	c.t.Helper()
	got := c.modules()
	if os.Getenv("ALLOWLIST") == "write" {
		if err := os.WriteFile(list, []byte(got), 0o644); err != nil {
			c.t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(list)
	if err != nil {
		c.t.Fatal(err)
	}
	if got != string(want) {
		c.t.Errorf("the modules are not those of %s; if that is meant: ALLOWLIST=write make test\ngot:\n%s", list, got)
	}
}

// consumers are the programs, and what users of each have to know.
var consumers = []struct {
	name    string
	files   []string
	modules []string
	env     func(testing.TB) []string
	command []string
	want    string
	// foreign are modules that must not come along, whatever the list says.
	foreign []string
}{
	{
		name: "kit", modules: []string{"kit"}, files: []string{"testdata/consumers/kit/*.go"},
		command: []string{"go", "run", "."}, want: "ada <nil>\n",
		foreign: []string{"pq", "mongo", "redis", "sqlite", "FerretDB", "smtp", "conformance", "testify", "cbor", "kit/passkey", "oauth2", "jwx", "kit/provider"},
	},
	{
		name: "sqlite", modules: []string{"kit", "httpx", "mailx", "drivers/sqlite"},
		files:   []string{"testdata/consumers/shared/*.go", "testdata/consumers/sqlite/*.go"},
		command: []string{"go", "run", "."}, want: "Hello, Ada!\n",
		foreign: []string{"pq", "mongo", "redis", "FerretDB", "conformance", "testify", "cbor", "kit/passkey", "oauth2", "jwx", "kit/provider"},
	},
	{
		name: "postgres-redis", modules: []string{"kit", "httpx", "mailx", "drivers/postgres", "drivers/redis"},
		files: []string{"testdata/consumers/shared/*.go", "testdata/consumers/postgres-redis/*.go"},
		env: func(tb testing.TB) []string {
			return []string{"POSTGRES_URL=" + servers.Postgres(tb), "REDIS_URL=" + servers.Redis(tb)}
		},
		command: []string{"go", "run", "."}, want: "Hello, Ada!\n",
		foreign: []string{"mongo", "sqlite", "FerretDB", "conformance", "testify", "ginkgo", "cbor", "kit/passkey", "oauth2", "jwx", "kit/provider"},
	},
	{
		name: "mongo", modules: []string{"kit", "httpx", "mailx", "drivers/mongo"},
		files: []string{"testdata/consumers/shared/*.go", "testdata/consumers/mongo/*.go"},
		env: func(tb testing.TB) []string {
			return []string{"MONGO_URI=" + database(tb, servers.Mongo(tb), "consumer")}
		},
		command: []string{"go", "run", "."}, want: "Hello, Ada!\n",
		foreign: []string{"pq", "redis", "sqlite", "FerretDB", "conformance", "testify", "cbor", "kit/passkey", "oauth2", "jwx", "kit/provider"},
	},
	{
		name: "customstore", modules: []string{"kit", "httpx", "conformance"},
		files:   []string{"../../examples/customstore/*.go"},
		command: []string{"go", "test", "-count=1", "."}, want: "ok  \texample.com/app\t",
		foreign: []string{"pq", "mongo", "redis", "sqlite", "FerretDB", "cbor", "kit/passkey", "oauth2", "jwx", "kit/provider"},
	},
	{
		name: "passkey", modules: []string{"kit", "kit/passkey"}, files: []string{"testdata/consumers/passkey/*.go"},
		command: []string{"go", "run", "."}, want: "POST /login/passkey\n",
		foreign: []string{"pq", "mongo", "redis", "sqlite", "FerretDB", "smtp", "conformance", "testify", "go-webauthn", "chromedp", "oauth2", "jwx", "kit/provider"},
	},
	{
		name: "provider", modules: []string{"kit", "kit/provider"}, files: []string{"testdata/consumers/provider/*.go"},
		command: []string{"go", "run", "."}, want: "POST /providers/exchange\n",
		foreign: []string{"pq", "mongo", "redis", "sqlite", "FerretDB", "smtp", "conformance", "testify", "cbor", "kit/passkey", "zitadel", "chromedp"},
	},
}

// database names a database in a MongoDB URI.
func database(tb testing.TB, uri, name string) string {
	address, err := url.Parse(uri)
	if err != nil {
		tb.Fatal(err)
	}
	address.Path = "/" + name
	return address.String()
}

func TestConsumers(t *testing.T) {
	dist := t.TempDir()
	mustRelease(t, dist, "-version", "v0.1.0")
	for _, app := range consumers {
		t.Run(app.name, func(t *testing.T) {
			c := newConsumer(t, dist, originalPath)
			for _, pattern := range app.files {
				c.add(pattern)
			}
			c.get("v0.1.0", app.modules...)
			if app.env != nil {
				c.env = append(c.env, app.env(t)...)
			}
			if got := c.run(app.command[0], app.command[1:]...); !strings.HasPrefix(got, app.want) {
				t.Errorf("it printed %q, want %q", got, app.want)
			}
			list := filepath.Join("testdata", "consumers", app.name, "modules.txt")
			c.checkModules(list)
			for line := range strings.Lines(c.modules()) {
				for _, foreign := range app.foreign {
					if strings.Contains(line, foreign) && strings.Contains(line, "downloaded") {
						t.Errorf("a user of %s downloads %s", app.name, line)
					}
				}
			}
		})
	}
}

// Under another path the modules work as well, and each builds as it lies in the
// module cache, with the go.sum that it was released with, which is all that its
// tests need, too.
func TestAnotherPath(t *testing.T) {
	const path, version = "github.com/acme/myauth", "v0.3.0"
	dist := t.TempDir()
	mustRelease(t, dist, "-version", version, "-module", path)
	c := newConsumer(t, dist, path)
	c.add("testdata/consumers/shared/*.go")
	c.add("testdata/consumers/sqlite/*.go")
	c.get(version, "kit", "httpx", "mailx", "drivers/sqlite")
	if got := c.run("go", "run", "."); got != "Hello, Ada!\n" {
		t.Errorf("it printed %q", got)
	}
	for _, m := range released {
		dir := strings.TrimSpace(c.run("go", "mod", "download", "-json", path+"/"+m+"@"+version))
		_, dir, _ = strings.Cut(dir, `"Dir": "`)
		dir, _, _ = strings.Cut(dir, `"`)
		t.Run(m, func(t *testing.T) {
			alone := &consumer{t: t, dir: dir, env: c.env}
			alone.run("go", "build", "-mod=readonly", "./...")
			alone.run("go", "list", "-mod=readonly", "-deps", "-test", "./...")
		})
	}
	c.run("go", "mod", "verify")
}
