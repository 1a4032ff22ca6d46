package conformance

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"strings"

	"myauth.internal/kit"
)

// userValueFlaws are about what comes back.
var userValueFlaws = []flaw{
	{name: "trims strings", by: "users/values/unicode", alter: func(f *fake) {
		f.userIn(func(u *kit.User) { u.Username = strings.TrimSpace(u.Username) })
	}},
	{name: "normalises strings", by: "users/values/unicode", alter: func(f *fake) {
		f.userIn(func(u *kit.User) { u.Username = compose.Replace(u.Username) })
	}},
	{name: "keeps no character of four bytes", by: "users/values/unicode", alter: func(f *fake) {
		f.userIn(func(u *kit.User) {
			u.Username = strings.Map(func(r rune) rune {
				if r > 0xffff {
					return '?'
				}
				return r
			}, u.Username)
		})
	}},
	{name: "turns CRLF into LF", by: "users/values/unicode", alter: func(f *fake) {
		f.userIn(func(u *kit.User) { u.Username = strings.ReplaceAll(u.Username, "\r\n", "\n") })
	}},
	{name: "drops the byte order mark", by: "users/values/unicode", alter: func(f *fake) {
		f.userIn(func(u *kit.User) { u.Username = strings.TrimPrefix(u.Username, "\ufeff") })
	}},
	{name: "takes the string null for nothing", by: "users/values/unicode", alter: func(f *fake) {
		f.userIn(func(u *kit.User) {
			if u.Username == "null" {
				u.Username = ""
			}
		})
	}},
	{name: "escapes HTML", by: "users/values/unicode", alter: func(f *fake) {
		f.userIn(func(u *kit.User) { u.Username = strings.ReplaceAll(u.Username, "<", "&lt;") })
	}},
	{name: "counts the length of strings in bytes", by: "users/values/unicode", alter: func(f *fake) {
		f.userIn(func(u *kit.User) { u.Username = u.Username[:min(len(u.Username), 128)] })
	}},
	{name: "cuts long password hashes", by: "users/values/unicode", alter: func(f *fake) {
		f.userIn(func(u *kit.User) { u.PasswordHash = u.PasswordHash[:min(len(u.PasswordHash), 60)] })
	}},
	{name: "sorts roles", by: "users/values/roles-order", alter: func(f *fake) {
		f.userIn(func(u *kit.User) { slices.Sort(u.Roles) })
	}},
	{name: "takes roles that differ in case for one", by: "users/values/roles-order", alter: func(f *fake) {
		f.userIn(func(u *kit.User) { u.Roles = slices.CompactFunc(u.Roles, strings.EqualFold) })
	}},
	{name: "joins roles by commas", by: "users/values/roles-order", alter: func(f *fake) {
		f.userIn(func(u *kit.User) {
			if len(u.Roles) > 0 {
				u.Roles = strings.Split(strings.Join(u.Roles, ","), ",")
			}
		})
	}},
	{name: "keeps at most 100 roles", by: "users/values/roles-order", alter: func(f *fake) {
		f.userIn(func(u *kit.User) { u.Roles = u.Roles[:min(len(u.Roles), 100)] })
	}},
	{name: "keeps at most 8 KiB of settings", by: "users/values/settings-bytes", alter: func(f *fake) {
		f.userIn(func(u *kit.User) { u.Settings = u.Settings[:min(len(u.Settings), 8<<10)] })
	}},
	{name: "decodes settings and encodes them again", by: "users/values/settings-bytes", alter: func(f *fake) {
		f.userIn(func(u *kit.User) {
			var v map[string]any
			if json.Unmarshal(u.Settings, &v) == nil {
				u.Settings, _ = json.Marshal(v)
			}
		})
	}},
	{name: "decodes settings with exact numbers and encodes them again", by: "users/values/settings-bytes", alter: func(f *fake) {
		f.userIn(func(u *kit.User) {
			d := json.NewDecoder(bytes.NewReader(u.Settings))
			d.UseNumber()
			var v map[string]any
			if d.Decode(&v) == nil {
				u.Settings, _ = json.Marshal(v)
			}
		})
	}},
	{name: "compacts settings", by: "users/values/settings-bytes", alter: func(f *fake) {
		f.userIn(func(u *kit.User) {
			var b bytes.Buffer
			if json.Compact(&b, u.Settings) == nil {
				u.Settings = b.Bytes()
			}
		})
	}},
	{name: "escapes HTML in settings", by: "users/values/settings-bytes", alter: func(f *fake) {
		f.userIn(func(u *kit.User) {
			var b bytes.Buffer
			json.HTMLEscape(&b, u.Settings)
			u.Settings = b.Bytes()
		})
	}},
	{name: "keeps settings at most 8 levels deep", by: "users/values/settings-bytes", alter: func(f *fake) {
		f.userIn(func(u *kit.User) {
			if bytes.Count(u.Settings, []byte("{")) > 8 && len(u.Settings) < 1000 {
				u.Settings = json.RawMessage(`{}`)
			}
		})
	}},
	{name: "turns no settings into an empty object", by: "users/values/empty-slices", alter: func(f *fake) {
		f.userIn(func(u *kit.User) {
			if len(u.Settings) == 0 {
				u.Settings = json.RawMessage(`{}`)
			}
		})
	}},
	{name: "turns no settings into null", by: "users/values/empty-slices", alter: func(f *fake) {
		f.userOut(func(u *kit.User) {
			if len(u.Settings) == 0 {
				u.Settings = json.RawMessage(`null`)
			}
		})
	}},
	{name: "turns no roles into one empty role", by: "users/values/empty-slices", alter: func(f *fake) {
		f.userIn(func(u *kit.User) {
			if len(u.Roles) == 0 {
				u.Roles = strings.Split("", ",")
			}
		})
	}},
	{name: "gives users without roles a default role", by: "users/values/every-field", alter: func(f *fake) {
		f.userIn(func(u *kit.User) {
			if len(u.Roles) == 0 {
				u.Roles = []string{"user"}
			}
		})
	}},
	{name: "drops Verified", by: "users/values/every-field", alter: func(f *fake) { f.userIn(func(u *kit.User) { u.Verified = false }) }},
	{name: "makes every user active", by: "users/values/every-field", alter: func(f *fake) { f.userIn(func(u *kit.User) { u.Active = true }) }},
	{name: "drops the password hash in ByID", by: "users/values/every-field", alter: func(f *fake) {
		byID := f.byID
		f.byID = func(ctx context.Context, id string) (kit.User, error) {
			u, err := byID(ctx, id)
			u.PasswordHash = ""
			return u, err
		}
	}},
	{name: "stores the redacted form of the password hash", by: "users/values/every-field", alter: func(f *fake) {
		f.userIn(func(u *kit.User) {
			text, _ := u.PasswordHash.MarshalText()
			u.PasswordHash = kit.Secret(text)
		})
	}},
	{name: "keeps SessionEpoch in an int32", by: "users/values/integers", alter: func(f *fake) {
		f.userIn(func(u *kit.User) { u.SessionEpoch = int64(int32(u.SessionEpoch)) })
	}},
	{name: "keeps CredentialEpoch in an int32", by: "users/values/integers", alter: func(f *fake) {
		f.userIn(func(u *kit.User) { u.CredentialEpoch = int64(int32(u.CredentialEpoch)) })
	}},
	{name: "knows no CredentialEpoch", by: "users/values/every-field", alter: func(f *fake) { f.userOut(func(u *kit.User) { u.CredentialEpoch = 0 }) }},
	{name: "knows no Private", by: "users/values/every-field", alter: func(f *fake) { f.userOut(func(u *kit.User) { u.Private = nil }) }},
	{name: "sorts factors", by: "users/values/roles-order", alter: func(f *fake) { f.userIn(func(u *kit.User) { slices.Sort(u.Factors) }) }},
	{name: "keeps settings and Private in one place", by: "users/values/settings-bytes", alter: func(f *fake) { f.userIn(func(u *kit.User) { u.Private = u.Settings }) }},
	{name: "forgets Factors in an Update", by: "users/update/replaces", alter: func(f *fake) {
		f.withOld(func(u *kit.User, old kit.User) { u.Factors = old.Factors })
	}},
	{name: "keeps SessionEpoch in a float64", by: "users/values/integers", alter: func(f *fake) {
		f.userIn(func(u *kit.User) { u.SessionEpoch = int64(float64(u.SessionEpoch)) })
	}},
	{name: "keeps no negative SessionEpoch", by: "users/values/integers", alter: func(f *fake) {
		f.userIn(func(u *kit.User) { u.SessionEpoch = max(u.SessionEpoch, 0) })
	}},
	{name: "compares versions as float64", by: "users/update/version", alter: func(f *fake) {
		f.withOld(func(u *kit.User, old kit.User) {
			if float64(old.Version) == float64(u.Version) {
				u.Version = old.Version
			}
		})
	}},
}
