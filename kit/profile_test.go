package kit_test

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestSettings(t *testing.T) {
	h := newHarness(t)
	u, _ := h.register(testEmail)
	deep := func(n int) json.RawMessage {
		return json.RawMessage(strings.Repeat(`{"a":`, n-1) + "{}" + strings.Repeat("}", n-1))
	}
	big := func(n int) json.RawMessage {
		return json.RawMessage(`{"a":"` + strings.Repeat("x", n-len(`{"a":""}`)) + `"}`)
	}
	for name, ok := range map[string]json.RawMessage{"deep": deep(16), "big": big(16 << 10), "nil": nil, "empty": json.RawMessage("{}")} {
		if _, err := h.SetSettings(t.Context(), u.ID, ok); err != nil {
			t.Error(name, err)
		}
	}
	for name, bad := range map[string]json.RawMessage{
		"too deep": deep(17), "too big": big(16<<10 + 1), "array": json.RawMessage("[]"), "null": json.RawMessage("null"),
		"two": json.RawMessage("{}{}"), "repeated": json.RawMessage(`{"a":1,"a":2}`), "nothing": {},
	} {
		if _, err := h.SetSettings(t.Context(), u.ID, bad); err == nil {
			t.Error(name, "was accepted")
		}
	}
}
