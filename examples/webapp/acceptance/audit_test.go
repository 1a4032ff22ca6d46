package acceptance

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
)

// axe-core as the npm registry has it: version and integrity, in the form of a package lock.
const (
	axeVersion   = "4.14.1"
	axeIntegrity = "sha512-FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ=="
)

// axe returns the source of axe-core, which the user's cache keeps.
var axe = sync.OnceValues(func() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	path := filepath.Join(cache, "myauth-test-servers", "axe-core-"+axeVersion+".tgz")
	archive, err := os.ReadFile(path)
	if err != nil || !intact(archive) {
		if archive, err = download(); err != nil {
			return "", err
		}
		if !intact(archive) {
			return "", errors.New("what the registry has as axe-core " + axeVersion + " is not what was pinned")
		}
		if err := keep(path, archive); err != nil {
			return "", err
		}
	}
	return unpack(archive, "package/axe.min.js")
})

func intact(archive []byte) bool {
	sum := sha512.Sum512(archive)
	return axeIntegrity == "sha512-"+base64.StdEncoding.EncodeToString(sum[:])
}

func download() ([]byte, error) {
	registry := os.Getenv("npm_config_registry")
	if registry == "" {
		registry = "https://registry.npmjs.org"
	}
	client := http.Client{Timeout: time.Minute}
	answer, err := client.Get(strings.TrimRight(registry, "/") + "/axe-core/-/axe-core-" + axeVersion + ".tgz")
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the registry answers %s", answer.Status)
	}
	return io.ReadAll(io.LimitReader(answer.Body, 10<<20))
}

// keep writes a file whole or not at all, since other runs may read it.
func keep(path string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), "axe-")
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Close(), os.Rename(f.Name(), path))
}

func unpack(archive []byte, name string) (string, error) {
	unzipped, err := gzip.NewReader(bytes.NewReader(archive))
	if err != nil {
		return "", err
	}
	for files := tar.NewReader(unzipped); ; {
		header, err := files.Next()
		if err != nil {
			return "", fmt.Errorf("%s: %w", name, err)
		}
		if header.Name == name {
			text, err := io.ReadAll(files)
			return string(text), err
		}
	}
}

// audited are the pages that some test has audited.
var audited sync.Map

// audit looks at a page on a computer in the light, and on a phone in the dark. Each page is
// audited once in a run: with an error, with a notice, and without.
func (b *tab) audit(heading string) {
	b.t.Helper()
	if b.scriptless {
		return
	}
	marks := eval[string](b, `[...new Set([...document.querySelectorAll("footer, [aria-invalid], .problem:not([hidden]), .notice, .list, form[data-passkey], [name=method]")].
		map(e => e.localName + e.className + e.hasAttribute("aria-invalid") + e.value))].join()`)
	if _, done := audited.LoadOrStore(heading+marks, true); done {
		return
	}
	source, err := axe()
	if err != nil && required() {
		b.t.Fatal(err)
	} else if err != nil {
		b.t.Log("pages are judged without axe-core:", err)
	}
	b.show("light", 1280, 800)
	b.findings(source, heading, "light, computer")
	b.show("dark", 375, 812)
	b.findings(source, heading, "dark, phone")
	if width := eval[int](b, "Math.max(document.documentElement.scrollWidth, document.body.scrollWidth)"); width > 375 {
		b.t.Errorf("%q is %d pixels wide on a phone", heading, width)
	}
	for _, small := range eval[[]string](b, `[...document.querySelectorAll("main form > button, .button, .field > input, nav a, nav button")].
		filter(e => e.checkVisibility() && e.getBoundingClientRect().height < (e.matches(".small, nav *") ? 24 : 44)).map(e => e.outerHTML)`) {
		b.t.Errorf("%q has what a thumb misses on a phone: %s", heading, small)
	}
	b.desktop()
}

// findings runs axe. Rules about the size of targets are off in it by default.
func (b *tab) findings(source, heading, how string) {
	b.t.Helper()
	if source == "" {
		return
	}
	if eval[bool](b, "!window.axe") {
		eval[bool](b, source+";true")
	}
	text := eval[string](b, `axe.run(document, {resultTypes: ["violations"], rules: {"target-size": {enabled: true}}}).then(r => JSON.stringify(r.violations))`)
	var found []struct {
		ID, Impact, Help string
		Nodes            []struct{ HTML string }
	}
	if err := json.Unmarshal([]byte(text), &found); err != nil {
		b.t.Fatal(err)
	}
	for _, f := range found {
		b.t.Errorf("%q (%s) %s: %s, %s: %+v", heading, how, f.Impact, f.ID, f.Help, f.Nodes)
	}
}

// show sets how the page is shown. Nothing moves.
func (b *tab) show(scheme string, width, height int64) {
	b.t.Helper()
	b.showAt(scheme, width, height, 1)
}

func (b *tab) showAt(scheme string, width, height int64, scale float64) {
	b.t.Helper()
	cdpCall(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"},
	}})
	cdpCall(b, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: width, Height: height, DeviceScaleFactor: scale, Mobile: width < 600})
}

func (b *tab) desktop() { b.t.Helper(); b.show("light", 1280, 800) }

// shoot takes screenshots of the page, light and dark, computer and phone, if they are kept.
func (b *tab) shoot(name string) {
	b.t.Helper()
	if flag.Lookup("test.artifacts").Value.String() != "true" {
		return
	}
	quality := int64(60)
	cdpCall(b, emulation.SetScrollbarsHidden, emulation.SetScrollbarsHiddenParams{Hidden: true})
	for _, scheme := range []string{"light", "dark"} {
		for device, size := range map[string][2]int64{"computer": {800, 640}, "phone": {375, 700}} {
			b.showAt(scheme, size[0], size[1], 2)
			shot := cdpCall(b, page.CaptureScreenshot, page.CaptureScreenshotParams{Format: page.CaptureScreenshotFormatWebp, Quality: &quality})
			path := filepath.Join(b.t.ArtifactDir(), name+"-"+scheme+"-"+device+".webp")
			if err := os.WriteFile(path, shot.Data, 0o600); err != nil {
				b.t.Fatal(err)
			}
		}
	}
	cdpCall(b, emulation.SetScrollbarsHidden, emulation.SetScrollbarsHiddenParams{Hidden: false})
	b.desktop()
}
