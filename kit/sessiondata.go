package kit

import (
	"net/netip"
	"strconv"
	"time"

	"myauth.internal/kit/ijson"
)

// sessionData is what the record of a session, and of a login between two factors, says in
// Token.Data: how its user logged in, when and from where.
type sessionData struct {
	amr      []string
	authTime time.Time
	client   Client
	device   string // the ID of its record
	// remembered: that device remembered the second factor, which amr therefore lacks.
	remembered bool
	// tries and prompts count the answers and the challenges between two factors.
	tries, prompts int64
	// session is the session that is re-authenticated; empty: a login makes a new one.
	session string
}

// encode returns the JSON form, which a newer version may add members to.
func (d sessionData) encode() []byte {
	b := append(make([]byte, 0, 96+len(d.client.UserAgent)), `{"amr":[`...)
	for i, method := range d.amr {
		if i > 0 {
			b = append(b, ',')
		}
		b = ijson.AppendString(b, method)
	}
	b = strconv.AppendInt(append(b, `],"auth_time":`...), d.authTime.Unix(), 10)
	if d.client.IP.IsValid() {
		b = append(d.client.IP.AppendTo(append(b, `,"ip":"`...)), '"')
	}
	if d.client.UserAgent != "" {
		b = ijson.AppendString(append(b, `,"user_agent":`...), d.client.UserAgent)
	}
	if d.device != "" {
		b = ijson.AppendString(append(b, `,"device":`...), d.device)
	}
	if d.remembered {
		b = append(b, `,"remembered":true`...)
	}
	if d.tries > 0 {
		b = strconv.AppendInt(append(b, `,"tries":`...), d.tries, 10)
	}
	if d.prompts > 0 {
		b = strconv.AppendInt(append(b, `,"prompts":`...), d.prompts, 10)
	}
	if d.session != "" {
		b = ijson.AppendString(append(b, `,"session":`...), d.session)
	}
	return append(b, '}')
}

// lacksFactor reports whether the session of u is older than the second factor.
func (d sessionData) lacksFactor(u User) bool { return factorDue(u, d.amr) && !d.remembered }

// decodeSession reads what encode wrote. A session without Data is one that is never recent and
// has no second factor.
func decodeSession(data []byte) (d sessionData, err error) {
	if len(data) == 0 {
		return d, nil
	}
	err = ijson.Object(data, 4, func(name, value []byte) error {
		var err error
		switch string(name) {
		case "amr":
			if string(value) == `["pwd"]` { // most of them
				d.amr = passwordAMR
				return nil
			}
			d.amr, err = ijson.Strings(value)
		case "auth_time":
			var seconds int64
			seconds, err = ijson.Int64(value)
			d.authTime = time.Unix(seconds, 0).UTC()
		case "ip":
			var text string
			text, err = ijson.String(value)
			ip, _ := netip.ParseAddr(text)
			d.client.IP = ip.WithZone("")
		case "user_agent":
			d.client.UserAgent, err = ijson.String(value)
		case "device":
			d.device, err = ijson.String(value)
		case "remembered":
			d.remembered = string(value) == "true"
		case "tries":
			d.tries, err = ijson.Int64(value)
		case "prompts":
			d.prompts, err = ijson.Int64(value)
		case "session":
			d.session, err = ijson.String(value)
		}
		return err
	})
	return d, err
}
