package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// BenchmarkStart starts the real program on an SQLite file that exists, in turns with a bare server on
// the same SQLite driver: how long the first answer takes, and the memory in use then. RSS_MB has the
// pages of the program's file that are mapped, which the kernel can drop and other processes share;
// anonymous_MB is the rest.
func BenchmarkStart(b *testing.B) {
	programs := [2]string{buildProgram(b, ".", "."), buildProgram(b, ".", "./testdata/bare")}
	folders := [2]string{b.TempDir(), b.TempDir()}
	for side := range programs {
		end(launchProgram(b, programs[side], folders[side])) // makes the file
	}
	var took, rss, anonymous [2][]float64
	for b.Loop() {
		for side := range programs {
			began := time.Now()
			p := launchProgram(b, programs[side], folders[side])
			took[side] = append(took[side], float64(time.Since(began).Microseconds())/1000)
			rss[side] = append(rss[side], megabytes(p, "VmRSS"))
			anonymous[side] = append(anonymous[side], megabytes(p, "RssAnon"))
			end(p)
		}
	}
	for side, name := range []string{"", "bare-"} {
		for unit, values := range map[string][]float64{"ms-to-first-answer": took[side], "RSS_MB": rss[side], "anonymous_MB": anonymous[side]} {
			slices.Sort(values)
			b.ReportMetric(middle(values), name+unit)
		}
	}
}

// BenchmarkMemory is what the real program on SQLite uses at most while 16 clients log in, ask for their
// account and refresh their session, each once an operation. Hashes are fast; a slow one needs no more memory.
func BenchmarkMemory(b *testing.B) {
	p := launchProgram(b, buildProgram(b, ".", "."), b.TempDir(), "MYAUTH_BCRYPT_COST=4", "MYAUTH_INSECURE_FAST_HASH=1")
	p.do(201, "POST", "/auth/register", "", registration)
	for b.Loop() {
		allCall(b, 16, 1, func(int) error {
			t, err := p.ask("POST", "/auth/login", "", credentials)
			if err == nil {
				_, err = p.ask("GET", "/auth/me", t.Access, "")
			}
			if err == nil {
				_, err = p.ask("POST", "/auth/refresh", "", `{"refresh_token":"`+t.Refresh+`"}`)
			}
			return err
		})
	}
	b.ReportMetric(megabytes(p, "VmHWM"), "RSS_MB-under-load")
	b.ReportMetric(megabytes(p, "RssAnon"), "anonymous_MB-under-load")
	end(p)
}

type tokens struct {
	Access  string `json:"access_token"`
	Refresh string `json:"refresh_token"`
}

// ask sends a request and reads the tokens of its answer.
func (p *process) ask(method, path, token, body string) (t tokens, err error) {
	req, err := http.NewRequest(method, p.url+path, strings.NewReader(body))
	if err != nil {
		return t, err
	}
	req.Header.Set("Content-Type", "application/json")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return t, err
	}
	defer res.Body.Close()
	if res.StatusCode != 200 {
		return t, fmt.Errorf("%s %s: %s", method, path, res.Status)
	}
	return t, json.NewDecoder(res.Body).Decode(&t)
}

// launchProgram returns a program that has answered.
func launchProgram(b *testing.B, binary, folder string, env ...string) *process {
	b.Helper()
	cmd := exec.Command(binary)
	cmd.Dir, cmd.Env = folder, append(env, "MYAUTH_ADDR=127.0.0.1:0")
	p := startProgram(b, cmd)
	p.do(200, "GET", "/readyz", "", "")
	return p
}

// end stops a program, of which the bare one has no exit status for that.
func end(p *process) {
	p.signal(syscall.SIGTERM)
	p.status()
}

// megabytes is what Linux says of a program's memory; elsewhere 0.
func megabytes(p *process, field string) (mb float64) {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	_, value, _ := strings.Cut(string(text), field+":")
	fmt.Sscan(value, &mb)
	return mb / 1024
}
