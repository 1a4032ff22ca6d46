package main

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
)

// startMonitored returns a server and the URL of its metrics.
func startMonitored(t *testing.T, env ...string) (*process, string) {
	p := startServer(t, t.TempDir(), append(env, "MYAUTH_STORE=memory:", "MYAUTH_METRICS_ADDR=127.0.0.1:0")...)
	return p, p.waitFor(`metrics are served" url=(http://\S+)/metrics`)[1]
}

// at is the process as another listener shows it.
func (p *process) at(url string) *process {
	return &process{t: p.t, url: url}
}

func TestMetricsListener(t *testing.T) {
	p, url := startMonitored(t)
	p.do(201, "POST", "/auth/register", "", registration)
	p.do(200, "POST", "/auth/login", "", credentials)
	p.do(401, "POST", "/auth/login", "", strings.Replace(credentials, goodPassword, "wrong", 1))
	a := p.at(url).do(200, "GET", "/metrics", "", "")
	for _, want := range []string{
		`myauth_request_duration_seconds_count{route="POST /auth/login",outcome="invalid_credentials"} 1`, `myauth_request_duration_seconds_count{route="POST /auth/register",outcome="ok"} 1`,
		`myauth_events_total{kind="login_failed"} 1`, `myauth_password_hash_duration_seconds_count{operation="compare",outcome="ok"} 2`, `myauth_store_unavailable_total{store="users"} 0`,
	} {
		if !strings.Contains(a.body, want+"\n") {
			t.Errorf("no %s in %s", want, a.body)
		}
	}
	if got := a.header.Get("Content-Type"); got != "text/plain; version=0.0.4; charset=utf-8" {
		t.Errorf("Content-Type %s", got)
	}
	p.at(url).do(200, "GET", "/healthz", "", "")
	p.at(url).do(405, "POST", "/metrics", "", "{}")
	p.at(url).do(404, "GET", "/auth/me", "", "")
	p.do(404, "GET", "/metrics", "", "") // not on the public listener
	p.stop()
}

// TestMetricsUntilTheEnd: the monitoring sees the running requests end.
func TestMetricsUntilTheEnd(t *testing.T) {
	p, url := startMonitored(t)
	conn, err := net.Dial("tcp", strings.TrimPrefix(p.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "POST /auth/login HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n", len(credentials))
	answers := bufio.NewReader(conn)
	if line, err := answers.ReadString('\n'); err != nil || !strings.Contains(line, "100 Continue") {
		t.Fatalf("%q, %v", line, err) // the handler reads the body
	}
	p.signal(syscall.SIGTERM)
	p.waitFor("msg=stopping")
	p.at(url).do(200, "GET", "/metrics", "", "")
	fmt.Fprint(conn, credentials)
	_, _ = answers.ReadString('\n') // the rest of the first answer
	res, err := http.ReadResponse(answers, nil)
	if err != nil || res.StatusCode != 401 {
		t.Errorf("%v, %v", res, err)
	}
	if status := p.status(); status != 0 {
		t.Errorf("exit status %d", status)
	}
	if _, err := net.Dial("tcp", strings.TrimPrefix(url, "http://")); err == nil {
		t.Error("the metrics are still served")
	}
}

// TestMetricsPortTaken stops the start, and names the setting.
func TestMetricsPortTaken(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	p := launch(t, t.TempDir(), nil, "MYAUTH_STORE=memory:", "MYAUTH_JWT_SECRET="+testSecret, "MYAUTH_METRICS_ADDR="+taken.Addr().String())
	if status := p.status(); status != exitFailed {
		t.Errorf("exit status %d", status)
	}
	checkBadSetting(t, p.stderr(), "MYAUTH_METRICS_ADDR", "choose another port")
}
