package totp

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"myauth.internal/kit"
)

// Options are the optional settings of [New]. nil means the defaults.
type Options struct {
	// Issuer is what an app shows beside the account, such as the name of the application: at most
	// 64 characters of one line, without a colon. Default: kit.Options.JWTIssuer, of which the
	// host if it is a URL.
	Issuer string
}

// New returns the feature, for kit.Options.Features. It needs kit.Options.DataKeys.
func New(opts *Options) kit.Feature {
	if opts == nil {
		opts = &Options{}
	}
	return feature{*opts}
}

type feature struct{ opts Options }

func (feature) Name() string { return "totp" }

func (f feature) Attach(core *kit.Core) (kit.Extension, error) {
	issuer := f.opts.Issuer
	switch {
	case issuer == "":
		issuer = issuerOf(core.Issuer())
	case strings.ContainsFunc(issuer, func(r rune) bool { return r == ':' || unicode.IsControl(r) }),
		!utf8.ValidString(issuer), utf8.RuneCountInString(issuer) > 64, strings.TrimSpace(issuer) != issuer:
		return kit.Extension{}, fmt.Errorf("Options.Issuer is %q: write a name of at most 64 characters, without a colon", issuer)
	}
	return kit.Extension{Factor: factor{issuer, core.Now}}, nil
}

// factor is the [kit.Factor].
type factor struct {
	issuer string
	now    func() time.Time
}

// enrolled is what the factor knows of a user. Step is the last one that was used: by the code
// that confirmed the enrolment, or by a login.
type enrolled struct {
	Secret []byte `json:"secret"`
	Step   int64  `json:"step"`
}

func (e enrolled) encode() ([]byte, error) { return json.Marshal(e) }

// Enroll makes a secret, which travels sealed in the client's hands until it is confirmed.
func (f factor) Enroll(_ context.Context, u kit.User, _ kit.Body) (kit.Prompt, error) {
	secret := make([]byte, secretSize)
	rand.Read(secret) // never fails: see its documentation
	text := encoding.EncodeToString(secret)
	return kit.Prompt{
		Show:  map[string]any{"secret": kit.Secret(text), "uri": kit.Secret(enrolmentURI(f.issuer, u.Email, text))},
		State: secret,
	}, nil
}

// Confirm wants the first code of the secret.
func (f factor) Confirm(_ context.Context, _ kit.User, secret []byte, answer kit.Body) ([]byte, error) {
	if len(secret) != secretSize {
		return nil, errors.New("totp: the state of an enrolment holds no secret")
	}
	return f.use(enrolled{Secret: secret}, answer)
}

// Challenge has nothing to ask for.
func (factor) Challenge(context.Context, kit.User, []byte) (kit.Prompt, error) {
	return kit.Prompt{}, nil
}

// Verify takes a code of a step above the last one, and notes that step. The Service stores it
// before it lets anybody in.
func (f factor) Verify(_ context.Context, _ kit.User, data, _ []byte, answer kit.Body) (kit.Proof, error) {
	var known enrolled
	if err := json.Unmarshal(data, &known); err != nil || len(known.Secret) != secretSize {
		return kit.Proof{}, errors.New("totp: the record of an enrolled user is not one of this package")
	}
	data, err := f.use(known, answer)
	return kit.Proof{AMR: []string{"otp"}, Data: data}, err
}

// use returns what is known of the user after the code in answer.
func (f factor) use(known enrolled, answer kit.Body) ([]byte, error) {
	typed, err := answer.One(kit.Field{Name: "code"})
	if err != nil {
		return nil, err
	}
	step, ok := match(known.Secret, f.now(), known.Step, typed)
	if !ok {
		return nil, kit.ErrInvalidCode
	}
	known.Step = step
	return known.encode()
}
