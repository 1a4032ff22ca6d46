package kit

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/netip"
	"slices"
	"time"

	"myauth.internal/kit/internal/opaque"
	"myauth.internal/kit/internal/turns"
	"myauth.internal/kit/useragent"
)

// A device is where an account's owner has logged in before. Whoever brings its token is no
// stranger to the throttle: guesses of strangers do not keep them out.

// deviceType is the type of the records of devices, among the credentials.
const deviceType TokenType = "device"

const (
	deviceTTL  = 90 * 24 * time.Hour // after its last login
	maxDevices = 10                  // of one account
	maxSame    = 3                   // of those with one user agent and source
	// deviceTouch is how old the time of the last login may be, which spares a write with most.
	deviceTouch = 24 * time.Hour
	// newAccount is how long after its making an account's first device is no news.
	newAccount = 24 * time.Hour
)

// deviceData is what the record of a device says in Token.Data.
type deviceData struct {
	// Password is a hash of the password hash, so that a device dies with the password: in the
	// same write.
	Password  string     `json:"password"`
	IP        netip.Addr `json:"ip"`
	UserAgent string     `json:"user_agent"`
	// Remembered is the factorMark of the time when the second factor was given there, to be
	// remembered, and RememberedAt that time, in seconds since 1970.
	Remembered   string `json:"remembered,omitempty"`
	RememberedAt int64  `json:"remembered_at,omitempty"`
	// Kept says that the client has the token. One that cannot keep it is stored to know where the
	// owner has logged in.
	Kept bool `json:"kept"`
}

func (d deviceData) encode() []byte {
	b, err := json.Marshal(d)
	if err != nil {
		panic(err) // strings and an address
	}
	return b
}

type deviceKey struct{}

// WithDevice returns a context whose client keeps the token of a device, and has this one now;
// empty: none yet. A login within it that makes a device returns TokenPair.DeviceToken. Package
// httpx sets it for clients that can.
func WithDevice(ctx context.Context, token string) context.Context {
	return context.WithValue(ctx, deviceKey{}, token)
}

// device is the device of a login, as its record was read; without one it is zero.
type device struct {
	row  Token
	data deviceData
}

// keepsDevice reports whether the client can keep the token of a device.
func keepsDevice(ctx context.Context) bool {
	_, keeps := ctx.Value(deviceKey{}).(string)
	return keeps
}

// presentedDevice returns the device of the client's token, whoever's it is.
func (s *Service) presentedDevice(ctx context.Context) (device, error) {
	text, _ := ctx.Value(deviceKey{}).(string)
	token, ok := opaque.Parse(devicePrefix, text)
	if !ok {
		return device{}, nil
	}
	d, err := s.readDevice(ctx, token.RowID())
	if err != nil || !sameHash(d.row.SecretHash, token.Hash()) {
		return device{}, err
	}
	return d, nil
}

// readDevice returns a device by its ID. One that has expired is none.
func (s *Service) readDevice(ctx context.Context, id string) (d device, err error) {
	d.row, err = s.credentials.ByID(ctx, id)
	if err != nil || d.row.Type != deviceType || !s.now().Before(d.row.ExpiresAt) || json.Unmarshal(d.row.Data, &d.data) != nil {
		return device{}, ignoreLoss(err) // ErrNotFound: it is gone
	}
	return d, nil
}

// deviceByID returns a device of u.
func (s *Service) deviceByID(ctx context.Context, u User, id string) (device, error) {
	if id == "" {
		return device{}, nil
	}
	d, err := s.readDevice(ctx, id)
	if err != nil || !d.of(u) {
		return device{}, err
	}
	return d, nil
}

// of reports whether d is a device of u, and u's password is the one of that time.
func (d device) of(u User) bool {
	return d.row.ID != "" && d.row.UserID == u.ID && d.row.Epoch == u.CredentialEpoch && d.data.Password == passwordMark(u)
}

// deviceOf returns the client's device and its account, if that is the one with the address. It
// does not look for the address: whoever has a device of their own could tell from the time of
// a refusal whether there is such an account, as no hash comes before that.
func (s *Service) deviceOf(ctx context.Context, email string) (device, User, error) {
	d, err := s.presentedDevice(ctx)
	if err != nil || d.row.ID == "" {
		return device{}, User{}, err
	}
	u, err := s.users.ByID(ctx, d.row.UserID)
	if errors.Is(err, ErrNotFound) || err == nil && (EmailKey(u.Email) != EmailKey(email) || !d.of(u)) {
		return device{}, User{}, nil
	}
	return d, u, err
}

func passwordMark(u User) string {
	sum := sha256.Sum256([]byte("device\x00" + u.PasswordHash))
	return base64.RawURLEncoding.EncodeToString(sum[:9])
}

// loginDevice returns the device of a login: known, if it is one of u's, or a new one, which is
// not stored yet, and its token. Without an ID there is none: nothing is known of where a login
// of the application's own comes from.
func (s *Service) loginDevice(ctx context.Context, u User, known device) (d device, token Secret) {
	if known.of(u) {
		return known, ""
	}
	client, kept := ClientOf(ctx), keepsDevice(ctx)
	if client == (Client{}) && !kept {
		return device{}, ""
	}
	now := s.now()
	secret := opaque.New(now)
	d.data = deviceData{Password: passwordMark(u), IP: client.IP, UserAgent: client.UserAgent, Kept: kept}
	d.row = Token{
		ID: secret.RowID(), Type: deviceType, UserID: u.ID, Epoch: u.CredentialEpoch, SecretHash: secret.Hash(),
		CreatedAt: now, ExpiresAt: now.Add(deviceTTL), Version: 1,
	}
	return d, Secret(secret.Encode(devicePrefix))
}

