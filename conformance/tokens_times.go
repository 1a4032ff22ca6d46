package conformance

import (
	"fmt"
	"time"

	"myauth.internal/kit"
)

var tokenTimeRules = []rule{
	{
		id:    "tokens/times/precision",
		quote: sameInstantQuote,
		prove: func(p *probe) {
			nanos := []int{1000, 999_000, 1_000_000, 1_001_000, 123_456_000, 999_999_000, 1, 499, 500, 999, 123_456_789, 999_999_499}
			p.storeTokens(eachToken(len(nanos), func(i int, t *kit.Token) {
				for j, field := range timeFields {
					*field.of(t) = offGrid(nanos[i]).Add(time.Duration(j) * time.Hour)
				}
			}))
		},
	},
	{
		id:    "tokens/times/utc",
		quote: "the same instant in UTC",
		prove: func(p *probe) {
			for i, zone := range append(zones, time.UTC) {
				t := newToken(fmt.Sprint("n", i), "ann")
				for _, field := range timeFields {
					*field.of(&t) = field.of(&t).In(zone)
				}
				p.addToken(p.a, t)
				p.checkTokenZone(t.ID, "after Create")
				p.must(p.b.Tokens.Update(p.ctx(), t), "Update")
				p.checkTokenZone(t.ID, "after Update")
			}
		},
	},
	{
		id:    "tokens/times/same-instant",
		quote: "times as the same instant",
		prove: func(p *probe) {
			p.storeTokens(eachToken(len(zones), func(i int, t *kit.Token) {
				for _, field := range timeFields {
					*field.of(t) = field.of(t).In(zones[i])
				}
			}))
		},
	},
	{
		id:    "tokens/times/extremes",
		quote: extremesQuote,
		prove: func(p *probe) {
			n := len(timeFields)
			p.storeTokens(eachToken(n*len(extremes), func(i int, t *kit.Token) {
				*timeFields[i%n].of(t) = extremes[i/n]
			}))
		},
	},
}

// checkTokenZone wants every time of the token in UTC, the zero Time included.
func (p *probe) checkTokenZone(id, when string) {
	for _, h := range p.both() {
		got, err := h.Tokens.ByID(p.ctx(), id)
		p.must(err, "ByID of %s", brief(id))
		list, err := h.Tokens.ByUser(p.ctx(), got.UserID, "", 1000)
		p.must(err, "ByUser of %s", brief(got.UserID))
		for _, t := range append(list, got) {
			for _, field := range timeFields {
				p.wantUTC(*field.of(&t), "%s of a token %s", field.name, when)
			}
		}
	}
}
