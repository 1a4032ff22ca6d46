package provider

import (
	"strings"
	"testing"
	texttemplate "text/template"
)

// TestMails: each kind has a text, which has what the mail is for, with or without a name.
func TestMails(t *testing.T) {
	data := map[string]any{"ProductName": "Example", "Link": "https://app.example.com/x?token=y", "ValidFor": "1 hour", "Data": map[string]string{"provider": "Acme", "name": ""}}
	for _, rule := range mails {
		for _, name := range []string{"", "Ada Lovelace"} {
			data["Data"].(map[string]string)["name"] = name
			var text strings.Builder
			for _, source := range []string{rule.Subject, "\n", rule.Text} {
				parsed, err := texttemplate.New("").Option("missingkey=error").Parse(source)
				if err == nil {
					err = parsed.Execute(&text, data)
				}
				if err != nil {
					t.Fatalf("%s: %v", rule.Kind, err)
				}
			}
			confirms := rule.Kind == MailConfirm
			for part, want := range map[string]bool{"Acme": true, "https://": confirms, "Ada": confirms && name != "", "<no value>": false} {
				if strings.Contains(text.String(), part) != want {
					t.Errorf("%s, with the name %q, has %q: %v, want %v:\n%s", rule.Kind, name, part, !want, want, text.String())
				}
			}
			if rule.Notice == confirms {
				t.Errorf("%s is a notice: %v", rule.Kind, rule.Notice)
			}
		}
	}
}
