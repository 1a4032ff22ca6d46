package metrics_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"myauth.internal/kit/metrics"
)

// scrape is one answer: each sample by its name and labels as they are written.
type scrape map[string]float64

var (
	headLine   = regexp.MustCompile(`^# (HELP|TYPE) ([a-z_]+) (\S.*)$`)
	sampleLine = regexp.MustCompile(`^([a-z_]+)(\{[a-z_]+="[ !#-\[\]-~]*"(?:,[a-z_]+="[ !#-\[\]-~]*")*\})? (\S+)$`)
	leLabel    = regexp.MustCompile(`,?le="([^"]+)"`)
)

// read reads the text format as strictly as a monitoring may: a HELP and a TYPE before the samples
// of a family, which stand together; names as Prometheus wants them; no sample twice; buckets of a
// histogram that rise, up to +Inf, which is the count.
func read(t testing.TB, m *metrics.Metrics) scrape {
	t.Helper()
	w := httptest.NewRecorder()
	m.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if w.Code != 200 || w.Header().Get("Content-Type") != "text/plain; version=0.0.4; charset=utf-8" || !strings.HasSuffix(w.Body.String(), "\n") {
		t.Fatalf("%d %v", w.Code, w.Header())
	}
	found, types, helped, family := scrape{}, map[string]string{}, "", ""
	for line := range strings.Lines(w.Body.String()) {
		line = strings.TrimSuffix(line, "\n")
		if head := headLine.FindStringSubmatch(line); head != nil {
			switch {
			case head[1] == "HELP":
				helped = head[2]
			case helped != head[2] || types[head[2]] != "":
				t.Errorf("the TYPE of %s has no HELP before it, or comes twice", head[2])
			case !slices.Contains([]string{"counter", "gauge", "histogram"}, head[3]):
				t.Errorf("%s has the type %s", head[2], head[3])
			default:
				types[head[2]], family = head[3], head[2]
			}
			continue
		}
		sample := sampleLine.FindStringSubmatch(line)
		if sample == nil {
			t.Fatalf("no line of the format: %q", line)
		}
		name, kind := sample[1], types[family]
		suffix := strings.TrimPrefix(name, family)
		if !strings.HasPrefix(name, family) || kind == "histogram" != slices.Contains([]string{"_bucket", "_sum", "_count"}, suffix) || kind != "histogram" && suffix != "" {
			t.Errorf("%s stands below %s, a %s", name, family, kind)
		}
		if !strings.HasPrefix(family, "myauth_") || kind == "counter" != strings.HasSuffix(family, "_total") || kind == "histogram" != strings.HasSuffix(family, "_seconds") {
			t.Errorf("the name of the %s %s is not as Prometheus names them", kind, family)
		}
		value, err := strconv.ParseFloat(sample[3], 64)
		key := sample[1] + sample[2]
		if _, twice := found[key]; err != nil || value < 0 || twice {
			t.Errorf("%s: %v, or it comes twice", line, err)
		}
		found[key] = value
	}
	found.checkHistograms(t, w.Body.String())
	return found
}

func (s scrape) checkHistograms(t testing.TB, text string) {
	t.Helper()
	last, bound := 0.0, 0.0
	for line := range strings.Lines(text) {
		key, _, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "} ")
		key += "}"
		le := leLabel.FindStringSubmatch(key)
		if le == nil || !strings.Contains(key, "_bucket{") {
			last, bound = 0, 0
			continue
		}
		b, err := strconv.ParseFloat(le[1], 64)
		if err != nil || b <= bound || s[key] < last {
			t.Errorf("%s: %v after %v, in a bucket after %v", key, s[key], last, bound)
		}
		last, bound = s[key], b
		if le[1] != "+Inf" {
			continue
		}
		of := leLabel.ReplaceAllString(key, "")
		if count, ok := s[strings.Replace(of, "_bucket", "_count", 1)]; !ok || count != s[key] {
			t.Errorf("%s is %v, and the count %v", key, s[key], count)
		}
		if _, ok := s[strings.Replace(of, "_bucket", "_sum", 1)]; !ok {
			t.Errorf("%s has no sum", of)
		}
	}
}

// want checks samples: names and values by turns.
func (s scrape) want(t testing.TB, samples ...any) {
	t.Helper()
	for i := 0; i < len(samples); i += 2 {
		if got, ok := s[samples[i].(string)]; !ok || fmt.Sprint(got) != fmt.Sprint(samples[i+1]) {
			t.Errorf("%v is %v (%v), want %v", samples[i], got, ok, samples[i+1])
		}
	}
}
