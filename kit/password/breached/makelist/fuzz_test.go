package main

import (
	"bufio"
	"bytes"
	"io"
	"strings"
	"testing"

	"myauth.internal/kit/password/breached/internal/hashes"
)

// memory is a file that is written from an offset on.
type memory struct {
	b  []byte
	at int
}

func (m *memory) Seek(offset int64, _ int) (int64, error) { m.at = int(offset); return offset, nil }

func (m *memory) Write(b []byte) (int, error) {
	if missing := m.at + len(b) - len(m.b); missing > 0 {
		m.b = append(m.b, make([]byte, missing)...)
	}
	m.at += copy(m.b[m.at:], b)
	return len(b), nil
}

// FuzzDownload: a download is refused, or makes a list that has what its lines say.
func FuzzDownload(f *testing.F) {
	f.Add("", "32CA9FC1A0F5B6330E3F4C8C1BBECDE9BEDB9573:1\r\n5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8:52256372\r\n")
	f.Add("5BAA6", "1E4C9B93F3F0682250B6CF8331B7EE68FD8:2\n1F000000000000000000000000000000000:0")
	f.Add("5baa6", "\r\n")
	f.Add("", strings.Repeat("0", 70_000))
	f.Fuzz(func(t *testing.T, prefix, text string) {
		var file memory
		list, err := hashes.NewWriter(&file, 8)
		if err != nil {
			t.Fatal(err)
		}
		r := reader{job: job{least: 2, partial: true}, list: list}
		if err := r.readLines(t.Context(), "fuzz", prefix, strings.NewReader(text)); err != nil {
			return
		}
		if _, _, err := list.Finish(); err != nil {
			t.Fatal(err)
		}
		l, err := hashes.Open(bytes.NewReader(file.b), int64(len(file.b)))
		if err != nil {
			t.Fatal(err)
		}
		for lines := bufio.NewReader(strings.NewReader(text)); ; {
			line, end := lines.ReadString('\n')
			if end == io.EOF && line == "" {
				return
			}
			line = strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r")
			sum, count, ok := hashes.ParseLine(prefix, []byte(line))
			if found, err := l.Contains(sum); !ok || err != nil || count >= 2 && !found {
				t.Fatalf("%q: %v, %v, %v", line, ok, found, err)
			}
		}
	})
}
