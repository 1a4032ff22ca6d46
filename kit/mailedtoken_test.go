package kit

import (
	"errors"
	"strings"
	"testing"
	"time"

	"myauth.internal/kit/internal/opaque"
)

func TestSurvivesMail(t *testing.T) {
	for token, want := range map[string]bool{
		"": false, "a": true, "myauth_pr_Abc-d9": true, "eyJh.eyJp.c2ln": true,
		"abc-": false, "abc_": false, "abc.": false, "-abc": false, "a--b": false, "a__b": false, "a-_b": false, "a.-b": false, "a_.b": false,
	} {
		if got := survivesMail(token); got != want {
			t.Errorf("%q: got %v", token, got)
		}
	}
}

func TestMailedTokenIsDrawnAgain(t *testing.T) {
	draws := []Secret{"a--b", "ab-", "good", "better"}
	token, err := mailedToken(func() (Secret, error) {
		next := draws[0]
		draws = draws[1:]
		return next, nil
	})
	if token != "good" || err != nil {
		t.Errorf("got %q, %v", string(token), err)
	}
	if token, err := mailedToken(func() (Secret, error) { return "a--b", nil }); token != "a--b" || err != nil {
		t.Errorf("what has no better draw: got %q, %v", string(token), err)
	}
	fault := errors.New("no key")
	if _, err := mailedToken(func() (Secret, error) { return "", fault }); !errors.Is(err, fault) {
		t.Errorf("got %v", err)
	}
	at, plain := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC), 0
	for range 1000 {
		if survivesMail(opaque.New(at).Encode(resetPrefix)) {
			plain++
		}
	}
	if plain < 800 || plain == 1000 || !strings.HasSuffix(resetPrefix, "_") {
		t.Errorf("%d of 1000 tokens survive as they are drawn", plain)
	}
}
