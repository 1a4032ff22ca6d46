package metrics

import (
	"net/http"
	"runtime/debug"
	"strconv"
	"time"
)

// ServeHTTP writes the metrics in Prometheus' text format, version 0.0.4, whatever the path is.
// Whoever may read them learns how much the Service has to do, and nothing about anybody; serve
// them to the monitoring alone all the same.
func (m *Metrics) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		header.Set("Allow", "GET, HEAD")
		http.Error(w, "metrics are read with GET", http.StatusMethodNotAllowed)
		return
	}
	body := m.appendText(make([]byte, 0, 16<<10))
	header.Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	header.Set("Content-Length", strconv.Itoa(len(body)))
	if r.Method == http.MethodGet {
		_, _ = w.Write(body) // which fails when the client has gone
	}
}

func (m *Metrics) appendText(b []byte) []byte {
	b = appendOperations(b, "myauth_request_duration_seconds", "route", "HTTP requests", &m.requests)
	b = appendOperations(b, "myauth_store_call_duration_seconds", "call", "Calls of stores", &m.stores)
	b = appendOperations(b, "myauth_password_hash_duration_seconds", "operation", "Password hashes, made or compared, the wait for a turn included", &m.hashes)
	b = appendOperations(b, "myauth_mail_attempt_duration_seconds", "kind", "Attempts to send a mail", &m.mails)
	b = appendHead(b, "myauth_events_total", "counter", "Events of the audit stream, by kind.")
	for kind, n := range m.events.sorted() {
		b = appendSample(b, "myauth_events_total", n.Load(), "kind", kind)
	}
	b = m.appendStats(b)
	if info, ok := debug.ReadBuildInfo(); ok {
		b = appendHead(b, "myauth_build_info", "gauge", "The version of MyAuth and of Go; always 1.")
		b = appendSample(b, "myauth_build_info", 1, "version", versionIn(info), "go_version", info.GoVersion)
	}
	return b
}

// appendStats writes what the Service itself counts.
func (m *Metrics) appendStats(b []byte) []byte {
	core := m.core.Load()
	if core == nil {
		return b // no Service yet
	}
	s := core.Service().Stats()
	for _, x := range []struct {
		name, kind, help string
		value            uint64
	}{
		{"myauth_password_hashes_running", "gauge", "Password hashes under way.", uint64(s.Hashing.Running)},
		{"myauth_password_hashes_waiting", "gauge", "Password hashes that wait for a turn.", uint64(s.Hashing.Waiting)},
		{"myauth_password_hashes_refused_total", "counter", "Password hashes that were refused because too many waited.", s.Hashing.Refused},
		{"myauth_mails_ready", "gauge", "Mails that are queued for an attempt.", uint64(s.MailsReady)},
		{"myauth_mails_waiting", "gauge", "Mails that pause before their next attempt.", uint64(s.MailsWaiting)},
		{"myauth_mails_sent_total", "counter", "Mails that the mailer accepted.", s.MailsSent},
		{"myauth_mails_dropped_total", "counter", "Mails that were given up.", s.MailsDropped},
		{"myauth_mails_spaced_total", "counter", "Mails that were left out for others of their kind to the same mailbox.", s.MailsSpaced},
	} {
		b = appendHead(b, x.name, x.kind, x.help)
		b = appendSample(b, x.name, x.value)
	}
	const down = "myauth_store_unavailable_total"
	b = appendHead(b, down, "counter", "Calls that a store did not answer.")
	b = appendSample(b, down, s.UsersUnavailable, "store", "users")
	b = appendSample(b, down, s.TokensUnavailable, "store", "tokens")
	return appendSample(b, down, s.CredentialsUnavailable, "store", "credentials")
}

// appendOperations writes a histogram of each name and outcome. Its count is the sum of its buckets
// as they were read, so a scrape agrees with itself while others count.
func appendOperations(b []byte, family, label, what string, operations *set[operation]) []byte {
	b = appendHead(b, family, "histogram", what+": how long they took, by outcome.")
	for name, o := range operations.sorted() {
		for outcome, h := range o.sorted() {
			var count uint64
			for i := range h.buckets {
				count += h.buckets[i].Load()
				le := "+Inf"
				if i < len(bounds) {
					le = strconv.FormatFloat(bounds[i].Seconds(), 'g', -1, 64)
				}
				b = appendSample(b, family+"_bucket", count, label, name, "outcome", outcome, "le", le)
			}
			b = appendName(b, family+"_sum", label, name, "outcome", outcome)
			b = append(strconv.AppendFloat(b, time.Duration(h.nanos.Load()).Seconds(), 'g', -1, 64), '\n')
			b = appendSample(b, family+"_count", count, label, name, "outcome", outcome)
		}
	}
	return b
}

func appendHead(b []byte, name, kind, help string) []byte {
	return append(b, "# HELP "+name+" "+help+"\n# TYPE "+name+" "+kind+"\n"...)
}

// appendSample writes one line. labels are names and values by turns.
func appendSample(b []byte, name string, value uint64, labels ...string) []byte {
	return append(strconv.AppendUint(appendName(b, name, labels...), value, 10), '\n')
}

func appendName(b []byte, name string, labels ...string) []byte {
	b = append(b, name...)
	for i := 0; i < len(labels); i += 2 {
		sep := ","
		if i == 0 {
			sep = "{"
		}
		b = append(b, sep+labels[i]+`="`+labels[i+1]+`"`...)
	}
	if len(labels) > 0 {
		b = append(b, '}')
	}
	return append(b, ' ')
}

// versionIn returns the version of the module with this package.
func versionIn(info *debug.BuildInfo) string {
	for _, module := range append(info.Deps, &info.Main) {
		if module.Path == "myauth.internal/kit" && isLabel(module.Version) {
			return module.Version
		}
	}
	return "unknown"
}
