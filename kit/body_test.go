package kit

import (
	"encoding/json"
	"errors"
	"testing"
)

// FuzzBody compares what a body is taken for with what encoding/json makes of it.
func FuzzBody(f *testing.F) {
	for _, seed := range []string{
		`{"email":"ada@example.com","username":"Ada","password":"Engine#1843!","user_settings":{"a":[1,2.50,{"b":null}]}}`,
		`{"email":"\u0041\ud83d\ude00","username":null,"password":7}`,
		`{"email":"a","email":"b"}`, `{} {}`, "", "null", "{\"email\":\"\xff\"}", `{"user_settings":[]}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var in Registration
		fields := []Field{
			{Name: "email", Text: &in.Email, Empty: true},
			{Name: "username", Text: &in.Username},
			{Name: "password", Text: (*string)(&in.Password), Empty: true},
			{Name: "user_settings", Object: &in.Settings, Optional: true},
		}
		err := Body{JSON: data}.fill(fields)
		var reference map[string]json.RawMessage
		refErr := json.Unmarshal(data, &reference)
		if err != nil {
			var p *Problem
			if !errors.As(err, &p) || p.Code != "malformed_request" {
				t.Fatalf("got %v", err)
			}
			return
		}
		if refErr != nil || reference == nil {
			t.Fatalf("accepted, but encoding/json says %v", refErr)
		}
		for _, fd := range fields {
			raw, given := reference[fd.Name]
			switch fd.fault {
			case CodeRequired:
				if given && string(raw) != `""` {
					t.Errorf("%s is there: %s", fd.Name, raw)
				}
			case CodeInvalidType:
				if want := map[bool]byte{true: '{', false: '"'}[fd.Object != nil]; !given || raw[0] == want {
					t.Errorf("%s is of the right type: %s", fd.Name, raw)
				}
			case "":
				if fd.Object != nil {
					if string(*fd.Object) != string(raw) {
						t.Errorf("%s is %s, want %s", fd.Name, *fd.Object, raw)
					}
					continue
				}
				var want string
				if err := json.Unmarshal(raw, &want); err != nil || want != *fd.Text {
					t.Errorf("%s is %q, want %q (%v)", fd.Name, *fd.Text, want, err)
				}
			default:
				t.Errorf("fault %q", fd.fault)
			}
		}
	})
}
