package redis

import (
	"bytes"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"myauth.internal/kit"
)

var moment = time.Date(2026, 11, 5, 12, 30, 0, 123456000, time.UTC)

// The bytes of a record are part of the schema: what is stored stays readable.
func TestRecordBytes(t *testing.T) {
	u := kit.User{
		Email: "A@b.c", Username: "n", PasswordHash: "h", Roles: []string{"r", ""}, Settings: []byte("{}"),
		Verified: true, Active: true, SessionEpoch: -1, CreatedAt: time.UnixMicro(64), UpdatedAt: time.UnixMicro(-65), Version: 258,
	}
	want := "\x01" + "\x00\x00\x00\x00\x00\x00\x01\x03" + "\x00\x00\x00\x05A@b.c" +
		"\x01\x01n" + "\x02\x01h" + "\x03\x01r" + "\x03\x00" + "\x04\x02{}" + "\x05\x01\x03" + "\x06\x01\x01" + "\x07\x02\x80\x01" + "\x08\x02\x81\x01"
	if got := encodeUser(&u, 259); string(got) != want {
		t.Errorf("user\n got %q\nwant %q", got, want)
	}
	token := kit.Token{
		Type: "t", UserID: "u", SessionID: "s", Epoch: 1, SecretHash: []byte{1}, PreviousHash: []byte{2}, Salt: []byte{3},
		CreatedAt: time.UnixMicro(0), RotatedAt: time.UnixMicro(1), ExpiresAt: time.UnixMicro(2), RevokedAt: time.UnixMicro(3), Version: -1,
	}
	want = "\x01" + "\xff\xff\xff\xff\xff\xff\xff\xff" + "\x80\x00\x00\x00\x00\x00\x00\x02" + "\x00\x00\x00\x01u" + "\x00\x00\x00\x01t" +
		"\x01\x01s" + "\x02\x01\x02" + "\x03\x01\x01" + "\x04\x01\x02" + "\x05\x01\x03" + "\x06\x01\x00" + "\x07\x01\x02" + "\x08\x01\x06"
	if got := encodeToken(&token); string(got) != want {
		t.Errorf("token\n got %q\nwant %q", got, want)
	}
}

