package httpx

import (
	"net/http"
	"strconv"
)

// reply is a whole answer. Routes return one, and nothing is written before they
// are done, so whatever goes wrong on the way can still become a proper error.
type reply struct {
	status    int
	mediaType string // empty: application/json
	body      []byte // nil with 204 and 304 only
	location  string
	caching   string // the Cache-Control header; empty: no-store
	etag      string
	pragma    string
}

// accepted is the answer that says nothing about accounts.
func accepted() reply {
	return reply{status: http.StatusAccepted, body: []byte(`{"status":"accepted"}`)}
}

// done is the answer that has nothing to say.
func done() reply { return reply{status: http.StatusNoContent} }

// send writes a reply with the headers that every answer has.
func send(w http.ResponseWriter, r *http.Request, a reply) {
	header := w.Header()
	values := make([]string, 4) // of all headers at once: one allocation
	set := func(i int, name, value string) {
		values[i] = value
		header[name] = values[i : i+1 : i+1]
	}
	if a.caching == "" {
		a.caching = "no-store"
	}
	set(0, "Cache-Control", a.caching)
	set(1, "X-Content-Type-Options", "nosniff")
	if a.etag != "" {
		header.Set("Etag", a.etag)
	}
	if a.pragma != "" {
		header.Set("Pragma", a.pragma)
	}
	if a.location != "" {
		header.Set("Location", a.location)
	}
	if a.body == nil {
		w.WriteHeader(a.status)
		return
	}
	if a.mediaType == "" {
		a.mediaType = "application/json"
	}
	set(2, "Content-Type", a.mediaType)
	set(3, "Content-Length", strconv.Itoa(len(a.body)))
	w.WriteHeader(a.status)
	if r.Method != http.MethodHead {
		// A client that no longer reads is no error of anybody's.
		_, _ = w.Write(a.body)
	}
}
