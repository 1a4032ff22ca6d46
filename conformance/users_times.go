package conformance

import (
	"fmt"
	"time"

	"myauth.internal/kit"
)

const (
	sameInstantQuote = "times as the same instant in UTC to the microsecond or better"
	extremesQuote    = "(the zero Time and the year 9999 included)"
)

// zones are the time zones in which the suite hands over instants.
var zones = []*time.Location{
	time.FixedZone("CEST", 2*60*60),
	time.FixedZone("", -(11*60*60 + 30*60)),
	time.FixedZone("ahead", 14*60*60),
	time.FixedZone("seconds", 17),
	time.FixedZone("UTC", 60*60), // a name that lies
}

// extremes are the first and last times that a store may see, and others at
// which a representation breaks: the Unix epoch, the last second of int32, the
// bounds of int64 nanoseconds.
var extremes = []time.Time{
	{},
	time.Date(1, 1, 1, 0, 0, 0, 1000, time.UTC),
	time.Date(1582, 10, 10, 0, 0, 0, 0, time.UTC),
	time.Date(1677, 9, 21, 0, 0, 0, 0, time.UTC),
	time.Date(1969, 12, 31, 23, 59, 59, 999999000, time.UTC),
	time.Unix(0, 0),
	time.Date(2038, 1, 19, 3, 14, 8, 0, time.UTC),
	time.Date(2262, 4, 12, 0, 0, 0, 0, time.UTC),
	time.Date(9999, 12, 31, 23, 59, 59, 999999000, time.UTC),
}

// offGrid returns a time between two steps of the store's precision, or one on
// the grid of nanoseconds when that is the precision.
func offGrid(step int) time.Time { return epoch.Truncate(time.Second).Add(time.Duration(step)) }

var userTimeRules = []rule{
	{
		id:    "users/times/precision",
		quote: sameInstantQuote,
		prove: func(p *probe) {
			var users []kit.User
			for i, nanos := range []int{1000, 999_000, 1_000_000, 1_001_000, 123_456_000, 999_999_000, 1, 499, 500, 999, 123_456_789, 999_999_499} {
				u := newUser(fmt.Sprintf("n%d", i))
				u.CreatedAt, u.UpdatedAt = offGrid(nanos), offGrid(nanos).Add(time.Hour)
				users = append(users, u)
			}
			p.storeUsers(users)
		},
	},
	{
		id:    "users/times/utc",
		quote: "the same instant in UTC",
		prove: func(p *probe) {
			for i, zone := range append(zones, time.UTC) {
				u := newUser(fmt.Sprintf("n%d", i))
				u.CreatedAt, u.UpdatedAt = u.CreatedAt.In(zone), u.UpdatedAt.In(zone)
				p.addUser(p.a, u)
				p.checkUserZone(u.ID, u.Email, "after Create")
				p.must(p.b.Users.Update(p.ctx(), u), "Update")
				p.checkUserZone(u.ID, u.Email, "after Update")
			}
		},
	},
	{
		id:    "users/times/same-instant",
		quote: "times as the same instant",
		prove: func(p *probe) {
			var users []kit.User
			for i, zone := range zones {
				u := newUser(fmt.Sprintf("n%d", i))
				u.CreatedAt, u.UpdatedAt = u.CreatedAt.In(zone), u.UpdatedAt.In(zone)
				users = append(users, u)
			}
			p.storeUsers(users)
		},
	},
	{
		id:    "users/times/extremes",
		quote: extremesQuote,
		prove: func(p *probe) {
			var users []kit.User
			for i, at := range extremes {
				u, other := newUser(fmt.Sprintf("n%d", i)), newUser(fmt.Sprintf("m%d", i))
				u.CreatedAt, other.UpdatedAt = at, at
				users = append(users, u, other)
			}
			p.storeUsers(users)
		},
	},
}

// checkUserZone wants every time of the user in UTC.
func (p *probe) checkUserZone(id, email, when string) {
	for _, h := range p.both() {
		got, err := h.Users.ByID(p.ctx(), id)
		p.must(err, "ByID of %s", brief(id))
		p.wantUTC(got.CreatedAt, "CreatedAt from ByID %s", when)
		p.wantUTC(got.UpdatedAt, "UpdatedAt from ByID %s", when)
		got, err = h.Users.ByEmail(p.ctx(), email)
		p.must(err, "ByEmail of %s", brief(email))
		p.wantUTC(got.CreatedAt, "CreatedAt from ByEmail %s", when)
		p.wantUTC(got.UpdatedAt, "UpdatedAt from ByEmail %s", when)
	}
}

// wantUTC reports a time whose location is not UTC.
func (p *probe) wantUTC(got time.Time, what string, args ...any) {
	if got.Location() != time.UTC {
		p.failf("%s: got %v, in zone %q, want it in time.UTC", fmt.Sprintf(what, args...), got, got.Location())
	}
}
