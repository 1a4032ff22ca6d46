package conformance

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"time"
)

// keeps is a case that a store passes when each of the records comes back as it was stored,
// by Create and by Update.
func keeps(id, quote string, records func() []record) rule {
	return rule{id: id, quote: quote, prove: func(p *probe) {
		for _, r := range records() {
			if err := r.clone().create(p.ctx(), p.a); err != nil {
				p.failf("Create of %s: got error %v, want none", describe(r), err)
				continue
			}
			p.check(r, "after Create")
			p.must(r.delete(p.ctx(), p.a), "Delete")
			if v, _ := r.numbers(); *v == math.MaxInt64 {
				continue // there is no Version after this one
			}
			p.add(p.b, r.bare())
			if err := r.clone().update(p.ctx(), p.b); err != nil {
				p.failf("Update to %s: got error %v, want none", describe(r), err)
			} else {
				bump(r)
				p.check(r, "after Update")
			}
			p.must(r.delete(p.ctx(), p.a), "Delete")
		}
	}}
}

// valueRules are what must come back as it was stored.
func valueRules(k kind) []rule {
	// each returns n records, altered by change.
	each := func(n int, change func(i int, r record)) func() []record {
		return func() []record {
			records := make([]record, n)
			for i := range records {
				records[i] = k.fresh(fmt.Sprint("n", i))
				change(i, records[i])
			}
			return records
		}
	}
	return []rule{
		keeps(k.name+"/values/every-field", fillsInNothing, func() []record {
			return append(k.odd(), k.fresh("full"), k.fresh("bare").bare())
		}),
		keeps(k.name+"/values/unicode", everyString, func() []record {
			var records []record
			for i, text := range texts {
				records = append(records, k.texted(fmt.Sprint("n", i), text))
			}
			return records
		}),
		keeps(k.name+"/values/integers", everyInteger, each(len(integers), func(i int, r record) {
			fieldsOf(r, func(_ string, field any) {
				if n, ok := field.(*int64); ok {
					*n = integers[i]
				}
			})
		})),
		keeps(k.name+"/values/empty-slices", emptyIsNil, func() []record {
			var records []record
			_, fields := slicesOf(k.fresh(""))
			for i := range 2 * (len(fields) + 1) { // all of them, then each alone: empty, and nil
				r := k.fresh(fmt.Sprint("n", i))
				_, slices := slicesOf(r)
				for only, s := range slices {
					if i < 2 || only == i/2-1 {
						s.Set(reflect.MakeSlice(s.Type(), 0, 0))
						if i%2 == 1 {
							s.SetZero()
						}
					}
				}
				records = append(records, r)
			}
			return records
		}),
		keeps(k.name+"/times/instants", sameInstants, each(len(times), func(i int, r record) {
			_, fields := timeFields(r)
			for j, field := range fields {
				*field = times[(i+j)%len(times)]
			}
		})),
		{id: k.name + "/times/utc", quote: sameInstants, prove: func(p *probe) {
			for i, zone := range append(zones, time.UTC) {
				r := k.fresh(fmt.Sprint("n", i))
				names, fields := timeFields(r)
				for _, field := range fields {
					*field = field.In(zone)
				}
				p.add(p.a, r)
				p.must(r.update(p.ctx(), p.b), "Update")
				for _, h := range p.both() {
					for _, way := range ways(r) {
						got, err := way.read(p.ctx(), h)
						p.must(err, "%s through handle %s", way.method, h.name)
						_, fields := timeFields(got)
						for n, field := range fields {
							if field.Location() != time.UTC {
								p.failf("%s from %s through handle %s: got %v, in zone %q, want it in time.UTC", names[n], way.method, h.name, field, field.Location())
							}
						}
					}
				}
			}
		}},
	}
}

// integers are the edges of int64, and what a float64 or an int32 cannot hold.
var integers = []int64{
	0, 1, -1, math.MaxInt32, math.MaxInt32 + 1, math.MinInt32, math.MinInt32 - 1, math.MaxUint32, math.MaxUint32 + 1,
	1<<53 - 1, 1 << 53, 1<<53 + 1, -(1<<53 + 1), math.MaxInt64 - 1, math.MaxInt64, math.MinInt64, math.MinInt64 + 1,
}

// zones are the time zones in which the suite hands over times.
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

// times are the extremes, one instant in every zone, and others on the grid of a
// microsecond and off it.
var times = func() []time.Time {
	all := slices.Clone(extremes)
	for _, zone := range zones {
		all = append(all, epoch.In(zone))
	}
	for _, nanos := range []time.Duration{1000, 999_000, 1_000_000, 1_001_000, 123_456_000, 999_999_000, 1, 499, 500, 999, 123_456_789, 999_999_499} {
		all = append(all, epoch.Truncate(time.Second).Add(nanos))
	}
	return all
}()
