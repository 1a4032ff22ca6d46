package mailx

import (
	"bufio"
	"bytes"
	"errors"
	"net"
)

// replies reads a relay's replies line by line, and corrects two forms that RFC 5321
// allows and the libraries do not read: a code without text (section 4.2), at which
// package textproto fails, and EHLO keywords in lower case (section 2.4), which go-smtp
// does not find. A read never goes past the end of a line, so one reader after another
// can use the connection.
//
// It limits the bytes of all replies: the libraries would collect an endless one.
type replies struct {
	net.Conn
	lines *bufio.Reader
	rest  []byte // of the line that is being read
	left  int    // bytes
}

// maxRepliesBytes is far more than the replies of one delivery need.
const maxRepliesBytes = 64 << 10

func newReplies(conn net.Conn) *replies {
	return &replies{Conn: conn, lines: bufio.NewReader(conn), left: maxRepliesBytes}
}

func (r *replies) Read(p []byte) (int, error) {
	if len(r.rest) == 0 {
		line, err := r.lines.ReadSlice('\n')
		if len(line) == 0 {
			return 0, err
		}
		if r.left -= len(line); r.left < 0 {
			return 0, errors.New("the relay says too much")
		}
		// An error comes again at the next call; a line longer than the buffer
		// arrives in pieces, and go-smtp refuses it.
		r.rest = correctReply(line)
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

func correctReply(line []byte) []byte {
	text := bytes.TrimRight(line, "\r\n")
	if len(text) == 3 && bytes.HasSuffix(line, []byte("\n")) {
		return []byte(string(text) + " \r\n")
	}
	// Nothing reads the text of a 250 that does not answer EHLO.
	if len(text) > 4 && bytes.HasPrefix(text, []byte("250")) {
		for i, b := range text[4:] {
			if b == ' ' {
				break
			}
			if 'a' <= b && b <= 'z' {
				text[4+i] -= 'a' - 'A'
			}
		}
	}
	return line
}
