package provider

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestCheck: metadata that a sign-in could use is right, and what is wrong with others is said.
func TestCheck(t *testing.T) {
	metadata := ""
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, metadata)
	}))
	defer server.Close()
	f, err := New("https://app.example.com/auth", []string{"https://app.example.com/done"},
		OpenIDConnect(Config{Name: "acme", Label: "Acme", Issuer: server.URL, ClientID: "app", AllowPrivate: true}),
		GitHub(Config{ClientID: "app", ClientSecret: "secret"}))
	if err != nil {
		t.Fatal(err)
	}
	right := `{"issuer":"` + server.URL + `","authorization_endpoint":"` + server.URL + `/a","token_endpoint":"` + server.URL + `/t","jwks_uri":"` + server.URL + `/k"}`
	for _, c := range []struct{ name, metadata, want string }{
		{"acme", right, ""},
		{"acme", strings.Replace(right, server.URL, "https://elsewhere.example", 1), "metadata"},
		{"acme", "<html>", "metadata"},
		{"github", "", ""},
		{"nobody", "", "no provider"},
	} {
		metadata = c.metadata
		if err := f.Check(t.Context(), c.name); (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s with %s: %v, want %q", c.name, c.metadata, err, c.want)
		}
	}
	server.Close()
	if err := f.Check(t.Context(), "acme"); err == nil {
		t.Error("a provider that does not answer is right")
	}
}
