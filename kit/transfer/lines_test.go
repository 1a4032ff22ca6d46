package transfer

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

func TestLines(t *testing.T) {
	l := newLineReader(iotest.OneByteReader(strings.NewReader("\ufeff\n a \r\n\n\t\nb\nlast")))
	for _, want := range []struct {
		text   string
		number int
	}{{"a", 2}, {"b", 5}, {"last", 6}} {
		text, err := l.next()
		if err != nil || string(text) != want.text || l.number != want.number {
			t.Errorf("got %q, line %d, %v, want %v", text, l.number, err, want)
		}
	}
	for range 2 {
		if text, err := l.next(); !errors.Is(err, io.EOF) || len(text) > 0 {
			t.Errorf("after the end: %q, %v", text, err)
		}
	}
}

// TestLongLine: memory is bounded by the longest line that is allowed.
func TestLongLine(t *testing.T) {
	l := newLineReader(strings.NewReader("ok\n" + strings.Repeat("x", 200<<10) + "\n"))
	l.max = 100 << 10
	if _, err := l.next(); err != nil {
		t.Fatal(err)
	}
	if _, err := l.next(); err == nil || !strings.Contains(err.Error(), "line 2 is longer than 102400 bytes") {
		t.Errorf("got %v", err)
	}
	l = newLineReader(iotest.ErrReader(io.ErrUnexpectedEOF))
	if _, err := l.next(); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("got %v", err)
	}
}

// TestDerivedID: an address has one ID for each source, whatever its case.
func TestDerivedID(t *testing.T) {
	const want = "af186890-7d22-8d5f-8045-b695a2a305fc"
	if got := derivedID(Django, " Ada@Example.com "); got != want || got != derivedID(Django, "ada@example.com") {
		t.Errorf("got %s: accounts of earlier imports would be imported again", got)
	}
	if derivedID(Django, "ada@example.com") == derivedID(Devise, "ada@example.com") {
		t.Error("two sources have one ID")
	}
}

// FuzzLine: no line makes the reader fail in another way than by an error, and what encode writes of a
// line that was understood is understood to be the same.
func FuzzLine(f *testing.F) {
	for _, line := range []string{
		`{"myauth":1,"id":"1","email":"ada@example.com","username":"a","is_verified":true,"is_active":true,"created_at":"2021-05-01T08:00:00Z","credentials":[{"id":"x","type":"factor/totp","hash":"AAAA","expires_at":"9999-12-31T00:00:00Z"}]}`,
		`{"id":7,"email":"a@b","hashed_password":"x","roles":"[\"a\"]","user_settings":"{}","created_at":"2021-05-01 08:00:00+00"}`,
		`{"model":"auth.user","pk":3,"fields":{"password":"!","email":"a@b","groups":[["x"],1]}}`,
		`{"encrypted_password":"x","email":"a@b","locked_at":null,"confirmed_at":"2021-05-01T08:00:00.000Z"}`,
		`{"encrypted_password":"x","email":"a@b","raw_user_meta_data":{"name":"b"},"banned_until":"infinity"}`,
		`{"email":"a@b","password_hash":null}`,
	} {
		f.Add([]byte(line), "")
	}
	f.Fuzz(func(t *testing.T, text []byte, from string) {
		r, err := Source(from).read(text, time.Time{})
		if err != nil {
			return
		}
		if r.user.ID == "" {
			t.Fatalf("%s: no ID", text)
		}
		line, err := encode(r.user, r.credentials)
		if err != nil {
			return // a time that JSON does not know, or settings that are none
		}
		again, err := MyAuth.read(line, time.Time{})
		if err != nil {
			if r.user.Email == "" || !strings.Contains(err.Error(), "missing") {
				return
			}
			t.Fatalf("%s: %v", line, err)
		}
		if again.user.ID != r.user.ID && again.user.ID != strings.ToValidUTF8(r.user.ID, "\ufffd") {
			t.Fatalf("%s: another ID", line)
		}
	})
}
