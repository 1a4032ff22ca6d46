package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

func listen(b *testing.B, handler http.Handler) (addr string) {
	b.Helper()
	server := httptest.NewUnstartedServer(nil)
	server.Config = newServer(handler, slog.New(slog.DiscardHandler))
	server.Start()
	b.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

// caller is a keep-alive connection that sends one request again and again. It
// does less than an http.Client, so that the server's work is what is measured.
type caller struct {
	conn     net.Conn
	in       *bufio.Reader
	request  []byte
	response []byte
}

// dial makes a caller and returns the first response's body.
func dial(addr string, request string) (*caller, string, error) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, "", err
	}
	c := &caller{conn: conn, in: bufio.NewReaderSize(conn, 16<<10), request: []byte(request)}
	if _, err := conn.Write(c.request); err != nil {
		return nil, "", err
	}
	// The length of every response is that of the first.
	var raw bytes.Buffer
	res, err := http.ReadResponse(bufio.NewReader(io.TeeReader(c.in, &raw)), nil)
	if err != nil {
		return nil, "", err
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, "", err
	}
	if res.StatusCode != 200 {
		return nil, "", fmt.Errorf("status %d: %s", res.StatusCode, body)
	}
	c.response = make([]byte, raw.Len())
	return c, string(body), nil
}

func (c *caller) call() error {
	if _, err := c.conn.Write(c.request); err != nil {
		return err
	}
	if _, err := io.ReadFull(c.in, c.response); err != nil {
		return err
	}
	if !bytes.HasPrefix(c.response, []byte("HTTP/1.1 200 ")) {
		return fmt.Errorf("%.40q", c.response)
	}
	return nil
}

// BenchmarkStart runs the real binary on a new SQLite file: the time from its start
// to its first answer, its resident memory then, and after a first login.
func BenchmarkStart(b *testing.B) {
	binary := filepath.Join(b.TempDir(), "server")
	if out, err := exec.CommandContext(b.Context(), "go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	var idle, used float64
	for b.Loop() {
		cmd := exec.CommandContext(b.Context(), binary)
		cmd.Dir = b.TempDir()
		cmd.Env = append(os.Environ(), "MYAUTH_ADDR=127.0.0.1:0")
		stderr, err := cmd.StderrPipe()
		if err != nil {
			b.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			b.Fatal(err)
		}
		var url string
		lines := bufio.NewScanner(stderr)
		for url == "" && lines.Scan() {
			url, _ = strings.CutPrefix(lines.Text(), "listening on ")
			if !strings.HasPrefix(url, "http") {
				url = ""
			}
		}
		get(b, url+"/readyz")
		b.StopTimer()
		go io.Copy(io.Discard, stderr)
		idle += residentMB(b, cmd.Process.Pid)
		post(b, url+"/auth/register", registration)
		post(b, url+"/auth/login", credentials)
		used += residentMB(b, cmd.Process.Pid)
		cmd.Process.Kill()
		cmd.Wait()
		b.StartTimer()
	}
	b.ReportMetric(float64(b.Elapsed().Milliseconds())/float64(b.N), "ms-to-first-answer")
	b.ReportMetric(idle/float64(b.N), "RSS_MB")
	b.ReportMetric(used/float64(b.N), "RSS_MB-after-login")
}

func get(b *testing.B, url string) {
	b.Helper()
	res, err := http.Get(url)
	drain(b, res, err)
}

func post(b *testing.B, url, body string) {
	b.Helper()
	res, err := http.Post(url, "application/json", strings.NewReader(body))
	drain(b, res, err)
}

func drain(b *testing.B, res *http.Response, err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, res.Body); err != nil || res.StatusCode >= 300 {
		b.Fatalf("status %d %v", res.StatusCode, err)
	}
}

var vmRSS = regexp.MustCompile(`VmRSS:\s+(\d+) kB`)

// residentMB is what Linux says of a process; elsewhere 0.
func residentMB(b *testing.B, pid int) float64 {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	kb, err := strconv.ParseFloat(string(vmRSS.FindSubmatch(text)[1]), 64)
	if err != nil {
		b.Fatal(err)
	}
	return kb / 1024
}
