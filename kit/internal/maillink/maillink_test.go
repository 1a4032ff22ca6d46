package maillink

import (
	"errors"
	"testing"
	"time"

	"myauth.internal/kit/internal/opaque"
)

func TestSurvives(t *testing.T) {
	for token, want := range map[string]bool{
		"": false, "a": true, "myauth_pr_Abc-d9": true, "eyJh.eyJp.c2ln": true,
		"abc-": false, "abc_": false, "abc.": false, "-abc": false, "a--b": false, "a__b": false, "a-_b": false, "a.-b": false, "a_.b": false,
	} {
		if got := survives(token); got != want {
			t.Errorf("%q: got %v", token, got)
		}
	}
}

func TestDraw(t *testing.T) {
	draws := []string{"a--b", "ab-", "good", "better"}
	token, err := Draw(func() (string, error) {
		next := draws[0]
		draws = draws[1:]
		return next, nil
	})
	if token != "good" || err != nil {
		t.Errorf("got %q, %v", token, err)
	}
	if token, err := Draw(func() (string, error) { return "a--b", nil }); token != "a--b" || err != nil {
		t.Errorf("what has no better draw: got %q, %v", token, err)
	}
	fault := errors.New("no key")
	if _, err := Draw(func() (string, error) { return "", fault }); !errors.Is(err, fault) {
		t.Errorf("got %v", err)
	}
	at, plain := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC), 0
	for range 1000 {
		if survives(opaque.New(at).Encode("myauth_pr_")) {
			plain++
		}
	}
	if plain < 800 || plain == 1000 {
		t.Errorf("%d of 1000 tokens survive as they are drawn", plain)
	}
}

func TestCheckBase(t *testing.T) {
	for base, want := range map[string]string{
		"https://example.com": "https://example.com", "http://localhost:8080/": "http://localhost:8080", "https://example.com/a/b//": "https://example.com/a/b",
		"https://[::1]:8443/~x/%C3%A4": "https://[::1]:8443/~x/%C3%A4",
		"":                             "", "example.com": "", "ftp://example.com": "", "https://": "", "https://:80": "", "https://u@example.com": "", "https://example.com?": "",
		"https://example.com/?a=b": "", "https://example.com/#": "", "https://example.com/#a": "", "https://example.com/a b": "", "https://example.com/a,b": "", "https://exämple.com": "",
		"https://example.com/a//b": "", "https://example.com/a/../b": "", "https://example.com:65536": "", "https://example.com:x": "",
	} {
		if got, err := CheckBase(base); got != want || (err == nil) != (want != "") {
			t.Errorf("%q: got %q, %v; want %q", base, got, err, want)
		}
	}
}
