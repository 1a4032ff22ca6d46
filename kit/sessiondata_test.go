package kit

import (
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestSessionData(t *testing.T) {
	at := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for _, d := range []sessionData{
		{amr: []string{}},
		{amr: []string{"pwd"}, authTime: at},
		{amr: []string{"pwd", `o"t\p`, "mfa"}, authTime: at, client: Client{IP: netip.MustParseAddr("2001:db8::1"), UserAgent: "a \"quoted\" ä\u2028"}},
		{amr: []string{"pwd"}, authTime: at, tries: 5, prompts: 3},
	} {
		got, err := decodeSession(d.encode())
		if err != nil || !reflect.DeepEqual(got, d) {
			t.Errorf("%s: got %+v, error %v, want %+v", d.encode(), got, err, d)
		}
	}
	large := sessionData{amr: []string{"pwd"}, client: Client{UserAgent: strings.Repeat("\"", maxUserAgent)}, tries: 5, prompts: 5}
	if n := len(large.encode()); n > MaxTokenData/2 {
		t.Errorf("the data of a session has %d bytes", n)
	}
	if d, err := decodeSession(nil); err != nil || len(d.amr) != 0 || !d.authTime.IsZero() {
		t.Errorf("no data: %+v, %v", d, err)
	}
	if d, err := decodeSession([]byte(`{"amr":["pwd"],"new":{"a":[1]},"auth_time":1}`)); err != nil || d.authTime.Unix() != 1 {
		t.Errorf("a member of a newer version: %+v, %v", d, err)
	}
	for _, corrupt := range []string{`{`, `[]`, `{"amr":["pwd"],"amr":["mfa"]}`, `{"amr":"mfa"}`, `{"amr":[1]}`, `{"auth_time":"now"}`, `{"auth_time":1e300}`, `{"tries":null}`, "{\"user_agent\":\"\xff\"}", `{}x`} {
		if d, err := decodeSession([]byte(corrupt)); err == nil {
			t.Errorf("%s: read as %+v", corrupt, d)
		}
	}
}

// FuzzSessionData: what can be read is written again as the same.
func FuzzSessionData(f *testing.F) {
	f.Add([]byte(`{"amr":["pwd","mfa"],"auth_time":1795000000,"ip":"192.0.2.1","user_agent":"a","tries":1,"prompts":2}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := decodeSession(data)
		if err != nil {
			return
		}
		again, err := decodeSession(d.encode())
		if err != nil || again.authTime != d.authTime || len(again.amr) != len(d.amr) || again.client.UserAgent != d.client.UserAgent || again.client.IP != d.client.IP {
			t.Errorf("%q: read %+v, and again %+v, %v", data, d, again, err)
		}
	})
}