// rememberDevice stores that u has logged in from what loginDevice returned, and returns the
// token if it is new and the client can keep it. The login has succeeded, whatever becomes of
// this.
func (s *Service) rememberDevice(ctx context.Context, u User, d device, token Secret) Secret {
	var err error
	ctx = context.WithoutCancel(ctx)
	switch {
	case d.row.ID == "":
	case token == "":
		err = s.touchDevice(ctx, d)
	default:
		err = s.storeDevice(ctx, u, d)
	}
	if err != nil {
		s.opts.Logger.WarnContext(ctx, "myauth: the device of a login was not stored", "user_id", u.ID, "err", err)
	}
	if err != nil || !d.data.Kept {
		return ""
	}
	return token
}

// touchDevice says in a device's record that it was used now.
func (s *Service) touchDevice(ctx context.Context, d device) error {
	now, data := s.now(), d.data.encode()
	if now.Sub(lastUse(d.row)) < deviceTouch && bytes.Equal(d.row.Data, data) {
		return nil
	}
	_, err := s.changeRecord(ctx, s.credentials, d.row, func(t *Token) error {
		t.Data, t.RotatedAt, t.ExpiresAt = data, now, now.Add(deviceTTL)
		return nil
	})
	return ignoreLoss(err)
}

// keepDevices lets devices of a user live on with another hash: the one where its user has changed
// the password, or all when the new hash is of the same password. What it cannot keep is a
// stranger again.
func (s *Service) keepDevices(ctx context.Context, before, u User, keep func(id string) bool) {
	err := eachToken(ctx, s.credentials, u.ID, func(t Token) error {
		d := device{row: t}
		if t.Type != deviceType || !keep(t.ID) || json.Unmarshal(t.Data, &d.data) != nil || !d.of(before) {
			return nil
		}
		d.data.Password = passwordMark(u)
		_, err := s.changeRecord(ctx, s.credentials, t, func(t *Token) error {
			t.Data = d.data.encode()
			return nil
		})
		return ignoreLoss(err)
	})
	if err != nil {
		s.opts.Logger.WarnContext(ctx, "myauth: devices were not kept with a new hash", "user_id", u.ID, "err", err)
	}
}

// storeDevice stores a new device, and tells the owner unless it is as good as known. Records
// that it takes the place of are deleted: those of devices that are the same as far as anybody
// can tell, and of an eleventh. A client that keeps no token needs no second record.
func (s *Service) storeDevice(ctx context.Context, u User, d device) error {
	if !d.data.Kept {
		if same, _, err := s.devices(ctx, d); err != nil || len(same) > 0 {
			return err
		}
	}
	d.row.Data = d.data.encode()
	var same, others []device
	err := s.credentials.Create(ctx, d.row)
	if err == nil {
		same, others, err = s.devices(ctx, d) // after that, so that many logins at once see each other
	}
	known := len(same) > 0 || len(others) == 0 && d.row.CreatedAt.Sub(u.CreatedAt) < newAccount
	if err != nil || !known { // before anything else can fail: the next login from there is known
		s.tellOfDevice(ctx, u, d)
	}
	if err != nil {
		return err // stored perhaps: a device whose token nobody has
	}
	surplus := same[:max(0, len(same)+1-maxSame)]
	left := slices.Concat(same[len(surplus):], others)
	slices.SortFunc(left, leastUse)
	for _, old := range slices.Concat(surplus, left[:max(0, len(left)+1-maxDevices)]) {
		if err := ignoreLoss(s.credentials.Delete(ctx, old.row.ID, old.row.Version)); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) tellOfDevice(ctx context.Context, u User, d device) {
	s.emit(ctx, Event{Kind: EventNewDevice, UserID: u.ID})
	if !u.Verified {
		return // a stranger who registered the address could write to its owner, in a user agent
	}
	ip := ""
	if d.data.IP.IsValid() {
		ip = d.data.IP.String()
	}
	s.queueMailWith(ctx, MailNewDevice, u, MailContent{Data: map[string]string{"device": useragent.Name(d.data.UserAgent), "ip": ip}})
}

// devices returns the devices of a user beside d, dead ones too: those with the same user agent
// and source, and the others.
func (s *Service) devices(ctx context.Context, d device) (same, others []device, err error) {
	err = eachToken(ctx, s.credentials, d.row.UserID, func(t Token) error {
		if t.Type != deviceType || t.ID == d.row.ID {
			return nil
		}
		other := device{row: t}
		if json.Unmarshal(t.Data, &other.data) == nil && other.data.UserAgent == d.data.UserAgent && turns.SourceOf(other.data.IP) == turns.SourceOf(d.data.IP) {
			same = append(same, other)
		} else {
			others = append(others, other)
		}
		return nil
	})
	slices.SortFunc(same, leastUse)
	return same, others, err
}

// leastUse orders devices whose token nobody has before the others, and then by their last login.
func leastUse(a, b device) int {
	if a.data.Kept != b.data.Kept {
		if b.data.Kept {
			return -1
		}
		return 1
	}
	return cmp.Or(lastUse(a.row).Compare(lastUse(b.row)), cmp.Compare(a.row.ID, b.row.ID))
}

func lastUse(t Token) time.Time {
	if t.RotatedAt.After(t.CreatedAt) {
		return t.RotatedAt
	}
	return t.CreatedAt
}