// What a later version adds is passed over.
func TestUnknownFields(t *testing.T) {
	u := kit.User{ID: "1", Email: "a@b.c", Username: "n", CreatedAt: moment, UpdatedAt: moment, Version: 7}
	record := append(encodeUser(&u, 7), 200, 3, 'n', 'e', 'w')
	if got, err := decodeUser("1", string(record)); err != nil || !reflect.DeepEqual(got, u) {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestTokenRoundTrip(t *testing.T) {
	for _, when := range []time.Time{{}, moment, time.UnixMicro(0).UTC(), time.UnixMicro(-1).UTC(), time.Date(9999, 12, 31, 23, 59, 59, 999999000, time.UTC)} {
		for _, n := range []int64{0, 1, -1, math.MaxInt64, math.MinInt64, 1<<53 + 1} {
			want := kit.Token{
				ID: "\xff\x00", Type: "\x00", UserID: "u\x00\xff", SessionID: "s", Epoch: n, SecretHash: []byte{0}, Salt: []byte{255},
				CreatedAt: when, RotatedAt: when, ExpiresAt: when, RevokedAt: when, Version: n,
			}
			if got, err := decodeToken(want.ID, string(encodeToken(&want))); err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("got %#v, %v", got, err)
			}
		}
	}
}

// No part of a record passes for one, and nothing panics.
func TestCutRecords(t *testing.T) {
	u := kit.User{Email: "a@b.c", Username: "n", Roles: []string{"r"}, Verified: true, SessionEpoch: 5, CreatedAt: moment, Version: 1}
	whole := string(encodeUser(&u, 1))
	for i := range 1 + 8 + 4 + len(u.Email) {
		if got, err := decodeUser("", whole[:i]); err == nil {
			t.Errorf("the first %d bytes were read as %+v", i, got)
		}
	}
	for _, bad := range []string{"", "\x02" + whole[1:], whole + "\x01", whole + "\x01\x05a", whole + "\x06\x00", whole + "\x06\x02\x01\x01", whole + "\x05\x02\x01\x01",
		whole + "\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", whole + "\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"} {
		if got, err := decodeUser("", bad); err == nil {
			t.Errorf("%q was read as %+v", bad, got)
		}
	}
}

func FuzzDecode(f *testing.F) {
	u := kit.User{Email: "a@b.c", Roles: []string{"r"}, CreatedAt: moment}
	token := kit.Token{UserID: "u", Type: "t", ExpiresAt: moment, Salt: []byte{1}}
	f.Add(string(encodeUser(&u, 1)))
	f.Add(string(encodeToken(&token)))
	f.Fuzz(func(t *testing.T, record string) {
		if u, err := decodeUser("id", record); err == nil {
			if again, err := decodeUser("id", string(encodeUser(&u, u.Version))); err != nil || !reflect.DeepEqual(normal(u), normal(again)) {
				t.Errorf("user %q: %+v, then %+v, %v", record, u, again, err)
			}
		}
		if token, err := decodeToken("id", record); err == nil {
			if again, err := decodeToken("id", string(encodeToken(&token))); err != nil || token.UserID != again.UserID || !token.ExpiresAt.Equal(again.ExpiresAt) || token.Version != again.Version {
				t.Errorf("token %q: %v, then %v, %v", record, token, again, err)
			}
		}
	})
}

// normal is u with nil for empty slices.
func normal(u kit.User) kit.User {
	if len(u.Settings) == 0 {
		u.Settings = nil
	}
	return u
}

// Entries of the expiry index sort as times do, and its end is exact.
func TestExpiryOrder(t *testing.T) {
	times := []time.Time{{}, time.UnixMicro(-1 << 53), time.UnixMicro(-1), time.UnixMicro(0), time.UnixMicro(1), moment, moment.Add(time.Microsecond),
		time.UnixMicro(1<<53 - 1), time.UnixMicro(1 << 53), time.UnixMicro(1<<53 + 1), time.Date(9999, 12, 31, 23, 59, 59, 999999000, time.UTC)}
	for i, a := range times {
		for j, b := range times {
			if got := bytes.Compare(appendExpiry(nil, a), appendExpiry(nil, b)); got != a.Compare(b) {
				t.Errorf("%v and %v compare as %d", a, b, got)
			}
			end := expiredBefore(b)
			if expired := string(appendExpiry(nil, a))+"\xff\xff" < end[1:]; expired != (i <= j) {
				t.Errorf("%v is expired at %v: %v", a, b, expired)
			}
		}
	}
	if end := expiredBefore(time.UnixMicro(math.MaxInt64)); end != "+" {
		t.Errorf("at the end of time: %q", end)
	}
}

func TestPartitionsAreUsedEvenly(t *testing.T) {
	k := newKeys("p")
	counts := map[*partition]int{}
	for i := range 16000 {
		counts[k.partitionOf("id-"+string(rune('a'+i%26))+strings.Repeat("x", i%7)+time.UnixMicro(int64(i)).String())]++
	}
	if len(counts) != partitions || slices.Min(slices.Collect(maps.Values(counts))) < 800 {
		t.Errorf("counts %v", counts)
	}
	if p := k.partitionOf("AAAAAAAAAAAAAAAAAAAAAA"); p.records != "{p:tokens:11.13}:records" {
		t.Errorf("the partition of a token has changed to %s: nobody finds the stored ones any more", p.records)
	}
}

// Whatever the prefix is, each sixteenth of the slots has one partition.
func TestPartitionsLieFarApart(t *testing.T) {
	for _, prefix := range []string{"myauth", "a", strings.Repeat("x", 64), "test-Ab1:"} {
		for i := range partitions {
			tag := tokensTag(prefix, i)
			if slot := slotOf(tag); slot < i*1024 || slot >= (i+1)*1024 || !strings.HasPrefix(tag, prefix+":tokens:") {
				t.Errorf("partition %d of %s lies at %s in slot %d", i, prefix, tag, slot)
			}
		}
	}
	if got := slotOf("123456789"); got != 0x31C3%16384 { // the check value of CRC-16/XMODEM
		t.Errorf("slot %d", got)
	}
}
