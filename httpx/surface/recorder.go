package surface

import (
	"net/http"
	"slices"
	"strings"
	"sync"
)

// Recorder checks responses on their way to tests, and remembers which outcomes they
// have shown. It is safe for concurrent use.
type Recorder struct {
	doc  *Document
	mu   sync.Mutex
	seen map[Outcome]bool
}

// NewRecorder returns a Recorder that has seen nothing.
func NewRecorder(doc *Document) *Recorder {
	return &Recorder{doc: doc, seen: map[Outcome]bool{}}
}

// Reporter is the part of testing.TB that a [Recorder] needs.
type Reporter interface {
	Helper()
	Errorf(format string, args ...any)
}

// Transport returns base with the recorder behind it: a response that is not as the
// document says fails t.
func (r *Recorder) Transport(t Reporter, base http.RoundTripper) http.RoundTripper {
	return transport{r, t, base}
}

type transport struct {
	recorder *Recorder
	t        Reporter
	base     http.RoundTripper
}

// RoundTrip sends the request and checks the response.
func (tr transport) RoundTrip(request *http.Request) (*http.Response, error) {
	tr.t.Helper()
	response, err := tr.base.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	outcomes, err := tr.recorder.doc.Check(request, response)
	if err != nil {
		tr.t.Errorf("%s %s answered %d, not as the document says: %v", request.Method, request.URL.Path, response.StatusCode, err)
		return response, nil
	}
	tr.recorder.mu.Lock()
	defer tr.recorder.mu.Unlock()
	for _, outcome := range outcomes {
		tr.recorder.seen[outcome] = true
	}
	return response, nil
}

// Missing lists what the document says and no response has shown, in order.
func (r *Recorder) Missing() []Outcome {
	r.mu.Lock()
	defer r.mu.Unlock()
	missing := slices.DeleteFunc(r.doc.Outcomes(), func(o Outcome) bool { return r.seen[o] })
	slices.SortFunc(missing, func(a, b Outcome) int { return strings.Compare(a.String(), b.String()) })
	return missing
}
