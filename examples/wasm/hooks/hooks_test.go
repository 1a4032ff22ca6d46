package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"myauth.internal/examples/demo"
	"myauth.internal/examples/wasm/hooks/plugin"
	"myauth.internal/httpx"
	"myauth.internal/kit"
)

var guest = sync.OnceValues(func() ([]byte, error) {
	// What the compiler reads, go test does not see, and would go on showing an old result.
	if _, err := os.ReadDir("guest"); err != nil {
		return nil, err
	}
	return build(context.Background())
})

// report is where the plug-in's failures are reported.
type report struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (r *report) Write(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.Write(b)
}

func (r *report) take() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	text := r.text.String()
	r.text.Reset()
	return text
}

// start runs the application with a plug-in.
func start(t *testing.T, module []byte, limits *plugin.Limits) (register func(email string) (int, string), me func() int, reported *report) {
	t.Helper()
	reported = new(report)
	p, err := plugin.Load(t.Context(), module, limits, slog.New(slog.NewTextHandler(reported, nil)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close(context.Background()) })
	svc, err := demo.Service(&kit.Options{
		Hooks: kit.Hooks{BeforeRegister: p.BeforeRegister}, BcryptCost: 4, InsecureFastHash: true,
		OnEvent: func(context.Context, kit.Event) {},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { svc.Close(context.Background()) })
	auth, err := httpx.New(svc, nil)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(auth)
	t.Cleanup(server.Close)
	register = func(email string) (int, string) {
		t.Helper()
		body := fmt.Sprintf(`{"email":%q,"username":"Ada","password":"Correct-Horse-7"}`, email)
		response, err := http.Post(server.URL+"/auth/register", "application/json", strings.NewReader(body))
		if err != nil {
			t.Error(err)
			return 0, ""
		}
		defer response.Body.Close()
		text, err := io.ReadAll(response.Body)
		if err != nil {
			t.Error(err)
		}
		return response.StatusCode, string(text)
	}
	me = func() int {
		response, err := http.Get(server.URL + "/auth/me")
		if err != nil {
			t.Error(err)
			return 0
		}
		defer response.Body.Close()
		return response.StatusCode
	}
	return register, me, reported
}

func TestPluginDecides(t *testing.T) {
	module, err := guest()
	if err != nil {
		t.Fatal(err)
	}
	register, _, reported := start(t, module, nil)
	for email, want := range map[string]int{
		"ada@example.com": 201, "eve@mailinator.com": 422, "eve@MailInator.COM": 422, "eve@a.b.mailinator.com": 422,
		"bob@notmailinator.com": 201, "mailinator.com@example.org": 201,
	} {
		status, text := register(email)
		if status != want || want == 422 && !strings.Contains(text, `{"field":"email","code":"disposable_email","message":"Use an address that you will keep."}`) {
			t.Errorf("%s: %d %s, want %d", email, status, text, want)
		}
	}
	if text := reported.take(); text != "" {
		t.Errorf("reported: %s", text)
	}
}

func TestManyAtOnce(t *testing.T) {
	module, err := guest()
	if err != nil {
		t.Fatal(err)
	}
	register, _, _ := start(t, module, &plugin.Limits{Concurrency: 2, Timeout: time.Minute})
	begin := make(chan struct{})
	var all sync.WaitGroup
	for i := range 16 {
		all.Go(func() {
			<-begin
			domain, want := "example.com", 201
			if i%2 == 0 {
				domain, want = "mailinator.com", 422
			}
			if status, text := register(fmt.Sprintf("u%d@%s", i, domain)); status != want {
				t.Errorf("%d: %d %s", i, status, text)
			}
		})
	}
	close(begin)
	all.Wait()
}

// Each of these plug-ins fails in another way. The registration is refused, the failure
// is reported once and without the address, and everything else goes on.
func TestPluginsThatMisbehave(t *testing.T) {
	const place = 1024 // where the answer lies
	answer := func(text string) []byte {
		return assemble(1, i32Const(2048), i64Const(place<<32|int64(len(text))), text)
	}
	// check calls itself twice, as deep as alloc said.
	tree := []byte{localGet, 0, i32Eqz, ifThen, void, i64, 0, ret, end}
	for range 2 {
		tree = append(tree, localGet, 0, i32, 1, i32Sub, localGet, 1, call, 1, drop)
	}
	tree = append(tree, i64, 0, end)
	for name, test := range map[string]struct {
		module []byte
		want   string
	}{
		"loops":                {assemble(1, i32Const(2048), []byte{loop, void, br, 0, end, unreachable, end}, ""), "check"},
		"loops in alloc":       {assemble(1, []byte{loop, void, br, 0, end, unreachable, end}, i64Const(0), ""), "alloc"},
		"traps":                {assemble(1, i32Const(2048), []byte{unreachable, end}, ""), "unreachable"},
		"calls without a loop": {assemble(1, i32Const(35), tree, ""), "check"}, // would take minutes
		"recurses":             {assemble(1, i32Const(2048), []byte{localGet, 0, localGet, 1, call, 1, end}, ""), "check"},
		"grows without end":    {assemble(1, i32Const(2048), []byte{loop, void, i32, 16, memoryGrow, 0, drop, br, 0, end, unreachable, end}, ""), "check"},
		"no place to write":    {assemble(1, i32Const(-8), i64Const(0), ""), "not in its memory"},
		"answer out of memory": {assemble(1, i32Const(2048), i64Const(0x7fffffff<<32|16), ""), "not in its memory"},
		"answer at the edge":   {assemble(1, i32Const(2048), i64Const(65530<<32|16), ""), "not in its memory"},
		"endless answer":       {assemble(1, i32Const(2048), i64Const(0xffffffff), ""), "more than"},
		"no answer":            {assemble(1, i32Const(2048), i64Const(0), ""), "not a JSON object"},
		"zeros":                {assemble(1, i32Const(2048), i64Const(16), ""), "not a JSON object"},
		"no decision":          {answer(`{}`), "no refuse"},
		"a maybe":              {answer(`{"refuse":"no"}`), "no refuse"},
		"null":                 {answer(`{"refuse":null}`), "no refuse"},
		"says both":            {answer(`{"refuse":true,"refuse":false}`), "not a JSON object"},
		"no code":              {answer(`{"refuse":true,"message":"x"}`), "code"},
		"code with markup":     {answer(`{"refuse":true,"code":"<b>","message":"x"}`), "code"},
		"no message":           {answer(`{"refuse":true,"code":"x"}`), "message"},
		"message with escapes": {answer(`{"refuse":true,"code":"x","message":"\u001b[31m"}`), "message"},
		"bad UTF-8":            {answer("{\"refuse\":true,\"code\":\"x\",\"message\":\"\xff\"}"), "not a JSON object"},
		"long message":         {answer(`{"refuse":true,"code":"x","message":"` + strings.Repeat("m", 201) + `"}`), "message"},
	} {
		t.Run(name, func(t *testing.T) {
			register, me, reported := start(t, test.module, &plugin.Limits{Timeout: 200 * time.Millisecond, Memory: 1 << 20})
			for range 2 {
				status, text := register("ada@secret-domain.example")
				if status != 503 || !strings.Contains(text, "service_unavailable") {
					t.Errorf("%d %s, want 503", status, text)
				}
				said := reported.take()
				if strings.Count(said, "registration plug-in failed") != 1 || !strings.Contains(said, test.want) {
					t.Errorf("reported %q, want once, with %q", said, test.want)
				}
				if strings.Contains(said, "secret-domain") || strings.Contains(said, "Correct-Horse") {
					t.Errorf("the report holds what the plug-in saw: %s", said)
				}
			}
			if status := me(); status != 401 {
				t.Errorf("another route: %d", status)
			}
		})
	}
}

// A module that does not fit is refused when it is loaded.
func TestLoadRefuses(t *testing.T) {
	for name, module := range map[string][]byte{
		"nothing":         nil,
		"not WebAssembly": []byte("#!/bin/sh"),
		"cut off":         assemble(1, i32Const(0), i64Const(0), "")[:20],
		"too much memory": assemble(17, i32Const(0), i64Const(0), ""),
		"other imports": sections(1, i32Const(0), i64Const(0), "").bytes(module{
			2: list(slices.Concat(sized([]byte("env")), sized([]byte("f")), []byte{0, 0})),
			7: []byte("\x03\x06memory\x02\x00\x05alloc\x00\x01\x05check\x00\x02"), // behind the import
		}),
		"no exports": []byte("\x00asm\x01\x00\x00\x00"),
	} {
		if p, err := plugin.Load(t.Context(), module, &plugin.Limits{Memory: 1 << 20}, nil); err == nil {
			p.Close(t.Context())
			t.Errorf("%s: loaded", name)
		} else {
			t.Log(name, err)
		}
	}
}
