package mailx

import (
	"bytes"
	"io"
	"net"
	"strings"
	"testing"
	"testing/iotest"
)

type readConn struct {
	net.Conn
	io.Reader
}

func (c readConn) Read(p []byte) (int, error) { return c.Reader.Read(p) }

// Whatever a relay says, mending it changes no more than the case of letters, spaces
// and carriage returns, and no read goes past a line.
func FuzzReplies(f *testing.F) {
	f.Add("220\r\n250-mail\r\n250-starttls\r\n250 auth=login plain\r\n334\r\n", 7)
	f.Add("250\n250-\r\n\r\n25", 1)
	f.Add(strings.Repeat("250 x", 2000), 4096)
	f.Fuzz(func(t *testing.T, said string, size int) {
		answers := newReplies(readConn{Reader: iotest.OneByteReader(strings.NewReader(said))})
		var heard bytes.Buffer
		p := make([]byte, 1+max(0, size)%5000)
		for {
			n, err := answers.Read(p)
			if i := bytes.IndexByte(p[:n], '\n'); i >= 0 && i != n-1 {
				t.Fatalf("one read has %q", p[:n])
			}
			if heard.Write(p[:n]); err == io.EOF {
				break
			} else if err != nil && heard.Len() >= maxRepliesBytes-4096 {
				return
			} else if err != nil || n == 0 {
				t.Fatalf("%d bytes, %v", n, err)
			}
		}
		bare := func(s string) string {
			return strings.ToUpper(strings.NewReplacer(" ", "", "\r", "").Replace(strings.ToValidUTF8(s, "")))
		}
		if bare(heard.String()) != bare(said) {
			t.Errorf("%q became %q", said, heard.String())
		}
	})
}
